"""Estimands that come later, or change: computed from kept draws, as if they had been asked from the beginning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from multiverse.earlier import earlier
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.outcome import Reason
from multiverse.errors import StoreError
from multiverse.planning.estimand import Estimand
from multiverse.planning.plan import Plan, Wanted
from multiverse.progress import no_progress
from multiverse.re_estimate import recompute
from multiverse.re_estimate.owed import owed
from multiverse.re_estimate.recompute import re_estimate
from multiverse.results import Results
from multiverse.store.asked import ASKED
from multiverse.store.contract import Table
from multiverse.store.end_state import end_state
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run as sweep

Asks = Mapping[str, str | Callable[..., Any]]


def first_residual(draws: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    return draws["residual"][:, 0] + data["y"][0]  # which is y - mu + y


def by_noise(draws: Mapping[str, Any], data: Mapping[str, Any], *, noise: float) -> Any:
    return draws["twice"] * noise


def halves(draws: Mapping[str, Any]) -> Any:
    count = len(draws["mu"])
    return draws["mu"] + 100.0 * (np.arange(count) < count // 2)  # one chain here, the other there


def logarithm(draws: Mapping[str, Any]) -> Any:
    return np.log(draws["mu"] - draws["mu"].mean())


def raising(draws: Mapping[str, Any]) -> Any:
    raise ZeroDivisionError("nothing left")


MU: Asks = {"mu": "mu"}


def asking(plan: Plan, asks: Asks, keep: str | list[str] = "all") -> Plan:
    """The plan with other questions."""
    takes = {"by noise": ("noise",)}
    estimands = tuple(Estimand(name, ask, takes.get(name, ())) for name, ask in asks.items())
    return replace(plan, wanted=Wanted(estimands, frozenset({"residual", "twice"}))).keeping(keep)


@pytest.fixture
def store(small_run: Results) -> MemoryStore:
    """Twelve answered universes, with the draws of all sites; a copy."""
    assert isinstance(small_run.store, MemoryStore)
    return MemoryStore(dict(small_run.store.files))


@pytest.fixture
def no_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(*_: Any) -> None:
        raise AssertionError("sampled")

    monkeypatch.setattr(NUTS, "fit", fit)


def answer(plan: Plan, store: MemoryStore, engine: Any) -> Results:
    """Run it, with the draws kept that the plan keeps."""
    return sweep(plan, store=store, engine=engine, keep=plan.wanted.keeping, progress=no_progress)


def computed(store: MemoryStore, plan: Plan, engine: Any) -> Results:
    re_estimate(store, plan, engine, "main", no_progress)
    return Results(store, "main")


LATER: Asks = {"residual": first_residual, "mu": "mu", "by noise": by_noise}


def test_later_is_as_from_the_beginning(twelve: Plan, normal_mean: ModuleType, store: MemoryStore) -> None:
    """Bit for bit: draws, numbers, verdict, and what is asked."""
    begun = MemoryStore()
    plan = asking(twelve, LATER)
    answer(plan, begun, normal_mean.QUICK)
    answer(plan, store, normal_mean.QUICK)
    assert end_state(store).equals(end_state(begun))
    assert len(store.names("part")) == len(begun.names("part")) + 1


@pytest.mark.usefixtures("no_sampling")
def test_everything_that_reads_sees_it(twelve: Plan, normal_mean: ModuleType, store: MemoryStore) -> None:
    old = Results(store, "main").draws(["mu", "residual"], keys=twelve.keys[:1])
    results = answer(asking(twelve, LATER), store, normal_mean.QUICK)
    assert results.estimands == ("residual", "mu", "by noise")
    assert results.status() == {"planned": 12, "answered": 12, "green": 12, "red": 0}
    table = results.table("residual")
    means = {key: float(results.draws("residual", keys=[key])["residual"].mean()) for key in table["key"]}
    np.testing.assert_allclose(table["mean"], [means[key] for key in table["key"]], rtol=1e-6)
    y = normal_mean.Y[normal_mean.DROPPED[str(twelve.universes[twelve.keys[0]]["dropped"])]]
    first = results.draws(["residual", "mu"], keys=twelve.keys[:1])
    np.testing.assert_allclose(first["residual"], 2 * y - first["mu"], rtol=1e-5)
    np.testing.assert_array_equal(first["mu"], old["mu"])
    sql = results.sql("select estimand, count(*) as n from estimates group by all order by all")
    assert dict(zip(sql["estimand"], sql["n"], strict=True)) == {"by noise": 12, "mu": 12, "residual": 12}
    chains = results.sql("select count(*) as n from draws where kind = 'estimand' and site = 'by noise'")
    assert chains["n"].tolist() == [24]
    assert results.universe("reference").posterior["by noise"].shape == (2, 100)
    noise = results.table("by noise").set_index("key")
    values = noise["noise"].map(normal_mean.NOISES)
    np.testing.assert_allclose(noise["mean"], 2 * values * results.table("mu").set_index("key")["mean"], rtol=1e-5)


@pytest.mark.usefixtures("no_sampling")
def test_a_second_call_has_nothing_to_do(twelve: Plan, normal_mean: ModuleType, store: MemoryStore) -> None:
    for _ in range(2):
        answer(asking(twelve, LATER), store, normal_mean.QUICK)
    parts = store.names("part")
    answer(asking(twelve, MU), store, normal_mean.QUICK)  # fewer are no work either
    answer(asking(twelve, LATER), store, normal_mean.QUICK)
    assert store.names("part") == parts


class Dying(MemoryStore):
    """A store whose process dies at the third part."""

    def put(self, kind: str, name: str, table: Table) -> None:
        if kind == "part" and len(self.names("part")) >= self.names_before + 2:
            raise KeyboardInterrupt
        super().put(kind, name, table)

    names_before = 0


def test_killed_in_the_middle_it_goes_on(
    twelve: Plan, normal_mean: ModuleType, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, told = asking(twelve, LATER), []
    whole = MemoryStore(dict(store.files))
    re_estimate(whole, plan, normal_mean.QUICK, "main", no_progress)
    monkeypatch.setattr(recompute, "UNIVERSES_A_PART", 3)
    dying = Dying(store.files)
    dying.__class__.names_before = len(store.names("part"))
    with pytest.raises(KeyboardInterrupt):
        re_estimate(dying, plan, normal_mean.QUICK, "main", no_progress)
    assert len(owed(store, plan, "main")) == 6
    told.append(re_estimate(store, plan, normal_mean.QUICK, "main", no_progress))
    assert told == [6] and not owed(store, plan, "main")
    assert end_state(store).equals(end_state(whole))


def test_two_at_once_leave_each_universe_once(twelve: Plan, normal_mean: ModuleType, store: MemoryStore) -> None:
    plan, other = asking(twelve, LATER), MemoryStore(dict(store.files))
    for place in (store, other):
        re_estimate(place, plan, normal_mean.QUICK, "main", no_progress)
    assert store.names("part") == other.names("part")  # so that they write the same file
    store.files.update(other.files)
    assert end_state(store).equals(end_state(other)) and end_state(store).num_rows == 12


@pytest.mark.usefixtures("no_sampling")
def test_a_changed_estimand_is_computed_again_and_back(
    twelve: Plan, normal_mean: ModuleType, store: MemoryStore
) -> None:
    before = end_state(store)
    changed = computed(store, asking(twelve, {"mu": lambda draws: 4 * draws["mu"]}), normal_mean.QUICK)
    was = dict(zip(before["key"].to_pylist(), before["estimate:mean"].to_pylist(), strict=True))
    table = changed.table("mu")
    np.testing.assert_allclose(table["mean"], [4 * was[key][0] for key in table["key"]], rtol=1e-6)
    computed(store, asking(twelve, MU), normal_mean.QUICK)
    assert end_state(store).equals(before)


def test_universes_answered_meanwhile_are_included(twelve: Plan, normal_mean: ModuleType) -> None:
    store = MemoryStore()
    few = asking(twelve, LATER).without(twelve.keys[4:])
    answer(asking(twelve, MU).without(twelve.keys[2:]), store, normal_mean.QUICK)
    answer(few, store, normal_mean.QUICK)  # two from their draws, two sampled
    answer(asking(twelve, MU).without(twelve.keys[6:]), store, normal_mean.QUICK)
    results = answer(asking(twelve, LATER), store, normal_mean.QUICK)
    assert results.table("by noise")["mean"].notna().sum() == 12
    assert set(end_state(store)["estimand"].to_pylist()[0]) == set(LATER)


def test_the_gate_judges_the_new_estimand(twelve: Plan, normal_mean: ModuleType, store: MemoryStore) -> None:
    strict = replace(normal_mean.QUICK, gate=replace(normal_mean.OPEN, rhat_max=1.5))
    red = computed(store, asking(twelve, {**MU, "halves": halves}), strict)
    assert red.status()["red"] == 12
    assert set(red.failures()["reason"]) == {"rhat"}
    assert red.failures()["message"].str.contains("R-hat of 'halves' is ").all()
    # the others never were as bad: without it all are green again
    mended = computed(store, asking(twelve, {**MU, "halves": "mu"}), strict)
    assert mended.status()["green"] == 12
    diagnostics = mended.sql("select rhat_max, ess_bulk_min from diagnostics order by key")
    assert (diagnostics["rhat_max"] < 1.5).all() and (diagnostics["ess_bulk_min"] > 10).all()


def test_an_estimand_that_fails_is_an_outcome_and_can_be_mended(
    twelve: Plan, normal_mean: ModuleType, store: MemoryStore
) -> None:
    with np.errstate(invalid="ignore"):
        results = answer(asking(twelve, {**MU, "odd": logarithm}), store, normal_mean.QUICK)
    failures = results.failures()
    assert set(failures["reason"]) == {Reason.estimand.name} and len(failures) == 12
    assert failures["message"].str.match(r"the estimand 'odd' is not finite in \d+ of 200 draws").all()
    results = answer(asking(twelve, {**MU, "odd": raising}), store, normal_mean.QUICK)
    assert set(results.failures()["message"]) == {"the estimand 'odd' raised ZeroDivisionError: nothing left"}
    assert results.failures()["traceback"].str.contains("in raising").all()
    assert results.table("mu")["mean"].notna().all() and results.table("odd")["mean"].isna().all()
    results = answer(asking(twelve, {**MU, "odd": "mu"}), store, normal_mean.QUICK)
    assert results.status()["green"] == 12
    np.testing.assert_array_equal(results.table("odd")["mean"], results.table("mu")["mean"])


def test_an_estimand_that_is_a_site_keeps_its_draws(twelve: Plan, normal_mean: ModuleType) -> None:
    """Without keep=: `mu` is there as an estimand, `twice` is not."""
    store, engine = MemoryStore(), normal_mean.QUICK
    few = asking(twelve, {"called otherwise": "mu"}, "estimands").without(twelve.keys[2:])
    answer(few, store, engine)
    squared = asking(twelve, {"squared": lambda draws: draws["mu"] ** 2}, "estimands").without(twelve.keys[2:])
    results = answer(squared, store, engine)
    whole = answer(asking(twelve, {"mu": "mu"}).without(twelve.keys[2:]), MemoryStore(), engine)
    found, expected = (r.draws(n, keys=twelve.keys[:2])[n] for r, n in ((results, "squared"), (whole, "mu")))
    np.testing.assert_array_equal(found, expected**2)
    assert results.table("squared")["mean"].notna().all()
    asks: Asks = {"one": lambda draws: draws["twice"] * draws["mu"], "two": "residual"}
    with pytest.raises(StoreError) as refused:
        answer(asking(twelve, asks, "estimands").without(twelve.keys[2:]), store, engine)
    assert "answered 2 universes without 'one', and kept no draws of 'twice', which" in str(refused.value)
    assert "without 'two', and kept no draws of 'residual', which" in str(refused.value)
    assert len(store.names("run")) == 2


def test_parts_from_before_the_column_count(twelve: Plan, normal_mean: ModuleType, store: MemoryStore) -> None:
    """What their estimands meant, the first record of the run says."""
    for name in store.names("part"):
        table = store.get("part", name)
        store.put("part", name, table.drop_columns([ASKED]))
    assert not owed(store, asking(twelve, MU), "main")
    changed = asking(twelve, {"mu": lambda draws: -draws["mu"]})
    assert [one.changed for one in owed(store, changed, "main")] == [("mu",)] * 12
    answer(changed, store, normal_mean.QUICK)
    assert not owed(store, changed, "main")
    assert len(owed(store, asking(twelve, MU), "main")) == 12


def test_columns_of_others_are_kept(twelve: Plan, normal_mean: ModuleType, store: MemoryStore) -> None:
    for name in store.names("part"):
        table = store.get("part", name)
        store.put("part", name, table.append_column("stranger", pa.array(table["key"].to_pylist())))
    re_estimate(store, asking(twelve, LATER), normal_mean.QUICK, "main", no_progress)
    rows = store.scan("part", ["key", "stranger"])
    assert rows["key"].to_pylist() == rows["stranger"].to_pylist() and rows.num_rows == 24


def test_progress_counts_estimates(twelve: Plan, normal_mean: ModuleType, store: MemoryStore) -> None:
    told: list[Any] = []

    class Noting:
        def __init__(self, *words: Any):
            told.append(words)

        def __enter__(self) -> Any:
            return lambda count=1, **_: told.append(count)

        def __exit__(self, *_: Any) -> None:
            return None

    re_estimate(store, asking(twelve, LATER), normal_mean.QUICK, "main", Noting)
    assert told == [("computing 'residual', 'by noise' from kept draws", 24, "estimates"), *[2] * 12]


def test_what_turned_red_is_tried_again_when_failures_are(
    twelve: Plan, normal_mean: ModuleType, store: MemoryStore
) -> None:
    """The verdict that counts is the last one, also for `retry`."""
    with_gate = replace(normal_mean.QUICK, gate=replace(normal_mean.OPEN, rhat_max=1.5))
    computed(store, asking(twelve, {**MU, "halves": halves}), with_gate)
    assert earlier(store, "main").done == set(twelve.keys)
    again = earlier(store, "main", frozenset({Reason.rhat}))
    assert not again.done
    assert sorted((outcome.key, outcome.reason) for outcome in again.attempts) == [
        (key, Reason.rhat) for key in sorted(twelve.keys)
    ]
