"""The notes of a file, added to what else was read of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from multiverse.errors import near_miss
from multiverse.interchange.among import as_rule
from multiverse.interchange.draft import Draft, DraftOption
from multiverse.interchange.noted import patterns
from multiverse.interchange.notes import MARK, Notes
from multiverse.interchange.unbound import Unbound
from multiverse.space.condition import When, mistakes
from multiverse.space.rules import Ask
from multiverse.space.space import Space

WORDS = ("only_when", "forbid", "link")
TYPES = ("tuple", "none")


def note(draft: Draft, notes: Notes) -> None:
    """Add what is noted of decisions and options; mistakes go to the draft."""
    for name, told in notes.decisions.items():
        if (decision := draft.decisions.get(name)) is None:
            if name not in draft.broken:
                _strange(draft, f"[decisions.{name}]", name, tuple(draft.decisions))
            continue
        decision.kind = told.get("kind", decision.kind)
        decision.rationale = told.get("rationale", decision.rationale)
        reference = told.get("reference", decision.reference)
        if reference is not None and reference not in decision.labels:
            _strange(draft, f"`reference` of [decisions.{name}]", str(reference), decision.labels)
        else:
            decision.reference = reference
        for label, noted in told.get("options", {}).items():
            if label in decision.labels:
                _note_option(draft, decision.option(label), noted)
            else:
                _strange(draft, f"[decisions.{name}.options]", label, decision.labels)


def _note_option(draft: Draft, option: DraftOption, noted: Mapping[str, Any]) -> None:
    kind = noted.get("type")
    value = noted.get("value", option.value)
    if "bind" in noted:
        option.value = Unbound(str(noted["bind"]))
    elif kind is None:
        option.value = value
    elif kind == "tuple" and isinstance(value, list):
        option.value = tuple(value)
    elif kind == "none":
        option.value = None
    else:
        draft.wrong(
            option.where,
            f"`type` of {option.label!r} behind `{MARK}` is {kind!r}, its value {value!r}.",
            f"one of: {', '.join(TYPES)}; a tuple is written as a list",
            "Write it as it was, or remove it.",
        )
    option.why = noted.get("why", option.why)
    option.plausibility = noted.get("plausibility", option.plausibility)
    if "requires" in noted:
        option.requires = _rule(draft, noted["requires"], f"`requires` of {option.label!r}") or option.requires
    if "incompatible_with" in noted:
        rule = _rule(draft, noted["incompatible_with"], f"`incompatible_with` of {option.label!r}", each=True)
        option.incompatible_with = rule or option.incompatible_with


def add_rules(draft: Draft, rules: Sequence[Mapping[str, Any]], space: Space) -> Space:
    """The space with the rules of the notes; mistakes go to the draft."""
    for number, told in enumerate(rules, 1):
        where = f"rule {number} behind `{MARK}`"
        word = next((word for word in WORDS if isinstance(told, dict) and word in told), None)
        if word is None or told.keys() - {word, "when"}:
            draft.wrong(
                "",
                f"{where} is {told!r}.",
                'a table with one of `only_when = "decision"`, `forbid = "reason"`, `link = ["decision", ...]`, '
                "and `when` for the first two",
                f"Write it as it was, or remove all lines that begin with `{MARK}`.",
            )
        elif word == "link":
            space = space.link(*told[word])
        elif rule := _rule(draft, told.get("when"), where, space):
            space = space.only_when(told[word], rule) if word == "only_when" else space.forbid(told[word], rule)
    return space


def _rule(draft: Draft, told: Any, where: str, space: Space | None = None, *, each: bool = False) -> Ask | None:
    """A rule of the notes; None where it is none. each: whether as data it minds each decision, not all together."""
    found = patterns(told)
    if found is None:
        draft.wrong(
            "",
            f"what {where} looks at is {told!r}.",
            'labels by decision, `{ family = ["student"] }`, or a list of such tables',
            f"Write it as it was, or remove all lines that begin with `{MARK}`.",
        )
        return None
    rule = as_rule(found, each=each)
    if space is not None and not isinstance(rule, When):  # `Space.check` reads the labels of a `When`, not of others
        known = {name: decision.labels for name, decision in space.decisions.items()}
        for pattern in found:
            labels = {name: tuple(filter(None, told)) or known[name] for name, told in pattern.items() if name in known}
            for problem in mistakes(where, When(labels), known) if labels else ():
                draft.wrong("", problem.what, problem.expected, problem.mend)
    return rule


def _strange(draft: Draft, where: str, word: str, known: tuple[str, ...]) -> None:
    draft.wrong(
        "",
        f"{where} behind `{MARK}` names {word!r}, which the file does not have.",
        f"one of: {', '.join(known) or 'none'}",
        f"{near_miss(word, known)}Rename it there too, or remove it.",
    )
