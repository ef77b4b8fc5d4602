"""A rule of a space in words: which options it is about, found by asking it for the labels it looks at."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from multiverse.space.decision import Decision
from multiverse.space.mistaken_rule import arguments
from multiverse.space.rules import Forbid, Link, OnlyWhen, OptionRule, Rule

ASKED_MOST = 4096  # combinations for which a rule is asked to find words for it; beyond, only its decisions are named
LISTED_MOST = 3  # options, or combinations of options, that are listed; more are counted

Labels = tuple[str | None, ...]


class RuleWords(NamedTuple):
    """What a rule says, without its reason: `not zeros “dropped” with outliers “3 sd”`.

    where: the options it is about; an option of None where it is about the decision as a whole.
    """

    what: str
    where: tuple[tuple[str, str | None], ...]


class Held(NamedTuple):
    """Where a rule is true. names: the decisions it asks for; offered: the labels of each; rows: those it holds for.

    rows is None where there are too many to ask.
    """

    names: tuple[str, ...]
    offered: tuple[Labels, ...]
    rows: tuple[Labels, ...] | None


def rule_words(rule: Rule, decisions: Mapping[str, Decision], conditional: Sequence[str] = ()) -> RuleWords:
    """The rule in words, and the options it is about.

    conditional: decisions that do not always apply, where functions are given None.
    """
    if isinstance(rule, Link):
        return RuleWords(f"{_and(rule.decisions)} move together", tuple((name, None) for name in rule.decisions))
    held = _held(rule, decisions, conditional)
    if isinstance(rule, OnlyWhen):
        return RuleWords(f"{rule.decision} only where {_clause(held)}", ((rule.decision, None),))
    if isinstance(rule, OptionRule):
        own = (rule.decision, rule.label)
        said = f"{rule.decision} {quoted(rule.label)}"
        if rule.needed:
            return RuleWords(f"{said} only where {_clause(held)}", (own,))
        return RuleWords(f"not {said} where {_clause(held)}", (own, *_places(held)))
    return RuleWords(f"not {_phrase(held)}", _places(held) or tuple((name, None) for name in held.names))


def quoted(label: str | None) -> str:
    """A label in quotation marks, on one line; words where the decision does not apply."""
    return "absent" if label is None else f"“{' '.join(label.split())}”"


def _held(rule: Forbid | OnlyWhen | OptionRule, decisions: Mapping[str, Decision], conditional: Sequence[str]) -> Held:
    asked, _ = arguments(rule, decisions)
    offered: tuple[Labels, ...] = tuple(
        (*decisions[name].labels, None) if name in conditional else decisions[name].labels for name in asked.names
    )
    if math.prod(map(len, offered)) > ASKED_MOST:
        return Held(asked.names, offered, None)
    rows = tuple(labels for labels in itertools.product(*offered) if asked.holds(rule.rule, labels))
    return Held(asked.names, offered, rows)


def _met(held: Held) -> list[Labels]:
    """Of each decision the labels for which the rule can hold, in their order."""
    columns: list[set[str | None]] = [set(column) for column in zip(*(held.rows or ()), strict=True)]
    found = columns or [set[str | None]() for _ in held.names]
    return [
        tuple(label for label in offered if label in some) for some, offered in zip(found, held.offered, strict=True)
    ]


def _places(held: Held) -> tuple[tuple[str, str | None], ...]:
    """The options a rule is about: of decisions of which it does not take every option."""
    if not held.rows:
        return ()
    return tuple(
        (name, label)
        for name, met, offered in zip(held.names, _met(held), held.offered, strict=True)
        if len(met) < len(offered)
        for label in met
        if label is not None
    )


def _clause(held: Held) -> str:
    """Where it holds, as a clause: `family is “student” and counties is not “all”`."""
    if held.rows is None:
        return f"a rule on {_and(held.names)} says so"
    return _said(held.rows, held, " and ", "is ", "is not ") or (
        f"{_and(held.names)} make one of {len(held.rows)} combinations, of {_all(held)}"
    )


def _phrase(held: Held) -> str:
    """Where it holds, as a phrase: `zeros “dropped” with outliers “beyond 3 sd”`."""
    if held.rows is None:
        return f"some combinations of {_and(held.names)}"
    return _said(held.rows, held, " with ", "", "other than ") or (
        f"{len(held.rows)} of the {_all(held)} combinations of {_and(held.names)}"
    )


def _all(held: Held) -> int:
    return math.prod(map(len, held.offered))


def _said(rows: tuple[Labels, ...], held: Held, joined: str, one_of: str, none_of: str) -> str:
    """The rows in words; empty where they are too many and no product of labels."""
    if not rows:
        return "nothing"

    def of(name: str, met: Labels, offered: Labels) -> str:
        left = [label for label in offered if label not in met]
        if len(met) <= LISTED_MOST:
            return f"{name} {one_of}{' or '.join(map(quoted, met))}"
        if len(left) <= LISTED_MOST:
            return f"{name} {none_of}{' or '.join(map(quoted, left))}"
        return f"{name} {one_of}one of {len(met)} options"

    met = _met(held)
    if len(rows) == math.prod(map(len, met)):  # every one of these with every one of those
        said = [
            of(name, some, offered)
            for name, some, offered in zip(held.names, met, held.offered, strict=True)
            if len(some) < len(offered)
        ]
        return joined.join(said) or "anything"
    if len(rows) > LISTED_MOST:
        return ""
    listed = ([of(n, (v,), (v, "")) for n, v in zip(held.names, row, strict=True)] for row in rows)
    return ", or ".join(joined.join(row) for row in listed)


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
