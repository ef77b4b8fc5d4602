"""The problem that both sides of the benchmark solve is that of the study, and answers are judged as they should be."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
import pytest
from scipy.stats import norm

from multiverse.planning.tracing import TRACING

FOLDER = Path(__file__).parents[2] / "experiments" / "benchmarks" / "amortized_vs_bayesflow"
OWN = ("problem", "quality", "told", "ours", "compare")


@pytest.fixture(scope="module")
def part():
    """A file of the benchmark as a module; others of the same name, of other folders, are left alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        for name in OWN:
            patch.delitem(sys.modules, name, raising=False)

        def imported(name: str) -> ModuleType:
            return importlib.import_module(name)

        yield imported
        for name in OWN:
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def pairs(part):
    return part("problem").held_out(4000, seed=3)


@pytest.mark.slow
def test_the_log_joint_by_hand_is_that_of_the_study(part, pairs):
    """Of pairs of a universe and data, at the parameters of the data; the Jacobian of mu / center is left out."""
    problem, ours = part("problem"), part("ours")
    family = ours.family()
    assert len(problem.universes().center) == len(family.programs[0].members) == 324
    assert len(family.opened) == 2 and family.dimension == problem.DIMENSION
    pairs = jax.tree.map(lambda axis: axis[:40], pairs)
    universe, u = jax.tree.map(lambda axis: np.asarray(axis, np.float64), (pairs.universe, pairs.u))
    z = np.column_stack([universe.center * u[:, 0], np.log(universe.spread) + u[:, 1], u[:, 2:]])
    potential = family.opened[ours.non_centered(family)].potential
    with jax.enable_x64(True), TRACING:
        leaves = ours.as_leaves(family, pairs)
        found = -np.asarray(jax.jit(jax.vmap(potential))(leaves, z))
        exact = np.asarray(jax.jit(problem.log_joint)(universe, u, np.asarray(pairs.y, np.float64)))
    assert len(set(np.argmin(universe.kept, axis=1))) > 4
    np.testing.assert_allclose(found, exact - np.log(universe.center), rtol=1e-5)  # `as_leaves` gives float32


@pytest.mark.slow
def test_simulations_have_the_spread_of_their_model(part, pairs):
    """Whatever the universe, y is mu + tau eta + noise: a standard normal number for each of two of these."""
    problem = part("problem")
    universe, u, y = pairs
    for standard in (u[:, 0], (y - np.asarray(problem.effects(universe, u)))[:, 3] / problem.ERROR[3]):
        values = np.asarray(standard)
        assert abs(values.mean()) < 4 / np.sqrt(4000)
        assert abs(values.var() - 1) < 4 * np.sqrt(2 / 4000)
    half = np.asarray(np.exp(u[:, 1]))
    assert abs((half**2).mean() - 1) < 4 * np.sqrt(2 / 4000)
    assert np.isfinite(np.asarray(problem.features(universe, y))).all()


def test_draws_from_the_posterior_are_good_and_others_are_not(part):
    quality, rng = part("quality").quality, np.random.default_rng(1)
    exact = np.zeros((3, 1000)) + rng.normal(size=(3, 1)) + 1e-3 * rng.normal(size=(3, 1000))
    assert quality(exact).good == 1.0 and quality(exact).ess > 0.99
    z = rng.normal(size=(3, 1000))
    narrow = norm.logpdf(z, 0, 3.0) - norm.logpdf(z)  # draws of a normal that is three times too narrow
    assert quality(narrow).good == 0.0 and quality(narrow).ess < 0.5
    broken = np.vstack([exact, np.full((1, 1000), np.nan)])
    assert quality(broken).good == 0.75 and quality(broken).ess_low < 0.5


def test_time_to_a_quality_is_that_of_the_first_check_that_has_it(part):
    told, compare = part("told"), part("compare")
    checks = [
        told.Check("a", pairs, step, 1000, 2.0 * step, 1.0 * step, good, 0.5, 0.1)
        for step, held, real in ((1, 0.7, 0.99), (2, 0.9, 0.8), (3, 0.9, 0.9), (4, 0.95, 0.9))
        for pairs, good in (("held out", held), ("real", real))
    ]
    assert compare.reached(checks, 0.9).steps == 3
    assert compare.reached(checks, 0.99) is None
