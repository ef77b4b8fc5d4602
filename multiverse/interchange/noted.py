"""What of a space goes into the notes of a file: kinds, reasons, values, and rules as lists of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from multiverse.errors import Problem
from multiverse.interchange.among import PATTERNS_MOST, Pattern, as_data
from multiverse.interchange.pairs import FormatError
from multiverse.interchange.plain import is_plain, spelled
from multiverse.interchange.unbound import Unbound
from multiverse.space.condition import When
from multiverse.space.decision import Decision
from multiverse.space.mistaken_rule import arguments
from multiverse.space.option import Option
from multiverse.space.rules import Forbid, Link, OnlyWhen, OptionRule, Rule
from multiverse.space.space import Space

IDLE = ""  # among the labels of a rule: the decision does not apply; no option can be called so


def rules_of(space: Space) -> tuple[Mapping[str, Any], ...]:
    """The rules of a space as tables, in order, without those of options.

    Raises FormatError for a union, and for functions that are true for too many combinations to list.
    """
    if len(space.parts) > 1:
        raise FormatError(
            Problem(
                f"this is a union of {len(space.parts)} spaces, for which files have no words.",
                "one space, with its rules",
                "Write each of the spaces to a file of its own, and take their union after reading.",
            )
        )
    found: list[Mapping[str, Any]] = []
    problems: list[Problem] = []
    for rule in space.parts[0].declared:
        if isinstance(rule, Link):
            found.append({"link": list(rule.decisions)})
        elif isinstance(rule, Forbid):
            found.append({"forbid": rule.why, "when": _told(rule, space, problems)})
        elif isinstance(rule, OnlyWhen):
            found.append({"only_when": rule.decision, "when": _told(rule, space, problems)})
    if problems:
        raise FormatError(problems)
    return tuple(found)


def decision_notes(decision: Decision) -> dict[str, Any]:
    """Kind, and the reference where it is not the first option."""
    moved = {} if decision.reference == decision.labels[0] else {"reference": decision.reference}
    return {"kind": decision.kind} | moved


def option_notes(name: str, option: Option, space: Space) -> dict[str, Any]:
    """Plausibility, and what the option asks of other decisions.  Raises FormatError as `rules_of`."""
    found: dict[str, Any] = {}
    if (weight := option.plausibility) is not None:
        found["plausibility"] = weight if is_plain(weight) else float(weight)
    problems: list[Problem] = []
    for word, needed in (("requires", True), ("incompatible_with", False)):
        asked: Any = getattr(option, word)
        if asked or not isinstance(asked, Mapping):
            found[word] = _told(OptionRule(name, option.label, asked, needed), space, problems)
    if problems:
        raise FormatError(problems)
    return found


def value_notes(value: Any, written: Any) -> dict[str, Any]:
    """How the value is had again from what was written for it; nothing where it is the value itself."""
    from multiverse.identity.describe import describe

    if value is None:
        return {"type": "none"}
    if isinstance(value, Unbound):
        return {"bind": value.text}
    if not is_plain(plain := list(value) if type(value) is tuple else value):
        return {"bind": describe(value)}
    kind = {"type": "tuple"} if type(value) is tuple else {}
    same = is_plain(written) and spelled(plain) == spelled(written)
    return ({} if same else {"value": plain}) | kind


def _told(rule: Forbid | OnlyWhen | OptionRule, space: Space, problems: list[Problem]) -> Any:
    """A rule as one table of labels by decision, or a list of such tables of which one must fit."""
    asked, _ = arguments(rule, space.decisions)
    idle = {other.decision for other in space.rules if isinstance(other, OnlyWhen)}
    patterns = as_data(rule.rule, asked, space.decisions, idle)
    if patterns is None:
        problems.append(_too_many(rule, asked.names))
        return {}
    if isinstance(rule, OptionRule) and not rule.needed and isinstance(rule.rule, When):
        patterns = tuple(
            {name: labels} for name, labels in rule.rule.items()
        )  # it minds each, not all of them together
    tables = [_table(pattern) for pattern in patterns]
    return tables[0] if len(tables) == 1 else tables


def _table(pattern: Pattern) -> dict[str, list[str]]:
    return {name: [IDLE if label is None else label for label in labels] for name, labels in pattern.items()}


def _too_many(rule: Rule, names: Sequence[str]) -> Problem:
    return Problem(
        f"the rule of {rule} is a function of {', '.join(names)}, true for more combinations than a file should list.",
        f"a rule that {PATTERNS_MOST} lists of labels say",
        'Write it as data: `{"family": ["student", "cauchy"]}` in place of the function.',
    )


def patterns(told: Any) -> list[Pattern] | None:
    """The patterns of a rule in the notes; None where it is not written as `rules_of` writes them."""
    tables = told if isinstance(told, list) else [told]
    if not tables or not all(isinstance(table, dict) and table for table in tables):
        return None
    if not all(
        isinstance(labels, list) and all(type(x) is str for x in labels) for t in tables for labels in t.values()
    ):
        return None
    return [{name: tuple(label or None for label in labels) for name, labels in t.items()} for t in tables]
