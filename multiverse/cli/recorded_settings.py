"""The settings of a run that a person wants to see."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, Final

from multiverse.rerun.source import recorded_settings
from multiverse.store.records import RunRecord

_GATE: Final = "gate."


def settings_that_matter(record: RunRecord) -> dict[str, Any]:
    """All settings of the engine; its gate and its ladder as far as they are not the default, rungs by their names."""
    from multiverse.engines.gate import Gate, WeightsGate
    from multiverse.engines.ladder import LADDER

    usual = {f"{_GATE}{name}": value for name, value in (vars(Gate()) | vars(WeightsGate())).items()} | {
        "ladder": _plain(LADDER)
    }
    matter: dict[str, Any] = {}
    for name, value in recorded_settings(record).items():
        if not (name.startswith(_GATE) or name == "ladder") or value != usual.get(name):
            matter[name] = [rung["name"] for rung in value] or "off" if name == "ladder" else value
    return matter


def rungs_of(record: RunRecord) -> list[str]:
    """The names of the rungs on which a run tries universes again, in order."""
    return [str(rung["name"]) for rung in recorded_settings(record).get("ladder") or ()]


def _plain(ladder: Sequence[Any]) -> list[dict[str, Any]]:
    """Rungs as they are recorded."""
    plain: list[dict[str, Any]] = json.loads(json.dumps([dataclasses.asdict(rung) for rung in ladder]))
    return plain
