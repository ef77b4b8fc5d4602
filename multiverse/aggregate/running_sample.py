"""Finished batches as a sample of the planned universes: strata, clusters, and the variance of what they tell.

A stratum is a program, or all programs that are one batch each; a cluster is what a finished batch holds of it. Within
a stratum batches run in a random order, so the finished ones are a random sample, without replacement.
Sources: Cochran 1977, Sampling Techniques, 3rd ed. (5A.12 strata with one cluster, 6.11 ratios over strata, 9A clusters
of unequal sizes); Lohr 2022, Sampling: Design and Analysis, 3rd ed., chapters 3 to 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from multiverse.aggregate.running_limits import unseen

KNOWN: Final = -1  # the stratum of universes that no batch answers: planning found that they cannot be
MISSING: Final = -1  # the batch of a universe that is not answered for good
TINY: Final = 1e-9  # stands for a sum of weights that is zero


@dataclass(frozen=True, eq=False)
class Sample:
    """Planned universes, (n,) each. stratum: its program; batch: of its answer, or MISSING; weight: what it counts.

    source: equal where exact duplicates share one answer, each other number once; of missing ones it does not matter.
    """

    stratum: np.ndarray
    batch: np.ndarray
    weight: np.ndarray
    source: np.ndarray

    @cached_property
    def answered(self) -> np.ndarray:
        """(n,) whether a universe is answered for good."""
        return np.asarray(self.batch != MISSING)

    @property
    def strata(self) -> int:
        """How many strata are sampled: finished in part, and covered."""
        return int(self._sampled.sum())

    @property
    def clusters(self) -> int:
        """How many finished clusters these have."""
        return int(self._drawn[self._sampled].sum())

    @property
    def degrees(self) -> int:
        """Degrees of freedom of the variance: clusters less strata, strata of one cluster together being one."""
        return self.clusters - int((self._drawn[self._sampled] > 1).sum()) - int(self._lone.any())

    @cached_property
    def covered(self) -> np.ndarray:
        """(n,) whether the finished batches tell of a universe's stratum; of others nothing but bounds is known."""
        return np.asarray((self._sampled | self._finished)[self._code])

    @cached_property
    def weights(self) -> np.ndarray:
        """(n,) for how many of the plan an answered universe stands; itself alone where nothing is told, else 0."""
        times = np.where(self._sampled, self._whole / np.maximum(self._seen, TINY), 1.0)
        return np.asarray(np.where(self.answered, self.weight * times[self._code], 0.0))

    @property
    def fraction(self) -> float:
        """The part of its universes that is answered in the sampled stratum that has the fewest."""
        return float(self._fraction[self._sampled].min(initial=1.0))

    @property
    def copies(self) -> float:
        """The mean weight of an answer: more than 1 where duplicates share one."""
        return float(self._answers.mean()) if len(self._answers) else 1.0

    @property
    def reach(self) -> float:
        """The weight of universes that may differ from all answered ones, though not one that differs was drawn.

        In a program these are single answers, whose order is random; programs of one batch are drawn whole.
        """
        unit = np.where(np.arange(len(self._whole)) == self._pool, self._largest, self._answers.max(initial=0.0))
        return max((unseen(self._fraction[h]) * unit[h] for h in np.flatnonzero(self._sampled)), default=0.0)

    def variance(self, residual: np.ndarray) -> float:
        """The variance of the estimated total of a residual over the strata that are covered.

        residual: (n,), already times `weight`; only those of answered universes matter. Within a stratum a ratio to the
        size of clusters, with the correction for a finite population; strata of one cluster are compared with each
        other, which makes it larger by what they differ.
        """
        whole, seen, n = self._whole, np.maximum(self._seen, TINY), self._drawn
        total = np.bincount(self._cluster, residual[self.answered], len(self._size))
        sums = np.bincount(self._stratum_of, total, len(whole))
        off = total - (sums / seen)[self._stratum_of] * self._size
        within = np.bincount(self._stratum_of, off**2, len(whole))
        scale = (1 - self._fraction) * (whole / seen) ** 2 * n / np.maximum(n - 1, 1)
        found = float((scale * within)[self._sampled & (n > 1)].sum())
        if (lone := self._lone).any():
            expanded, count = (sums * whole / seen)[lone], int(lone.sum())
            even = expanded.sum() * whole[lone] / whole[lone].sum()
            found += count / (count - 1) * float(((expanded - even) ** 2).sum())
        return found

    @cached_property
    def _answers(self) -> np.ndarray:
        """(answers,) the weight of the universes that have each of them."""
        _, one = np.unique(self.source[self.answered], return_inverse=True)
        return np.asarray(np.bincount(one, self.weight[self.answered]))

    @cached_property
    def _strata(self) -> tuple[np.ndarray, int]:
        """(n,) strata from 0 on, with programs of one batch in one; and which this is, -1 where there is none.

        A program of which nothing is finished is one batch where it is no larger than another that was.
        """
        code = np.unique(self.stratum, return_inverse=True)[1]
        strata = int(code.max(initial=-1)) + 1
        planned, done = np.bincount(code, minlength=strata), np.bincount(code, self.answered, strata)
        pairs = np.unique(np.stack([code, self.batch])[:, self.answered], axis=1)
        fitted = np.bincount(code, self.stratum != KNOWN, strata) > 0
        once = fitted & (done == planned) & (np.bincount(pairs[0], minlength=strata) == 1)
        single = once | (fitted & (done == 0) & (planned <= planned[once].max(initial=0)))
        if not single.any():
            return code, -1
        pool = int(np.flatnonzero(single)[0])
        return np.unique(np.where(single[code], pool, code), return_inverse=True)[1], pool

    @property
    def _code(self) -> np.ndarray:
        return self._strata[0]

    @property
    def _pool(self) -> int:
        return self._strata[1]  # the first of those made one: no number below it goes

    @cached_property
    def _whole(self) -> np.ndarray:
        """(strata,) the weight of the planned universes."""
        return np.asarray(np.bincount(self._code, self.weight))

    @cached_property
    def _seen(self) -> np.ndarray:
        """(strata,) the weight of the answered ones."""
        return np.bincount(self._code, self.weight * self.answered, len(self._whole))

    @property
    def _fraction(self) -> np.ndarray:
        return np.asarray(np.minimum(self._seen / self._whole, 1.0))

    @cached_property
    def _clusters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(answered,) the cluster of each answered universe; (clusters,) stratum and weight of each cluster."""
        pairs = np.stack([self._code, self.batch])[:, self.answered]
        (of, _), at = np.unique(pairs, axis=1, return_inverse=True)
        return at.ravel(), of, np.bincount(at.ravel(), self.weight[self.answered], len(of))

    @property
    def _cluster(self) -> np.ndarray:
        return self._clusters[0]

    @property
    def _stratum_of(self) -> np.ndarray:
        return self._clusters[1]

    @property
    def _size(self) -> np.ndarray:
        return self._clusters[2]

    @property
    def _largest(self) -> float:
        """The weight of the largest cluster among programs of one batch."""
        return float(self._size[self._stratum_of == self._pool].max(initial=0.0))

    @cached_property
    def _drawn(self) -> np.ndarray:
        """(strata,) how many clusters are finished."""
        return np.bincount(self._stratum_of, minlength=len(self._whole))

    @cached_property
    def _finished(self) -> np.ndarray:
        """(strata,) whether every universe is answered."""
        return np.asarray(np.bincount(self._code, ~self.answered, len(self._whole)) == 0)

    @property
    def _lone(self) -> np.ndarray:
        """(strata,) those finished in part with one cluster, where another is like them: one alone tells nothing."""
        lone = ~self._finished & (self._drawn == 1)
        return np.asarray(lone & (lone.sum() > 1))

    @property
    def _sampled(self) -> np.ndarray:
        """(strata,) those that are finished in part, and whose variance is known."""
        return np.asarray((~self._finished & (self._drawn > 1)) | self._lone)
