"""Which decision moves the answer: shares of the variance between universes, by decision and by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from multiverse.aggregate.collapse import analyses, collapse
from multiverse.aggregate.division import DIGITS, Division, Interval, divide
from multiverse.aggregate.estimates import PARAMETERIZATION, Counts, DecisionInfo, Estimates
from multiverse.aggregate.factors import factors
from multiverse.aggregate.intervals import Kinds, kinds_of
from multiverse.aggregate.printing import Printed, Shown, number, percent
from multiverse.aggregate.sources import SOURCE, sources
from multiverse.aggregate.weigh import EVIDENCE, NOTES, WEIGHT
from multiverse.aggregate.weights import weights
from multiverse.errors import Problem, ResultError, near_miss

COLUMNS = ("share", "low", "high", "main", "total")


@dataclass(frozen=True, repr=False, eq=False)
class Attribution(Shown):
    """Shares of the variance between universes' posterior means (or estimates), Monte Carlo variance taken out.

    `table`: decision, kind, share, low, high, main, total, the largest share first. share: Shapley's, which adds up to
    1; low, high: its 95% interval, of Monte Carlo error and, where universes are a sample of a larger space, of which
    were drawn. main: the decision by itself, the variance of its options' means; total: what is lost when the decision
    is fixed, all its interactions included, so totals may add to more than 1 (Sobol's first-order and total index; the
    total only where `balanced`, NaN elsewhere). A decision that does not apply has that as an option of its own.
    Decisions that move together are one row, named `a + b`. `by_kind`: kind and the same columns, the share being the
    sum over decisions, main and total those of the kind's decisions taken jointly. Shares are NaN where universes
    differ by no more than Monte Carlo error. Decisions of kind parameterization are shown from the universes before
    parameterizations are averaged, as a check: their shares should be near 0. `between`: the variance divided up;
    `left`: the share of it given to no decision, where universes are a sample (0 elsewhere).
    `balanced`: the green universes are a full product of options. `note` says how it was done. `kinds`: the kinds of
    interval of the distinct analyses; a number without interval counts as any other. `with_red`: the same with red
    universes that have numbers, or None.
    """

    estimand: str
    counts: Counts
    table: pd.DataFrame
    by_kind: pd.DataFrame
    between: float
    balanced: bool
    note: str
    kinds: Kinds
    left: float = 0.0
    with_red: Attribution | None = None

    def share(self, decision: str) -> float:
        """The share of one decision; of all that move with it, where it does not move alone.

        Raises ResultError where there is no such decision.
        """
        found = _shares(self.table, "decision")
        for name, share in found.items():
            if decision in name.split(" + "):
                return share
        names = [one for name in found for one in name.split(" + ")]
        mend = f"{near_miss(str(decision), names)}Name one of these"
        raise ResultError(Problem(f"{decision!r} is no decision", f"one of {', '.join(map(repr, names))}", mend))

    def printed(self) -> Printed:
        """Shares by decision, then by kind, with and without red universes."""
        red = self.with_red
        others = ({}, {}) if red is None else (_shares(red.table, "decision"), _shares(red.by_kind, "kind"))
        rows = _rows(self.table, "decision", list(self.table["kind"]), others[0])
        rows += [
            ("all of", kind, *cells)
            for kind, _, *cells in _rows(self.by_kind, "kind", [""] * len(self.by_kind), others[1])
        ]
        header = ("decision", "kind", "share", "95% interval", "main", "total", "share with red")
        of = "" if self.kinds.bayesian else f"' {self.kinds.middle('posterior means', 'estimates')}"
        notes = (f"variance between universes{of} {number(self.between)}", *self.note.split("\n"))
        return Printed(f"What moves {self.estimand!r}: {self.counts}", header, tuple(rows), notes).said()


def _shares(table: pd.DataFrame, column: str) -> dict[str, float]:
    return dict(zip(table[column], table["share"], strict=True))


def _rows(table: pd.DataFrame, column: str, kinds: list[str], others: Mapping[str, float]) -> list[tuple[str, ...]]:
    names, numbers = list(table[column]), table[list(COLUMNS)].to_numpy()
    return [
        (
            name,
            kind,
            percent(share),
            f"{percent(low)} to {percent(high)}" if low < high else "-",
            percent(main),
            percent(total),
            percent(others.get(name, np.nan)),
        )
        for name, kind, (share, low, high, main, total) in zip(names, kinds, numbers, strict=True)
    ]


def attribution(estimates: Estimates) -> Attribution:
    """Variance shares by decision and by kind over the green universes; beside them the same with red ones included."""
    with_red = None
    if len(estimates.with_numbers) > estimates.counts.green:
        with_red = _attribute(estimates, estimates.with_numbers, None)
    return _attribute(estimates, estimates.green, with_red)


def division_of(estimates: Estimates, distinct: pd.DataFrame, decisions: Mapping[str, DecisionInfo]) -> Division:
    """The variance between these universes, ready to be divided up among these decisions.

    Raises ResultError where universes weigh by their evidence: which decision moves the answer is about the options
    themselves, and weights that hang on the data and on all other decisions entangle them.
    """
    if estimates.weigh == EVIDENCE:
        raise ResultError(
            Problem(
                "shares of decisions are asked for with weigh='evidence'.",
                "weigh='universes' or weigh='branches': weights that the data give tie the decisions to each other",
                "leave weigh= out; `results.uncertainty(weigh='evidence')` has the variance between weighed universes",
            )
        )
    apart = factors(distinct, decisions, estimates.links)
    error = np.nan_to_num(distinct["mcse_mean"].to_numpy())
    source = distinct[SOURCE].to_numpy() if SOURCE in distinct else sources(distinct)
    return divide(apart, distinct[WEIGHT].to_numpy(), distinct["mean"].to_numpy(), error, estimates.fraction, source)


def undivided(division: Division) -> str | None:
    """Why there is no variance to divide; None where there is."""
    if len(division.weight) < 2:
        return "fewer than two universes count: there is no variance to divide"
    if division.flat:
        least = "Monte Carlo error" if division.noise.any() else "rounding"
        return f"universes differ by no more than {least}: there is no variance to divide"
    return None


class _Answer(NamedTuple):
    decisions: pd.DataFrame
    kinds: pd.DataFrame
    division: Division
    notes: tuple[str, ...]


def _attribute(estimates: Estimates, rows: pd.DataFrame, with_red: Attribution | None) -> Attribution:
    kept = analyses(estimates.decisions)
    distinct = collapse(rows, estimates.decisions, estimates.weigh, estimates.links)
    answer = _answer(estimates, distinct, kept)
    tables, notes = [answer.decisions, answer.kinds], [*answer.notes, *NOTES[estimates.weigh]]
    if len(kept) < len(estimates.decisions):
        every = rows.assign(**{WEIGHT: weights(rows, estimates.decisions, estimates.weigh, estimates.links)})
        check = _answer(estimates, every, estimates.decisions)
        others = [table[table["kind"].str.contains(PARAMETERIZATION)] for table in (check.decisions, check.kinds)]
        tables = [pd.concat(pair) if len(pair[0]) else pair[1] for pair in zip(tables, others, strict=True)]
        notes.append("parameterization: shown before parameterizations are averaged, as a check; near 0 if all is well")
    table, by_kind = (t.sort_values("share", ascending=False, kind="stable", ignore_index=True) for t in tables)
    return Attribution(
        estimates.estimand,
        estimates.counts,
        table,
        by_kind,
        max(0.0, float(answer.division.variance[0])) if len(distinct) else np.nan,
        answer.division.balanced,
        "\n".join(notes),
        kinds_of(distinct) if len(distinct) else estimates.kinds,
        _left(answer.division),
        with_red,
    )


def _answer(estimates: Estimates, rows: pd.DataFrame, decisions: Mapping[str, DecisionInfo]) -> _Answer:
    division = division_of(estimates, rows, decisions)
    apart = factors(rows, decisions, estimates.links)
    place = {factor.name: i for i, factor in enumerate(division.factors)}  # one with one option has none
    alone = [[place[factor.name]] if factor.name in place else [] for factor in apart]
    of_kind: dict[str, list[int]] = {}
    for factor, own in zip(apart, alone, strict=True):
        of_kind.setdefault(factor.kind, []).extend(own)
    if why := undivided(division):
        nothing = [np.full((len(sets), len(COLUMNS)), np.nan) for sets in (alone, of_kind)]
        numbers, notes = nothing, [why]
    else:
        numbers, notes = [_numbers(division, sets) for sets in (alone, list(of_kind.values()))], list(_how(division))
    if len(rows) and (unseen := list(_unseen(rows, decisions))):
        notes.append("no such universe counts: " + ", ".join(unseen))
    named = pd.DataFrame({"decision": [f.name for f in apart], "kind": [f.kind for f in apart]})
    tables = [
        pd.concat([names, pd.DataFrame(values, columns=list(COLUMNS))], axis=1)
        for names, values in zip((named, pd.DataFrame({"kind": list(of_kind)})), numbers, strict=True)
    ]
    return _Answer(tables[0], tables[1], division, tuple(notes))


def _numbers(division: Division, sets: Sequence[Sequence[int]]) -> np.ndarray:
    """(sets, COLUMNS) the shares of sets of factors."""
    member = np.zeros((len(sets), len(division.factors)))
    for place, members in enumerate(sets):
        member[place, members] = 1.0

    def shapley_shares(of: Division) -> np.ndarray:
        return np.asarray(member @ of.parts / of.variance)

    variance = division.variance[0]
    orders = np.sqrt(member @ division.order_error**2) / variance
    share: Interval = division.interval(shapley_shares, orders=orders)
    main = np.array([division.explained(members)[0] for members in sets]) / variance
    total = np.full(len(sets), np.nan)
    if division.balanced:
        rest = [[i for i in range(len(division.factors)) if i not in members] for members in sets]
        total = 1 - np.array([division.explained(others)[0] for others in rest]) / variance
    main, total = np.round(main, DIGITS), np.round(total, DIGITS)
    low, high = (share.low, share.high) if division.uncertain else (np.full(len(sets), np.nan),) * 2
    return np.stack([np.maximum(share.value, 0), low, high, np.maximum(main, 0), np.maximum(total, 0)], axis=1)


def _how(division: Division) -> tuple[str, ...]:
    """What the numbers are, in words."""
    told = []
    if division.part and not division.sampled:
        told.append(
            f"{percent(division.fraction)} of the space is answered, too few to say more than of these universes:"
        )
    if division.balanced:
        told.append("a full product: main and total are Sobol's indices; shares (Shapley) add up to 100%")
    elif division.sampled:
        model = "all pairs of decisions" if division.pairs else "main effects only (too few universes for pairs)"
        told.append(f"{percent(division.fraction)} of the space is answered: shares (Shapley) by regression, {model};")
        told.append(f"they leave {percent(_left(division))} of the variance: larger interactions, or chance")
    else:
        told.append("not a full product (rules, decisions that do not always apply, or universes left out):")
        told.append("shares (Shapley) add up to 100%; main is what the decision alone explains, part of it with others")
    if division.orders:
        told.append(f"shares are means over {division.orders:,} random orders of the decisions")
    if division.uncertain:
        sources = {
            "Monte Carlo error of the means": bool(division.noise.any()),
            "which universes were answered": division.sampled,
            "the random orders": bool(division.orders),
        }
        told.append(f"intervals: {', '.join(source for source, some in sources.items() if some)}")
    return tuple(told)


def _left(division: Division) -> float:
    """The share of the variance that a regression explains by no decision."""
    if not division.sampled or undivided(division):
        return 0.0
    return max(0.0, 1 - float(division.parts[:, 0].sum() / division.variance[0]))


def _unseen(rows: pd.DataFrame, decisions: Mapping[str, DecisionInfo]) -> list[str]:
    return [
        f"{name} = {label}"
        for name, info in decisions.items()
        for label in info.labels
        if label not in set(rows[name].dropna())
    ]
