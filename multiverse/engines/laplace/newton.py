"""The modes of many densities at once: Newton's method within a trust region, started from several points.

The density and its derivatives are a compiled program for a block of lanes; what is decided from them is NumPy, lane by
lane, so a lane takes the same steps in any company. Linear algebra stays outside the compiled program (XLA's threads
can wait for each other in LAPACK, see `planning.linear_algebra`).
Source: Nocedal and Wright 2006, Numerical optimization, chapters 3.4 (indefinite Hessians: the absolute values of their
eigenvalues) and 4.1 (trust regions).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from multiverse.engines.diagnostics import Floats

STEPS_MAX: Final = 200  # a regression takes 5 to 10, a radius of 2 reaches 1e6 in 20; slower means there is no mode
MODE_WITHIN: Final = 0.01  # posterior standard deviations, by the Hessian: the weights make up for what remains
RADIUS: Final = 2.0  # of the first step on the unconstrained scale, as far as starting points lie around 0
CURVATURE_MIN: Final = 1e-10  # of the largest eigenvalue: below it a direction is flat in the arithmetic of float64

FLAT: Final = 1e-50  # an eigenvalue at least, so that steps can be computed at all; the radius shortens them

Derivatives = Callable[[Floats], tuple[Floats, Floats, Floats]]
"""z (lane, dimension) -> potential (lane,), gradient (lane, dimension), Hessian (lane, dimension, dimension)."""


class Point(NamedTuple):
    """Where each lane is: the potential there, its gradient, and its Hessian as eigenvalues and eigenvectors."""

    z: Floats  # (lane, dimension)
    potential: Floats  # (lane,)
    gradient: Floats
    eigenvalues: Floats  # (lane, dimension)
    eigenvectors: Floats  # (lane, dimension, dimension), in columns
    finite: np.ndarray  # (lane,) bool: whether all of these are

    @property
    def curved(self) -> np.ndarray:
        """(lane,) whether the Hessian is positive definite."""
        least = CURVATURE_MIN * np.abs(self.eigenvalues).max(axis=1)
        curved: np.ndarray = self.finite & (self.eigenvalues[:, 0] > least)
        return curved


class Search(NamedTuple):
    """Where a search ended. stationary: (lane,) whether no step is left to be made; steps: (lane,) those made."""

    at: Point
    stationary: np.ndarray
    steps: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """(lane,) whether it is a mode: stationary, with a positive definite Hessian."""
        found: np.ndarray = self.stationary & self.at.curved
        return found


def look(derivatives: Derivatives, z: Floats) -> Point:
    """What there is at some points."""
    potential, gradient, hessian = (np.asarray(a, np.float64) for a in derivatives(z))
    finite = np.isfinite(potential) & np.isfinite(gradient).all(axis=1) & np.isfinite(hessian).all(axis=(1, 2))
    safe = np.where(finite[:, None, None], hessian, np.eye(z.shape[1]))
    values, vectors = np.linalg.eigh((safe + np.swapaxes(safe, 1, 2)) / 2)
    return Point(z, potential, gradient, values, vectors, finite)


def search(
    derivatives: Derivatives, start: Point, *, rounding: float, stop: Callable[[], bool] = lambda: False
) -> Search:
    """Go down from each start to a mode, or as far as `STEPS_MAX` steps lead.

    rounding: relative error of the potential, below which a rise is none. stop: asked before each step.
    """
    lanes = len(start.z)
    at, radius, steps = start, np.full(lanes, RADIUS), np.zeros(lanes, int)
    step, left = _newton_step(at)
    stationary = at.finite & (left < MODE_WITHIN)
    active = at.finite & ~stationary
    for _ in range(STEPS_MAX):
        if not active.any() or stop():
            break
        length = np.sqrt(np.square(step).sum(axis=1))
        within = radius / np.maximum(length, radius)
        there = look(derivatives, np.where(active[:, None], at.z + within[:, None] * step, at.z))
        slack = rounding * np.abs(at.potential)
        better = active & there.finite & (there.potential <= at.potential + slack)
        at = Point(*(np.where(_along(better, new), new, old) for new, old in zip(there, at, strict=True)))
        shorter = np.minimum(radius, within * length) / 4
        radius = np.where(better, 2 * radius, np.where(active, shorter, radius))
        steps += active
        step, left = _newton_step(at)
        stationary = at.finite & (left < MODE_WITHIN)
        active &= ~stationary & (radius > np.finfo(float).eps)
    return Search(at, stationary, steps)


def _along(lanes: np.ndarray, like: np.ndarray) -> np.ndarray:
    return lanes.reshape(-1, *[1] * (like.ndim - 1))


def _newton_step(at: Point) -> tuple[Floats, Floats]:
    """The step to the mode of a quadratic, down in every direction; and its length in posterior standard deviations."""
    size = np.abs(at.eigenvalues)
    size = np.maximum(size, np.maximum(CURVATURE_MIN * size.max(axis=1, keepdims=True), FLAT))
    slope = np.einsum("lij,li->lj", at.eigenvectors, np.where(at.finite[:, None], at.gradient, 0.0))
    step: Floats = -np.einsum("lij,lj->li", at.eigenvectors, slope / size)
    return step, np.sqrt((np.square(slope) / size).sum(axis=1))
