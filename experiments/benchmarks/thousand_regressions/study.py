"""The same 1,000 universes, as a user of multiverse declares them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpyro
import numpyro.distributions as dist
from universes import DEGREES, DROP_SEEDS, PRIOR_SCALES, SLOPES, kept_rows, raw_data

import multiverse as mv


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
) -> mv.Study:
    """All combinations of these options; 1,000 by default."""
    return mv.Study(
        name="thousand regressions",
        data=raw_data,
        prepare=prepare,
        model=model,
        estimands={"first slope": lambda draws, data: draws["b"][:, 0]},
        space=mv.Space(
            scale=mv.prior({str(s): s for s in scales}),
            degrees=mv.likelihood({str(d): d for d in degrees}),
            dropped=mv.preprocessing({f"rows of seed {k}": k for k in drop_seeds}),
        ),
    )
