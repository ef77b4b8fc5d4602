"""The NUTS engine: its contract, how it asks, where it starts, what its settings do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from multiverse.engines.engine import Engine
from multiverse.engines.nuts import LANES, NUTS, UNIVERSES_A_BATCH
from multiverse.engines.outcome import Outcome, Reason
from multiverse.planning.build import plan
from multiverse.planning.plan import Plan
from multiverse.space.decision import prior
from multiverse.space.space import Space
from multiverse.study import Study
from multiverse.testing import OneShotEngineSuite
from multiverse.testing_engines import answer


@pytest.fixture(scope="module")
def quick(normal_mean: ModuleType) -> NUTS:
    engine: NUTS = normal_mean.QUICK
    return engine


def outcomes_of(engine: NUTS, planned: Plan) -> dict[str, Outcome]:
    return {outcome.key: outcome for _, outcomes in answer(engine, planned) for outcome in outcomes}


class TestContract(OneShotEngineSuite):
    @pytest.fixture
    def engine(self, quick: NUTS) -> Engine[Any]:
        return quick

    @pytest.fixture
    def planned(self, twelve: Plan) -> Plan:
        return twelve


def test_it_asks_in_blocks_of_one_program(quick: NUTS, twelve: Plan) -> None:
    state = quick.init(twelve)
    batches = quick.ask(state)
    assert [len(batch) for batch in batches] == [8, 4]
    assert {batch.block for batch in batches} == {LANES // quick.chains}
    for batch in batches:
        state = quick.tell(state, batch, [Outcome(key) for key in batch.keys])
    assert not quick.ask(state)


def test_large_programs_have_large_batches_of_the_same_block(
    normal_mean: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block, and with it the bits, depends on neither share nor machine; the batch, a file, may."""
    monkeypatch.setattr("multiverse.engines.nuts.ROUNDS", 1)
    monkeypatch.setattr("multiverse.engines.nuts.cores", lambda: 2)
    engine = replace(normal_mean.QUICK, chains=8)
    planned = plan(normal_mean.study())
    (program,) = planned.programs
    batches = engine.ask(engine.init(planned))
    assert {batch.block for batch in batches} == {LANES // 8}
    size = min(len(program.members) // 2, UNIVERSES_A_BATCH) // 2 * 2
    assert size > 2 and {len(batch) for batch in batches[:-1]} == {size}
    assert {b.block for b in engine.ask(engine.init(planned.without(planned.keys[3:])))} == {LANES // 8}


def test_batches_of_all_programs_alternate(normal_mean: ModuleType, quick: NUTS) -> None:
    """What has finished is an honest sample: no program comes last."""
    planned = plan(normal_mean.study())
    (program,) = planned.programs
    members = list(program.members.items())
    halves = [replace(program, id=name, members=dict(members[i::2])) for i, name in enumerate("ab")]
    order = [batch.program.id for batch in quick.ask(quick.init(replace(planned, programs=tuple(halves))))]
    assert order == ["a", "b"] * 4


def test_batch_ids_tell_settings_and_questions_apart(quick: NUTS, twelve: Plan) -> None:
    def first(engine: NUTS, planned: Plan) -> str:
        return engine.ask(engine.init(planned))[0].id

    asked = replace(twelve.wanted, estimands=(replace(twelve.wanted.estimands[0], name="other"),))
    ids = [
        first(quick, twelve),
        first(replace(quick, seed=1), twelve),
        first(replace(quick, draws=101), twelve),
        first(quick, twelve.keeping("all")),
        first(quick, replace(twelve, wanted=asked)),
    ]
    assert len(set(ids)) == len(ids)
    assert first(quick, twelve.keeping("estimands")) == ids[0]


def test_two_models_never_share_a_compiled_program(normal_mean: ModuleType, twelve: Plan) -> None:
    """Same names, shapes and options, another density: in one process, as in a notebook.

    Compiled programs are remembered by their id.
    """

    def shifted(data: Mapping[str, Any], *, prior: Any, noise: float) -> None:
        normal_mean.model({"y": data["y"] + 10}, prior=prior, noise=noise)

    other = plan(normal_mean.study(normal_mean.space(3, 2, 2), model=shifted))
    assert not {p.id for p in twelve.programs} & {p.id for p in other.programs}


def test_seeds_give_other_draws(quick: NUTS, twelve: Plan) -> None:
    few = twelve.without(twelve.keys[1:])
    (a,), (b,) = (outcomes_of(replace(quick, seed=seed), few).values() for seed in (0, 1))
    assert not np.array_equal(a.draws["estimand/mu"], b.draws["estimand/mu"])


def test_float64_draws_are_float64_and_right(normal_mean: ModuleType) -> None:
    engine = replace(normal_mean.QUICK, dtype="float64", draws=400)
    few = plan(normal_mean.study(normal_mean.space(2, 1, 1)))
    for key, outcome in outcomes_of(engine, few).items():
        exact, found = normal_mean.exact(few.universes[key]), outcome.estimates["mu"]
        assert outcome.draws["estimand/mu"].dtype == outcome.draws["density/log_prior"].dtype == np.float64
        assert abs(found["mean"] - exact.mean) < 4 * found["mcse_mean"]


def walled(data: Mapping[str, Any], *, wall: Any) -> None:
    """A standard normal above a wall, and no density at all below it."""
    x = numpyro.sample("x", dist.Normal(data["centre"], 1))
    numpyro.factor("wall", jnp.where(x > wall, 0.0, -jnp.inf))


WALLS = {"none": -50.0, "narrow": 1.6, "no way through": 50.0}


@pytest.fixture(scope="module")
def behind_walls(quick: NUTS) -> tuple[Plan, dict[str, Outcome]]:
    study = Study(
        name="walls",
        data={"centre": np.zeros(())},
        model=walled,
        estimands={"x": "x"},
        space=Space(wall=prior(WALLS)),
    )
    planned = plan(study)
    return planned, outcomes_of(quick, planned)


def outcome_at(behind_walls: tuple[Plan, dict[str, Outcome]], wall: str) -> Outcome:
    planned, outcomes = behind_walls
    return next(outcomes[key] for key, universe in planned.universes.items() if universe["wall"] == wall)


def test_a_density_that_is_zero_almost_everywhere_still_starts(
    behind_walls: tuple[Plan, dict[str, Outcome]],
) -> None:
    outcome = outcome_at(behind_walls, "narrow")
    assert outcome.reason is not Reason.not_finite
    assert outcome.draws["estimand/x"].min() > WALLS["narrow"]
    assert np.ptp(outcome.draws["estimand/x"], axis=1).min() > 0


def test_a_density_that_is_zero_everywhere_is_an_outcome(behind_walls: tuple[Plan, dict[str, Outcome]]) -> None:
    outcome = outcome_at(behind_walls, "no way through")
    assert (outcome.reason, outcome.final) == (Reason.not_finite, True)
    assert "no starting point" in outcome.message


def test_its_neighbours_in_the_block_lose_nothing(quick: NUTS, behind_walls: tuple[Plan, dict[str, Outcome]]) -> None:
    planned, outcomes = behind_walls
    assert len(quick.ask(quick.init(planned))) == 1
    hopeless = outcome_at(behind_walls, "no way through").key
    without = outcomes_of(quick, planned.without([hopeless]))
    assert hopeless not in without
    for key, outcome in without.items():
        assert outcome.estimates == outcomes[key].estimates
        for name, draws in outcome.draws.items():
            np.testing.assert_array_equal(draws, outcomes[key].draws[name])
