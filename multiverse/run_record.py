"""What is written before the first batch: the study a store belongs to, the plan, and the settings of the run."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from multiverse.arithmetic import is_fused
from multiverse.engines.engine import settings_of
from multiverse.engines.gate import SOURCES
from multiverse.errors import Problem, StoreError
from multiverse.identity.keys import StudyIdentity, changed_settings, run_id
from multiverse.planning.plan import Plan, Wanted
from multiverse.store.contract import Store
from multiverse.store.plan_table import (
    PlanHeader,
    PlannedDecision,
    PlannedOption,
    PlannedUniverse,
    PlanRecord,
    encode_plan,
)
from multiverse.store.records import (
    RunRecord,
    Sections,
    decode_record,
    encode_record,
    encode_run,
    latest,
    next_number,
    read_runs,
)

ESTIMANDS = "estimands"  # the section with the fingerprint of each estimand
VERSIONS = ("multiverse", "jax", "jaxlib", "numpyro", "numpy", "scipy", "pandas", "pyarrow", "duckdb", "arviz")


def begin_run(store: Store, plan: Plan, engine: Any, run: str) -> None:
    """Write down what is about to run.

    Raises StoreError when the store belongs to another study, when the run has other settings, when it has answered
    universes without what is asked now, or when another run of this store has the same settings and estimands.
    """
    identity, asked = _run_id(engine, plan.wanted), dict(plan.wanted.identities)
    _claim(store, plan)
    records = read_runs(store)
    runs = latest(records)
    if run in runs and runs[run].run_id != identity:
        raise StoreError(_other_settings(store, run, runs[run].sections, _settings(engine, plan.wanted)))
    if problems := _asked_too_late(store, plan, run, [record for record in records if record.run == run]):
        raise StoreError(problems)
    others = (record for record in records if record.run != run and record.run_id == identity)
    if twins := [record.run for record in others if record.sections.get(ESTIMANDS, {}) == asked]:
        raise StoreError(
            Problem(
                f"the run {run!r} has the same settings as the run {twins[0]!r} of {store.describe()}.",
                "settings or estimands that differ: the same engine, settings and seed give the same draws",
                f"use run={twins[0]!r}, or change a setting such as the seed",
            )
        )
    record = plan_record(plan)
    name = record.name()
    store.put("plan", name, encode_plan(record))
    number = next_number(runs.values(), run)
    row = RunRecord(run, identity, name, number, datetime.now(UTC), _sections(engine, plan.wanted))
    store.put("run", row.name(), encode_run(row))


def plan_record(plan: Plan) -> PlanRecord:
    """A plan as the store keeps it: labels, reasons and plausibilities, no values."""
    space = plan.study.space
    decisions = tuple(
        PlannedDecision(
            name,
            decision.kind,
            tuple(
                PlannedOption(o.label, o.why, o.plausibility, o.label == decision.reference) for o in decision.options
            ),
        )
        for name, decision in space.decisions.items()
    )
    programs = plan.program_of
    universes = tuple(
        PlannedUniverse(
            key, dict(universe), programs[key].id, key == plan.reference, programs[key].members[key].rows_kept
        )
        for key, universe in plan.universes.items()
    )
    names = tuple(estimand.name for estimand in plan.wanted.estimands)
    return PlanRecord(PlanHeader(plan.study.name, names, decisions, datetime.now(UTC)), universes)


def _claim(store: Store, plan: Plan) -> None:
    """Write the study's identity into a new store; refuse a store of another study, and say what changed."""
    mine = plan.identity
    for name in store.names("study"):
        said = decode_record(store.get("study", name))["study"]
        theirs = StudyIdentity(*(str(said[part]) for part in ("prepare", "model", "data")))
        if changed := mine.changes(theirs):
            raise StoreError(
                Problem(
                    f"the store {store.describe()} belongs to the study {said['name']!r} with another "
                    f"{' and '.join(changed)}.",
                    "a store for one study: the same prepare, model and data (options and estimands may change)",
                    "undo the change, or give the changed study a store of its own",
                )
            )
    sections = {"study": {"name": plan.study.name, "prepare": mine.prepare, "model": mine.model, "data": mine.data}}
    if mine.id not in store.names("study"):
        store.put("study", mine.id, encode_record(sections))


def _asked_too_late(store: Store, plan: Plan, run: str, records: list[RunRecord]) -> list[Problem]:
    """Estimands that universes of this run were answered without, or that meant something else then."""
    rows = store.scan("part", ["key", "run", "estimand"])
    columns = (rows[name].to_pylist() for name in ("key", "run", "estimand"))
    # A universe that raised before anything was estimated lacks nothing.
    answers = [
        set(have) for key, its, have in zip(*columns, strict=True) if its == run and have and key in plan.universes
    ]
    before = {name: then for record in records for name, then in record.sections.get(ESTIMANDS, {}).items()}
    problems = []
    for name, now in plan.wanted.identities.items():
        changed = before.get(name, now) != now
        if count := sum(changed if name in have else True for have in answers):
            problems.append(
                Problem(
                    f"the run {run!r} of {store.describe()} has answered {count} universes "
                    + (f"for another estimand {name!r}: it has changed." if changed else f"without {name!r}."),
                    "the estimands that the run began with: they are computed when a universe is answered",
                    f"answer the universes again in another run, as in run='with {name}' (--run 'with {name}')",
                )
            )
    return problems


def _run_id(engine: Any, wanted: Wanted) -> str:
    settings = settings_of(engine) | {"keep": wanted.keeping}
    gate = settings.pop("gate", {})
    return run_id(engine.name, settings, settings.pop("seed", 0), settings.pop("dtype", ""), gate)


def _other_settings(store: Store, run: str, sections: Sections, settings: Mapping[str, str]) -> Problem:
    old = {name: json.loads(value or "null") for name, value in sections.get("settings", {}).items()}
    new = {name: json.loads(value) for name, value in settings.items()}
    return Problem(
        f"the run {run!r} of {store.describe()} has other settings: {'; '.join(changed_settings(old, new))}.",
        "the settings with which the run began: its draws must be comparable",
        "give the old settings, or name another run, as in run='longer' (--run longer)",
    )


def _settings(engine: Any, wanted: Wanted) -> dict[str, str]:
    """Every setting by dotted name, as JSON: `draws`, `gate.rhat_max`, `keep`."""
    flat: dict[str, Any] = {"engine": engine.name, "keep": wanted.keeping}
    for name, value in settings_of(engine).items():
        flat |= {f"{name}.{n}": v for n, v in value.items()} if isinstance(value, Mapping) else {name: value}
    return {name: json.dumps(value) for name, value in flat.items()}


def _sections(engine: Any, wanted: Wanted) -> dict[str, dict[str, str | None]]:
    import jax

    devices = jax.local_devices()
    return {
        "settings": dict(_settings(engine, wanted)),
        ESTIMANDS: dict(wanted.identities),
        "thresholds": {f"gate.{name}": source for name, source in SOURCES.items()},
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in VERSIONS}},
        "hardware": {
            "machine": platform.machine(),
            "system": platform.platform(),
            "cores": str(os.cpu_count()),
            "devices": ", ".join(sorted({f"{d.platform}:{d.device_kind}" for d in devices})),
            "device count": str(len(devices)),
            "fused multiply-add": "yes" if is_fused() else "no",
        },
        "command": {"argv": " ".join(sys.argv), "folder": os.getcwd()},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
