"""Variance shares where the universes are no full product: what a regression explains with and without a decision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from multiverse.aggregate.anova import Shares

ROWS_PER_TERM = 5  # rows a coefficient, below which pairs are not fitted: Hair et al. 2010, Multivariate Data Analysis
MOST_TERMS = 800  # columns of the regression: an eigendecomposition of this size takes about a second
CHUNK = 4096  # rows whose columns are held in memory at once
RANK_TOLERANCE = (
    1e-9  # eigenvalues below this part of the largest are zero: float64 sums over 10^5 rows are good to 1e-11
)


class Fit(NamedTuple):
    """Shares of each set of decisions, and whether the regression had room for all pairwise interactions."""

    shares: list[Shares]
    pairs: bool


class _Term(NamedTuple):
    decisions: frozenset[int]
    columns: slice


def regression_shares(
    columns: Sequence[np.ndarray], values: np.ndarray, noise: float, sets: Sequence[Sequence[int]]
) -> Fit:
    """Main and total share of each set of decisions, for universes in any arrangement, Monte Carlo variance taken out.

    columns: (rows,) codes of each decision, -1 where it does not apply; values: (rows,); noise: mean of the squared
    Monte Carlo errors of the values; sets: positions in `columns`, treated jointly. The fit is least squares on
    dummy-coded decisions and their pairwise products (on main effects only where rows are fewer than ROWS_PER_TERM a
    coefficient). main: R^2 of the fit on the set's own terms; for one decision this is the correlation ratio, the
    variance of its options' means. total: the loss of R^2 when all terms that name a decision of the set leave the
    fit. Where a decision does not apply its dummies are zero: it is nested in the decision that switches it. In a full
    product without interactions of three or more decisions, both agree with `grid_shares`. What entangled decisions
    explain together is in each main, in no total. Source: correlation ratio, Saltelli et al. 2008, Global Sensitivity
    Analysis, section 1.2; loss of R^2, Darlington 1968, Psychol. Bull. 69(3):161-182, doi:10.1037/h0025471.
    """
    n = len(values)
    variance = float(values.var() - (1 - 1 / n) * noise)
    design, pairs = _design(columns, n)
    gram, cross = _moments(columns, design, values)

    def explained(terms: Iterable[_Term]) -> float:
        chosen = [i for term in terms for i in range(term.columns.start, term.columns.stop)]
        amount, rank = _explained(gram, cross, np.array(chosen, dtype=np.int64))
        return amount - rank / n * noise

    whole = explained(design)
    shares = []
    for members in map(frozenset, sets):
        alone = explained(term for term in design if term.decisions <= members)
        lost = whole - explained(term for term in design if not term.decisions & members)
        shares.append(Shares(max(0.0, alone) / variance, max(0.0, lost) / variance))
    return Fit(shares, pairs)


def _design(columns: Sequence[np.ndarray], rows: int) -> tuple[list[_Term], bool]:
    """The terms of the regression and whether it has pairs: each decision's dummies, then the products of each two."""
    width = [max(0, len(np.unique(column[column >= 0])) - 1) for column in columns]
    free = [i for i, w in enumerate(width) if w]
    singles = [(frozenset({i}), width[i]) for i in free]
    doubles = [(frozenset({i, j}), width[i] * width[j]) for i, j in combinations(free, 2)]
    needed = sum(w for _, w in singles + doubles)
    pairs = needed <= MOST_TERMS and needed * ROWS_PER_TERM <= rows
    terms, start = [], 0
    for decisions, w in singles + (doubles if pairs else []):
        terms.append(_Term(decisions, slice(start, start + w)))
        start += w
    return terms, pairs or not doubles


def _moments(
    columns: Sequence[np.ndarray], design: Sequence[_Term], values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Covariances of the regression's columns with each other and with the values, summed chunk by chunk."""
    size = design[-1].columns.stop if design else 0
    dummies = {i: _dummies(column) for i, column in enumerate(columns)}
    gram, cross, total = np.zeros((size, size)), np.zeros(size), np.zeros(size)
    centred = values - values.mean()
    for start in range(0, len(values), CHUNK):
        rows = slice(start, start + CHUNK)
        block = np.concatenate([_product([dummies[i][rows] for i in sorted(t.decisions)]) for t in design], axis=1)
        gram += block.T @ block
        cross += block.T @ centred[rows]
        total += block.sum(axis=0)
    return gram / len(values) - np.outer(total, total) / len(values) ** 2, cross / len(values)


def _dummies(column: np.ndarray) -> np.ndarray:
    """(rows, options - 1), centred over the rows where the decision applies and zero elsewhere."""
    active = column >= 0
    options = np.unique(column[active])[1:]
    dummies: np.ndarray = (column[:, None] == options).astype(np.float64)
    dummies[active] -= dummies[active].mean(axis=0)
    return dummies


def _product(parts: Sequence[np.ndarray]) -> np.ndarray:
    product = parts[0]
    for part in parts[1:]:
        product = (product[:, :, None] * part[:, None, :]).reshape(len(product), -1)
    return product


def _explained(gram: np.ndarray, cross: np.ndarray, chosen: np.ndarray) -> tuple[float, int]:
    """Variance explained by the chosen columns and their rank; columns may depend on each other."""
    if not chosen.size:
        return 0.0, 0
    size, vectors = np.linalg.eigh(gram[np.ix_(chosen, chosen)])
    kept = size > RANK_TOLERANCE * max(float(size[-1]), 1e-300)
    along = vectors[:, kept].T @ cross[chosen]
    return float(np.sum(along**2 / size[kept])), int(kept.sum())
