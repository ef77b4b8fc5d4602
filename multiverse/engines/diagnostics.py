"""R-hat, effective sample sizes, Monte Carlo error and E-BFMI of many scalars at once, in vectorised NumPy.

The rules are ArviZ 0.23's, to the last branch, so that a reader may check any number here with `az.rhat`, `az.ess`,
`az.mcse` and `az.bfmi`; ArviZ itself loops over scalars in Python and would cost more than the fit. Differences:
infinite draws give NaN, as NaN draws do; nothing is logged; and where a pair of autocorrelations is zero in exact
arithmetic (indicators of few draws), rounding tells whether an ESS counts it, and may tell ArviZ otherwise.

Everywhere: draws are (n, chain, draw), any real dtype, computed in float64 in blocks of the first axis; what comes
back is (n,) float64. NaN means "cannot be told": a draw that is not finite, fewer than `MIN_DRAWS` draws a chain, or,
for R-hat, one chain or draws that are all equal. Nothing here warns.

Sources: Vehtari, Gelman, Simpson, Carpenter, Bürkner 2021, Bayesian Analysis 16(2), doi:10.1214/20-BA1221 (R-hat,
bulk and tail ESS); Geyer 1992, Statistical Science 7(4), doi:10.1214/ss/1177011137 (where the sum of autocorrelations
stops); Betancourt 2016, arXiv:1604.00695 (E-BFMI).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

MIN_DRAWS = 4  # a chain: ArviZ 0.23, `not_valid(min_draws=4)`; two draws a half chain are the least that has a variance
TAIL_LOW, TAIL_HIGH = 0.05, 0.95  # quantiles whose indicators make the tail ESS (Vehtari et al. 2021)
BLOM = 3 / 8  # offset of a rank in its normal score (Blom 1958; Vehtari et al. 2021)
BLOCK_NUMBERS = 1 << 17  # draws held in float64 at a time (1 MiB an array): twice that left the cache, 1.6x slower


class Convergence(NamedTuple):
    """The three numbers that judge a scalar, each (n,): from one sort they cost less than one by one."""

    rhat: Floats
    ess_bulk: Floats
    ess_tail: Floats


def convergence(draws: ArrayLike) -> Convergence:
    """Rank-normalised split R-hat, bulk and tail ESS of (n, chain, draw): what `rhat`, `ess_bulk`, `ess_tail` give."""
    return Convergence(*in_blocks(_convergence, draws, 3))


def rhat(draws: ArrayLike) -> Floats:
    """Rank-normalised split R-hat: the larger of the draws' own (bulk) and of their distance from the median (folded).

    1 where chains agree, more where they do not, without bound where each chain stands still at its own value; NaN for
    one chain, and for draws that are all equal.
    """
    return in_blocks(_rhat, draws, 1)[0]


def ess_bulk(draws: ArrayLike) -> Floats:
    """Effective sample size of the rank-normalised draws, in draws; the number of draws where all are equal."""
    return in_blocks(_ess_bulk, draws, 1)[0]


def ess_tail(draws: ArrayLike) -> Floats:
    """The smaller effective sample size of the indicators "below the 5 % quantile" and "below the 95 % quantile"."""
    return in_blocks(_ess_tail, draws, 1)[0]


def ess_mean(draws: ArrayLike) -> Floats:
    """Effective sample size for the mean: of the split chains as they are, without ranks."""
    return in_blocks(lambda x: (_ess(_split(x)),), draws, 1)[0]


def mcse_mean(draws: ArrayLike) -> Floats:
    """Monte Carlo standard error of the mean, in the unit of the draws: their sd over the root of `ess_mean`."""
    return in_blocks(lambda x: (np.std(_flat(x), axis=1, ddof=1) / np.sqrt(_ess(_split(x))),), draws, 1)[0]


def ebfmi(energy: ArrayLike) -> Floats:
    """Energy Bayesian fraction of missing information of each chain: (n, chain, draw) energies to (n, chain).

    Low where momentum resampling explores the energies slowly. NaN where an energy is not finite or all are equal.
    """
    values = _checked(energy).astype(np.float64, order="C")
    if values.shape[2] < 2:
        return np.full(values.shape[:2], np.nan)
    with np.errstate(all="ignore"):
        ratio: Floats = np.square(np.diff(values, axis=2)).mean(axis=2) / np.var(values, axis=2, ddof=1)
    return np.where(np.isfinite(ratio), ratio, np.nan)


def _checked(draws: ArrayLike) -> NDArray[np.generic]:
    values = np.asarray(draws)
    if values.ndim != 3:
        raise ValueError(f"draws have shape {values.shape}; expected (n, chain, draw)")
    return values


def _blocks(values: NDArray[np.generic]) -> Iterator[slice]:
    size = max(1, BLOCK_NUMBERS // max(1, values.shape[1] * values.shape[2]))
    return (slice(start, start + size) for start in range(0, values.shape[0], size))


def in_blocks(
    rule: Callable[[Floats], tuple[Floats, ...]], draws: ArrayLike, numbers: int, least: int = MIN_DRAWS
) -> tuple[Floats, ...]:
    """What a rule gives, `numbers` arrays (n,), for draws (n, chain, draw): block by block, so memory stays bounded.

    The rule sees finite float64 draws only; the rest, and all with fewer than `least` draws a chain, are NaN.
    """
    values = _checked(draws)
    out = np.full((numbers, values.shape[0]), np.nan)
    if values.shape[1] >= 1 and values.shape[2] >= least:
        for block in _blocks(values):
            x = values[block].astype(np.float64, order="C")  # sums have the same bits from any layout
            finite = np.isfinite(x).all(axis=(1, 2))
            with np.errstate(all="ignore"):
                if finite.any():
                    out[:, block][:, finite] = rule(x if finite.all() else x[finite])
    return tuple(out)


def _flat(x: Floats) -> Floats:
    return x.reshape(x.shape[0], -1)


def _split(x: Floats) -> Floats:
    """(n, chain, draw) to (n, 2 chain, draw // 2): all first halves, then all second; an odd middle draw goes."""
    half = x.shape[2] // 2
    return np.concatenate([x[:, :, :half], x[:, :, x.shape[2] - half :]], axis=1)


@lru_cache(maxsize=16)
def _normal_scores(size: int) -> Floats:
    """(2 size - 1,): the normal score of each average rank 1, 1.5, 2, ..., size among `size` draws."""
    from scipy.special import ndtri  # here: `multiverse --help` shall not pay for scipy

    ranks = (np.arange(2 * size - 1) + 2) / 2
    scores: Floats = ndtri((ranks - BLOM) / (size - 2 * BLOM + 1))
    scores.setflags(write=False)  # it is shared by all callers
    return scores


class _Sorted(NamedTuple):
    values: Floats  # (n, size), ascending
    order: NDArray[np.intp]  # (n, size): where each came from


def _sorted(x: Floats) -> _Sorted:
    flat = _flat(x)
    order = np.argsort(flat, axis=1)
    return _Sorted(np.take_along_axis(flat, order, axis=1), order)


def _median(ascending: Floats) -> Floats:
    """(n, size) sorted to (n, 1)."""
    size = ascending.shape[1]
    return ((ascending[:, (size - 1) // 2] + ascending[:, size // 2]) / 2)[:, None]


def _scores(ranked: _Sorted, shape: tuple[int, ...]) -> Floats:
    """Normal scores of the ranks, in the places and the shape the draws had; equal draws share their average rank."""
    values, order = ranked
    n, size = values.shape
    table = _normal_scores(size)
    scores = np.empty((n, size))
    np.put_along_axis(scores, order, table[::2][None, :], axis=1)  # right wherever all draws differ
    same = values[:, 1:] == values[:, :-1]
    tied = same.any(axis=1)
    if tied.any():
        place = np.arange(size)
        edge = np.ones((int(tied.sum()), 1), dtype=bool)
        first = np.maximum.accumulate(np.where(np.hstack([edge, ~same[tied]]), place, 0), axis=1)
        last_backwards = np.where(np.hstack([~same[tied], edge]), place, size - 1)[:, ::-1]
        last = np.minimum.accumulate(last_backwards, axis=1)[:, ::-1]
        mended = np.empty(first.shape)
        np.put_along_axis(mended, order[tied], table[first + last], axis=1)
        scores[tied] = mended
    return scores.reshape(shape)


def _plain_rhat(z: Floats) -> Floats:
    """(n, chain, draw) to (n,): the root of pooled over within-chain variance."""
    draws = z.shape[2]
    between_over_draws = np.var(z.mean(axis=2), axis=1, ddof=1)
    within = np.var(z, axis=2, ddof=1).mean(axis=1)
    ratio: Floats = np.sqrt((draws * between_over_draws / within + draws - 1) / draws)
    return ratio


def _rank_rhat(split: Floats, ranked: _Sorted, z: Floats) -> Floats:
    distance = np.abs(split - _median(ranked.values)[:, :, None])
    bulk, folded = _plain_rhat(z), _plain_rhat(_scores(_sorted(distance), distance.shape))
    return np.where(folded > bulk, folded, bulk)  # two symmetric values have one distance: folded is NaN, bulk counts


def _autocovariance(chains: Floats) -> Floats:
    """(n, chain, draw) to (n, draw): autocovariance at each lag over the number of draws, its mean over chains."""
    from scipy.fft import next_fast_len

    draws = chains.shape[2]
    length = next_fast_len(2 * draws, real=True)
    waves = np.fft.rfft(chains - chains.mean(axis=2, keepdims=True), n=length, axis=2)
    power = (np.square(waves.real) + np.square(waves.imag)).mean(axis=1)  # before the way back: one, not one a chain
    covariance: Floats = np.fft.irfft(power, n=length, axis=1)[:, :draws] / draws
    return covariance


def _ess(chains: Floats) -> Floats:
    """(n, chain, draw) to (n,): draws over the autocorrelation time, summed by Geyer's initial monotone sequence."""
    chain, draw = chains.shape[1:]
    covariance = _autocovariance(chains)
    within = covariance[:, :1] * draw / (draw - 1)
    total = covariance[:, :1] + (np.var(chains.mean(axis=2), axis=1, ddof=1)[:, None] if chain > 1 else 0.0)
    rho = 1 - (within - covariance) / total
    rho[:, 0] = 1.0

    last_pair = max(0, (draw - 3) // 2)  # ArviZ looks no further
    even, odd = rho[:, : 2 * last_pair + 1 : 2], rho[:, 1 : 2 * last_pair + 2 : 2]
    pairs = even + odd  # (n, last_pair + 1)
    stop = np.minimum(np.cumprod(pairs > 0, axis=1).sum(axis=1), last_pair)  # first pair that is not positive
    counted = np.arange(last_pair + 1) < stop[:, None]
    decreasing = np.minimum.accumulate(pairs, axis=1)
    at_stop = np.take_along_axis(even, stop[:, None], axis=1)[:, 0]
    pair_at_stop = np.take_along_axis(pairs, stop[:, None], axis=1)[:, 0]
    half_pair = np.where((pair_at_stop >= 0) | (at_stop > 0), at_stop, 0.0)

    size = chain * draw
    time = -1 + 2 * np.where(counted, decreasing, 0.0).sum(axis=1) + half_pair
    ess = size / np.maximum(time, 1 / np.log10(size))  # antithetic chains may do better than independent draws, so far
    ess = np.where(np.isfinite(total[:, 0]) & (total[:, 0] > 0), ess, np.nan)
    spread = np.ptp(_flat(chains), axis=1)
    return np.where(spread < np.finfo(np.float64).resolution, float(size), ess)  # constant: ArviZ's convention


def _convergence(x: Floats) -> tuple[Floats, ...]:
    split = _split(x)
    ranked = _sorted(split)
    z = _scores(ranked, split.shape)
    r = _rank_rhat(split, ranked, z) if x.shape[1] > 1 else np.full(x.shape[0], np.nan)
    whole = ranked.values if x.shape[2] % 2 == 0 else np.sort(_flat(x), axis=1)  # quantiles keep the middle draw
    return r, _ess(z), _tail(x, whole)


def _rhat(x: Floats) -> tuple[Floats, ...]:
    if x.shape[1] < 2:
        return (np.full(x.shape[0], np.nan),)
    split = _split(x)
    ranked = _sorted(split)
    return (_rank_rhat(split, ranked, _scores(ranked, split.shape)),)


def _ess_bulk(x: Floats) -> tuple[Floats, ...]:
    split = _split(x)
    return (_ess(_scores(_sorted(split), split.shape)),)


def _ess_tail(x: Floats) -> tuple[Floats, ...]:
    return (_tail(x, np.sort(_flat(x), axis=1)),)


def _tail(x: Floats, ascending: Floats) -> Floats:
    below = [x <= quantile(ascending, p)[:, None, None] for p in (TAIL_LOW, TAIL_HIGH)]
    low, high = (_ess(_split(indicator.astype(np.float64))) for indicator in below)
    return np.minimum(low, high)


def quantile(ascending: Floats, probability: float) -> Floats:
    """(n,) quantiles of sorted (n, size), interpolated linearly as `np.quantile` does (R's type 7).

    In the arithmetic of SciPy's `mquantiles`, as ArviZ: whether a tied draw is below its quantile is up to rounding.
    """
    size = ascending.shape[1]
    position = size * probability + (1 - probability)
    below = int(np.clip(np.floor(position), 1, max(1, size - 1)))
    share = float(np.clip(position - below, 0, 1))
    return (1 - share) * ascending[:, below - 1] + share * ascending[:, min(below, size - 1)]
