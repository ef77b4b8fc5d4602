"""Draws from several anchors as one sample from their mixture: normalisers, weights, and errors that know both.

Anchors are posteriors that were sampled; their densities are known up to a factor each. The factors are estimated from
all draws together, and the mixture of all anchors is the proposal of every other universe (the balance heuristic).
Draws of a chain hang together, so errors are those of sums over stretches of a chain, and the uncertainty of the
factors is passed on (the influence of each stretch on each factor).

Sources: Shirts and Chodera 2008, J. Chem. Phys. 129:124105 (MBAR, equation 11); Veach and Guibas 1995, SIGGRAPH,
doi:10.1145/218380.218498 (balance heuristic); Geyer 1994, Minnesota report 568 (its asymptotics); Flegal and Jones
2010, Annals of Statistics 38(2), doi:10.1214/09-AOS735 (batch means).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from multiverse.engines.diagnostics import Floats

STEPS_MAX: Final = 200  # of Newton's method, or of the fixed point where that goes astray; 5 to 10 measured
WITHIN: Final = 1e-9  # nats between two steps: far below any Monte Carlo error
FIXED_POINTS: Final = 5  # steps before Newton's method, which starts well only near the solution
OVERLAP_MIN: Final = 0.03  # of the draws of one with another; Klimovich et al. 2015, doi:10.1007/s10822-015-9840-9, 5.3
STRETCHES: Final = 10  # of a chain whose sums are compared: 25 draws and more, longer than NUTS hangs together


@dataclass(frozen=True, eq=False)
class Mixture:
    """All draws of all anchors, as one sample.

    log_z: (anchor,), log normalisers up to a common constant: the first is 0. log_density: (draw,), of the mixture, on
    the same scale. share: (anchor, draw), each anchor's density over that of the mixture, divided by the number of
    draws: rows sum to 1. counts: (anchor,) draws of each; they stand one after the other. group: (anchor,) numbers
    from 0, alike where draws fall between anchors: only within a group normalisers are known. Made by `mixture`.
    """

    log_z: Floats
    log_density: Floats
    share: Floats
    counts: np.ndarray
    group: np.ndarray
    _stretches: Stretches
    _influence: Floats  # (anchor, stretch), of the draws of each stretch on each log normaliser

    @property
    def nbytes(self) -> int:
        """How many bytes it holds, but for some."""
        return self.share.nbytes + self.log_density.nbytes + self._influence.nbytes

    def belongs(self, weights: Floats) -> Floats:
        """(n, anchor): which part of normalised weights (n, draw) each anchor accounts for; they sum to 1."""
        parts: Floats = np.stack([self.counts * (self.share * row).sum(axis=1) for row in weights])
        return parts

    @property
    def linked(self) -> np.ndarray:
        """(anchor,): whether its normaliser is known against that of the first."""
        linked: np.ndarray = self.group == self.group[0]
        return linked

    def held_together(self, weights: Floats) -> Floats:
        """(n,): the largest part of normalised weights (n, draw) that one group of anchors accounts for."""
        parts = self.belongs(weights)
        by_group = [parts[:, self.group == group].sum(axis=1) for group in np.unique(self.group)]
        largest: Floats = np.max(by_group, axis=0)
        return largest

    def variance(self, terms: Floats, minus: int | None = None) -> Floats:
        """(n,): Monte Carlo variance of sums over draws. terms: (n, draw), such as weight x (value - mean).

        With the weights of a universe, which sum to 1, that is the variance of its log normaliser; `minus`: of its
        difference to the log normaliser of this anchor.
        """
        apart = self._stretches.apart(terms)
        for i, row in enumerate(terms):  # one by one: a matrix product has other bits in other company
            passed = self.counts * (self.share * row).sum(axis=1)
            if minus is not None:
                passed[minus] -= 1
            apart[i] += (passed[:, None] * self._influence).sum(axis=0)
        variance: Floats = np.square(apart).sum(axis=1)
        return variance


def mixture(log_density: Floats, counts: np.ndarray, chains: int) -> Mixture:
    """The mixture of anchors.

    log_density: (anchor, draw), unnormalised, of each anchor at the draws of all, in nats; -inf outside its support.
    counts: (anchor,), how many draws each has, in that order. chains: of each anchor, equally long.
    Raises ValueError where a draw has no density under any anchor.
    """
    counts = np.asarray(counts)
    log_density = np.asarray(log_density, np.float64)
    if not np.isfinite(log_density.max(axis=0)).all():
        raise ValueError("some draws have no finite density under any anchor")
    log_z = _normalisers(log_density, counts)
    scaled = log_density - log_z[:, None]
    of_mixture = _log_sum(scaled + np.log(counts / counts.sum())[:, None])
    share = np.exp(scaled - of_mixture) / counts.sum()
    of_chains = stretches(counts, chains)
    overlap = (share @ share.T) * counts[None, :]  # rows sum to 1
    # The first normaliser is fixed. Theta = J^-1 g: how the others follow the sums of shares.
    influence = np.zeros((len(counts), len(of_chains.starts)))
    follow = np.linalg.pinv(np.eye(len(counts) - 1) - overlap[1:, 1:])
    influence[1:] = follow @ of_chains.apart(share)[1:]
    return Mixture(log_z, of_mixture, share, counts, _groups(overlap), of_chains, influence)


def _groups(overlap: Floats) -> np.ndarray:
    """(anchor,): the first anchor to which a chain of anchors that overlap leads from it."""
    near = (overlap >= OVERLAP_MIN) & (overlap.T >= OVERLAP_MIN) | np.eye(len(overlap), dtype=bool)
    group = np.arange(len(overlap))
    for _ in range(len(overlap)):
        group = np.where(near, group, len(overlap)).min(axis=1)
    return group


class Stretches(NamedTuple):
    """Stretches of chains: sums over them are nearly independent of each other.

    starts: at which draw each begins. firsts: at which stretch those of each anchor begin. shares: which part each has
    of the draws of its anchor. anchor: the number of that. scale: makes squares of sums add to an unbiased variance.
    """

    starts: np.ndarray
    firsts: np.ndarray
    shares: Floats
    anchor: np.ndarray
    scale: Floats

    def apart(self, terms: Floats) -> Floats:
        """(n, stretch): sums of terms (n, draw) over stretches, each less its part of the sum of its anchor; scaled."""
        sums = np.add.reduceat(terms, self.starts, axis=1)
        whole = np.add.reduceat(sums, self.firsts, axis=1)[:, self.anchor]
        apart: Floats = self.scale * (sums - self.shares * whole)
        return apart


def stretches(counts: np.ndarray, chains: int) -> Stretches:
    """Some `STRETCHES` of each chain, none across two chains. counts, chains: as in `mixture`."""
    starts: list[int] = []
    firsts: list[int] = []
    of: list[int] = []
    at = 0
    for anchor, count in enumerate(np.asarray(counts).tolist()):
        length = count // chains
        cuts = np.linspace(0, length, min(STRETCHES, length), endpoint=False).astype(int)
        firsts.append(len(starts))
        starts += [at + chain * length + int(cut) for chain in range(chains) for cut in cuts]
        of += [anchor] * (chains * len(cuts))
        at += count
    anchor_of = np.array(of)
    many = np.bincount(anchor_of)[anchor_of]
    shares = np.diff([*starts, at]) / np.asarray(counts)[anchor_of]
    return Stretches(np.array(starts), np.array(firsts), shares, anchor_of, np.sqrt(many / np.maximum(many - 1, 1)))


def _normalisers(log_density: Floats, counts: np.ndarray) -> Floats:
    """Shirts and Chodera's equation 11, by its fixed point and then by Newton's method; the first is 0."""
    log_z = np.zeros(len(counts))
    if len(counts) == 1:
        return log_z
    for step in range(STEPS_MAX):
        # n_a p_a(x) / z_a over their sum: to which anchor a draw belongs
        scaled = log_density - log_z[:, None] + np.log(counts)[:, None]
        total = _log_sum(scaled)
        belongs = np.exp(scaled - total)
        fixed = log_z + np.log(belongs.sum(axis=1)) - np.log(counts)
        new = fixed
        if step >= FIXED_POINTS:
            gradient = (counts - belongs.sum(axis=1))[1:]
            hessian = (np.diag(belongs.sum(axis=1)) - belongs @ belongs.T)[1:, 1:]
            newton = log_z.copy()
            newton[1:] -= np.linalg.lstsq(hessian, gradient, rcond=None)[0]
            if _objective(log_density, counts, newton) <= _objective(log_density, counts, fixed):
                new = newton
        new = new - new[0]
        moved = np.abs(new - log_z).max()
        log_z = new
        if moved < WITHIN:
            break
    return log_z


def _objective(log_density: Floats, counts: np.ndarray, log_z: Floats) -> float:
    """Minus the log likelihood of which anchor each draw is from: convex in the log normalisers."""
    scaled = log_density - log_z[:, None] + np.log(counts)[:, None]
    value = float(_log_sum(scaled).sum() + (counts * log_z).sum())
    return value if np.isfinite(value) else np.inf


def _log_sum(values: Floats) -> Floats:
    """(draw,): log of the sum over anchors."""
    top = values.max(axis=0)
    total: Floats = top + np.log(np.exp(values - top).sum(axis=0))
    return total
