"""Which decisions move the answer together: a share of the variance between universes for each pair."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from multiverse.aggregate.attribution import division_of, undivided
from multiverse.aggregate.collapse import analyses, collapse
from multiverse.aggregate.division import Division
from multiverse.aggregate.estimates import Counts, Estimates
from multiverse.aggregate.printing import Printed, Shown, count, percent
from multiverse.aggregate.shapley import interactions
from multiverse.aggregate.weigh import NOTES
from multiverse.errors import Problem, ResultError

SHOWN = 10  # pairs that are printed; the table has all


@dataclass(frozen=True, repr=False, eq=False)
class Interactions(Shown):
    """A share of the variance between universes for each pair of decisions, Monte Carlo variance taken out.

    `table`: first, second (decisions, or several that move together), share, low, high, the furthest from 0 first. In a
    full product (`balanced`) it is Sobol's second-order index: the part of the variance that is due to the two together
    and to neither alone, at least 0. Elsewhere the Shapley interaction: what the two add together beyond what each adds
    alone, over all sets of the others; negative where they tell the same, since one of them then tells what the other
    does. low, high: 95% interval, as in `Attribution`. NaN where universes differ by no more than Monte Carlo error.
    `note` says how it was done. `with_red`: the same with red universes that have numbers, or None. Source: Sobol'
    1993, Math. Modelling Comput. Experiments 1(4):407-414; Grabisch and Roubens 1999, doi:10.1007/s001820050125.
    """

    estimand: str
    counts: Counts
    table: pd.DataFrame
    balanced: bool
    note: str
    with_red: Interactions | None = None

    def share(self, one: str, other: str) -> float:
        """The share of one pair of decisions, in either order. ResultError where there is no such pair."""
        for first, second, share in zip(self.table["first"], self.table["second"], self.table["share"], strict=True):
            if any(a in first.split(" + ") and b in second.split(" + ") for a, b in ((one, other), (other, one))):
                return float(share)
        known = ", ".join(dict.fromkeys([*self.table["first"], *self.table["second"]]))
        what = f"{one!r} and {other!r} are no pair of decisions"
        raise ResultError(Problem(what, f"two of: {known or 'none, there is no pair'}", "name two of these decisions"))

    def printed(self) -> Printed:
        """The pairs that share the most, with and without red universes."""
        rows = []
        red = {} if self.with_red is None else self.with_red.table.set_index(["first", "second"])["share"].to_dict()
        numbers = self.table[["share", "low", "high"]].to_numpy()
        for first, second, (share, low, high) in zip(self.table["first"], self.table["second"], numbers, strict=True):
            reach = f"{percent(low)} to {percent(high)}" if low < high else "-"
            rows.append((first, second, percent(share), reach, percent(red.get((first, second), np.nan))))
        header = ("decision", "and", "share", "95% interval", "share with red")
        notes = tuple(self.note.split("\n"))
        if len(rows) > SHOWN:
            notes = (f"{count(len(rows) - SHOWN, 'pair')} with less: in `.table`", *notes)
        title = f"Which decisions move {self.estimand!r} together: {self.counts}"
        return Printed(title, header, tuple(rows[:SHOWN]), notes).said()


def pairs(estimates: Estimates) -> Interactions:
    """Shares of pairs of decisions over the green universes, and beside them the same with red ones included."""
    with_red = None
    if len(estimates.with_numbers) > estimates.counts.green:
        with_red = _pairs(estimates, estimates.with_numbers, None)
    return _pairs(estimates, estimates.green, with_red)


def _pairs(estimates: Estimates, rows: pd.DataFrame, with_red: Interactions | None) -> Interactions:
    distinct = collapse(rows, estimates.decisions, estimates.weigh, estimates.links)
    division = division_of(estimates, distinct, analyses(estimates.decisions))
    names = [factor.name for factor in division.factors]
    table = pd.DataFrame(list(combinations(names, 2)), columns=["first", "second"])
    table[["share", "low", "high"]] = np.nan
    notes = [why] if (why := undivided(division) or _too_many(division)) else _fill(table, division)
    order = table["share"].abs().sort_values(ascending=False, kind="stable").index
    return Interactions(
        estimates.estimand,
        estimates.counts,
        table.loc[order].reset_index(drop=True),
        division.balanced,
        "\n".join([*notes, *NOTES[estimates.weigh]]),
        with_red,
    )


def _too_many(division: Division) -> str | None:
    if division.exact:
        return None
    return f"{len(division.factors)} decisions in {len(division.weight):,} universes have too many sets to look at all"


def _fill(table: pd.DataFrame, division: Division) -> list[str]:
    """Write the shares into the table; gives the notes."""
    if table.empty:
        return ["fewer than two decisions: there is no pair"]
    if division.balanced:
        bits = [(1 << i, 1 << j) for i, j in combinations(range(len(division.factors)), 2)]

        def shares(of: Division) -> np.ndarray:
            found = [of.table[a | b] - of.table[a] - of.table[b] for a, b in bits]
            return np.asarray(np.array(found) / of.variance)

        found, least = division.interval(shares), 0.0
        notes = ["a full product: the part of the variance that two decisions move together (Sobol, second order)"]
    else:

        def shares(of: Division) -> np.ndarray:
            return np.asarray(interactions(of.table) / of.variance)

        found, least = division.interval(shares, least=-1.0), -1.0
        notes = ["Shapley interactions: above 0 where two decisions act together, below where they tell the same"]
    if division.sampled and not division.pairs:
        notes = [
            "too few universes to tell whether decisions act together (main effects only):",
            "below 0 two decisions tell the same, above 0 one hides in part what the other does",
        ]
    elif division.sampled:
        notes.append(f"{percent(division.fraction)} of the space is answered: by regression on all pairs of decisions")
    elif division.part:
        notes.append(f"{percent(division.fraction)} of the space is answered: of these universes alone")
    table["share"] = np.maximum(found.value, least)
    if division.uncertain:
        table["low"], table["high"] = found.low, found.high
        table.loc[table["share"].isna(), ["low", "high"]] = np.nan
    return notes
