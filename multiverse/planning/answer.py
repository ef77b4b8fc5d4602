"""What an `estimate` function may return, in one form: numbers with or without standard error, or draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from multiverse.errors import near_miss
from multiverse.estimate import Estimate

Answer = dict[str, Any]
"""Of one estimand: `{"value"}`, `{"value", "se"}`, `{"value", "se", "df"}`, each a scalar, or `{"draws"}`, an array
`(chain, draw)`. The keys say what kind it is, so that an answer can leave a compiled program."""

FORMS = "a number, `mv.Estimate(value, se, df)`, draws (draw,) or (chain, draw), or a dict of these by estimand"


class NotAnAnswer(ValueError):
    """A function returned something else than estimates."""


def answers_of(out: Any, names: Sequence[str]) -> dict[str, Answer]:
    """What a function returned, by estimand. Works on JAX's tracers too.

    Raises NotAnAnswer for what is no estimate, and where the names are not those of the estimands.
    """
    if not isinstance(out, Mapping):
        if len(names) > 1:
            raise NotAnAnswer(f"returned one answer, {_shown(out)}, where {len(names)} estimands are named")
        return {names[0]: _answer(out)}
    known = [str(name) for name in out]
    if sorted(known) != sorted(names):
        guess = next((g for name in known if (g := near_miss(name, names))), "")
        asked, shown = ", ".join(map(repr, names)), ", ".join(map(repr, known)) or "nothing"
        raise NotAnAnswer(f"returned {shown}, where the estimands are {asked}. {guess}".rstrip())
    return {name: _answer(out[name]) for name in names}


def _answer(out: Any) -> Answer:
    if isinstance(out, Estimate):
        told = {name: part for name, part in out._asdict().items() if part is not None}
        if "df" in told and "se" not in told:
            raise NotAnAnswer("returned degrees of freedom without a standard error")
        return {name: _scalar(part, name) for name, part in told.items()}
    if isinstance(out, tuple | list) or not _is_numeric(out):
        raise NotAnAnswer(f"returned {_shown(out)}, which is no estimate")
    array = out if hasattr(out, "ndim") and hasattr(out, "reshape") else np.asarray(out)
    if array.size == 1:
        return {"value": array.reshape(())}
    if array.ndim > 2:
        raise NotAnAnswer(f"returned an array of shape {tuple(array.shape)}, not draws (draw,) or (chain, draw)")
    return {"draws": array.reshape((1, -1)) if array.ndim == 1 else array}


def _scalar(part: Any, name: str) -> Any:
    if not _is_numeric(part) or np.size(part) != 1:
        raise NotAnAnswer(f"returned an Estimate whose {name} is {_shown(part)}, not a number")
    return part.reshape(()) if hasattr(part, "reshape") else part


def _is_numeric(value: Any) -> bool:
    if isinstance(value, bool | int | float | np.number):
        return True
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    return kind in tuple("biuf") and hasattr(value, "shape")


def _shown(value: Any) -> str:
    if value is None:
        return "None"
    text = repr(value)
    return f"{type(value).__name__} {text}" if len(text) < 40 and "\n" not in text else f"a {type(value).__name__}"
