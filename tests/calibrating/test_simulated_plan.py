from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

import multiverse as mv
from multiverse.errors import PlanError
from multiverse.planning.quantities import ELEMENTS, Quantity, values_of
from multiverse.planning.simulated_plan import PRIOR_DRAWS, simulated_plan
from multiverse.progress import no_progress


def observed(simulated, key):
    """What a data set observes, without its padding."""
    program = simulated.plan.program_of[key]
    return program.leaves(key)["observed: y"][: program.members[key].rows_kept]


def noise_of(simulated, normal_mean, key):
    return normal_mean.NOISES[simulated.plan.universes[key]["noise"]]


def test_data_sets_are_spread_over_universes(planned, simulated):
    counts = dict.fromkeys(planned.keys, 0)
    for origin in simulated.origins.values():
        counts[origin.universe] += 1
    assert set(counts.values()) == {25}
    assert len(simulated) == len(simulated.plan) == len(simulated.plan.todo) == 200
    for key, origin in simulated.origins.items():
        assert simulated.plan.universes[key] == planned.universes[origin.universe]


def test_truths_come_from_the_prior_and_data_from_the_likelihood(simulated, normal_mean):
    z, errors = [], []
    for key in simulated.origins:
        mean, sd = normal_mean.PRIORS[simulated.plan.universes[key]["prior"]]
        truth = simulated.truths[key]["mu"]
        z.append((truth - mean) / sd)
        errors += list((observed(simulated, key) - truth) / noise_of(simulated, normal_mean, key))
    for values in (np.array(z), np.array(errors)):
        assert abs(values.mean()) < 4 / math.sqrt(len(values))
        assert abs(values.std() - 1) < 4 / math.sqrt(2 * len(values))


def test_the_log_likelihood_is_that_of_the_simulated_data_at_the_truth(simulated, normal_mean):
    for key in list(simulated.origins)[:20]:
        truth = simulated.truths[key]
        expected = norm.logpdf(observed(simulated, key), truth["mu"], noise_of(simulated, normal_mean, key)).sum()
        assert truth["log likelihood"] == pytest.approx(expected, rel=1e-9)


def test_priors_of_quantities(simulated, normal_mean):
    for universe, priors in simulated.priors.items():
        mean, sd = normal_mean.PRIORS[simulated.of.universes[universe]["prior"]]
        assert abs(priors["mu"].mean - mean) < 4 * sd / math.sqrt(PRIOR_DRAWS)
        assert abs(priors["mu"].sd - sd) < 4 * sd / math.sqrt(2 * PRIOR_DRAWS)


def test_a_data_set_hangs_on_its_universe_number_and_seed_alone(planned, simulated):
    fewer = simulated_plan(planned, simulations=3, universes=2, seed=5, progress=no_progress)
    assert len(fewer) == 3
    assert {origin.universe for origin in fewer.origins.values()} >= {planned.reference}
    for key in fewer.origins:
        assert fewer.truths[key] == simulated.truths[key]
        assert np.array_equal(observed(fewer, key), observed(simulated, key))
    others = simulated_plan(planned, simulations=3, universes=2, seed=6, progress=no_progress)
    assert not others.origins.keys() & simulated.origins.keys()
    assert others.plan.identity.id != fewer.plan.identity.id != planned.identity.id


def test_estimands_of_draws_are_those_of_engines(simulated):
    key = next(iter(simulated.origins))
    found = simulated.draws(key, {"mu": np.arange(3.0)}, np.zeros(3))
    assert found["mu"].tolist() == [0, 1, 2]
    assert found["log likelihood"].tolist() == [0, 0, 0]


def test_what_cannot_be_simulated_is_refused():
    plan = mv.plan(mv.Study("f", data=1.0, estimate=lambda data: data, space=mv.Space()), progress=no_progress)
    with pytest.raises(PlanError, match="no prior to draw parameters from"):
        simulated_plan(plan, simulations=10, progress=no_progress)


def test_numbers_that_are_too_small_are_refused_together(planned):
    with pytest.raises(PlanError) as raised:
        simulated_plan(planned, simulations=0, universes=0, progress=no_progress)
    assert len(raised.value.problems) == 2


def test_elements_of_sites():
    quantities = (Quantity("slope[1]", "site", "slope", (1,)), Quantity("far[7]", "site", "far", (7,)))
    found = values_of(quantities, {}, {"slope": np.arange(6.0).reshape(3, 2), "far": np.zeros((3, 2))}, None)
    assert {name: values.tolist() for name, values in found.items()} == {"slope[1]": [1, 3, 5]}
    assert ELEMENTS >= 1
