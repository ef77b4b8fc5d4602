"""Which decision moves the answer: shares of the variance between universes, by decision and by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from multiverse.aggregate.anova import Shares, grid_shares, grid_variance, is_full_product
from multiverse.aggregate.collapse import analyses, collapse
from multiverse.aggregate.estimates import PARAMETERIZATION, Counts, DecisionInfo, Estimates, codes
from multiverse.aggregate.intervals import Kinds, kinds_of
from multiverse.aggregate.printing import Printed, Shown, number, percent
from multiverse.aggregate.regression import regression_shares

NO_VARIANCE = 1e-20  # part of the mean square below which a variance is rounding; float64 is good to (1e-16)^2


@dataclass(frozen=True, repr=False, eq=False)
class Attribution(Shown):
    """Shares of the variance between universes' posterior means (or estimates), Monte Carlo variance taken out.

    `table`: decision, kind, main, total, the largest total first. main: the decision by itself; total: with all its
    interactions, so totals may add to more than 1. `by_kind`: kind, main, total, the decisions of a kind taken
    jointly. Shares are NaN where universes differ by no more than Monte Carlo error. Decisions of kind
    parameterization are shown from the universes before parameterizations are averaged, as a check: their shares
    should be near 0. `between`: the variance divided up. `balanced`: the green universes are a full product and shares
    are exact (functional analysis of variance); otherwise they come from a regression and `note` says why and how.
    `kinds`: the kinds of interval of the distinct analyses; a number without interval counts as any other.
    `with_red`: the same with red universes that have numbers, or None.
    """

    estimand: str
    counts: Counts
    table: pd.DataFrame
    by_kind: pd.DataFrame
    between: float
    balanced: bool
    note: str
    kinds: Kinds
    with_red: Attribution | None = None

    def share(self, decision: str) -> float:
        """The total share of one decision."""
        return _totals(self.table, "decision")[decision]

    def printed(self) -> Printed:
        """Shares by decision, then by kind, with and without red universes."""
        red = self.with_red
        others = {} if red is None else _totals(red.table, "decision")
        rows = _rows(self.table, "decision", list(self.table["kind"]), others)
        others = {} if red is None else _totals(red.by_kind, "kind")
        rows += [
            ("all of", kind, *cells)
            for kind, _, *cells in _rows(self.by_kind, "kind", [""] * len(self.by_kind), others)
        ]
        header = ("decision", "kind", "main", "total", "total with red")
        of = "" if self.kinds.bayesian else f"' {self.kinds.middle('posterior means', 'estimates')}"
        notes = (f"variance between universes{of} {number(self.between)}", *self.note.split("\n"))
        return Printed(f"What moves {self.estimand!r}: {self.counts}", header, tuple(rows), notes)


def _totals(table: pd.DataFrame, column: str) -> dict[str, float]:
    return dict(zip(table[column], table["total"], strict=True))


def _rows(table: pd.DataFrame, column: str, kinds: list[str], others: dict[str, float]) -> list[tuple[str, ...]]:
    cells = zip(table[column], kinds, table["main"], table["total"], strict=True)
    return [
        (name, kind, percent(main), percent(total), percent(others.get(name, np.nan)))
        for name, kind, main, total in cells
    ]


def attribution(estimates: Estimates) -> Attribution:
    """Variance shares by decision and by kind over the green universes; beside them the same with red ones included."""
    with_red = None
    if len(estimates.with_numbers) > estimates.counts.green:
        with_red = _attribute(estimates, estimates.with_numbers, None)
    return _attribute(estimates, estimates.green, with_red)


class _Answer(NamedTuple):
    decisions: dict[str, Shares]
    kinds: dict[str, Shares]
    between: float
    balanced: bool
    notes: tuple[str, ...]


def _attribute(estimates: Estimates, rows: pd.DataFrame, with_red: Attribution | None) -> Attribution:
    kept = analyses(estimates.decisions)
    distinct = collapse(rows, estimates.decisions)
    answer = _answer(distinct, kept)
    decisions, kinds, notes = dict(answer.decisions), dict(answer.kinds), list(answer.notes)
    if len(kept) < len(estimates.decisions):
        check = _answer(rows, estimates.decisions)
        decisions |= {name: shares for name, shares in check.decisions.items() if name not in kept}
        kinds |= {PARAMETERIZATION: check.kinds[PARAMETERIZATION]}
        notes.append("parameterization: shown before parameterizations are averaged, as a check; near 0 if all is well")
    table = pd.DataFrame(
        [(name, info.kind, *decisions[name]) for name, info in estimates.decisions.items()],
        columns=["decision", "kind", "main", "total"],
    )
    by_kind = pd.DataFrame([(kind, *shares) for kind, shares in kinds.items()], columns=["kind", "main", "total"])
    return Attribution(
        estimates.estimand,
        estimates.counts,
        table.sort_values("total", ascending=False, kind="stable", ignore_index=True),
        by_kind.sort_values("total", ascending=False, kind="stable", ignore_index=True),
        answer.between,
        answer.balanced,
        "\n".join(notes),
        kinds_of(distinct) if len(distinct) else estimates.kinds,
        with_red,
    )


def _answer(rows: pd.DataFrame, decisions: Mapping[str, DecisionInfo]) -> _Answer:
    columns = [codes(rows, name, info) for name, info in decisions.items()]
    values, noise = rows["mean"].to_numpy(), np.nan_to_num(rows["mcse_mean"].to_numpy()) ** 2
    of_kind: dict[str, list[int]] = {}
    for i, info in enumerate(decisions.values()):
        of_kind.setdefault(info.kind, []).append(i)
    sets = [[i] for i in range(len(decisions))] + list(of_kind.values())
    balanced = len(rows) > 0 and is_full_product(columns)
    variance = grid_variance(values, float(noise.mean())) if len(rows) else np.nan
    shares, notes = _shares(columns, values, noise, sets, balanced, variance)
    unseen = [
        f"{name} = {label}"
        for (name, info), column in zip(decisions.items(), columns, strict=True)
        for label in _unseen(info, column)
    ]
    if unseen and len(rows):
        notes = (*notes, "no such universe counts: " + ", ".join(unseen))
    named = dict(zip(decisions, shares, strict=False))
    kinds = dict(zip(of_kind, shares[len(decisions) :], strict=True))
    return _Answer(named, kinds, max(0.0, variance), balanced, notes)


def _shares(
    columns: Sequence[np.ndarray],
    values: np.ndarray,
    noise: np.ndarray,
    sets: Sequence[Sequence[int]],
    balanced: bool,
    variance: float,
) -> tuple[list[Shares], tuple[str, ...]]:
    nothing = [Shares(np.nan, np.nan)] * len(sets)
    if len(values) < 2:
        return nothing, ("fewer than two universes count: there is no variance to divide",)
    if not variance > NO_VARIANCE * float(np.mean(values**2)):
        least = "Monte Carlo error" if noise.any() else "rounding"
        return nothing, (f"universes differ by no more than {least}: there is no variance to divide",)
    if balanced:
        return grid_shares(columns, values, float(noise.mean()), sets), ("a full product: shares are exact",)
    fit = regression_shares(columns, values, float(noise.mean()), sets)
    model = "all pairwise interactions" if fit.pairs else "main effects only (too few universes for pairs)"
    return fit.shares, (
        "not a full product (rules, decisions that do not always apply, or universes left out): shares by regression;",
        f"main = R^2 of the decision alone, total = loss of R^2 without it, with {model}",
    )


def _unseen(info: DecisionInfo, column: np.ndarray) -> list[str]:
    return [label for i, label in enumerate(info.labels) if not (column == i).any()]
