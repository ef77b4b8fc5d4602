"""Sensitivities against closed forms, ArviZ, published numbers, and draws that know nothing of the density."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from arviz_stats.base import array_stats
from scipy.stats import norm

from multiverse.engines.weighing.psis import smooth
from multiverse.power_scaling.diagnosis import NOISE_TIMES, Diagnosis, diagnose
from multiverse.power_scaling.sensitivity import POWERS, Moved, sensitivities


class Normal(NamedTuple):
    """A normal mean with a normal prior and a normal likelihood of its mean: (location, sd) of each."""

    prior: tuple[float, float]
    data: tuple[float, float]

    def posterior(self, prior_power: float = 1.0, data_power: float = 1.0) -> tuple[float, float]:
        """Powers of normals are normals: precisions are multiplied."""
        precisions = prior_power / self.prior[1] ** 2, data_power / self.data[1] ** 2
        mean = (precisions[0] * self.prior[0] + precisions[1] * self.data[0]) / sum(precisions)
        return mean, sum(precisions) ** -0.5


CONFLICT = Normal((0.0, 1.0), (5.0, 1.0))
WIDE = Normal((0.0, 20.0), (1.0, 0.5))
WEAK = Normal((0.0, 0.3), (0.5, 4.0))
CASES = {"conflict": CONFLICT, "wide prior": WIDE, "weak data": WEAK, "agreement": Normal((1.0, 1.0), (1.0, 1.0))}


def by_quadrature(of: Normal, which: str, ends: tuple[float, float]) -> float:
    """The sensitivity of the exact posterior, between the smallest and the largest draw, as that of a sample is."""
    x = np.linspace(*ends, 20001)
    mean, sd = of.posterior()
    p, slopes = norm.cdf(x, mean, sd), []
    for power in POWERS:
        other_mean, other_sd = of.posterior(**{f"{which}_power": power})
        q = norm.cdf(x, other_mean, other_sd)
        found = []
        for a, b in ((p, q), (1 - p, 1 - q)):
            middle = (a + b) / 2
            divergence = a * np.log2(a / middle) + b * np.log2(b / middle)
            found.append(np.trapezoid(divergence, x) / np.trapezoid(a + b, x))
        slopes.append(max(found) ** 0.5 / abs(np.log2(power)))
    return float(np.mean(slopes))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("which", ["prior", "data"])
def test_a_normal_mean_is_as_sensitive_as_its_closed_form_says(name: str, which: str) -> None:
    """Draws at equal steps of probability have no chance in them; what is left are their steps, of order 1 / draws."""
    of, draws = CASES[name], 4000
    mean, sd = of.posterior()
    x = norm.ppf((np.arange(draws) + 0.5) / draws, mean, sd)
    location, width = getattr(of, which)
    found = sensitivities(np.random.default_rng(0).permutation(x)[None, None], np.zeros((1, 1, draws)))
    assert found.sensitivity[0] == pytest.approx(0, abs=1e-6)  # a flat density has no power
    found = sensitivities(x[None, None], -(((x - location) / width) ** 2)[None, None] / 2)
    assert found.sensitivity[0] == pytest.approx(by_quadrature(of, which, (x[0], x[-1])), rel=0.01)


def arviz_says(draws: np.ndarray, weights: list[np.ndarray]) -> float:
    lower, upper = ((w / w.sum()).reshape(draws.shape) for w in weights)
    return float(array_stats.power_scale_sense(draws, lower, upper, *POWERS))


MANY = [60, pytest.param(3000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("universes", MANY)
def test_with_the_same_weights_it_is_what_arviz_says(universes: int) -> None:
    rng = np.random.default_rng(universes)
    x = rng.normal(size=(universes, 4, 100)) ** rng.choice([1, 2, 3], size=(universes, 1, 1))
    x[::3] = np.round(x[::3], 1)  # ties
    density = -((x - 1) ** 2) / rng.uniform(1, 9, (universes, 1, 1)) + rng.normal(size=x.shape)
    logs = [smooth((power - 1) * density.reshape(universes, -1)).log_weights for power in POWERS]
    weights = [np.exp(log - log.max(axis=1, keepdims=True)) for log in logs]
    expected = [arviz_says(one, [w[i] for w in weights]) for i, one in enumerate(x)]
    np.testing.assert_allclose(sensitivities(x, density).sensitivity, expected, rtol=1e-6)


@pytest.mark.parametrize("universes", MANY)
def test_with_its_own_weights_arviz_says_nearly_the_same(universes: int) -> None:
    """It smooths both tails and counts autocorrelation; weights of posteriors are so even that it moves 1 in 100."""
    rng = np.random.default_rng(universes)
    x = rng.normal(size=(universes, 4, 250))
    density = -((x - rng.normal(size=(universes, 1, 1))) ** 2) / 2 + rng.normal(size=x.shape)
    expected = []
    for one, its in zip(x, density, strict=True):
        logs = [array_stats.power_scale_lw(its, alpha=power, axis=(-2, -1)) for power in POWERS]
        expected.append(arviz_says(one, [np.exp(log - log.max()) for log in logs]))
    np.testing.assert_allclose(sensitivities(x, density).sensitivity, expected, rtol=0.02)


Y = (9.5, 10.2, 9.1, 9.1, 10.3, 10.9, 11.7, 10.3, 9.6, 8.6, 9.1, 11.1, 9.3, 10.5, 9.7, 10.3, 10.0, 9.8, 9.6, 8.3)
Y = np.array([*Y, 10.2, 9.8, 10.0, 10.0, 9.1])
PUBLISHED = {"mu": (0.390, 0.558), "sigma": (0.288, 0.527)}  # priorsense 1.1, vignette "Getting started", 4,000 draws


def test_published_numbers_of_the_univariate_normal() -> None:
    """y ~ N(mu, sigma), mu ~ N(0, 1), sigma ~ N+(0, 2.5): draws from a fine grid; their own scatter is the bound."""
    rng = np.random.default_rng(0)
    mu, sigma = np.linspace(6, 11, 800)[:, None], np.linspace(0.3, 6, 1000)[None, :]

    def densities(mu: Any, sigma: Any) -> tuple[Any, Any]:
        squares = (Y**2).sum() - 2 * mu * Y.sum() + len(Y) * mu**2
        return -(mu**2) / 2 - (sigma / 2.5) ** 2 / 2, -len(Y) * np.log(sigma) - squares / (2 * sigma**2)

    log_joint = sum(densities(mu, sigma))
    weights = np.exp(log_joint - log_joint.max()).ravel()
    rows, columns = np.unravel_index(
        rng.choice(weights.size, (20, 1, 4000), p=weights / weights.sum()), log_joint.shape
    )
    draws = {"mu": mu[rows, 0], "sigma": sigma[0, columns]}
    draws = {
        name: x + rng.uniform(-0.5, 0.5, x.shape) * step
        for (name, x), step in zip(draws.items(), (0.00626, 0.00571), strict=True)
    }
    for name, expected in PUBLISHED.items():
        for density, published in zip(densities(**draws), expected, strict=True):
            found = sensitivities(draws[name], density).sensitivity
            assert abs(found.mean() - published) < 3 * found.std() * (1 + 1 / 20) ** 0.5
            assert found.std() < 0.06


def test_noise_is_what_independent_draws_show() -> None:
    rng = np.random.default_rng(1)
    for skew in (False, True):
        x, density = rng.normal(size=(500, 4, 100)), 5 * rng.normal(size=(500, 4, 100))
        found = sensitivities(np.exp(x) if skew else x, density)
        ratio = found.sensitivity / found.noise
        assert 0.9 < np.sqrt(np.square(ratio).mean()) < 1.15  # the larger of two directions, so somewhat above 1
        assert (ratio > NOISE_TIMES).mean() < 0.03


def test_noise_of_slowly_mixing_chains_is_larger() -> None:
    rng = np.random.default_rng(2)
    steps = rng.normal(size=(50, 4, 400))
    for t in range(1, 400):
        steps[..., t] += 0.9 * steps[..., t - 1]
    shuffled = rng.permuted(steps.reshape(50, -1), axis=1).reshape(steps.shape)
    x = rng.normal(size=steps.shape)
    ratio = sensitivities(x, steps).noise / sensitivities(x, shuffled).noise
    assert 2 < ratio.mean() < 6  # the root of (1 + 0.9) / (1 - 0.9) is 4.4


def test_what_cannot_be_told_is_nan_and_spoils_nothing_else() -> None:
    rng = np.random.default_rng(3)
    x, density = rng.normal(size=(5, 2, 50)), rng.normal(size=(5, 2, 50))
    good = sensitivities(x, density)
    x[1, 0, 3], density[2, 1, 7], x[3] = np.nan, -np.inf, 1.5
    found = sensitivities(x, density)
    np.testing.assert_array_equal(np.isnan(found.sensitivity), [False, True, True, True, False])
    for i in (0, 4):
        assert found.sensitivity[i] == good.sensitivity[i] and found.noise[i] == good.noise[i]
    assert np.isnan(sensitivities(x[:, :, :3], density[:, :, :3]).sensitivity).all()
    assert sensitivities(x[:0], density[:0]).sensitivity.shape == (0,)


def test_a_universe_is_as_sensitive_in_any_company(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    x, density = rng.normal(size=(7, 2, 60)), rng.normal(size=(7, 2, 60))
    together = sensitivities(x, density)
    monkeypatch.setattr("multiverse.power_scaling.sensitivity.BLOCK_NUMBERS", 240)
    for parts in zip(together, sensitivities(x, density), strict=True):
        np.testing.assert_array_equal(*parts)


def moved(sensitivity: float, noise: float = 0.001, khat: float = np.nan) -> Moved:
    return Moved(*(np.array([value]) for value in (sensitivity, noise, khat)))


@pytest.mark.parametrize(
    ("prior", "likelihood", "said"),
    [
        (moved(0.2), moved(0.3), Diagnosis.conflict),
        (moved(0.05), moved(0.05), Diagnosis.conflict),
        (moved(0.2), moved(0.01), Diagnosis.weak),
        (moved(0.01), moved(0.3), Diagnosis.fine),
        (moved(0.01), moved(0.3, noise=9), Diagnosis.fine),  # the likelihood does not matter
        (moved(0.2, noise=0.15), moved(0.3), Diagnosis.unknown),
        (moved(0.2), moved(0.3, noise=0.2), Diagnosis.unknown),
        (moved(np.nan), moved(0.3), Diagnosis.unknown),
        (moved(0.01, khat=0.8), moved(0.3), Diagnosis.unknown),
        (moved(0.2, khat=0.6), moved(0.3), Diagnosis.conflict),
    ],
)
def test_what_is_said(prior: Moved, likelihood: Moved, said: Diagnosis) -> None:
    assert diagnose(prior, likelihood, 1000)[0] is said


def test_the_threshold_is_the_readers() -> None:
    assert diagnose(moved(0.2), moved(0.3), 1000, threshold=0.25)[0] is Diagnosis.fine
    assert diagnose(moved(0.2, khat=0.6), moved(0.3), 100)[0] is Diagnosis.unknown  # 1 - 1 / log10(100) = 0.5
