"""Ids as ASTRA wants them: lowercase snake case, and none of its own words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from multiverse.space.decision import Decision

# Schema of astra-spec 0.0.14, the pattern of every `id`.
RESERVED = frozenset({"inputs", "outputs", "decisions", "findings", "prior_insights", "analyses", "options", "content"})
ID = re.compile(r"[a-z][a-z0-9_]*")


def is_id(text: object) -> bool:
    """Whether ASTRA takes this for the id of anything."""
    return isinstance(text, str) and ID.fullmatch(text) is not None and text not in RESERVED


def slug(text: str, kind: str) -> str:
    """An id that reads like the text; `kind` comes first where the text does not begin with a letter."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    word = re.sub(r"[^a-z0-9]+", "_", ascii_text.lower()).strip("_")
    if not word or not word[0].isalpha():
        word = f"{kind}_{word}".rstrip("_")
    return f"{word}_{kind}" if word in RESERVED else word


def each_its_own(words: Iterable[str]) -> list[str]:
    """The ids, numbered from the second on where several are the same."""
    found: list[str] = []
    for word in words:
        number, own = 1, word
        while own in found:
            number += 1
            own = f"{word}_{number}"
        found.append(own)
    return found


def decision_ids(decisions: Iterable[str]) -> dict[str, str]:
    """Name of a decision -> its id: the name where it is one."""
    names = list(decisions)
    return dict(zip(names, each_its_own(n if is_id(n) else slug(n, "decision") for n in names), strict=True))


def option_ids(decision: Decision) -> dict[str, str]:
    """Label -> id of the option: its value where that is a text that will do, since a recipe is given the id."""
    words = [o.value if is_id(o.value) else slug(o.label, "option") for o in decision.options]
    return dict(zip(decision.labels, each_its_own(words), strict=True))


def all_option_ids(decisions: Mapping[str, Decision]) -> dict[str, dict[str, str]]:
    """Decision -> label -> id."""
    return {name: option_ids(decision) for name, decision in decisions.items()}
