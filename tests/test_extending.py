"""A store goes on: a wider space, more Sobol points, a finer grid or the next design run only what is new."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import multiverse as mv
from multiverse.errors import PlanError
from multiverse.planning.selected import PLANNED_MOST
from multiverse.progress import no_progress
from multiverse.results import Results
from multiverse.store.memory import MemoryStore

RANGES = {"spread": mv.between(0.1, 10, scale="log", reference=1), "cut": mv.between(0, 2, kind="preprocessing")}
TENS = {str(i): float(i) for i in range(10)}
MILLION = mv.Space({f"d{i}": mv.prior(TENS) for i in range(6)})


def of_two(data, *, spread, cut):
    return data + spread * cut


def of_one(data, *, spread):
    return data + spread


def of_six(data, *, d0, d1, d2, d3, d4, d5):
    return data + d0 + d1 * d2 + d3 - d4 + 2 * d5


def of_covariates(data, *, covariates):
    return data + covariates.sum()


def study(estimate, space) -> mv.Study:
    return mv.Study("extended", data=1.0, estimate=estimate, space=space)


class Sweeps:
    """One store, one call of `run` after another."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    def __call__(self, plan: mv.Plan) -> tuple[Results, int]:
        """The results, and how many universes were answered by this call: they are in new parts."""
        before = self.store.names("part")
        results = mv.run(plan, store=self.store, progress=no_progress)
        return results, sum(self.store.get("part", name).num_rows for name in self.store.names("part") - before)


@pytest.fixture
def sweeps() -> Iterator[Sweeps]:
    yield Sweeps()


def planned(estimate, space, design=None) -> mv.Plan:
    return mv.plan(study(estimate, space), design=design, progress=no_progress)


def test_a_wider_space_runs_what_is_new(sweeps):
    narrow = mv.Space({f"d{i}": mv.prior(dict(list(TENS.items())[:2])) for i in range(6)})
    wider = mv.Space({**narrow.decisions, "d5": mv.prior(dict(list(TENS.items())[:3]))})
    assert sweeps(planned(of_six, narrow))[1] == 64
    results, new = sweeps(planned(of_six, wider))
    assert new == 32 and results.status()["green"] == 96


def test_more_sobol_points_run_what_is_new(sweeps):
    def space(n):
        points = mv.sobol(RANGES, n, seed=5)
        return mv.Space(points).link(*points)

    first, new = sweeps(planned(of_two, space(32)))
    assert new == 33  # the reference and 32 points
    results, new = sweeps(planned(of_two, space(64)))
    assert new == 32 and results.status() == {"planned": 65, "answered": 65, "green": 65, "red": 0}
    both = first.table().merge(results.table(), on="key")
    assert len(both) == 65  # both look at the store as it is now
    assert results.table()["reference"].sum() == 1


def test_a_finer_grid_runs_what_is_new(sweeps):
    assert sweeps(planned(of_one, mv.Space(spread=RANGES["spread"].grid(9))))[1] == 9
    assert sweeps(planned(of_one, mv.Space(spread=RANGES["spread"].grid(17))))[1] == 8


def test_more_covariates_run_what_is_new(sweeps):
    def space(at_most):
        return mv.Space(covariates=mv.power_set(["a", "b", "c", "d"], at_most=at_most, as_mask=True))

    first = planned(of_covariates, space(1))
    assert len(first.programs) == 1  # masks are leaves
    assert sweeps(first)[1] == 5
    assert sweeps(planned(of_covariates, space(2)))[1] == 6


def test_the_next_design_runs_what_is_new(sweeps):
    assert sweeps(planned(of_six, MILLION, mv.designs.random(20)))[1] == 20
    results, new = sweeps(planned(of_six, MILLION, mv.designs.random(50)))
    assert new == 30 and results.status()["planned"] == 50
    assert sweeps(planned(of_six, MILLION, "one-at-a-time"))[1] == 54  # the reference was there
    results, new = sweeps(planned(of_six, MILLION, mv.designs.random(50)))
    assert new == 0 and results.status()["green"] == 50


def test_a_plan_says_which_part_of_the_space_it_is():
    part = planned(of_six, MILLION, mv.designs.random(30, seed=2))
    assert "30 of 1,000,000 universes (the reference and a random sample, seed 2)" in repr(part)
    assert part.reference in part.universes and len(part) == 30
    cover = planned(of_six, MILLION, "covering")
    assert "10 of 1,000,000 universes (a cover of every option, no random sample)" in repr(cover)
    assert any("no fewer can" in note for note in cover.notes)
    whole = planned(of_one, mv.Space(spread=RANGES["spread"].grid(3)), mv.designs.random(30))
    assert whole.selection is None and "3 universes in" in repr(whole)


def test_what_is_read_says_that_it_is_a_part(sweeps):
    results, _ = sweeps(planned(of_six, MILLION, mv.designs.random(30)))
    part = "a part of 1,000,000 universes: the reference and a random sample, seed 0"
    for aggregate in (results.summary(), results.agreement(), results.attribution(), results.uncertainty()):
        assert part in str(aggregate)
    assert f"They are {part}." in results.curve().caption
    told = dict(results.sql("select name, value from manifest where section = 'design'").to_numpy())
    assert told == {"universes": "30", "of": "1000000", "taken": "the reference and a random sample, seed 0"}
    again = mv.load(sweeps.store)
    assert again.header.part == (1_000_000, "the reference and a random sample, seed 0")
    whole, _ = sweeps(planned(of_six, mv.Space({f"d{i}": mv.prior({"0": 0.0}) for i in range(6)})))
    assert "a part of" not in str(whole.summary())
    assert whole.sql("select * from manifest where section = 'design'").empty


def test_a_part_can_be_answered_again(tmp_path: Path):
    """Of a space that could never be planned whole."""
    of = study(of_six, mv.Space({f"d{i}": mv.prior({str(j): j / 7 for j in range(400)}) for i in range(6)}))
    results = mv.run(mv.plan(of, design=mv.designs.random(12)), store=tmp_path / "store", progress=no_progress)
    assert results.verify(of, n=None, progress=no_progress).ok
    assert results.rerun("reference", of, progress=no_progress).same
    assert results.rerun(results.plan.universes[7].key, of, progress=no_progress).same


@pytest.mark.parametrize(
    ("said", "design"),
    [
        (f"64,000,000 universes.*(\n.*)*at most {PLANNED_MOST:,}.*(\n.*)*mv.designs.random", None),
        ("design is 200, a int.*(\n.*)*mv.designs.random", 200),
        ("'random' needs to know more than its name", "random"),
        ("by 'd7', which is not a decision", mv.designs.stratified(9, by="d7")),
        ("'11' is not an option of 'd0'", mv.designs.listed([{"d0": "11"}])),
    ],
)
def test_mistakes_are_told_while_planning(said, design):
    wide = mv.Space({f"d{i}": mv.prior({str(j): float(j) for j in range(20)}) for i in range(6)})
    space = wide if design is None else MILLION
    with pytest.raises(PlanError, match=said):
        planned(of_six, space, design)
