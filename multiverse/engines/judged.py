"""The outcome of a universe whose draws were judged, whatever engine drew them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from multiverse.engines.engine import Batch
from multiverse.engines.estimand_draws import Failure
from multiverse.engines.outcome import ESTIMAND, LOG_LIKELIHOOD, LOG_PRIOR, SITE, DrawsName, Outcome


class Kept(NamedTuple):
    """Draws of one universe, each (chain, draw, ...): of estimands and of sites by name, and log densities in nats."""

    answers: Mapping[str, np.ndarray]
    sites: Mapping[str, np.ndarray]
    log_prior: np.ndarray
    log_likelihood: np.ndarray


def judged(
    batch: Batch,
    key: str,
    verdict: Failure,
    kept: Kept,
    estimates: Mapping[str, Mapping[str, float]],
    numbers: Mapping[str, float],
) -> Outcome:
    """An outcome with these draws, estimates (by estimand and statistic) and diagnostics."""
    draws = {str(DrawsName(ESTIMAND, name)): values for name, values in kept.answers.items()}
    draws |= {str(DrawsName(SITE, name)): values for name, values in kept.sites.items()}
    draws |= {LOG_PRIOR: kept.log_prior, LOG_LIKELIHOOD: kept.log_likelihood}
    return Outcome(
        key=key,
        reason=verdict.reason,
        message=verdict.message,
        traceback=verdict.traceback,
        draws=draws,
        estimates=estimates,
        diagnostics={**numbers, "block": float(batch.block)},
        attempt=batch.attempt,
    )


def at_universe(estimates: Mapping[str, Mapping[str, np.ndarray]], universe: int) -> dict[str, dict[str, float]]:
    """The estimates of one universe out of those of many, each (universe,), by estimand and statistic."""
    return {
        name: {statistic: float(of[universe]) for statistic, of in table.items()} for name, table in estimates.items()
    }
