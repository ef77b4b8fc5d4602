"""The quadrature of the benchmark, where the answer is known in another way."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "experiments" / "benchmarks" / "eight_schools_kind"


@pytest.fixture
def quadrature(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("quadrature")


def test_schools_that_cannot_differ_share_the_mean_of_a_normal(quadrature: ModuleType) -> None:
    """With next to no spread all effects are mu, which has a conjugate posterior."""
    found = quadrature.posterior_means(spread=1e-3, degrees=8.0, center=5.0)
    weights = 1 / quadrature.ERROR**2
    mean = float((weights * quadrature.EFFECT).sum() / (weights.sum() + 1 / 25))
    assert [value for name, (value, _) in found.items() if name != "tau"] == pytest.approx([mean] * 9, rel=1e-4)
    assert found["tau"][0] == pytest.approx(1e-3 * np.sqrt(2 / np.pi), rel=1e-3)  # of its half-normal prior


def test_effects_with_many_degrees_of_freedom_are_normal(quadrature: ModuleType) -> None:
    """Given mu and tau a normal effect has a closed form; here mu is integrated out as well, on a grid over tau."""
    spread, center = 5.0, 5.0
    tau = np.linspace(1e-6, 40.0, 40_001)[:, None]
    weight = 1 / (quadrature.ERROR**2 + tau**2)
    precision = weight.sum(axis=1) + 1 / center**2
    mu = (weight * quadrature.EFFECT).sum(axis=1) / precision
    log_density = (np.log(weight) - weight * quadrature.EFFECT**2).sum(axis=1) - np.log(precision) + precision * mu**2
    density = np.exp((log_density - (tau[:, 0] / spread) ** 2) / 2 - (log_density / 2).max())
    theta = mu[:, None] + (quadrature.EFFECT - mu[:, None]) * tau**2 * weight
    exact = np.average(np.column_stack([mu, tau, theta]), axis=0, weights=density)
    found = quadrature.posterior_means(spread, 400.0, center)  # a t of 400 degrees: variance 0.5 % above a normal's
    assert [value for value, _ in found.values()] == pytest.approx(exact, rel=5e-3)
