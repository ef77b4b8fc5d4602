"""The settings of a run that a person wants to see."""

from __future__ import annotations

from typing import Any, Final

from multiverse.rerun.source import recorded_settings
from multiverse.store.records import RunRecord

_GATE: Final = "gate."


def settings_that_matter(record: RunRecord) -> dict[str, Any]:
    """All settings of the engine, and of its gate those that are not the default."""
    from multiverse.engines.gate import Gate

    usual = vars(Gate())
    return {
        name: value
        for name, value in recorded_settings(record).items()
        if not name.startswith(_GATE) or value != usual.get(name.removeprefix(_GATE))
    }
