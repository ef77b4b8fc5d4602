"""Draws of the globals in rounds, each from a Student-t that the rounds before have shaped; weighed as one mixture.

NumPy, one universe at a time, so that it has the same bits in any company. Sources: Cornuet, Marin, Mira, Robert 2012,
Scandinavian Journal of Statistics 39(4) (adaptive multiple importance sampling); Veach and Guibas 1995 (the
deterministic mixture, or balance heuristic); Ionides 2008, JCGS 17(2) (truncated weights).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from multiverse.engines.diagnostics import Floats

DEGREES: Final = 5  # of freedom of the globals' proposals: heavier tails than most posteriors, a variance all the same
WIDER: Final = 1.1  # than the weighted covariance: a proposal too narrow costs more than one too wide
LOCAL_DEGREES: Final = 4  # of freedom of the locals' noise where it is not Gaussian: tails of a t prior are covered


class Component(NamedTuple):
    """A multivariate Student-t with `DEGREES` degrees of freedom: centre + root t."""

    centre: Floats  # (globals,)
    root: Floats  # (globals, globals)

    def log_density(self, g: Floats) -> Floats:
        """At globals (n, globals), (n,) nats."""
        size = len(self.centre)
        white = np.linalg.solve(self.root, (g - self.centre).T)
        spread = np.linalg.slogdet(self.root)[1]
        gammas = math.lgamma((DEGREES + size) / 2) - math.lgamma(DEGREES / 2)
        constant = gammas - size / 2 * math.log(DEGREES * math.pi) - spread
        density: Floats = constant - (DEGREES + size) / 2 * np.log1p(np.square(white).sum(axis=0) / DEGREES)
        return density


def draw_globals(random: np.random.Generator, component: Component, draws: int) -> Floats:
    """`(draw, globals)` from a component, near ones first: their locals settle together, sooner than those far out."""
    size = len(component.centre)
    t = random.standard_normal((draws, size)) / np.sqrt(random.chisquare(DEGREES, (draws, 1)) / DEGREES)
    t = t[np.argsort(np.square(t).sum(axis=1), kind="stable")]
    drawn: Floats = component.centre + (t[:, None, :] * component.root).sum(axis=2)
    return drawn


def draw_noise(random: np.random.Generator, draws: int, size: int, *, heavy: bool) -> tuple[Floats, Floats]:
    """Noise of locals `(draw, locals)` and its log density `(draw,)`, nats: normal, or t with `LOCAL_DEGREES`."""
    if not heavy:
        noise = random.standard_normal((draws, size))
        return noise, -(np.square(noise).sum(axis=1) + size * math.log(2 * math.pi)) / 2
    df = LOCAL_DEGREES
    noise = random.standard_t(df, (draws, size))
    constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - math.log(df * math.pi) / 2
    return noise, size * constant - (df + 1) / 2 * np.log1p(np.square(noise) / df).sum(axis=1)


def log_weights(components: list[Component], g: Floats, log_ratio: Floats) -> Floats:
    """Log weights `(draw,)` of all draws, as from the mixture of the components, each of which gave as many of them.

    log_ratio: log joint minus log density of the locals given the globals.
    """
    each = np.array([component.log_density(g) for component in components])
    mixture = np.logaddexp.reduce(each, axis=0) - math.log(len(components))
    weighed: Floats = np.where(log_ratio > -np.inf, log_ratio, -np.inf) - mixture
    return weighed


def adapted(last: Component, g: Floats, weighed: Floats) -> Component:
    """The component of the next round: moments of the draws until now, weights truncated; `last` if all are zero."""
    usable = np.where(np.isfinite(weighed), weighed, -np.inf)
    if np.isneginf(usable).all():
        return last
    weights = np.exp(usable - np.logaddexp.reduce(usable))
    weights = np.minimum(weights, len(weights) ** -0.5)
    weights /= weights.sum()
    g = np.where(weights[:, None] > 0, g, 0.0)
    centre = (weights[:, None] * g).sum(axis=0)
    apart = g - centre
    covariance = WIDER * (weights[:, None, None] * apart[:, :, None] * apart[:, None, :]).sum(axis=0)
    try:
        return Component(centre, np.linalg.cholesky(covariance))
    except np.linalg.LinAlgError:  # fewer draws with weight than there are globals
        return last
