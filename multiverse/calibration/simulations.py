"""What every check reads: where the truth of each simulated data set lies in the posterior that answered it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from multiverse.aggregate.printing import count
from multiverse.errors import Problem, ResultError, near_miss

DENSITY: Final = "density"  # the kind of a quantity that is a log density; estimands and sites are of their own kinds
LEAST: Final = 20  # simulations of an option below which it has no row of its own: nothing short of a ruin shows there
COLUMNS: Final = (
    *("answers", "key", "universe", "number", "ok", "reason", "engine", "quantity", "kind", "truth"),
    *("place", "ess", "mean", "sd", "prior_mean", "prior_sd"),
)
WHOLE: Final = "all"  # stands for a decision, and for an option, where all universes are meant


class Group(NamedTuple):
    """The simulations of one quantity that are judged together: all, or those of universes with one option."""

    quantity: str
    decision: str
    option: str
    rows: pd.DataFrame


@dataclass(frozen=True, eq=False)
class Simulations:
    """Simulated data sets, and where their truths lie.

    `table`: a row for each answer to a data set and quantity; besides `COLUMNS` one column a decision (the option's
    label, None where it does not apply). answers: who answered, such as the engine's name; a network before and after
    its correction by weights gives two. key: of the data set; universe, number: the universe that it was simulated
    from and its number there; ok: passed the gate; place: `placed.Placed.place`, NaN without draws; prior_mean,
    prior_sd: of the quantity under the prior of the universe. `decisions`: labels of the options that universes were
    drawn from. declined: how many universes nothing could be simulated from, by reason. quantities: in order.
    Raises ResultError where columns are missing.
    """

    table: pd.DataFrame
    decisions: Mapping[str, tuple[str, ...]]
    quantities: tuple[str, ...]
    declined: Mapping[str, int]

    def __post_init__(self) -> None:
        if missing := [name for name in (*COLUMNS, *self.decisions) if name not in self.table]:
            raise ResultError(
                Problem(f"the table of simulations has no column {missing[0]!r}", ", ".join(COLUMNS), "add it")
            )

    @property
    def answers(self) -> tuple[str, ...]:
        """Who answered, in the order of the table."""
        return tuple(dict.fromkeys(self.table["answers"]))

    def of(self, answers: str | None = None) -> Simulations:
        """The simulations as one of these answered them; by default the last. Raises ResultError for another name."""
        known = self.answers
        if not known:
            raise ResultError(Problem("no data set was simulated", "at least one", "ask for more simulations"))
        name = known[-1] if answers is None else answers
        if name not in known:
            mend = f"{near_miss(name, known)}Name one of them, or leave it out"
            raise ResultError(Problem(f"nothing was answered by {name!r}", f"one of {', '.join(known)}", mend))
        return Simulations(self.table[self.table["answers"] == name], self.decisions, self.quantities, self.declined)

    @property
    def told(self) -> Tally:
        """How many data sets there are, and what became of them; of one kind of answers."""
        once = self.table.drop_duplicates("key")
        drawn = self.table[self.table["place"].notna()]
        ok = once["ok"].to_numpy(bool)
        return Tally(
            len(once),
            int(ok.sum()),
            int((~ok & once["key"].isin(drawn["key"]).to_numpy()).sum()),
            once["universe"].nunique(),
            {str(reason): int(n) for reason, n in once.loc[~ok, "reason"].value_counts().items()},
            int(self.table["truth"].isna().sum()),
            dict(self.declined),
        )

    def groups(self, *, densities: bool) -> Iterator[Group]:
        """Of each quantity all simulations, then those of each option of a decision that has several.

        densities: whether log densities are among the quantities. Options with fewer than `LEAST` data sets that pass
        the gate are left out.
        """
        by_quantity = dict(tuple(self.table.groupby("quantity", sort=False)))
        for quantity in self.quantities:
            rows = by_quantity.get(quantity)
            if rows is None or (not densities and rows["kind"].iloc[0] == DENSITY):
                continue
            yield Group(quantity, WHOLE, WHOLE, rows)
            for decision, labels in self.decisions.items():
                if len(labels) < 2:
                    continue
                for label in labels:
                    mine = rows[rows[decision] == label]
                    if int(mine["ok"].sum()) >= LEAST:
                        yield Group(quantity, decision, label, mine)


class Tally(NamedTuple):
    """Data sets that were simulated, answered green, and red but with draws; universes they come from.

    reasons: how many red ones, by reason. undefined: how many truths are no number. declined: as in `Simulations`.
    """

    simulations: int
    green: int
    red_with_draws: int
    universes: int
    reasons: Mapping[str, int]
    undefined: int
    declined: Mapping[str, int]

    @property
    def red(self) -> int:
        """Data sets whose answer did not pass the gate, with draws or without."""
        return self.simulations - self.green

    def __str__(self) -> str:
        return f"{count(self.simulations, 'simulated data set')} of {count(self.universes, 'universe')}"

    def notes(self) -> list[str]:
        """What is not in the numbers, in words."""
        out = []
        if self.red:
            why = ", ".join(f"{reason} {n:,}" for reason, n in self.reasons.items())
            out.append(
                f"{self.red:,} of {self.simulations:,} fail the gate ({why}) and are left out; which these are hangs "
                "on the data alone, so the others are judged fairly, but for the truths in these data nothing is known"
            )
        if self.undefined:
            out.append(f"truths that are no number, and not placed: {self.undefined:,}")
        out += [f"not simulated: {count(n, 'universe')}, as {why}" for why, n in self.declined.items()]
        return out


def green(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose answer passed the gate and whose truth has a place."""
    return rows[rows["ok"].to_numpy(bool) & rows["place"].notna().to_numpy()]


def drawn(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with draws and a place of the truth, green or red."""
    return rows[rows["place"].notna()]


def adjusted(p_values: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """p-values adjusted for their number: those over all universes for theirs, those of options for theirs, doubled.

    Each of the two families has half of the chance of a false alarm, so that many options do not hide what all
    universes show together. whole: which are over all universes. NaN stays and does not count.
    """
    found = np.full(len(p_values), np.nan)
    families = [some for some in (whole, ~whole) if np.isfinite(p_values[some]).any()]
    for some in families:
        found[some] = np.minimum(1.0, len(families) * holm(p_values[some]))
    return found


def holm(p_values: np.ndarray) -> np.ndarray:
    """p-values adjusted for their number; NaN stays and does not count. Holm 1979, Scand. J. Statist. 6(2):65-70."""
    adjusted = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    ordered = known[np.argsort(p_values[known], kind="stable")]
    steps = p_values[ordered] * np.arange(len(ordered), 0, -1)
    adjusted[ordered] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
