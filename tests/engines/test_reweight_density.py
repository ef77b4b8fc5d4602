"""Densities at draws of others: what they depend on, supports, and that what is held changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from scipy.stats import norm

import multiverse as mv
from multiverse.engines.reweight import density as reweight_density
from multiverse.engines.reweight.density import Densities, Draws
from multiverse.engines.reweight.held import Held
from multiverse.planning.build import plan
from multiverse.planning.plan import Plan

DRAWS = 16


@pytest.fixture(scope="module")
def four(normal_mean: ModuleType) -> Plan:
    """Two priors and two noises."""
    return plan(normal_mean.study(normal_mean.space(2, 2, ["five"])))


def test_the_likelihood_is_computed_once_for_universes_that_differ_in_their_priors(
    normal_mean: ModuleType, four: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    class Watched(Held[Any]):
        def get(self, key: Any, make: Any) -> Any:
            def watched() -> Any:
                made.append(key[0])
                return make()

            return super().get(key, watched)

    monkeypatch.setattr(reweight_density, "_HELD", Watched(1 << 20))
    (program,) = four.programs
    at = Draws("some", {"mu": np.linspace(-2.0, 3.0, DRAWS)})
    with jax.enable_x64(True):
        densities = Densities(program, DRAWS, "float64")
        y = normal_mean.Y[5:]
        for key, universe in four.universes.items():
            mean, sd = normal_mean.PRIORS[str(universe["prior"])]
            noise = normal_mean.NOISES[str(universe["noise"])]
            mu = at.sites["mu"]
            likelihood = norm(mu, noise).logpdf(y[:, None]).sum(axis=0)
            np.testing.assert_allclose(densities.log_prior(key, at), norm(mean, sd).logpdf(mu))
            np.testing.assert_allclose(densities.log_likelihood(key, at), likelihood)
            np.testing.assert_allclose(densities.log_joint(key, at), norm(mean, sd).logpdf(mu) + likelihood)
    assert sorted(made) == ["likelihood"] * 2 + ["prior"] * 2
    by_noise = {densities.likelihood_of(key) for key in four.keys}
    assert len(by_noise) == 2 and len({densities.prior_of(key) for key in four.keys}) == 2


def spread(data: Mapping[str, Any], *, prior: Any) -> None:
    width = numpyro.sample("width", prior)
    numpyro.sample("y", dist.Normal(0.0, width), obs=data["y"])


def test_nothing_is_outside_a_support() -> None:
    """NumPyro's own densities do not look."""
    space = mv.Space(prior=mv.prior({"short": dist.Uniform(0.5, 1.5), "long": dist.Uniform(0.0, 4.0)}))
    study = mv.Study(name="spread", data={"y": np.ones(3)}, model=spread, estimands={"w": "width"}, space=space)
    planned = plan(study)
    (program,) = planned.programs
    short, long = planned.keys
    at = Draws("widths", {"width": np.linspace(-1.0, 5.0, DRAWS)})
    with jax.enable_x64(True):
        densities = Densities(program, DRAWS, "float64")
        for key, low, high in ((short, 0.5, 1.5), (long, 0.0, 4.0)):
            inside = (at.sites["width"] >= low) & (at.sites["width"] <= high)
            np.testing.assert_allclose(densities.log_prior(key, at)[inside], -np.log(high - low))
            assert (densities.log_joint(key, at)[~inside] == -np.inf).all()
        ends = densities.points(long).sites["width"]
        assert ends[DRAWS // 2 :].min() < 1e-6 and ends.max() > 4 - 1e-6  # where the support ends


def test_what_is_held_is_bounded() -> None:
    held: Held[Any] = Held(800)
    made = []

    def make(n: int) -> Any:
        made.append(n)
        return np.full(50, float(n))

    for n in (1, 2, 1, 3, 1, 2):
        assert held.get(n, lambda n=n: make(n))[0] == n  # type: ignore[misc]
    assert made == [1, 2, 3, 2]  # two fit; 2 was let go for 3, as 1 was used after it
