"""The settings a run recorded: for people, and as the Python that makes the same engine again."""

from __future__ import annotations

import json
from typing import Any, Final

from multiverse.store.records import RunRecord

_GATE: Final = "gate."


def recorded_settings(record: RunRecord) -> dict[str, Any]:
    """Every setting by dotted name; `engine` is the engine's name."""
    return {name: json.loads(value or "null") for name, value in record.sections.get("settings", {}).items()}


def settings_that_matter(record: RunRecord) -> dict[str, Any]:
    """All settings of the engine, and of its gate those that are not the default."""
    from multiverse.engines.gate import Gate

    usual = vars(Gate())
    return {
        name: value
        for name, value in recorded_settings(record).items()
        if not name.startswith(_GATE) or value != usual.get(name.removeprefix(_GATE))
    }


def engine_code(record: RunRecord) -> str:
    """The engine as Python: `mv.NUTS(chains=2)`, with what differs from its defaults."""
    from multiverse.engines.gate import Gate
    from multiverse.sweep import ENGINES

    settings = recorded_settings(record)
    kind = ENGINES.get(str(settings.pop("engine", "")))
    if kind is None:
        return "..."
    gate = {n.removeprefix(_GATE): v for n, v in settings.items() if n.startswith(_GATE)}
    usual = vars(kind())
    own = {n: v for n, v in settings.items() if n in usual and v != usual[n]}
    strict = {n: v for n, v in gate.items() if v != vars(Gate()).get(n)}
    words = [f"{name}={value!r}" for name, value in own.items()]
    if strict:
        words.append(f"gate=mv.Gate({', '.join(f'{name}={_number(value)}' for name, value in strict.items())})")
    return f"mv.{kind.__name__}({', '.join(words)})"


def _number(value: Any) -> str:
    return f"float('{value}')" if value in (float("inf"), float("-inf")) else repr(value)
