"""How far a universe is from the reference universe, and what turns the reference universe's conclusions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from multiverse.aggregate.linked import together
from multiverse.aggregate.printing import count
from multiverse.cli.cells import said

if TYPE_CHECKING:
    from multiverse.results import Results
    from multiverse.store.plan_table import PlannedUniverse, PlanRecord


def changes_card(record: PlanRecord, universe: PlannedUniverse) -> list[dict[str, str]]:
    """The decisions in which a universe has another option than the reference universe: decision, reference, option."""
    from multiverse.aggregate.flips import changes_of

    decisions = record.header.decisions
    references = {d.name: next(option.label for option in d.options if option.reference) for d in decisions}
    return [change._asdict() for change in changes_of(universe.labels, references)]


def distance(record: PlanRecord, changes: Sequence[Mapping[str, str]]) -> int:
    """How many changes these are: decisions that are linked change together, once."""
    changed = {change["decision"] for change in changes}
    names = [decision.name for decision in record.header.decisions]
    return sum(not changed.isdisjoint(linked) for linked in together(names, record.header.links))


def flips_card(results: Results, **asked: Any) -> list[dict[str, Any]]:
    """For each estimand and conclusion of the reference universe: the fewest changes that turn it, and where.

    asked: the thresholds of `Results.flips`.
    """
    rows = []
    for estimand in results.estimands:
        for flip in results.flips(estimand, **asked).flips:
            nearest = [
                {
                    "key": universe.key,
                    "says": universe.says,
                    "changes": [change._asdict() for change in universe.changes],
                    "median": universe.median,
                }
                for universe in flip.universes
            ]
            rows.append(
                {
                    "estimand": estimand,
                    "conclusion": flip.conclusion,
                    "fewest_changes": flip.fewest,
                    "fewest_changes_with_red": flip.fewest_with_red,
                    "otherwise": flip.flipped,
                    "of": flip.n,
                    "nearest": nearest,
                }
            )
    return rows


def changes_text(changes: Sequence[Mapping[str, str]]) -> str:
    """`patients: all → without patient 9; effect: weak → sceptical`."""
    return "; ".join(f"{c['decision']}: {c['reference']} → {c['option']}" for c in changes)


def flips_text(flips: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each conclusion."""
    several = len({flip["estimand"] for flip in flips}) > 1
    for flip in flips:
        head = f"{flip['estimand']}: {flip['conclusion']}" if several else flip["conclusion"]
        if flip["fewest_changes"] is None:
            yield f"{head}: in all {flip['of']:,} others too"
            continue
        first, rest = flip["nearest"][0], len(flip["nearest"]) - 1
        fewest, more = flip["fewest_changes"], f", or by {count(rest, 'other')}" if rest else ""
        yield (
            f"{head}: turned by {count(fewest, 'change')}, "
            f"{changes_text(first['changes'])} ({said(first['median'])}, universe {first['key'][:12]})"
            f"{more}; otherwise in {flip['otherwise']:,} of {flip['of']:,}"
        )
