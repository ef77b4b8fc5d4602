"""Normalisers, weights and errors of a mixture of anchors: against closed forms, and the slow obvious way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from multiverse.engines.diagnostics import Floats
from multiverse.engines.reweight.mbar import mixture

MEANS, SDS, LOG_Z = np.array([0.0, 1.0, -0.5]), np.array([2.0, 0.7, 1.0]), np.array([0.0, 1.3, -2.0])
REPEATS = 120  # a standard deviation from so many has a relative error of 6 %
TARGET = (0.3, 0.9, 0.7)  # mean, sd, log normaliser


def log_normal(x: Floats, mean: float, sd: float, log_z: float) -> Floats:
    density: Floats = -(((x - mean) / sd) ** 2) / 2 - np.log(sd * np.sqrt(2 * np.pi)) + log_z
    return density


def densities(x: Floats) -> Floats:
    """Three unnormalised normal densities, (anchor, draw)."""
    return np.stack([log_normal(x, *at) for at in zip(MEANS, SDS, LOG_Z, strict=True)])


def autoregressive(rng: np.random.Generator, chains: int, length: int, correlation: float) -> Floats:
    """Standard normal chains, one after the other: neighbours have this correlation."""
    x = rng.normal(size=(chains, length))
    for i in range(1, length):
        x[:, i] = correlation * x[:, i - 1] + np.sqrt(1 - correlation**2) * x[:, i]
    return x.ravel()


def z_scores(correlation: float, counts: tuple[int, ...], chains: int) -> Floats:
    """(repeat, 4): errors in units of those stated: two normalisers, that of a target, and its mean."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(REPEATS):
        x = np.concatenate(
            [
                m + s * autoregressive(rng, chains, n // chains, correlation)
                for m, s, n in zip(MEANS, SDS, counts, strict=True)
            ]
        )
        mix = mixture(densities(x), np.array(counts), chains)
        mean, sd, log_z = TARGET
        weights = np.exp(log_normal(x, *TARGET) - mix.log_density)
        estimate = np.log(weights.mean())
        weights /= weights.sum()
        errors = np.sqrt(mix.variance(mix.share, minus=0))
        m = (weights * x).sum()
        found.append(
            [
                *((mix.log_z - LOG_Z)[1:] / errors[1:]),
                (estimate - log_z) / np.sqrt(mix.variance(weights[None], minus=0)[0]),
                (m - mean) / np.sqrt(mix.variance((weights * (x - m))[None])[0]),
            ]
        )
        assert sd > 0 and errors[0] == pytest.approx(0, abs=1e-9)
    return np.array(found)


@pytest.mark.parametrize(
    ("correlation", "counts"), [(0.0, (400, 400, 400)), (0.0, (600, 200, 400)), (0.6, (800, 800, 800))]
)
def test_errors_are_as_large_as_stated(correlation: float, counts: tuple[int, ...]) -> None:
    """Of normals with known normalisers, for independent draws and for chains that hang together."""
    z = z_scores(correlation, counts, chains=4)
    assert np.abs(z.mean(axis=0)).max() < 4 / np.sqrt(REPEATS)
    # stretches of 20 draws with a correlation of 0.6 between neighbours miss a tenth of the error
    np.testing.assert_allclose(z.std(axis=0), 1.0, atol=0.3)


@given(st.integers(0, 2**32 - 1), st.integers(2, 5))
def test_normalisers_are_those_of_the_slow_way(seed: int, anchors: int) -> None:
    """A general optimiser on the log likelihood of which anchor each draw is from."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(10, 40, anchors) * 2
    means, sds, log_z = rng.normal(0, 1, anchors), rng.uniform(0.5, 2, anchors), rng.normal(0, 3, anchors)
    x = np.concatenate([rng.normal(m, s, n) for m, s, n in zip(means, sds, counts, strict=True)])
    logs = np.stack([log_normal(x, m, s, z) for m, s, z in zip(means, sds, log_z, strict=True)])

    def loss(free: Floats) -> float:
        z = np.concatenate([[0.0], free])
        total = np.logaddexp.reduce(logs - z[:, None] + np.log(counts)[:, None], axis=0)
        return float(total.sum() + (counts * z).sum())

    slow = minimize(loss, np.zeros(anchors - 1), method="BFGS", options={"gtol": 1e-6}).x
    mix = mixture(logs, counts, chains=2)
    np.testing.assert_allclose(mix.log_z[1:], slow, atol=1e-4)
    np.testing.assert_allclose(mix.share.sum(axis=1), 1.0, rtol=1e-7)
    plain = np.log((counts[:, None] * np.exp(logs - mix.log_z[:, None])).sum(axis=0) / counts.sum())
    np.testing.assert_allclose(mix.log_density, plain, rtol=1e-9)


def test_one_anchor_is_its_own_mixture() -> None:
    x = np.random.default_rng(1).normal(size=400)
    mix = mixture(log_normal(x, 0, 1, 5.0)[None], np.array([400]), 4)
    np.testing.assert_allclose(mix.log_density, log_normal(x, 0, 1, 5.0))
    centred = (x - x.mean()) / 400
    assert mix.variance(centred[None])[0] == pytest.approx(x.var() / 400, rel=0.5)  # 40 stretches tell it to 22 %
    assert mix.log_z[0] == 0


def test_errors_do_not_hang_on_company() -> None:
    x = np.random.default_rng(2).normal(size=300)
    mix = mixture(densities(x), np.array([100, 100, 100]), 2)
    terms = np.random.default_rng(3).normal(size=(7, 300))
    together = mix.variance(terms)
    assert [mix.variance(row[None])[0] for row in terms] == list(together)


def test_anchors_that_do_not_overlap_are_told_apart() -> None:
    """Far apart, nothing is known of the ratio of their normalisers; nothing breaks, and draws keep their anchor."""
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.normal(0, 1, 200), rng.normal(60, 1, 200)])
    mix = mixture(np.stack([log_normal(x, 0, 1, 0), log_normal(x, 60, 1, 0)]), np.array([200, 200]), 2)
    np.testing.assert_allclose(mix.share[0, :200], 1 / 200, rtol=1e-9)
    np.testing.assert_allclose(mix.share[1, 200:], 1 / 200, rtol=1e-9)


def test_a_draw_without_any_density_is_refused() -> None:
    with pytest.raises(ValueError, match="no finite density"):
        mixture(np.array([[0.0, -np.inf], [0.0, -np.inf]]), np.array([1, 1]), 1)


@pytest.mark.parametrize("constant", [0.0, 5.0])
def test_how_unlinked_anchors_share_a_universe_is_not_known(constant: float) -> None:
    """Half of the weights, or nearly all of them, by a constant that no draw tells: such weights are to be refused."""
    x = np.concatenate([np.random.default_rng(0).normal(mean, 1, 400) for mean in (-20, -19, 20)])
    density = np.stack([log_normal(x, -20, 1, 0), log_normal(x, -19, 1, 0), log_normal(x, 20, 1, constant)])
    mix = mixture(density, np.array([400, 400, 400]), 4)
    np.testing.assert_array_equal(mix.group, [0, 0, 2])
    np.testing.assert_array_equal(mix.linked, [True, True, False])
    modes = np.stack([log_normal(x, -20, 1, np.log(0.5)), log_normal(x, 20, 1, np.log(0.5)) + constant])
    targets = np.stack([np.logaddexp(*modes), log_normal(x, -19.5, 1, 0), log_normal(x, 20, 1, 0)])
    weights = np.exp(targets - mix.log_density)
    together = mix.held_together(weights / weights.sum(axis=1, keepdims=True))
    assert together[0] < 0.97
    np.testing.assert_allclose(together[1:], 1.0)
