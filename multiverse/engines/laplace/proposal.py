"""From the ends of a search to a proposal for each universe: its mode, its shape, and modes that it does not cover."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from multiverse.engines.diagnostics import Floats
from multiverse.engines.laplace.newton import Search
from multiverse.engines.outcome import Reason

APART: Final = 0.5  # standard deviations of the better mode; two ends of one mode are within 2 x `MODE_WITHIN`
MODE_MASS: Final = 1e-3  # share of the mass, by Laplace's approximation, from which a second mode matters
MODE_WEIGHT: Final = 1e-2  # of all weights: if one draw at a second mode bore more, the draws do not reach it


class Proposal(NamedTuple):
    """A multivariate Student-t: mode + root t.

    log_constant: of its density at the mode, on the unconstrained scale, in nats. modes: how many were found, with
    Laplace's share of the mass of the others and their log weight under this proposal.
    """

    mode: Floats  # (dimension,)
    root: Floats  # (dimension, dimension): the inverse Hessian is root root'
    log_constant: float
    modes: int
    others: tuple[tuple[float, float], ...] = ()


class NoProposal(NamedTuple):
    """Why there is none."""

    reason: Reason
    message: str


def propose(found: Search, degrees: int) -> Proposal | NoProposal:
    """The proposal at the best mode that the starts of one universe led to; lanes of the search are its starts."""
    at = found.at
    if not at.finite.any():
        tries = f"no starting point with a finite log joint, gradient and Hessian was found, from {len(at.z)} starts"
        return NoProposal(Reason.not_finite, tries)
    if not found.found.any():
        steps = int(found.steps.max())
        if found.stationary.any():
            least = float(at.eigenvalues[found.stationary][:, 0].max())
            seen = "the Hessian where Newton's method stopped is not positive definite: its least eigenvalue is "
            return NoProposal(Reason.curvature, f"{seen}{least:.3g}")
        message = f"no mode was found in {steps} steps of Newton's method, from {len(at.z)} starts"
        return NoProposal(Reason.mode, message)
    modes = np.flatnonzero(found.found)
    best = int(modes[np.argmin(at.potential[modes])])
    values, vectors = at.eigenvalues[best], at.eigenvectors[best]
    root = vectors / np.sqrt(values)
    size = len(values)
    gammas = math.lgamma((degrees + size) / 2) - math.lgamma(degrees / 2)
    constant = gammas + (float(np.log(values).sum()) - size * math.log(degrees * math.pi)) / 2
    log_mass = -at.potential - np.log(np.where(found.found[:, None], at.eigenvalues, 1.0)).sum(axis=1) / 2
    distinct: list[int] = [best]
    others = []
    for lane in modes:
        if all(_distance(at.z[lane], at.z[one], at.eigenvalues[one], at.eigenvectors[one]) > APART for one in distinct):
            far = _distance(at.z[lane], at.z[best], values, vectors)
            log_weight = -at.potential[lane] - constant + (degrees + size) / 2 * np.log1p(far**2 / degrees)
            distinct.append(int(lane))
            others.append((int(lane), float(log_weight)))
    total = np.logaddexp.reduce(log_mass[distinct])
    shares = tuple((float(np.exp(log_mass[lane] - total)), log_weight) for lane, log_weight in others)
    return Proposal(at.z[best], root, constant, len(distinct), shares)


def uncovered(proposal: Proposal, log_total: float) -> str:
    """What is wrong if draws of the proposal do not reach another mode that matters; else empty.

    log_total: log of the sum of all weights.
    """
    missed = [mass for mass, weight in proposal.others if mass > MODE_MASS and weight - log_total > np.log(MODE_WEIGHT)]
    if not missed:
        return ""
    return (
        f"{proposal.modes} modes were found, and the draws around the highest one do not reach "
        f"{'another' if len(missed) == 1 else f'{len(missed)} others'} with some {sum(missed):.2g} of the mass"
    )


def _distance(z: Floats, mode: Floats, eigenvalues: Floats, eigenvectors: Floats) -> float:
    """In standard deviations around a mode."""
    return float(np.sqrt((np.square((z - mode) @ eigenvectors) * eigenvalues).sum()))
