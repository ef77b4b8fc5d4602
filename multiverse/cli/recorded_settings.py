"""The settings of a run that a person wants to see."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Final

from multiverse.engines.engine import flat_settings
from multiverse.rerun.source import recorded_settings
from multiverse.store.records import RunRecord

ALWAYS: Final = ("audit.share",)  # of the settings within settings: they are shown though they are the usual ones


def settings_that_matter(record: RunRecord) -> dict[str, Any]:
    """All settings of the engine; those within its settings (of its gate, of engines that it asks) by dotted names.

    The latter, and ladders, only where they are not the usual ones; rungs by their names. Seeds of engines that another
    one asks are its own, and not shown again.
    """
    recorded = flat_settings(recorded_settings(record))
    usual = _usual(str(recorded.get("engine", "")))
    matter: dict[str, Any] = {}
    for name, value in recorded.items():
        last = name.rpartition(".")[2]
        within = "." in name or last == "ladder"
        if within and name not in ALWAYS and (value == usual.get(name) or last == "seed"):
            continue
        matter[name] = ([rung["name"] for rung in value or ()] or "off") if last == "ladder" else value
    return matter


def rungs_of(record: RunRecord) -> list[str]:
    """The names of the rungs on which a run tries universes again, in order; those of NUTS where an engine asks it."""
    settings = recorded_settings(record)
    return [str(rung["name"]) for rung in settings.get("ladder") or settings.get("nuts.ladder") or ()]


def _usual(engine: str) -> dict[str, Any]:
    """The usual settings of an engine of ours, and the usual gates for one that is not."""
    from multiverse.engines.by_name import ENGINES
    from multiverse.engines.gate import Gate, WeightsGate

    gates = {"gate": vars(WeightsGate()) | vars(Gate())}
    own = dataclasses.asdict(ENGINES[engine]()) if engine in ENGINES else {}
    plain: dict[str, Any] = json.loads(json.dumps(gates | own))
    return flat_settings(plain)
