"""Where many short chains begin, and in which coordinates: from weighted draws of an approximation.

Weights are tempered first, to the greatest power at which they still count as enough draws: where the approximation is
bad a few draws bear nearly all weight, which would neither tell a covariance nor let superchains begin apart. Tempered
weights lie between the approximation (power 0) and the posterior (power 1).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from multiverse.engines.diagnostics import Floats
from multiverse.engines.estimand_draws import Failure
from multiverse.engines.outcome import Reason
from multiverse.engines.weighing.psis import smooth
from multiverse.engines.weighing.weighted import importance_ess

COLUMNS_MAX: Final = 500  # numbers of a draw; beyond, spreads alone: 1 MiB a lane in float32, as warm NUTS has it
DRAWS_A_NUMBER: Final = 10  # effective: spreads along any direction are within a third (Marchenko and Pastur 1967) ...
DRAWS_LEAST: Final = 100  # ... and a mean within 0.1 standard deviations
ROUNDING: Final = 1e-12  # relative, of a mean in float64: below it a spread is none
HALVINGS: Final = 30  # of the interval in which the power lies


class Approximation(NamedTuple):
    """Draws of something near the posterior of a universe, which other draws shall begin from.

    z: (draw, dimension), on the unconstrained scale of the program, or of `noncentered(program)` where there is one.
    log_weights: (draw,), log joint minus log density
    of the approximation, up to a constant, in nats; -inf for a draw that is none.
    """

    z: Floats
    log_weights: Floats


class Begin(NamedTuple):
    """Coordinates in which the approximation is white (`planning.coordinates.whitened`), and starts in them.

    power: to which the weights were raised.
    """

    centre: Floats  # (dimension,)
    scale: Floats  # (dimension,)
    columns: Floats  # (dimension, column)
    stretch: Floats  # (dimension, column), all zero
    starts: Floats  # (superchain, dimension)
    power: float


def columns_at(dimension: int) -> tuple[int, ...]:
    """The places in a flat draw that have a column: all, or the first one where there are too many for a covariance."""
    return tuple(range(dimension)) if dimension <= COLUMNS_MAX else (0,)


def begin(approximation: Approximation, superchains: int, random: np.random.Generator) -> Begin | Failure:
    """Coordinates and a start for each superchain: distinct draws, taken without replacement by their tempered weights.

    Distinct, since superchains that begin together cannot disagree. A failure where too few draws bear any weight.
    """
    z, log_weights = (np.asarray(a, np.float64) for a in approximation)
    usable = np.isfinite(log_weights) & np.isfinite(z).all(axis=1)
    # Efraimidis and Spirakis 2006, Information Processing Letters 97(5), in logarithms: the highest of weight + Gumbel.
    luck = random.gumbel(size=len(z))
    if not usable.any():
        return _too_few(0, len(z), superchains)
    weights, power = tempered(log_weights[usable], max(DRAWS_LEAST, DRAWS_A_NUMBER * z.shape[1]))
    z, luck = z[usable], luck[usable]
    with np.errstate(divide="ignore"):
        order = np.argsort(-(np.log(weights) + luck), kind="stable")
    _, first = np.unique(z[order], axis=0, return_index=True)
    taken = order[np.sort(first)[:superchains]]
    if len(taken) < superchains:
        return _too_few(len(taken), len(usable), superchains)
    return _whitened(z, weights, z[taken], power)


def tempered(log_weights: Floats, least: float) -> tuple[Floats, float]:
    """Normalised weights (draw,), smoothed and raised to the greatest power up to 1 with an ESS of `least`; that power.

    log_weights: (draw,), finite. With fewer draws than that, half of these have to do.
    """
    smoothed = smooth(log_weights[None]).log_weights[0]
    relative, least = smoothed - smoothed.max(), min(least, len(log_weights) / 2)

    def raised(power: float) -> Floats:
        weights = np.exp(power * relative)
        normalised: Floats = weights / weights.sum()
        return normalised

    low, high = 0.0, 1.0
    if importance_ess(raised(high)[None])[0] >= least:
        return raised(high), high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if importance_ess(raised(middle)[None])[0] >= least else (low, middle)
    return raised(low), low


def _whitened(z: Floats, weights: Floats, starts: Floats, power: float) -> Begin:
    dimension = z.shape[1]
    centre = weights @ z
    apart = z - centre
    ess = float(importance_ess(weights[None])[0])
    spread = np.sqrt(weights @ np.square(apart))
    spread = np.where(spread > ROUNDING * np.abs(centre), spread, 1.0)  # a number that all draws share
    if dimension > COLUMNS_MAX:
        columns = np.zeros((dimension, 1))
        columns[0, 0] = spread[0]
        scale = np.where(np.arange(dimension) == 0, 0.0, spread)
        return Begin(centre, scale, columns, np.zeros_like(columns), (starts - centre) / spread, power)
    correlation = (weights[:, None] * apart / spread).T @ (apart / spread)
    # Towards no correlation, as if as many draws as there are numbers had shown none: never singular.
    shrunk = ess / (ess + dimension) * correlation
    shrunk[np.diag_indices(dimension)] = 1.0
    columns = spread[:, None] * np.linalg.cholesky(shrunk)
    at = np.asarray(np.linalg.solve(columns, (starts - centre).T).T, np.float64)
    return Begin(centre, np.zeros(dimension), columns, np.zeros_like(columns), at, power)


def _too_few(found: int, draws: int, superchains: int) -> Failure:
    return Failure(
        Reason.khat,
        f"{found} of {draws} draws of the approximation differ and bear weight; {superchains} superchains "
        "need a start each",
    )
