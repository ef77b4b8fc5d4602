"""The NUTS engine: its contract, how it asks, where it starts, what its settings do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy.stats import norm

from multiverse.engines.engine import Engine
from multiverse.engines.gate import Gate
from multiverse.engines.nuts.block import block_functions
from multiverse.engines.nuts.engine import LANES, NUTS, UNIVERSES_A_BATCH
from multiverse.engines.nuts.ladder import Rung
from multiverse.engines.outcome import Outcome, Reason
from multiverse.errors import PlanError
from multiverse.identity.keys import rng_words
from multiverse.planning.build import plan
from multiverse.planning.machines import Machines
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
    monkeypatch.setattr("multiverse.engines.one_shot.ROUNDS", 1)
    engine = replace(normal_mean.QUICK, chains=8)
    planned = replace(plan(normal_mean.study()), machines=Machines(workers=2))
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


def test_a_start_that_there_is_not_is_told() -> None:
    with pytest.raises(PlanError, match="Did you mean 'prior'"):
        NUTS(start="priors")


def test_chains_start_from_draws_of_the_prior(normal_mean: ModuleType) -> None:
    """Far from 0, where its prior is, and each chain from a draw of its own."""
    planned = plan(normal_mean.study(normal_mean.space(["far"], 1, 1)))
    (program,) = planned.programs
    engine = NUTS(chains=16, start="prior")
    functions = block_functions(program, engine, ("mu",))
    words, leaves = np.array([rng_words(0, planned.keys[0], 1)], np.uint32), program.gather(planned.keys, "float32")
    z = np.asarray(jax.jit(functions.begin)(words, leaves).state.z).ravel()
    mean, sd = normal_mean.PRIORS["far"]
    assert len(set(z.tolist())) == 16
    assert abs(z.mean() - mean) < 4 * sd / 4
    assert abs(z.std(ddof=1) - sd) < 4 * sd / np.sqrt(2 * 15)


@pytest.mark.slow  # a program that no other test has
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


# The ladder


LEVELS, ERROR = np.array([2.0, -1.0, 0.5, 1.0]), 1.0
SPREAD = {"tight": 0.5, "loose": 2.0}


def levels(data: Mapping[str, Any], *, spread: float) -> None:
    """Four levels around an unknown mean, centered; all Normal, so that the posterior is known."""
    mean = numpyro.sample("mean", dist.Normal(0, 1))
    with numpyro.plate("levels", len(LEVELS)):
        level = numpyro.sample("level", dist.Normal(mean, spread))
        numpyro.deterministic("above", level - mean)
        numpyro.sample("y", dist.Normal(level, ERROR), obs=data["y"])


def level_of(j: int) -> Any:
    return lambda draws: draws["level"][:, j]


def exact_means(spread: float) -> np.ndarray:
    """Posterior means of the mean and of each level, from the joint normal."""
    ones = np.ones(len(LEVELS))
    among = np.outer(ones, ones) + spread**2 * np.eye(len(LEVELS))  # covariance of the levels
    gain = np.linalg.solve(among + ERROR**2 * np.eye(len(LEVELS)), LEVELS)
    return np.array([ones @ gain, *(among @ gain)])


@pytest.fixture(scope="module")
def climbed() -> tuple[Plan, list[Outcome]]:
    """A gate that nobody passes: every universe climbs to the end of the ladder.

    Two programs that no other test has, hence slow. By default tests/cli/test_run_command.py climbs, and
    tests/planning/test_noncentered.py compares densities.
    """
    study = Study(
        name="levels",
        data={"y": LEVELS},
        model=levels,
        estimands={"mean": "mean", **{f"level {j}": level_of(j) for j in range(len(LEVELS))}},
        space=Space(spread=prior(SPREAD)),
    )
    planned = plan(study).keeping("all")
    ladder = (Rung("elsewhere", noncentered=True), Rung("not for this", reasons=("divergences",)))
    engine = NUTS(warmup=200, draws=500, gate=Gate(ess_per_chain=1e9), ladder=ladder)
    return planned, [outcome for _, outcomes in answer(engine, planned) for outcome in outcomes]


@pytest.mark.slow
def test_what_fails_climbs_and_the_last_attempt_is_final(climbed: tuple[Plan, list[Outcome]]) -> None:
    planned, outcomes = climbed
    tried = sorted((outcome.key, outcome.attempt, outcome.final) for outcome in outcomes)
    assert tried == sorted((key, attempt, attempt == 2) for key in planned.keys for attempt in (1, 2))
    assert {outcome.reason for outcome in outcomes} == {Reason.ess}
    assert all(outcome.message.endswith("(on the rung 'elsewhere')") == (outcome.attempt == 2) for outcome in outcomes)


@pytest.mark.slow
def test_other_coordinates_have_other_draws_of_the_same_posterior(climbed: tuple[Plan, list[Outcome]]) -> None:
    planned, outcomes = climbed
    for outcome in outcomes:
        exact = exact_means(SPREAD[str(planned.universes[outcome.key]["spread"])])
        for found, mean in zip(outcome.estimates.values(), exact, strict=True):
            assert abs(found["mean"] - mean) < 4 * found["mcse_mean"]


@pytest.mark.slow
def test_what_is_kept_of_other_coordinates_is_as_the_model_is_written(climbed: tuple[Plan, list[Outcome]]) -> None:
    """Same sites, and the log prior is that of the centered model."""
    planned, outcomes = climbed
    (program,) = planned.programs
    for outcome in outcomes:
        sites = {name for name in outcome.draws if name.startswith("site/")}
        assert sites == {"site/mean", "site/level", "site/above"}
        mean, level = (outcome.draws[f"site/{name}"].astype(np.float64) for name in ("mean", "level"))
        np.testing.assert_allclose(outcome.draws["site/above"], level - mean[..., None], atol=1e-5)
        spread = program.option_values(outcome.key)["spread"]
        log_prior = norm.logpdf(mean) + norm.logpdf(level, mean[..., None], spread).sum(axis=-1)
        np.testing.assert_allclose(outcome.draws["density/log_prior"], log_prior, rtol=1e-4)
        log_likelihood = norm.logpdf(LEVELS, level, ERROR).sum(axis=-1)
        np.testing.assert_allclose(outcome.draws["density/log_likelihood"], log_likelihood, rtol=1e-4)


def test_without_a_ladder_there_is_one_attempt(quick: NUTS, twelve: Plan) -> None:
    engine = replace(quick, ladder=(), gate=Gate(ess_per_chain=1e9))
    assert {(o.attempt, o.final) for o in outcomes_of(engine, twelve).values()} == {(1, True)}
