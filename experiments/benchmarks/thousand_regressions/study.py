"""The same 1,000 universes, as a user of multiverse declares them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpyro
import numpyro.distributions as dist
from universes import DEGREES, DROP_SEEDS, PRIOR_SCALES, SLOPES, kept_rows, raw_data

import multiverse as mv


def slope(j: int) -> Callable[[Mapping[str, Any], Any], Any]:
    return lambda draws, data: draws["b"][:, j]


FIRST_SLOPE: Mapping[str, Any] = {"first slope": slope(0)}
EVERY_NUMBER: Mapping[str, Any] = {"level": "a", **{f"slope {j}": slope(j) for j in range(SLOPES)}, "noise": "s"}


def prepare(raw: Any, *, dropped: int) -> Any:
    return kept_rows(raw, dropped)


def model(data: Any, *, scale: float, degrees: float) -> None:
    level = numpyro.sample("a", dist.Normal(0, 10))
    slopes = numpyro.sample("b", dist.Normal(0, scale).expand([SLOPES]).to_event(1))
    noise = numpyro.sample("s", dist.HalfNormal(5))
    with mv.rows(data):
        numpyro.sample("y", dist.StudentT(degrees, level + data["x"] @ slopes, noise), obs=data["y"])


def study(
    scales: Sequence[float] = PRIOR_SCALES,
    degrees: Sequence[float] = DEGREES,
    drop_seeds: Sequence[int] = DROP_SEEDS,
    estimands: Mapping[str, Any] = FIRST_SLOPE,
) -> mv.Study:
    """All combinations of these options; 1,000 by default."""
    return mv.Study(
        name="thousand regressions",
        data=raw_data,
        prepare=prepare,
        model=model,
        estimands=dict(estimands),
        space=mv.Space(
            scale=mv.prior({str(s): s for s in scales}),
            degrees=mv.likelihood({str(d): d for d in degrees}),
            dropped=mv.preprocessing({f"rows of seed {k}": k for k in drop_seeds}),
        ),
    )
