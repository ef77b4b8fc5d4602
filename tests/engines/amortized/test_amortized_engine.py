"""The amortized engine: its contract, closed forms, data it must not be trusted with, and sweeps that go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
import pytest

import multiverse as mv
from multiverse.engines.amortized import engine as engine_file
from multiverse.engines.amortized.engine import Amortized
from multiverse.engines.amortized.gate import NetworkGate
from multiverse.engines.amortized.learning import DECLINED, TRAINING, Goal
from multiverse.engines.amortized.training import Schedule
from multiverse.engines.engine import Batch, Engine
from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import PlanError
from multiverse.planning.plan import Plan
from multiverse.store.end_state import end_state
from multiverse.store.folder import FolderStore
from multiverse.testing import EngineSuite
from multiverse.testing_engines import Answers, answer

WITHIN = 4  # Monte Carlo standard errors; of some 40 comparisons one in four hundred sets of seeds has a larger one


class TestContract(EngineSuite):
    @pytest.fixture
    def engine(self, small_engine: Amortized) -> Engine[Any]:
        return small_engine

    @pytest.fixture
    def planned(self, twelve_lines: Plan) -> Plan:
        return twelve_lines

    @pytest.fixture
    def answers(self, answers_here: Answers) -> Answers:
        return answers_here


def final(answers: Answers) -> dict[str, Outcome]:
    return {outcome.key: outcome for _, outcomes in answers for outcome in outcomes if outcome.final}


def test_lines_are_answered_exactly_with_their_evidence(
    line: ModuleType, twelve_lines: Plan, answers_here: Answers
) -> None:
    found = final(answers_here)
    assert len(found) == 12
    for key, outcome in found.items():
        assert outcome.ok, outcome.message
        exact = line.exact(twelve_lines.universes[key])
        numbers, diagnostics = outcome.estimates["slope"], outcome.diagnostics
        assert abs(numbers["mean"] - exact.mean) < WITHIN * numbers["mcse_mean"]
        assert numbers["mcse_mean"] < exact.sd / 10
        assert numbers["sd"] == pytest.approx(exact.sd, rel=WITHIN / np.sqrt(2 * numbers["ess_tail"]))
        assert abs(diagnostics["log_marginal"] - exact.log_marginal) < WITHIN * diagnostics["log_marginal_mcse"]
        assert diagnostics["log_marginal_mcse"] < 0.1
        assert diagnostics["khat"] < 0.5 and 0 < diagnostics["distance_p"] <= 1


def test_segments_of_training_go_before_answers_and_count_steps(answers_here: Answers, small_engine: Amortized) -> None:
    segments = [(batch, outcomes[0]) for batch, outcomes in answers_here if batch.purpose == TRAINING]
    assert [outcome.diagnostics["training_steps"] for _, outcome in segments] == [200, 400]
    assert [outcome.diagnostics["training_simulations"] for _, outcome in segments] == [25_600, 51_200]
    assert [batch.reads for batch, _ in segments] == [(), (segments[0][0].id,)]
    assert [outcome.attempt for _, outcome in segments] == [1, 2]
    assert not any(outcome.final for _, outcome in segments)
    assert segments[1][1].diagnostics["training_loss"] < segments[0][1].diagnostics["training_loss"]
    for _, outcome in segments:
        assert 0 <= outcome.diagnostics["held_out_green"] <= 1 and 0 <= outcome.diagnostics["held_out_ess"] <= 1
    others = [batch for batch, _ in answers_here if batch.purpose != TRAINING]
    assert all(batch.reads == (segments[1][0].id,) for batch in others)
    assert {batch.attempt for batch in others} == {1, 3}  # the carrier's third


def test_a_universe_has_the_same_bits_in_any_company(
    small_engine: Amortized, twelve_lines: Plan, answers_here: Answers
) -> None:
    """Alone in its block, another one beside it, and in another place of the block."""
    by_key = final(answers_here)
    batch = max((batch for batch, _ in answers_here if batch.purpose != TRAINING), key=len)
    (network,) = [outcomes for other, outcomes in answers_here if other.id == batch.reads[0]]
    for keys in (batch.keys[3:4], batch.keys[::-1][:5]):
        for outcome in small_engine.fit(replace(batch, keys=keys), {batch.reads[0]: network}):
            np.testing.assert_equal(outcome.diagnostics, by_key[outcome.key].diagnostics)
            for name, draws in outcome.draws.items():
                np.testing.assert_array_equal(draws, by_key[outcome.key].draws[name])


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, twelve_lines: Plan, small_engine: Amortized, answers_here: Answers
) -> Path:
    """A store of a run that was not killed; what it runs was compiled for the answers."""
    place = tmp_path_factory.mktemp("whole") / "run"
    mv.run(twelve_lines, engine=small_engine, store=place)
    return place


class Killed(BaseException):
    """What no engine catches."""


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 2])
def test_a_run_that_was_killed_while_it_learnt_ends_with_the_same_bits(
    after: int,
    whole: Path,
    tmp_path: Path,
    twelve_lines: Plan,
    small_engine: Amortized,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, calls = Amortized.fit, iter(range(after))

    def fit(self: Amortized, batch: Batch, given: Mapping[str, tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        if next(calls, None) is None:
            raise Killed
        return real(self, batch, given)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(engine_file.Amortized, "fit", fit)
        mv.run(twelve_lines, engine=small_engine, store=tmp_path / "run")
    assert len(FolderStore(tmp_path / "run").names("part")) == after
    mv.run(twelve_lines, engine=small_engine, store=tmp_path / "run")
    assert end_state(FolderStore(tmp_path / "run")).equals(end_state(FolderStore(whole)))


def rows_of(results: mv.Results) -> pd.DataFrame:
    return results.sql("select key, attempt, final, run, training_steps from diagnostics")


def test_another_run_in_the_store_reuses_the_network(
    whole: Path, line: ModuleType, small_engine: Amortized, fitted_batches: list[Batch]
) -> None:
    other = line.study(estimands={"level": "level"})
    results = mv.run(mv.plan(other), engine=small_engine, store=whole, run="level")
    assert {batch.purpose for batch in fitted_batches} == {""}
    mine = rows_of(results).query("run == 'level'")
    assert len(mine) == 12 and mine.training_steps.isna().all() and mine.final.all()


@pytest.fixture
def fitted_batches(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """The batches that the engine fits from now on."""
    real, seen = Amortized.fit, list[Batch]()

    def fit(self: Amortized, batch: Batch, given: Mapping[str, tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        seen.append(batch)
        return real(self, batch, given)

    monkeypatch.setattr(Amortized, "fit", fit)
    return seen


def fake(batch: Batch, steps: int | None, reason: Reason = Reason.ok, attempt: int | None = None) -> Outcome:
    numbers = {} if steps is None else {"training_steps": float(steps), "training_loss": 1.0}
    return Outcome(
        batch.keys[0], reason, final=False, diagnostics=numbers, attempt=attempt or batch.attempt,
        purpose=batch.purpose, batch=batch.id,
    )  # fmt: skip


def test_attempts_go_on_where_another_network_was_begun(twelve_lines: Plan, small_engine: Amortized) -> None:
    """A store that was killed while it learnt another space holds rows of the carrier already."""
    (segment,) = small_engine.ask(small_engine.init(twelve_lines))
    other = [replace(fake(segment, 200, attempt=n), batch=f"another {n}") for n in (1, 2)]
    (again,) = small_engine.ask(small_engine.init(twelve_lines, other))
    assert again.id == segment.id and again.attempt == 3
    own = [fake(segment, 200)]
    state = small_engine.init(twelve_lines, own)
    (first,) = small_engine.ask(state)
    assert first.attempt == 1  # told from the store, where it is the first
    (second,) = small_engine.ask(small_engine.tell(state, first, own))
    assert second.attempt == 2 and second.reads == (first.id,)


def test_a_segment_that_fails_answers_nobody_and_the_others_say_why(
    twelve_lines: Plan, small_engine: Amortized, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("nothing to learn")

    monkeypatch.setattr(engine_file, "trained", broken)
    answers = answer(small_engine, twelve_lines)
    assert [batch.purpose for batch, _ in answers].count(TRAINING) == 1
    found = final(answers)
    assert sorted(found) == sorted(twelve_lines.keys)
    for outcome in found.values():
        assert outcome.reason == Reason.error
        assert outcome.message == "their network could not be trained: ZeroDivisionError: nothing to learn"
    numbers = [(outcome.key, outcome.attempt) for _, outcomes in answers for outcome in outcomes]
    assert len(set(numbers)) == len(numbers)


def test_where_a_later_segment_fails_the_one_before_answers(twelve_lines: Plan, small_engine: Amortized) -> None:
    state = small_engine.init(twelve_lines)
    (first,) = small_engine.ask(state)
    state = small_engine.tell(state, first, [fake(first, 200)])
    (second,) = small_engine.ask(state)
    state = small_engine.tell(state, second, [fake(second, None, Reason.crash)])
    asked = small_engine.ask(state)
    assert sorted(key for batch in asked for key in batch.keys) == sorted(twelve_lines.keys)
    assert {batch.reads for batch in asked} == {(first.id,)}


def test_a_worker_that_died_in_a_segment_leaves_its_universe_to_be_answered(
    twelve_lines: Plan, small_engine: Amortized
) -> None:
    (segment,) = small_engine.ask(small_engine.init(twelve_lines))
    lost = Outcome(segment.keys[0], Reason.crash, "killed", attempt=1)
    assert [outcome.final for outcome in small_engine.lost(segment, [lost], {})] == [False]
    assert [o.final for o in small_engine.lost(replace(segment, purpose=""), [lost], {})] == [True]


def test_what_was_done_is_not_asked_again(twelve_lines: Plan, small_engine: Amortized) -> None:
    assert not small_engine.ask(small_engine.init(twelve_lines.without(twelve_lines.keys)))


def test_being_told_makes_no_plan_anew(
    twelve_lines: Plan, small_engine: Amortized, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of 10^6 universes takes a quarter of a second, for each of 8,000 batches."""
    state = small_engine.init(twelve_lines)
    for steps in (200, 400):
        (segment,) = small_engine.ask(state)
        state = small_engine.tell(state, segment, [fake(segment, steps)])
    monkeypatch.setattr(Plan, "without", None)
    batches = small_engine.ask(state)
    for batch in batches:
        state = small_engine.tell(state, batch, [Outcome(key, attempt=batch.attempt) for key in batch.keys[1:]])
    assert state.plan is twelve_lines
    assert sorted(key for batch in small_engine.ask(state) for key in batch.keys) == sorted(b.keys[0] for b in batches)


def censored(data, *, prior):
    mu = numpyro.sample("mu", prior)
    late = np.zeros(4)
    numpyro.sample("y", dist.RightCensoredDistribution(dist.Normal(mu, 1), late), obs=data["y"])


def test_programs_that_cannot_be_simulated_are_red_with_the_reason(small_engine: Amortized) -> None:
    study = mv.Study(
        "censored",
        data={"y": np.array([0.1, 0.5, -0.2, 0.9])},
        prepare=lambda raw: raw,
        model=censored,
        estimands={"mu": "mu"},
        space=mv.Space(prior=mv.prior(wide=dist.Normal(0, 3), narrow=dist.Normal(0, 1))),
    )
    answers = answer(small_engine, mv.plan(study))
    assert [batch.purpose for batch, _ in answers] == [DECLINED]
    for outcome in final(answers).values():
        assert outcome.reason == Reason.structure
        assert outcome.message == (
            "data cannot be simulated from the model: the site 'y' is censored: "
            "when a value would have been cut off is not in the model"
        )


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"kind": "afine"}, "kind='afine'"),
        ({"whiten": "newtons"}, "whiten='newtons'"),
        ({"draws": 0}, "draws=0"),
        ({"members": 0}, "members=0"),
        ({"width": 0}, "width=0"),
    ],
)
def test_settings_with_which_nothing_can_be_learnt_are_told(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(PlanError, match=why):
        Amortized(**settings)


def test_bounds_that_no_universe_can_pass_are_told() -> None:
    with pytest.raises(PlanError, match="distance_level=1"):
        NetworkGate(distance_level=1.0)
    for least, simulated in ((0.0039, "never reach"), (-0.1, "no universe can pass")):
        with pytest.raises(PlanError, match=simulated):  # the least p-value is 1 / 256
            NetworkGate(distance_level=least)
    assert NetworkGate(distance_level=1 / 256).too_far(1 / 256, 255)
    with pytest.raises(PlanError, match="patience=0"):
        Goal(patience=0)


def test_the_gate_says_how_many_data_sets_are_as_far() -> None:
    gate = NetworkGate()
    assert gate.too_far(3 / 256, 255) == ""
    assert "none are as far" in gate.too_far(1 / 256, 255)
    assert "1 is as far" in gate.too_far(2 / 256, 255)
    assert NetworkGate(distance_level=0).too_far(1 / 256, 255) == ""


@pytest.mark.parametrize(
    ("change", "red"),
    [
        (lambda y: y, False),
        (lambda y: y + 30, True),
        (lambda y: y * 6, True),
        (lambda y: np.where(np.arange(len(y)) == 7, y + 15, y), True),
        (lambda y: 4 * np.linspace(-3, 3, len(y)) ** 2, True),
    ],
    ids=["as simulated", "shifted", "other variance", "an outlier", "another curve"],
)
def test_data_that_no_universe_simulates_are_red(
    change: Any, red: bool, line: ModuleType, twelve_lines: Plan, answers_here: Answers, small_engine: Amortized
) -> None:
    """Answered by the network that is there: other values of the same shape.

    So far out that none of 255 simulated data sets is, whatever the random numbers: these hang on the keys of
    universes, and so on the last bits of the data, which other versions of NumPy make otherwise.
    """
    batch = max((batch for batch, _ in answers_here if batch.purpose != TRAINING), key=len)
    (network,) = [outcomes for other, outcomes in answers_here if other.id == batch.reads[0]]
    found = other_data(line, batch, change, network, small_engine)
    reasons = {outcome.reason for outcome in found}
    assert reasons == ({Reason.distance} if red else {Reason.ok})
    if red:
        assert all("simulated under this universe" in outcome.message for outcome in found)
        assert all(outcome.diagnostics["distance_p"] <= 2 / 256 for outcome in found)


def other_data(
    line: ModuleType, batch: Batch, change: Any, network: tuple[Outcome, ...], engine: Amortized
) -> tuple[Outcome, ...]:
    from multiverse.engines.amortized.fit import answer_block, learner_of
    from multiverse.planning.leaf_path import OBSERVED

    learner = learner_of(batch, engine, network[0].handed)
    program = learner.subject.family.opened[0].program
    datasets = {n: {**d, f"{OBSERVED}y": change(d[f"{OBSERVED}y"])} for n, d in program.datasets.items()}
    weights = learner.taken(network[0].handed).average
    keys = [key for key in batch.keys if program.members[key].universe["noise"] == "one"]
    other = replace(program, datasets=datasets)
    return answer_block(learner, weights, batch, keys, engine, 1.0, program=other)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (dict(couplings=0), "couplings=0"),
        (dict(kind="cubic"), "kind='cubic'"),
        (dict(dtype="f16"), "dtype='f16'"),
        (dict(whiten="pca"), "whiten='pca'"),
        (dict(members=0), "members=0"),
    ],
)
def test_settings_with_which_nothing_could_be_learnt_are_refused(settings: dict[str, Any], wrong: str) -> None:
    with pytest.raises(PlanError, match=wrong):
        Amortized(**settings)


def test_trainings_without_steps_are_refused_with_all_mistakes_at_once() -> None:
    with pytest.raises(PlanError, match="batch=0") as raised:
        Schedule(batch=0, segment=0, simulations=0)
    assert "segment=0" in str(raised.value) and "simulations=0" in str(raised.value)
