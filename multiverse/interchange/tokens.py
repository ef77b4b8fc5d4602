"""What stands in a list of TOML for each option of a decision, and what such a list means."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from multiverse.interchange.plain import is_plain, spelled
from multiverse.space.decision import Decision


def tokens(decision: Decision) -> tuple[Any, ...]:
    """(option,) what the list holds: the values where a file can hold them and they differ, else the labels.

    Where a value cannot be held its label stands for it; if that is mistaken for another value, all are labels.
    """
    found = tuple(_token(option.value, option.label) for option in decision.options)
    return decision.labels if same(found) else found


def _token(value: Any, label: str) -> Any:
    plain = list(value) if type(value) is tuple else value
    return plain if is_plain(plain) and not _has_nan(plain) else label  # NaN equals nothing, so no rule would find it


def _has_nan(value: Any) -> bool:
    if isinstance(value, list | dict):
        return any(map(_has_nan, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and math.isnan(value)


def same(given: Sequence[Any]) -> tuple[int, int] | None:
    """The places of two items that multiversum takes for one: 1, 1.0 and true are (`validate_dimensions`, 0.7.2)."""
    seen: dict[Any, int] = {}
    for place, item in enumerate(given):
        word = json.dumps(item, sort_keys=True, default=str) if isinstance(item, list | dict) else item
        if (first := seen.setdefault(word, place)) != place:
            return first, place
    return None


def labels(given: Sequence[Any]) -> tuple[str, ...]:
    """(item,) what each is called unless it is told: a text is itself; others are spelled as in the file.

    A text that is spelled like another item, or that cannot be seen, is put in quotes.
    """
    plain = [item if isinstance(item, str) else _spelled(item) for item in given]
    looks = [label.strip() for label in plain]
    return tuple(
        spelled(item) if isinstance(item, str) and (not look or looks.count(look) > 1) else label
        for item, label, look in zip(given, plain, looks, strict=True)
    )


def _spelled(item: Any) -> str:
    return spelled(item) if is_plain(item) else str(item)  # dates and times are what else TOML has
