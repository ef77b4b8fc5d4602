"""Where a training stands: when it ends, whose network answers, and what it is said to be that is shared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import multiverse as mv
from multiverse.engines.amortized import fit as fit_file
from multiverse.engines.amortized.engine import Amortized
from multiverse.engines.amortized.family import Family
from multiverse.engines.amortized.fit import learner_of
from multiverse.engines.amortized.gate import NetworkGate
from multiverse.engines.amortized.held_out_loss import held_out_losses
from multiverse.engines.amortized.learning import (
    HELD_OUT_ESS,
    HELD_OUT_GREEN,
    HELD_OUT_LOSS,
    LOSS,
    STEPS,
    TRAINING,
    TUNED_ESS,
    TUNED_GREEN,
    Goal,
    Learning,
    content_of,
    diverged,
    left_out,
)
from multiverse.engines.amortized.training import Schedule
from multiverse.engines.outcome import Outcome, Reason
from multiverse.planning.plan import Plan
from multiverse.testing_engines import Answers, answer

FRESH, REUSED = Schedule(steps=10_000), Schedule(steps=10_000, simulations=300)


def learning(*held_out: float | None) -> Learning:
    """Segments with these losses on held-out simulations, while that of training falls for ever; None: one failed."""
    found = Learning(Family("", ()), "what is learnt")
    for number, loss in enumerate(held_out, 1):
        numbers = {} if loss is None else {STEPS: 100.0 * number, LOSS: -float(number), HELD_OUT_LOSS: loss}
        found = found.told(found.next_id, Outcome("key", diagnostics=numbers, final=False))
    return found


def answers_by(found: Learning, schedule: Schedule) -> int:
    """The number of the segment whose network answers."""
    (segment,) = found.network(Goal(), schedule)
    return found.segments.index(segment) + 1


def test_training_ends_where_the_loss_on_held_out_simulations_does_not_fall_any_more() -> None:
    goal = Goal(patience=2)
    for schedule in (FRESH, REUSED):
        assert not goal.reached(learning(3.0, 2.0, 1.0, 0.0), schedule)
        assert not goal.reached(learning(3.0, 1.0, 2.0), schedule)
        assert goal.reached(learning(3.0, 1.0, 2.0, 1.5), schedule)
        assert not goal.reached(learning(3.0, 1.0, 2.0, 0.5), schedule)


def test_a_loss_that_is_no_number_is_none_that_is_better() -> None:
    nan = float("nan")
    assert Goal(patience=2).reached(learning(1.0, nan, nan), FRESH)
    assert not Goal(patience=2).reached(learning(nan, nan, 1.0), FRESH)
    assert answers_by(learning(nan, 2.0, nan), REUSED) == 2


def test_where_simulations_are_reused_the_best_network_answers_else_the_last() -> None:
    found = learning(3.0, 1.0, 2.0, 1.0, 2.0)
    assert answers_by(found, REUSED) == 4
    assert answers_by(found, FRESH) == 5
    failed = learning(1.0, 2.0, None)
    assert (answers_by(failed, REUSED), answers_by(failed, FRESH)) == (1, 2)
    assert answers_by(learning(None), REUSED) == 1  # it says why there is none


def tuned(*segments: tuple[float, float, float]) -> Learning:
    """Segments with a loss on held-out simulations, a share of green universes and an ESS of these."""
    found = Learning(Family("", ()), "what is learnt")
    for number, (loss, green, ess) in enumerate(segments, 1):
        numbers = {STEPS: 100.0 * number, LOSS: 0.0, HELD_OUT_LOSS: loss, HELD_OUT_GREEN: 0.9, HELD_OUT_ESS: 0.5}
        told = {**numbers, TUNED_GREEN: green, TUNED_ESS: ess}
        found = found.told(found.next_id, Outcome("key", diagnostics=told, final=False))
    return found


def test_a_goal_is_of_universes_where_the_network_is_tuned_on_them_or_of_simulations() -> None:
    enough = tuned((1.0, 0.96, 0.7))
    assert Goal().reached(enough, FRESH) and not Goal(of="simulations").reached(enough, FRESH)
    assert Goal(green=0.9, ess=0.5, of="simulations").reached(enough, FRESH)
    assert not Goal().reached(tuned((1.0, 0.94, 0.7)), FRESH) and not Goal().reached(tuned((1.0, 0.96, 0.5)), FRESH)
    better = tuned((1.0, 0.9, 0.3), (2.0, 0.9, 0.4), (3.0, 0.9, 0.5))  # of universes, worse of simulations
    assert not Goal(patience=1).reached(better, FRESH) and Goal(patience=1, of="simulations").reached(better, FRESH)
    assert better.network(Goal(), REUSED) == better.segments[2:]
    assert better.network(Goal(of="simulations"), REUSED) == better.segments[:1]


def test_patience_with_universes_begins_with_tuning() -> None:
    same = (1.0, 0.9, 0.3), (1.0, 0.9, 0.3), (1.0, 0.9, 0.3), (1.0, 0.9, 0.3)  # after 100 to 400 steps
    assert Goal(patience=2).reached(tuned(*same), FRESH)
    assert Goal(patience=2).reached(replace(tuned(*same), untuned=200), FRESH)
    assert not Goal(patience=2).reached(replace(tuned(*same), untuned=300), FRESH)
    assert Goal(patience=2, of="simulations").reached(replace(tuned(*same), untuned=300), FRESH)


def test_a_goal_of_something_else_is_refused_with_all_that_is_wrong() -> None:
    with pytest.raises(mv.MultiverseError, match="patience=0") as told:
        Goal(of="simulation", patience=0)
    assert "'simulations'" in str(told.value) and "of='simulation'" in str(told.value)


@given(st.lists(st.one_of(st.none(), st.floats(-5, 5)), min_size=1, max_size=8))
def test_the_network_that_answers_is_never_worse_than_the_last(losses: list[float | None]) -> None:
    found = learning(*losses)
    best, last = (losses[answers_by(found, schedule) - 1] for schedule in (REUSED, FRESH))
    assert (best is None) == (last is None) == all(loss is None for loss in losses)
    assert best is None or last is None or best <= last


@pytest.mark.slow  # it compiles a training of its own
def test_a_small_fixed_set_is_learnt_by_heart_and_training_ends(small_engine: Amortized, twelve_lines: Plan) -> None:
    """128 simulations, 4 epochs a segment: the loss of training falls, the other one rises, the best one answers."""
    engine = replace(
        small_engine,
        training=Schedule(batch=64, segment=40, steps=4000, learning_rate=5e-3, simulations=128),
        goal=Goal(green=2.0, patience=20),
    )
    answers = answer(engine, twelve_lines)
    segments = [(batch.id, outcomes[0].diagnostics) for batch, outcomes in answers if batch.purpose == TRAINING]
    assert len(segments) < 100  # of 500
    told = [numbers[HELD_OUT_LOSS] for _, numbers in segments]
    assert segments[-1][1][LOSS] == min(numbers[LOSS] for _, numbers in segments)
    assert told[-1] > min(told) + 0.5
    best = segments[told.index(min(told))][0]
    assert {batch.reads for batch, _ in answers if batch.purpose != TRAINING} == {(best,)}


def test_held_out_losses_are_those_of_the_network_in_whitened_coordinates(
    small_engine: Amortized, twelve_lines: Plan, answers_here: Answers
) -> None:
    """By the prior z = centre + scale u. One simulation without numbers has no loss; an untrained t is worse."""
    batch, outcomes = [(batch, outcomes) for batch, outcomes in answers_here if batch.purpose == TRAINING][-1]
    learner = learner_of(batch, small_engine, outcomes[0].handed)
    leaves, z = learner.held_out(0, 16, np.array([1, 2], np.uint32))
    weights = learner.taken(outcomes[0].handed).average
    losses = held_out_losses(learner, weights, 0, leaves, z)
    assert losses.shape == (16,) and np.isfinite(losses).all()
    assert losses.mean() < held_out_losses(learner, learner.begin().average, 0, leaves, z).mean()
    far = z.copy()
    far[3], far[5] = np.nan, z[5] + 1000
    spoilt = held_out_losses(learner, weights, 0, leaves, far)
    assert np.isnan(spoilt[3]) and spoilt[5] > losses[5] + 5
    np.testing.assert_array_equal(np.delete(spoilt, [3, 5]), np.delete(losses, [3, 5]))


# What is shared between runs.


def test_runs_that_differ_in_draws_or_gate_share_a_network_and_its_numbers(
    small_engine: Amortized, twelve_lines: Plan, answers_here: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_file, "answer_block", lambda *_: (Outcome("what it says of its carrier"),))
    other = replace(small_engine, draws=300, gate=NetworkGate(khat_max=0.3))
    (segment,) = other.ask(other.init(twelve_lines))
    (told,) = [outcomes for batch, outcomes in answers_here if batch.id == segment.id]
    (again,) = other.fit(segment, {})
    shared = (HELD_OUT_GREEN, HELD_OUT_ESS, HELD_OUT_LOSS, "calibration_p", LOSS, STEPS)
    assert {name: again.diagnostics[name] for name in shared} == {n: told[0].diagnostics[n] for n in shared}


def test_what_is_learnt_hangs_on_the_precision_too(small_engine: Amortized, twelve_lines: Plan) -> None:
    (one,) = small_engine.init(twelve_lines).learning
    other = replace(small_engine, dtype="float32")
    assert content_of(one.family, other.learnt) != one.content


# Trainings that are lost.


def losses(lost: list[slice], steps: int = 200, members: int = 2) -> np.ndarray:
    """(step, member): losses that are numbers, but for these steps of the first members."""
    found = np.ones((steps, members), np.float32)
    for member, of in enumerate(lost):
        found[of, member] = np.nan
    return found


def test_a_training_whose_loss_is_no_number_any_more_is_lost() -> None:
    schedule = Schedule(steps=2000, learning_rate=0.02)
    assert diverged(losses([]), 400, schedule) == ""
    assert diverged(losses([slice(100, 199)]), 400, schedule) == ""  # it recovered
    assert diverged(losses([slice(100, None)]), 400, schedule) == (
        "the loss of the network is no number from step 501 of 2,000 on; train it with a smaller learning rate, as in "
        "Schedule(learning_rate=0.005), or on larger batches"
    )
    assert "from step 601 of" in diverged(losses([slice(0, 0), slice(0, None)]), 600, schedule)
    assert "from step 121 of" in diverged(losses([slice(120, None), slice(130, None)]), 0, schedule)
    assert diverged(losses([slice(0, None)], steps=3), 0, schedule)


def test_a_segment_without_a_finite_simulation_is_lost() -> None:
    assert left_out(0, 25_600) == left_out(25_599, 25_600) == ""
    assert left_out(25_600, 25_600).startswith("no simulation of its model was finite: 25,600 of 25,600 were left out")


@pytest.mark.parametrize(
    ("losses", "dropped", "why"),
    [
        (np.nan, 0, "the loss of the network is no number from step 1 of 2,000 on"),
        (0.0, 25_600, "no simulation of its model was finite: 25,600 of 25,600 were left out"),
    ],
    ids=["no loss", "no simulation"],
)
def test_a_lost_training_ends_at_once_with_the_reason(
    losses: float,
    dropped: int,
    why: str,
    small_engine: Amortized,
    twelve_lines: Plan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In its first segment: there is no network, and all universes hear why."""
    real, calls = fit_file.learner_of, list[int]()

    class Lost:
        def __init__(self, learner: Any):
            self._learner = learner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._learner, name)

        def segment(self, checkpoint: Any) -> Any:
            calls.append(checkpoint.step)
            return checkpoint._replace(step=200, dropped=dropped), np.full((200, 1), losses)

    monkeypatch.setattr(fit_file, "learner_of", lambda *of: Lost(real(*of)))
    answers = answer(replace(small_engine, training=replace(small_engine.training, steps=2000)), twelve_lines)
    assert calls == [0]
    (lost,) = [outcomes[0] for batch, outcomes in answers if batch.purpose == TRAINING]
    assert not lost.final and lost.reason == Reason.not_finite
    assert lost.message.startswith(why)
    told = [outcome for batch, outcomes in answers for outcome in outcomes if batch.purpose != TRAINING]
    assert len(told) == 12
    assert {outcome.reason for outcome in told} == {Reason.not_finite}
    assert {outcome.message for outcome in told} == {f"their network could not be trained: {lost.message}"}
