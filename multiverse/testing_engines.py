"""The suite of an engine: the tests that a stranger's engine inherits (from `multiverse.testing`)."""

# ruff: noqa: D102  the name of a test says what it tests

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from multiverse.engines.engine import Batch, Engine, settings_of
from multiverse.engines.outcome import ESTIMAND, DrawsName, Outcome, Reason
from multiverse.planning.plan import Plan
from multiverse.store.contract import Table
from multiverse.store.part import decode, encode

Answers = list[tuple[Batch, tuple[Outcome, ...]]]
"""Batches with their outcomes, in the order in which they were asked for."""


def answer(engine: Engine[Any], planned: Plan, *, backwards: bool = False) -> Answers:
    """The loop of `multiverse.run`, here and now: every batch with its outcomes, in the order it was asked for.

    backwards: within a round, batches are told last first.
    """
    told: dict[str, tuple[Outcome, ...]] = {}
    answers: Answers = []
    state = engine.init(planned)
    while batches := engine.ask(state):
        fitted = [(batch, engine.fit(batch, {name: told[name] for name in batch.reads})) for batch in batches]
        told |= {batch.id: tuple(dataclasses.replace(o, draws={}) for o in outcomes) for batch, outcomes in fitted}
        for batch, outcomes in reversed(fitted) if backwards else fitted:
            state = engine.tell(state, batch, tuple(outcome.light() for outcome in outcomes))
        answers += fitted
    return answers


def part_of(batch: Batch, outcomes: tuple[Outcome, ...]) -> Table:
    """The outcomes of a batch as the store would hold them."""
    now = datetime.now(UTC)
    return encode(
        outcomes,
        run="test",
        engine=batch.engine,
        batch=batch.id,
        program="test",
        rows_kept={},
        host="here",
        finished=now,
    )


class EngineSuite:
    """What every engine promises. Inherit it and give two fixtures: `engine`, and `planned`.

    engine: quick, with a gate that lets at least one universe of the plan pass. planned: a plan of some 4 to 20
    universes, enough for two batches.
    """

    @pytest.fixture
    def engine(self) -> Engine[Any]:
        """The engine."""
        raise NotImplementedError("give your own fixture `engine`")

    @pytest.fixture
    def planned(self) -> Plan:
        """A small plan."""
        raise NotImplementedError("give your own fixture `planned`")

    @pytest.fixture
    def answers(self, engine: Engine[Any], planned: Plan) -> Answers:
        """Every batch with its outcomes."""
        return answer(engine, planned)

    def test_an_engine_is_its_settings(self, engine: Any) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            engine.seed = 1
        assert dataclasses.replace(engine, **{f.name: getattr(engine, f.name) for f in dataclasses.fields(engine)})
        assert engine.name.isidentifier()
        assert "name" not in settings_of(engine)

    def test_asking_is_free_of_effects(self, engine: Engine[Any], planned: Plan) -> None:
        state = engine.init(planned)
        first, again, anew = engine.ask(state), engine.ask(state), engine.ask(engine.init(planned))
        assert [batch.id for batch in first] == [batch.id for batch in again] == [batch.id for batch in anew]

    def test_every_key_is_answered_for_good_exactly_once(self, answers: Answers, planned: Plan) -> None:
        final = [outcome.key for _, outcomes in answers for outcome in outcomes if outcome.final]
        assert sorted(final) == sorted(planned.keys)
        ids = [batch.id for batch, _ in answers]
        assert len(set(ids)) == len(ids)

    def test_each_batch_has_an_outcome_for_each_key_in_order(self, answers: Answers) -> None:
        for batch, outcomes in answers:
            assert tuple(outcome.key for outcome in outcomes) == batch.keys
            assert {outcome.attempt for outcome in outcomes} == {batch.attempt}
            assert set(batch.keys) <= batch.program.members.keys()

    def test_what_is_tried_again_has_another_number(self, engine: Engine[Any], planned: Plan, answers: Answers) -> None:
        """Of red universes that are put back: other random numbers, and the rows of before stay."""
        before = [
            dataclasses.replace(outcome.light(), reason=Reason.rhat) for _, outcomes in answers for outcome in outcomes
        ]
        last = {key: max(outcome.attempt for outcome in before if outcome.key == key) for key in planned.keys}
        batches = engine.ask(engine.init(planned, before))
        assert batches
        assert all(batch.attempt > last[key] for batch in batches for key in batch.keys)

    def test_the_order_of_telling_does_not_matter(self, engine: Engine[Any], planned: Plan, answers: Answers) -> None:
        assert [b.id for b, _ in answer(engine, planned, backwards=True)] == [b.id for b, _ in answers]

    def test_what_the_store_holds_can_be_told_instead(
        self, engine: Engine[Any], planned: Plan, answers: Answers
    ) -> None:
        """Resume is replay: nothing that tells the engine what to do next is lost on the way through a part."""
        stored = {batch.id: decode(part_of(batch, outcomes)) for batch, outcomes in answers}
        state, asked = engine.init(planned), []
        while batches := engine.ask(state):
            for batch in batches:
                asked.append(batch.id)
                state = engine.tell(state, batch, tuple(outcome.light() for outcome in stored[batch.id]))
        assert asked == [batch.id for batch, _ in answers]

    def test_green_outcomes_hold_finite_numbers_of_every_estimand(self, answers: Answers, planned: Plan) -> None:
        green = [outcome for _, outcomes in answers for outcome in outcomes if outcome.ok]
        assert green
        for outcome in green:
            assert list(outcome.estimates) == [estimand.name for estimand in planned.wanted.estimands]
            for numbers in outcome.estimates.values():
                assert all(math.isfinite(numbers[name]) for name in ("mean", "sd", "median", "q2_5", "q97_5", "ess"))
                assert numbers["q2_5"] <= numbers["median"] <= numbers["q97_5"]
            assert outcome.seconds >= 0

    def test_red_outcomes_say_why(self, answers: Answers) -> None:
        assert all(outcome.ok or outcome.message for _, outcomes in answers for outcome in outcomes)

    def test_draws_are_arrays_by_chain_and_draw(self, answers: Answers) -> None:
        for outcome in (outcome for _, outcomes in answers for outcome in outcomes if outcome.ok):
            assert {str(DrawsName(ESTIMAND, name)) for name in outcome.estimates} <= outcome.draws.keys()
            shapes = {array.shape[:2] for array in outcome.draws.values()}
            assert len(shapes) == 1
            assert all(array.dtype in (np.float32, np.float64) for array in outcome.draws.values())


class OneShotEngineSuite(EngineSuite):
    """What engines promise besides that ask once: universes are independent of each other."""

    def test_a_universe_has_the_same_bits_in_any_company(
        self, engine: Engine[Any], planned: Plan, answers: Answers
    ) -> None:
        alone = sorted(planned.keys)[::3]
        some = answer(engine, planned.without(set(planned.keys) - set(alone)))
        draws = {(outcome.key, outcome.attempt): outcome.draws for _, outcomes in answers for outcome in outcomes}
        found = [outcome for _, outcomes in some for outcome in outcomes]
        assert {outcome.key for outcome in found} == set(alone)
        for outcome in found:
            for name, array in outcome.draws.items():
                np.testing.assert_array_equal(array, draws[outcome.key, outcome.attempt][name])

    def test_what_is_done_is_not_asked_again(self, engine: Engine[Any], planned: Plan) -> None:
        done = set(sorted(planned.keys)[::2])
        asked = [key for batch in engine.ask(engine.init(planned.without(done))) for key in batch.keys]
        assert sorted(asked) == sorted(set(planned.keys) - done)
        assert not engine.ask(engine.init(planned.without(planned.keys)))
