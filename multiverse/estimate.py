"""What an analysis that is not Bayesian tells of one quantity: a number, its standard error, its degrees of freedom."""

from __future__ import annotations

from typing import Any, NamedTuple


class Estimate(NamedTuple):
    """An estimate with its standard error, as a `Study(estimate=...)` function returns it.

    value: the estimate. se: its standard error, or None where the analysis has none. df: degrees of freedom of
    Student's t, or None for the normal distribution. All three may be JAX scalars.
    """

    value: Any
    se: Any = None
    df: Any = None
