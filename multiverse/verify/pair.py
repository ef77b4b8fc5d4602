"""A stored outcome beside a new one of the same universe, and what is to be made of their differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from multiverse.engines.estimates import summarise
from multiverse.engines.outcome import ESTIMAND, DrawsName, Outcome
from multiverse.rerun.answers import Answer
from multiverse.rerun.compare import OF_THE_GATE, Comparison, Difference, compare
from multiverse.verify.verification import FALSE_ALARM, Checked, Finding

SUMMARY_RTOL: Final = 1e-6  # of estimates from their own draws; another SciPy has other last digits of a normal score
COMPUTED_RTOL: Final = 1e-6  # of numbers computed without draws, in another library or on other hardware
# Statistics that are compared by their Monte Carlo error. The error of outer quantiles is itself too uncertain: of
# 8,400 pairs of equal posteriors one pair of 97.5 % quantiles was 5.5 errors apart, of the others none more than 4.2.
COMPARED: Final = frozenset({"mean", "sd", "median", "q25", "q75"})


class Pair(NamedTuple):
    """A stored outcome and a new one. broken: what no Monte Carlo error explains, in words."""

    answer: Answer
    comparison: Comparison
    elsewhere: tuple[str, ...]
    broken: tuple[str, ...]


def pair(answer: Answer, then: Outcome, now: Outcome, estimands: frozenset[str], elsewhere: tuple[str, ...]) -> Pair:
    """Two outcomes of a universe beside each other.

    answer: with the rows that SQL reads, which may come from a pack. then: as its part has it. now: answered again.
    estimands: those that mean the same in both. elsewhere: what differs in versions and hardware, in words.
    """
    comparison = compare(then, now, estimands, judged=not answer.rewritten)
    rows = compare(answer.outcome, then.light(), then.estimates)
    broken = []
    if not rows.same:
        broken.append(f"the rows that SQL reads are not those of their part ({'; '.join(rows.changed)})")
    if not comparison.same and _summarised(now) and not _summarised(then):
        broken.append("the stored estimates are not those of the stored draws")
    if then.draws.keys() - now.draws.keys() or (now.draws and not then.draws):
        broken.append("draws on one side only")
    if then.reason is not now.reason and not {then.reason, now.reason} <= OF_THE_GATE:
        broken.append("another kind of failure")
    return Pair(answer, comparison, elsewhere, tuple(broken))


def _summarised(outcome: Outcome) -> bool:
    """Whether the estimates are what is usually said of the draws, so that the one can be had from the other."""
    for name, numbers in outcome.estimates.items():
        draws = outcome.draws.get(str(DrawsName(ESTIMAND, name)))
        if draws is None or draws.ndim != 2:
            return False
        usual = {s: float(v[0]) for s, v in summarise(np.asarray(draws, np.float64)[None]).items()}
        if any(
            not math.isclose(usual.get(s, math.nan), value, rel_tol=SUMMARY_RTOL)
            for s, value in numbers.items()
            if value == value
        ):
            return False
    return True


def _judged(comparison: Comparison) -> list[Difference]:
    """The numbers that Monte Carlo error can judge, and those without one."""
    return [d for d in comparison.differences if d.statistic in COMPARED]


def _distance(difference: Difference) -> float:
    """In Monte Carlo errors; of numbers that were computed and not drawn 0 or infinite."""
    if math.isnan(difference.error) and math.isclose(difference.then, difference.now, rel_tol=COMPUTED_RTOL):
        return 0.0
    return difference.distance


def limit_for(pairs: Sequence[Pair]) -> float:
    """How many Monte Carlo errors apart two numbers may be: the level for all is shared among them (Bonferroni)."""
    from scipy.stats import norm

    return float(norm.isf(FALSE_ALARM / 2 / max(sum(len(_judged(pair.comparison)) for pair in pairs), 1)))


def checked(pair: Pair, limit: float) -> Checked:
    """What a pair shows. limit: Monte Carlo errors that its numbers may be apart where it was computed elsewhere."""
    differences = _judged(pair.comparison)
    which = max(differences, key=_distance, default=None)
    furthest = _distance(which) if which else 0.0
    if pair.comparison.same and not pair.broken:
        finding = Finding.same
    elif pair.elsewhere and furthest <= limit and not pair.broken:
        finding = Finding.close
    else:
        finding = Finding.different
    named = f"{which.statistic} of {which.quantity}" if which and furthest else ""
    changed = "; ".join((*pair.comparison.changed, *pair.broken))
    return Checked(pair.answer.key, pair.answer.program, finding, furthest, named, changed)
