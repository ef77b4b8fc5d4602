"""How many universes say the same as the reference, as a threshold, or as a region of practical equivalence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from multiverse.aggregate.collapse import collapse
from multiverse.aggregate.conclusions import Asked, Conclusion, conclusions
from multiverse.aggregate.estimates import Counts, Estimates
from multiverse.aggregate.intervals import NONE, Kinds, kinds_of
from multiverse.aggregate.printing import Printed, Shown, count, number, percent
from multiverse.aggregate.weigh import NOTES, WEIGHT
from multiverse.aggregate.weights import weighted_share
from multiverse.errors import Problem, ResultError


@dataclass(frozen=True)
class Claim:
    """One statement about a universe, and how many universes it is true of.

    `share` is of the green universes (`true` of `n` distinct analyses, weighted), `share_with_red` of all that have
    numbers; NaN where there are none. Of intervals nothing is said where a universe has none: it is not among the `n`.
    `reference`: is it true of the reference universe (None if it has no numbers, or none that tell). `unsure`: how
    many of the `n` lie so near to the bound that Monte Carlo error may have put them on this side of it.
    """

    text: str
    true: int
    n: int
    share: float
    share_with_red: float
    reference: bool | None
    unsure: int = 0


@dataclass(frozen=True, repr=False)
class Agreement(Shown):
    """Claims about one estimand with the share of universes that agree; `agreement["median above 0"]` gives one.

    `kinds`: the kinds of interval of the distinct analyses. A claim about the middle says "median" of posteriors and
    "estimate" of analyses that are not Bayesian.
    """

    estimand: str
    counts: Counts
    claims: tuple[Claim, ...]
    kinds: Kinds
    notes: tuple[str, ...] = ()

    def __getitem__(self, text: str) -> Claim:
        """The claim with this text; ResultError if there is none."""
        for claim in self.claims:
            if claim.text == text:
                return claim
        listed = ", ".join(repr(claim.text) for claim in self.claims)
        raise ResultError(Problem(f"no claim {text!r}", f"one of {listed}", "copy one of these texts"))

    def printed(self) -> Printed:
        """A row a claim: its share, the share with red universes, whether the reference agrees."""
        words = {True: "yes", False: "no", None: "-"}
        rows = tuple(
            (claim.text, percent(claim.share), percent(claim.share_with_red), words[claim.reference])
            for claim in self.claims
        )
        n = max((claim.n for claim in self.claims), default=0)
        notes = (f"{count(n, 'distinct analysis')}; {self.kinds}", *self.notes)
        header = ("", "agree", "with red", "reference")
        return Printed(f"Agreement on {self.estimand!r}: {self.counts}", header, rows, notes)


def agreement(
    estimates: Estimates,
    *,
    above: float | None = None,
    below: float | None = None,
    rope: tuple[float, float] | None = None,
) -> Agreement:
    """Share of universes that agree on sign, on a threshold and on practical equivalence, with and without red ones.

    above, below: thresholds, on the estimand's scale, of interest to the reader; rope: the region of practical
    equivalence, its two ends. Always answered: the sign of the reference universe's median and where the 95% interval
    lies against zero. Raises ResultError for a threshold that is not a finite number or a rope whose ends are not in
    order.
    """
    asked = Asked(above, below, rope)
    own = estimates.with_numbers[estimates.with_numbers["reference"]]
    green, every = (
        collapse(rows, estimates.decisions, estimates.weigh, estimates.links)
        for rows in (estimates.green, estimates.with_numbers)
    )
    kinds = kinds_of(green) if len(green) else estimates.kinds
    claims = []
    for mine, all_of, reference in zip(*(conclusions(rows, asked, kinds) for rows in (green, every, own)), strict=True):
        for text, answer in _claims(mine, reference):
            said = reference.said[0] if len(own) else None
            claims.append(
                Claim(
                    text,
                    true=int((mine.said == answer).sum()),
                    n=int(mine.known.sum()),
                    share=weighted_share(mine.said == answer, mine.known, green[WEIGHT].to_numpy()),
                    share_with_red=weighted_share(all_of.said == answer, all_of.known, every[WEIGHT].to_numpy()),
                    reference=None if said is None else bool(said == answer),
                    unsure=int((mine.known & mine.unsure_of(answer)).sum()),
                )
            )
    notes = (*_unsure(claims), *NOTES[estimates.weigh], *_notes(own, kinds))
    return Agreement(estimates.estimand, estimates.counts, tuple(claims), kinds, notes)


def _claims(mine: Conclusion, reference: Conclusion) -> Iterator[tuple[str, str]]:
    """Texts of claims, each with the answer of a universe of which it is true."""
    if not mine.claims and len(reference.said):
        yield f"{mine.subject} of the reference universe's sign", reference.said[0]
    for answer in mine.claims:
        yield f"{mine.subject} {answer}", answer


def _unsure(claims: Sequence[Claim]) -> Iterator[str]:
    if most := max((claim.unsure for claim in claims), default=0):
        text = next(claim.text for claim in claims if claim.unsure == most)
        yield f"Monte Carlo error may turn {count(most, 'distinct analysis')} ({text!r}), no more elsewhere"


def _notes(own: pd.DataFrame, kinds: Kinds) -> tuple[str, ...]:
    unknown = []
    if kinds.none:
        some, nothing = "what is said of intervals is of the universes that have one", "nothing is said of intervals"
        unknown = [some if kinds.told else f"no universe told its uncertainty: {nothing}"]
    if own.empty:
        return (*unknown, "the reference universe has no numbers: nothing is compared with it")
    row = own.iloc[0]
    red = "" if row["ok"] else ", red"
    ends = "" if row["interval"] == NONE else f" ({number(row['q2_5'])} to {number(row['q97_5'])})"
    return (*unknown, f"reference universe: {number(row['median'])}{ends}{red}")
