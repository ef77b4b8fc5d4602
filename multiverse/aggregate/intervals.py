"""Which kinds of interval estimates have, counted and in words: credible, confidence, or none told."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

# As in the column `interval` of the view `estimates`, the weakest first: an average of several is of the weakest.
NONE, CONFIDENCE, CREDIBLE = KINDS = ("none", "confidence", "credible")


class Kinds(NamedTuple):
    """How many rows have each kind of interval; `str(kinds)` says it, as in `95% credible intervals`."""

    credible: int = 0
    confidence: int = 0
    none: int = 0

    @property
    def told(self) -> int:
        """Rows that tell their uncertainty."""
        return self.credible + self.confidence

    @property
    def mixed(self) -> bool:
        """More than one kind."""
        return sum(map(bool, self)) > 1

    @property
    def bayesian(self) -> bool:
        """All are posteriors (or there is none of any kind)."""
        return not (self.confidence or self.none)

    @property
    def adjective(self) -> str:
        """`credible` or `confidence` where all intervals are of this kind, else nothing."""
        if bool(self.credible) == bool(self.confidence):
            return ""
        return CREDIBLE if self.credible else CONFIDENCE

    def middle(self, posterior: str, estimate: str) -> str:
        """What stands in the middle of the intervals: `posterior` where they are credible, else `estimate`; or both."""
        words = {posterior: bool(self.credible) or self.bayesian, estimate: not self.bayesian}
        return " or ".join(word for word, some in words.items() if some)

    def __str__(self) -> str:
        if not self.told:
            return "numbers alone, without intervals" if self.none else "no intervals"
        if not self.mixed:
            return f"95% {self.adjective} intervals"
        told = ", ".join(f"{n:,} {kind}" for kind, n in ((CREDIBLE, self.credible), (CONFIDENCE, self.confidence)) if n)
        return f"95% intervals ({told}{f'; {self.none:,} without' if self.none else ''})"


def kinds_of(rows: pd.DataFrame) -> Kinds:
    """The kinds of interval of these rows of `Estimates.table`."""
    counts = rows["interval"].value_counts()
    return Kinds(*(int(counts.get(kind, 0)) for kind in Kinds._fields))
