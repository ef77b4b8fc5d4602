"""Audits: green universes answered again by cold, dispersed NUTS, and compared in Monte Carlo standard errors.

No diagnostic of weights sees a mode or a tail that no draw visited. Which universes are audited hangs on their keys and
the seed alone, and is known before any is fitted: nothing that was final is ever revoked.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple

from multiverse.engines.estimates import QUANTILES
from multiverse.engines.outcome import Outcome
from multiverse.errors import PlanError, Problem

SHARE: Final = 0.02  # of the universes: 1 in 50, so an error in a tenth of 1,000 universes escapes 1 time in 8
CHAINS: Final = 8  # a mode where 1 of 5 prior draws ends is met by none of 4 chains 2 times in 5, by none of 8 1 in 6
Z_MAX: Final = 5.0  # two-sided normal quantile: 5 % for all of some 100,000 comparisons together (Bonferroni)
ROUNDING: Final = 2.0**-20  # relative: numbers of float32 draws, rounded by 2^-24 each, and of float64 draws

SOURCES: Final[Mapping[str, str]] = MappingProxyType(  # field of an audit -> where its default comes from
    {
        "share": "an error in a tenth of 1,000 universes escapes 1 time in 8, one in a hundredth 8 times in 10",
        "z_max": "Bonferroni: 5 % for 100,000 comparisons together; measured, none of 96,000 audits was above it",
        "chains": "a mode to which a fifth of the prior leads is met by none of 8 chains 1 time in 6, of 4 2 in 5",
    }
)

Table = Mapping[str, float]  # the statistics of one estimand


class Compared(NamedTuple):
    """How far two outcomes are apart: z of the comparison where it is largest, and what was compared there.

    z: not negative, in combined Monte Carlo standard errors; infinity where one outcome has a number and the other has
    none, NaN where nothing could be compared.
    """

    z: float
    what: str


class Finding(StrEnum):
    """What an audit says of a green answer. Only the first leaves the engine trusted."""

    confirmed = "confirmed"  # green under NUTS too, and the numbers agree
    refuted = "refuted"  # the numbers differ by more than chance explains
    open = "open"  # NUTS was red itself: two chains in two modes look like that, and so does bad luck


class Audited(NamedTuple):
    """A finding, the largest z, and a sentence for people that says what was seen."""

    finding: Finding
    z: float
    message: str


@dataclass(frozen=True)
class Audit:
    """How many green universes are audited, and what counts as a disagreement; part of the run id.

    share: of the universes that are audited, chosen by key; 0 for none. z_max: the largest difference, in combined
    Monte Carlo standard errors, that is still put down to chance. chains: of an audit, at least, each started from a
    prior draw of its own; universes in which an engine found several modes are answered by as many.
    Raises PlanError for a share that is none, for a bound that nothing can keep, and for less than two chains.
    """

    share: float = SHARE
    z_max: float = Z_MAX
    chains: int = CHAINS

    def __post_init__(self) -> None:
        for name in ("share", "z_max"):
            object.__setattr__(self, name, float(getattr(self, name)))
        problems = []
        if not 0 <= self.share <= 1:
            problems.append(
                Problem(f"the audit has share={self.share:g}.", "a number from 0 to 1", f"Audit(share={SHARE:g})")
            )
        if not self.z_max > 0:
            problems.append(
                Problem(
                    f"the audit has z_max={self.z_max:g}, which no two answers can keep.",
                    "a number of standard errors above 0",
                    f"Audit(z_max={Z_MAX:g})",
                )
            )
        if not self.chains >= 2:
            problems.append(Problem(f"the audit has chains={self.chains!r}.", "at least 2", f"Audit(chains={CHAINS})"))
        if problems:
            raise PlanError(problems)

    def picks(self, key: str, seed: int) -> bool:
        """Whether the universe with this key is audited: the same in any plan, order and process."""
        return _place(key, seed) < self.share

    def firsts_of(self, keys: Iterable[str], seed: int, count: int = 1) -> list[str]:
        """So many to audit where `picks` takes none, those that it would take first; fewer if there are fewer keys."""
        return heapq.nsmallest(count, keys, key=lambda key: (_place(key, seed), key))

    def judge(self, answer: Outcome, cold: Outcome) -> Audited:
        """What a cold NUTS outcome, the last of its ladder, says of a green answer to the same universe."""
        seen = compare(answer, cold)
        if not cold.ok:
            return Audited(Finding.open, seen.z, f"NUTS started cold was red itself ({cold.reason.name})")
        far = f"{seen.what} differs from that of NUTS started cold by {seen.z:.3g} Monte Carlo standard errors"
        if seen.z > self.z_max:
            return Audited(Finding.refuted, seen.z, f"{far}, above {self.z_max:g}")
        if math.isnan(seen.z):
            return Audited(Finding.open, seen.z, "NUTS started cold left nothing to compare")
        return Audited(Finding.confirmed, seen.z, f"{far} at most")


def compare(one: Outcome, other: Outcome) -> Compared:
    """The largest difference between the estimates of two outcomes, over all estimands, in combined standard errors.

    What is compared, and with which error, for each estimand:
    * the mean, with `mcse_mean`;
    * `p_positive`, as two shares of ess draws (score test, pooled variance);
    * the 2.5 % and 97.5 % quantiles, with an error from the effective draws and the density there, which is read off
      the quantiles further in: on the scale of normal scores, the spacing grows outwards at least as it did before.
      Left out where quantiles coincide, for then there is no density;
    * each quantile against the neighbours of the other: where the p quantile lies beyond the other's q quantile, the
      shares below some point differ by q - p at least, whatever the shape between.
    Left out: the sd, whose error needs a fourth moment that estimates do not hold; the outer quantiles stand for it.
    The effective draws of shares and quantiles are the smaller one of `ess` and `ess_tail`.
    """
    found: list[Compared] = []
    for name in sorted(one.estimates.keys() | other.estimates.keys()):
        mine, its = one.estimates.get(name, {}), other.estimates.get(name, {})
        told = [math.isfinite(table.get("mean", math.nan)) for table in (mine, its)]
        if told[0] != told[1]:
            found.append(Compared(math.inf, f"the mean of {name!r}"))
        elif all(told):
            found += [Compared(z, f"{what} of {name!r}") for what, z in _differences(mine, its) if not math.isnan(z)]
    return max(found, default=Compared(math.nan, "nothing"))


def _place(key: str, seed: int) -> float:
    """A number in [0, 1), uniform over keys."""
    digest = hashlib.sha256(f"multiverse audit|{int(seed)}|{key}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _differences(one: Table, other: Table) -> Iterator[tuple[str, float]]:
    """Everything that can be compared of one estimand, with its z."""
    levels = [(p, _of(one, name), _of(other, name)) for name, p in sorted(QUANTILES.items(), key=lambda q: q[1])]
    mine, its = [a for _, a, _ in levels], [b for _, _, b in levels]
    least = ROUNDING * max(abs(value) for value in (one["mean"], other["mean"]))
    errors = _of(one, "mcse_mean"), _of(other, "mcse_mean")
    yield "the mean", _z(one["mean"] - other["mean"], *errors, least)
    sizes = _effective(one), _effective(other)
    if not all(size > 0 for size in sizes):  # a confidence interval: nothing was drawn
        return
    yield "the probability of being positive", _z_shares(_of(one, "p_positive"), _of(other, "p_positive"), *sizes)
    if not all(math.isfinite(value) for value in (*mine, *its)):
        return
    for i, (p, a, b) in enumerate(levels):
        above = [q for q, x, y in levels[i + 1 :] if a > y + least or b > x + least]
        below = [q for q, x, y in levels[:i] if a < y - least or b < x - least]
        if above or below:
            yield f"the {p:.3g} quantile", max(_z_shares(p, q, *sizes) for q in (*above[-1:], *below[:1]))
    if len({*mine, *its}) == len(mine) + len(its):
        for words, turned in (("the 0.025 quantile", -1), ("the 0.975 quantile", 1)):
            outwards = mine[::turned], its[::turned]
            errors = (_error_of_tail(outwards[0], sizes[0]), _error_of_tail(outwards[1], sizes[1]))
            yield words, _z(outwards[0][-1] - outwards[1][-1], *errors, least)


def _of(table: Table, name: str) -> float:
    return float(table.get(name, math.nan))


def _effective(table: Table) -> float:
    """Effective draws; NaN where none are told."""
    return min((n for n in (_of(table, "ess"), _of(table, "ess_tail")) if not math.isnan(n)), default=math.nan)


def _z(difference: float, *errors: float) -> float:
    """Standard errors; without an error nothing may differ."""
    error = math.hypot(*errors)
    if error == 0:
        return math.inf if difference else 0.0
    return abs(difference) / error


def _z_shares(p: float, q: float, n: float, m: float) -> float:
    """Of two shares, p of n draws and q of m, or the other way round: the larger error. Pooled, with half a draw more.

    Half a draw on either side (Jeffreys' prior): 0 of 400 and 1e-9 of 400 are the same.
    """
    pooled = [(n * a + m * b + 0.5) / (n + m + 1) for a, b in ((p, q), (q, p))]
    return _z(p - q, math.sqrt(max(share * (1 - share) for share in pooled) * (1 / n + 1 / m)))


def _error_of_tail(outwards: list[float], n: float) -> float:
    """Standard error of the outermost of five quantiles, by n effective draws: sqrt(p (1 - p) / n) over the density.

    The density at p is phi(z) / (dx / dz), with z the normal score of p. From the median outwards log(dx / dz) is taken
    to grow along a line, which is exact for normal, lognormal and nearly for Cauchy tails, and never to fall.
    """
    from scipy.special import ndtri  # here: `multiverse --help` shall not pay for scipy

    scores = [float(ndtri(p)) for p in sorted(QUANTILES.values())][-3:]  # symmetric: outwards on either side
    inner, outer = (
        abs(b - a) / (t - s) for (a, b), (s, t) in zip(pairwise(outwards[-3:]), pairwise(scores), strict=True)
    )
    share = max(QUANTILES.values())
    steps = (scores[2] - scores[1]) / (scores[2] - scores[0])  # from the middle of the outer spacing, in those between
    slope = outer * float(max(outer / inner, 1.0) ** steps)
    density = math.exp(-(scores[2] ** 2) / 2) / math.sqrt(2 * math.pi)
    return math.sqrt(share * (1 - share) / n) * slope / density
