"""A space as the TOML that multiversum reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multiverse.interchange.noted import decision_notes, option_notes, rules_of, value_notes
from multiverse.interchange.notes import MARK, Notes, write
from multiverse.interchange.pairs import Choice, Limit, Pairs, pairs
from multiverse.interchange.plain import entry, key, spelled
from multiverse.interchange.tokens import labels, tokens
from multiverse.space.counted import counted
from multiverse.space.space import Space

FORMAT = "TOML as multiversum reads it"


def to_toml(space: Space) -> str:
    """The space as the text of a `multiverse.toml`, as multiversum 0.7 reads it and `from_toml` reads it back.

    `[dimensions]` holds the values of options, or their labels where no file holds the values; `[constraints]` the
    pairs of options that never meet.  A decision that does not apply has its reference option there.  What multiversum
    has no words for stands in comments that begin with `#:`.
    Raises SpaceError where the space is not sound, and FormatError, naming them, for rules that no pairs say.
    """
    written = {
        Choice(name, label): token
        for name, decision in space.decisions.items()
        for label, token in zip(decision.labels, tokens(decision), strict=True)
    }
    found = pairs(space, FORMAT)
    lines = [
        f"# {counted(space.size, 'universe')} of {counted(len(space.decisions), 'decision')}, for multiversum.",
        f"# Lines that begin with `{MARK}` say in TOML what it has no words for; multiverse reads them back.",
        "",
        "[dimensions]",
        *(entry(n, [written[Choice(n, label)] for label in d.labels]) for n, d in space.decisions.items()),
        *_constraints(found, written),
    ]
    notes = Notes(_decisions(space, written), rules_of(space))
    return "\n".join(lines) + "\n\n" + write(notes)


def _constraints(found: Pairs, written: Mapping[Choice, Any]) -> list[str]:
    """An entry for each option in no universe, one for all that an option needs, and one for each it never meets."""
    lines: list[str] = []

    def add(option: Choice, word: str, others: Mapping[str, Any]) -> None:
        lines.extend(["", f"[[constraints.{key(option.decision)}]]", f"value = {spelled(written[option])}"])
        lines.append(f"{word} = {spelled(others)}")

    for option in found.nowhere:
        add(option, "forbidden_if", {option.decision: written[option]})
    for option, limits in _by_option(found.limits).items():
        needed = {limit.other: written[Choice(limit.other, limit.labels[0])] for limit in limits if limit.needed}
        if needed:
            add(option, "allowed_if", needed)
        for limit in limits:
            for label in () if limit.needed else limit.labels:
                add(option, "forbidden_if", {limit.other: written[Choice(limit.other, label)]})
    return lines


def _by_option(limits: tuple[Limit, ...]) -> dict[Choice, list[Limit]]:
    found: dict[Choice, list[Limit]] = {}
    for limit in limits:
        found.setdefault(limit.option, []).append(limit)
    return found


def _decisions(space: Space, written: Mapping[Choice, Any]) -> dict[str, dict[str, Any]]:
    """What is noted of each decision and its options."""
    notes = {}
    for name, decision in space.decisions.items():
        given = [written[Choice(name, label)] for label in decision.labels]
        options = {}
        for option, token, usual in zip(decision.options, given, labels(given), strict=True):
            told = {} if usual == option.label else {"written": token}
            told |= value_notes(option.value, token)
            why = {"why": option.why} if option.why else {}
            options[option.label] = told | why | option_notes(name, option, space)
        rationale = {"rationale": decision.rationale} if decision.rationale else {}
        notes[name] = decision_notes(decision) | rationale | {"options": options}
    return notes
