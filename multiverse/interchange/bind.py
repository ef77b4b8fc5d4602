"""The Python objects and the kinds that a file does not hold, as its reader gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from multiverse.errors import near_miss
from multiverse.interchange.draft import Draft
from multiverse.interchange.unbound import Unbound
from multiverse.space.space import Space

Values: TypeAlias = Mapping[str, Mapping[str, Any]] | Space | None
"""Decision -> label -> value; or a space whose options have these values."""


def bind(draft: Draft, values: Values) -> None:
    """Give options the values that the reader of the file names; mistakes go to the draft.

    What a space offers beyond the file is passed over; a mapping must not.
    """
    strict = not isinstance(values, Space)
    for name, given in _by_label(values).items():
        if (decision := draft.decisions.get(name)) is None:
            if strict:
                _no_decision(draft, "values", name)
            continue
        for label, value in given.items():
            if label in decision.labels:
                decision.option(label).value = value
            elif strict:
                _strange(draft, f"`values` names {label!r} of {name!r}, which is no option", label, decision.labels)


def unbound(draft: Draft) -> None:
    """A mistake for each decision with options that still have no value."""
    for name, decision in draft.decisions.items():
        missing = {o.label: o.value.text for o in decision.options if isinstance(o.value, Unbound)}
        if missing:
            told = ", ".join(f"{label!r} was {text}" for label, text in missing.items())
            draft.wrong(
                decision.where,
                f"values of {name!r} are Python objects, which no file holds: {told}.",
                "`values`, with what is meant",
                f"Write `values={{{name!r}: {{{', '.join(f'{label!r}: ...' for label in missing)}}}}}`, "
                "or `values=space` with a space that has them.",
            )


def name_kinds(draft: Draft, kinds: Mapping[str, str] | None) -> None:
    """Give decisions the kinds that the reader of the file names; mistakes go to the draft."""
    for name, kind in (kinds or {}).items():
        if name in draft.decisions:
            draft.decisions[name].kind = kind
        else:
            _no_decision(draft, "kinds", name)


def _by_label(values: Values) -> Mapping[str, Mapping[str, Any]]:
    if isinstance(values, Space):
        return {name: {o.label: o.value for o in decision.options} for name, decision in values.decisions.items()}
    return values or {}


def _no_decision(draft: Draft, keyword: str, name: str) -> None:
    if name not in draft.broken:
        what = f"`{keyword}` names {name!r}, which is no decision of the file"
        _strange(draft, what, name, tuple(draft.decisions))


def _strange(draft: Draft, what: str, word: str, known: tuple[str, ...]) -> None:
    draft.wrong("", f"{what}.", f"one of: {', '.join(known) or 'none'}", f"{near_miss(str(word), known)}Rename it.")
