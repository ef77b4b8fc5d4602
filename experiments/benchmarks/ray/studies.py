"""Studies of many small universes: what Ray costs shows best where the work itself costs next to nothing."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist

import multiverse as mv

ROWS, SLOPES, DROPPED = 100, 4, 10


def raw_data() -> dict[str, np.ndarray]:
    """Covariates (100, 4) and outcomes (100,)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, SLOPES))
    return {"x": x, "y": x @ np.array([1.0, 0.5, 0.0, -0.3]) + rng.standard_t(4, size=ROWS)}


def kept_rows(raw: Mapping[str, np.ndarray], *, dropped: int) -> dict[str, np.ndarray]:
    """The data without the tenth of the rows that a seed drops."""
    kept = np.sort(np.random.default_rng(dropped).permutation(ROWS)[DROPPED:])
    return {name: column[kept] for name, column in raw.items()}


def regression_model(data: Any, *, scale: float, degrees: float) -> None:
    level = numpyro.sample("level", dist.Normal(0, 10))
    slopes = numpyro.sample("slopes", dist.Normal(0, scale).expand([SLOPES]).to_event(1))
    noise = numpyro.sample("noise", dist.HalfNormal(5))
    with mv.rows(data):
        numpyro.sample("y", dist.StudentT(degrees, level + data["x"] @ slopes, noise), obs=data["y"])


def regression(count: int) -> mv.Study:
    """A Student-t regression: ten degrees of freedom, ten ways to drop rows, `count`/100 prior scales."""
    scales = np.geomspace(0.1, 5.0, count // 100)
    return mv.Study(
        name="small regressions",
        data=raw_data,
        prepare=kept_rows,
        model=regression_model,
        estimands={"slope": lambda draws, data: draws["slopes"][:, 0]},
        space=mv.Space(
            scale=mv.prior({f"{scale:.5g}": float(scale) for scale in scales}),
            degrees=mv.likelihood({f"{d:g}": d for d in (3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 60.0)}),
            dropped=mv.preprocessing({f"rows of seed {seed}": seed for seed in range(10)}),
        ),
    )


def weighed(data: Any, *, d0: float, d1: float, d2: float, d3: float, d4: float) -> Any:
    """A mean and a weighed sum, which JAX traces."""
    return data["x"].mean() + d0 + 2 * d1 + 3 * d2 + 5 * d3 + 7 * d4


def counted(data: Any, *, d0: float, d1: float, d2: float, d3: float, d4: float) -> float:
    """The same by plain Python, which JAX cannot trace."""
    return float(np.mean(data["x"])) + float(f"{d0 + 2 * d1 + 3 * d2 + 5 * d3 + 7 * d4}")


def ridge(data: Any, *, d0: float, d1: float, d2: float, d3: float, d4: float) -> float:
    """A ridge regression by NumPy with bootstrapped data: about a millisecond of plain Python."""
    rng = np.random.default_rng(int(d0 + 10 * d1 + 100 * d2 + 1000 * d3))
    slopes = []
    for _ in range(20):
        rows = rng.integers(ROWS, size=ROWS)
        x, y = data["x"][rows], data["y"][rows]
        slopes.append(np.linalg.solve(x.T @ x + (1 + d4) * np.eye(SLOPES), x.T @ y)[0])
    return float(np.mean(slopes))


def tens(estimate: Callable[..., Any], count: int) -> mv.Study:
    """An `estimate` function over five decisions: four of ten options, and one of as many as `count` universes need."""
    options = [10, 10, 10, 10, max(1, count // 10**4)]
    decisions = {f"d{i}": mv.prior({str(k): float(k) for k in range(n)}) for i, n in enumerate(options)}
    return mv.Study(name=f"tens of {estimate.__name__}", data=raw_data, estimate=estimate, space=mv.Space(**decisions))


STUDIES: Mapping[str, Callable[[int], mv.Study]] = {
    "regression": regression,
    "traced": functools.partial(tens, weighed),
    "plain": functools.partial(tens, counted),
    "ridge": functools.partial(tens, ridge),
}
