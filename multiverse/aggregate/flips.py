"""How few changes of option, from the reference universe, make a conclusion another one, and which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from multiverse.aggregate.collapse import analyses, collapse
from multiverse.aggregate.conclusions import Asked, Conclusion, conclusions
from multiverse.aggregate.estimates import Counts, DecisionInfo, Estimates, codes
from multiverse.aggregate.intervals import NONE, Kinds, kinds_of
from multiverse.aggregate.linked import together
from multiverse.aggregate.printing import Printed, Shown, count, number, percent
from multiverse.errors import Problem, ResultError, near_miss

SHOWN = 3  # universes that are printed for a conclusion; `universes` has all that are as near
KEY = 12  # characters of a key that are printed: enough to find it


class Change(NamedTuple):
    """A decision whose option is not the reference option."""

    decision: str
    reference: str
    option: str

    def __str__(self) -> str:
        return f"{self.decision}: {self.reference} → {self.option}"


class Flipped(NamedTuple):
    """A universe that concludes otherwise. says: what; sure: False where Monte Carlo error may have made it so."""

    key: str
    says: str
    changes: tuple[Change, ...]
    median: float
    low: float
    high: float
    sure: bool


@dataclass(frozen=True)
class Flip:
    """One conclusion of the reference universe, as "interval above zero", and what turns it.

    fewest: changes of option to the nearest universe that concludes otherwise, None where none does; universes: all
    that are as near, `near` the number of distinct analyses with so many changes; flipped: how many of `n` conclude
    otherwise at all. `fewest_with_red`: the same with red universes that have numbers.
    """

    conclusion: str
    fewest: int | None
    universes: tuple[Flipped, ...]
    near: int
    flipped: int
    n: int
    fewest_with_red: int | None


@dataclass(frozen=True, repr=False)
class Flips(Shown):
    """The conclusions of the reference universe, each with the fewest changes of option that turn it.

    A change is a decision that applies and whose option is not its reference option. A decision that a change makes
    apply takes its reference option and is no change then; one that a change makes idle is none either. Decisions that
    are linked change together, once. A parameterization is no change of the analysis. `flips["interval above zero"]`
    gives one. `reference`: key of the reference universe, None where it has no numbers.
    """

    estimand: str
    counts: Counts
    reference: str | None
    flips: tuple[Flip, ...]
    notes: tuple[str, ...]

    def __getitem__(self, conclusion: str) -> Flip:
        """The flip of this conclusion of the reference universe; ResultError if it concludes no such thing."""
        for flip in self.flips:
            if flip.conclusion == conclusion:
                return flip
        known = [flip.conclusion for flip in self.flips]
        what = f"the reference universe does not conclude {conclusion!r}"
        mend = f"{near_miss(str(conclusion), known)}Copy one of these texts"
        raise ResultError(Problem(what, f"one of {', '.join(map(repr, known)) or 'none: it has no numbers'}", mend))

    def printed(self) -> Printed:
        """A row for each conclusion and each of the nearest universes that turn it."""
        rows: list[tuple[str, ...]] = []
        for flip in self.flips:
            fewest = "never" if flip.fewest is None else str(flip.fewest)
            red = "never" if flip.fewest_with_red is None else str(flip.fewest_with_red)
            share = f"{flip.flipped:,} of {flip.n:,}"
            if not flip.universes:
                rows.append((flip.conclusion, fewest, "", "", "", share, red))
            for place, universe in enumerate(flip.universes[:SHOWN]):
                head = (flip.conclusion, fewest) if not place else ("", "")
                tail = (share, red) if not place else ("", "")
                changes = "; ".join(map(str, universe.changes))
                rows.append((*head, changes, _told(universe), universe.key[:KEY], *tail))
            if (more := len(flip.universes) - SHOWN) > 0:
                rows.append(("", "", f"and {more:,} more", "", "", "", ""))
        header: tuple[str, ...] = ("conclusion", "changes", "which", "there", "universe", "in all", "changes with red")
        if not any(flip.fewest != flip.fewest_with_red for flip in self.flips):
            header, rows = header[:-1], [row[:-1] for row in rows]
        return Printed(f"What turns {self.estimand!r}: {self.counts}", header, tuple(rows), self.notes).said()


def flips(
    estimates: Estimates,
    *,
    above: float | None = None,
    below: float | None = None,
    rope: tuple[float, float] | None = None,
) -> Flips:
    """The fewest changes of option from the reference universe to a green universe that concludes otherwise.

    Conclusions: the sign of the median and where the 95% interval lies against zero; with `above`, `below` or `rope`,
    where they lie against these, as in `agreement`. Raises ResultError for a threshold that is not a finite number or
    a rope whose ends are not in order.
    """
    asked = Asked(above, below, rope)
    decisions = analyses(estimates.decisions)
    green, every = (collapse(rows, estimates.decisions) for rows in (estimates.green, estimates.with_numbers))
    changed, changed_all = (_changed(rows, decisions) for rows in (green, every))
    far, far_all = (
        _distance(len(to), moved, estimates.links) for to, moved in ((green, changed), (every, changed_all))
    )
    kinds = kinds_of(green) if len(green) else estimates.kinds
    own = green[far == 0] if (far == 0).any() else every[far_all == 0]
    # in a union several are without a change: decisions that only other spaces have do not apply there
    own = own.sort_values("reference", ascending=False, kind="stable")
    if own.empty:
        notes = ("the reference universe has no numbers: there is nothing to turn",)
        return Flips(estimates.estimand, estimates.counts, None, (), notes)
    found = []
    for mine, all_of, reference in zip(*(conclusions(rows, asked, kinds) for rows in (green, every, own)), strict=True):
        if (said := reference.said[0]) is None:
            continue
        other, other_all = _other(mine, said), _other(all_of, said)
        fewest, fewest_all = (int(d[o].min()) if o.any() else None for d, o in ((far, other), (far_all, other_all)))
        nearest = np.flatnonzero(other & (far == fewest)) if fewest is not None else np.zeros(0, dtype=int)
        universes = tuple(_flipped(green, i, mine, changed, decisions) for i in nearest.tolist())
        near, asked_of = int((far == fewest).sum()) if fewest is not None else 0, int((mine.known & (far > 0)).sum())
        text = f"{reference.subject} {said}"
        found.append(Flip(text, fewest, universes, near, int(other.sum()), asked_of, fewest_all))
    row = own.iloc[0]
    return Flips(
        estimates.estimand, estimates.counts, row["key"], tuple(found), _notes(estimates, row, found, len(green), kinds)
    )


def changes_of(labels: Mapping[str, str | None], references: Mapping[str, str]) -> tuple[Change, ...]:
    """The changes of option that lead from the reference universe to the one with these labels.

    references: decision -> its reference option. What a change makes apply, with its reference option, or makes idle,
    is none of its own.
    """
    return tuple(
        Change(name, reference, label)
        for name, reference in references.items()
        if (label := labels.get(name)) is not None and label != reference
    )


def _changed(rows: pd.DataFrame, decisions: Mapping[str, DecisionInfo]) -> dict[str, np.ndarray]:
    """For each decision, (rows,) whether it applies and has another option than its reference option."""
    columns = {name: codes(rows, name, info) for name, info in decisions.items()}
    return {
        name: (column >= 0) & (column != decisions[name].labels.index(decisions[name].reference))
        for name, column in columns.items()
    }


def _distance(rows: int, changed: Mapping[str, np.ndarray], links: tuple[tuple[str, ...], ...]) -> np.ndarray:
    """(rows,) changes of option from the reference universe; linked decisions change together, once."""
    far = np.zeros(rows, dtype=int)
    for names in together(changed, links):
        far += np.any([changed[name] for name in names], axis=0)
    return far


def _other(conclusion: Conclusion, said: str) -> np.ndarray:
    """Does the universe conclude something else? One that says nothing does not."""
    other: np.ndarray = (conclusion.said != said) & conclusion.known
    return other


def _flipped(
    rows: pd.DataFrame,
    place: int,
    conclusion: Conclusion,
    changed: Mapping[str, np.ndarray],
    decisions: Mapping[str, DecisionInfo],
) -> Flipped:
    row = rows.iloc[place]
    references = {name: info.reference for name, info in decisions.items()}
    moved = changes_of({name: row[name] for name, where in changed.items() if where[place]}, references)
    says = f"{conclusion.subject} {conclusion.said[place]}"
    numbers = (float(row["median"]), float(row["q2_5"]), float(row["q97_5"]))
    return Flipped(row["key"], says, moved, *numbers, bool(conclusion.sure[place]))


def _told(universe: Flipped) -> str:
    ends = f" ({number(universe.low)} to {number(universe.high)})" if np.isfinite(universe.low) else ""
    return f"{number(universe.median)}{ends}{'' if universe.sure else ' ?'}"


def _notes(estimates: Estimates, row: pd.Series, found: list[Flip], n: int, kinds: Kinds) -> tuple[str, ...]:
    ends = "" if row["interval"] == NONE else f" ({number(row['q2_5'])} to {number(row['q97_5'])})"
    own = estimates.with_numbers[estimates.with_numbers["reference"]]
    red = ", red" if len(own) and not own["ok"].any() else ""
    notes = [f"{count(n, 'distinct analysis')}; {kinds}", f"reference universe: {number(row['median'])}{ends}{red}"]
    if any(not universe.sure for flip in found for universe in flip.universes[:SHOWN]):
        notes.append("?: so near to the bound that Monte Carlo error may have turned it")
    if estimates.fraction < 1:
        notes.append(
            f"{percent(estimates.fraction)} of the space is answered: fewer changes may do in universes that are not"
        )
    return tuple(notes)
