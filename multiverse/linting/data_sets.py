"""The distinct prepared data sets of a plan, who has which, and which options single them out."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass

from multiverse.linting.columns import Column, columns
from multiverse.planning.alike import or_forbid
from multiverse.planning.plan import Plan
from multiverse.planning.prepare import Prepared
from multiverse.planning.program import Program


@dataclass(frozen=True, eq=False)
class DataSet:
    """One prepared data set: its rows, and the universes that have it, by key, in the order of their programs."""

    prepared: Prepared
    rows: int
    programs: dict[str, Program]

    @property
    def keys(self) -> tuple[str, ...]:
        """The universes that have it."""
        return tuple(self.programs)

    @property
    def labels(self) -> dict[str, str | None]:
        """The options that made it."""
        return dict(self.prepared.labels)

    @functools.cached_property
    def columns(self) -> tuple[Column, ...]:
        """All its columns."""
        return tuple(columns(self.prepared.data))


def data_sets(plan: Plan) -> tuple[DataSet, ...]:
    """The prepared data sets of the universes that can be answered, in the order in which they were made."""
    programs: dict[int, dict[str, Program]] = {}
    rows: dict[int, int] = {}
    prepared: dict[int, Prepared] = {}
    for program in plan.programs:
        for key, member in program.members.items():
            programs.setdefault(member.prepared, {})[key] = program
            rows[member.prepared] = max(member.rows_kept, rows.get(member.prepared, 0))
            prepared[member.prepared] = program.original[member.prepared]
    return tuple(DataSet(prepared[number], rows[number], programs[number]) for number in sorted(prepared))


def options_of(plan: Plan, keys: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The options that single out some universes among those that can be answered, by decision.

    One decision where it says all; else every decision of which they have only some of the options. Empty for all
    universes, and for such that no option tells from the others.
    """
    wanted = set(keys)
    with_them: dict[str, set[str | None]] = {}
    with_others: dict[str, set[str | None]] = {}
    for key in plan.program_of:
        side = with_them if key in wanted else with_others
        for name, label in plan.universes[key].items():
            side.setdefault(name, set()).add(label)
    decisions = plan.study.space.decisions
    some = {
        name: tuple(label for label in decisions[name].labels if label in labels)
        for name, labels in with_them.items()
        if with_others.get(name, set()) - labels and None not in labels
    }
    alone = [name for name in some if not with_them[name] & with_others.get(name, set())]
    return {name: some[name] for name in alone[:1]} or some


def where(plan: Plan, keys: Collection[str]) -> str:
    """Where these universes are, to end a clause with: ` with patients='drop'`; ` in all universes`; empty."""
    if len(set(keys)) == len(plan.program_of):
        return " in all universes" if len(plan) > 1 else ""
    told = [f"{name}={' or '.join(map(repr, labels))}" for name, labels in options_of(plan, keys).items()]
    return f" with {' and '.join(told)}" if told else ""


def forbidding(plan: Plan, keys: Collection[str]) -> str:
    """The other way out: a rule, ready to paste, that excludes these universes; empty where no few options tell."""
    options = options_of(plan, keys)
    single = [(name, labels[0]) for name, labels in options.items() if len(labels) == 1]
    return or_forbid(single) if options and len(single) == len(options) else ""
