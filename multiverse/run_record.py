"""What is written before the first batch: the study a store belongs to, the plan, and the settings of the run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from multiverse.batch_sizes import SIZES, sizes_section
from multiverse.engines.amortized.gate import SOURCES as NETWORK_SOURCES
from multiverse.engines.auto.audit import SOURCES as AUDIT_SOURCES
from multiverse.engines.engine import flat_settings, settings_of
from multiverse.engines.gate import SOURCES
from multiverse.engines.short_chains.gate import SOURCES as SHORT_CHAINS_SOURCES
from multiverse.errors import Problem, StoreError
from multiverse.identity.keys import StudyIdentity, changed_settings, run_id
from multiverse.planning.observed_data import Observed, observed_data
from multiverse.planning.plan import Plan, Wanted
from multiverse.provenance.data import data_section
from multiverse.provenance.git_state import git_section
from multiverse.provenance.machine import hardware as hardware
from multiverse.provenance.machine import versions as versions
from multiverse.provenance.own_modules import file_of, packages_of, written_in
from multiverse.provenance.source import source_section
from multiverse.re_estimate.owed import ESTIMANDS as ESTIMANDS
from multiverse.re_estimate.recompute import refusals
from multiverse.routes import ROUTES, routes_section
from multiverse.store.contract import Store
from multiverse.store.plan_table import (
    PlanHeader,
    PlannedDecision,
    PlannedOption,
    PlannedPart,
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

# Of every bound of a gate, and of audits, by its name; those that gates share have one source.
KNOWN_SOURCES: Final[Mapping[str, str]] = {**NETWORK_SOURCES, **SHORT_CHAINS_SOURCES, **AUDIT_SOURCES, **SOURCES}


def begin_run(store: Store, plan: Plan, engine: Any, run: str) -> None:
    """Write down what is about to run. Raises StoreError as `check_run` does."""
    check_run(store, plan, engine, run)
    _claim(store, plan)
    records = read_runs(store)
    record = plan_record(plan)
    name = record.name()
    store.put("plan", name, encode_plan(record))
    number = next_number(latest(records).values(), run)
    identity = _run_id(engine, plan.wanted)
    row = RunRecord(run, identity, name, number, datetime.now(UTC), _sections(engine, plan, records))
    store.put("run", row.name(), encode_run(row))


def check_run(store: Store, plan: Plan, engine: Any, run: str) -> None:
    """See that this may run here, and write nothing.

    Raises StoreError when the store belongs to another study, when the run has other settings, when it has answered
    universes without what is asked now and has not kept the draws to compute it from, or when another run of this
    store has the same settings and estimands.
    """
    identity, asked = _run_id(engine, plan.wanted), dict(plan.wanted.identities)
    _check_study(store, plan)
    records = read_runs(store)
    runs = latest(records)
    if run in runs and runs[run].run_id != identity:
        raise StoreError(_other_settings(store, run, runs[run].sections, _settings(engine, plan.wanted)))
    if problems := refusals(store, plan, run):
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
    observed = {key: seen for program in plan.programs for key, seen in observed_data(program).items()}
    nothing = Observed("")
    universes = tuple(
        PlannedUniverse(
            key,
            dict(universe),
            programs[key].id if key in programs else "",
            key == plan.reference,
            programs[key].members[key].rows_kept if key in programs else None,
            observed.get(key, nothing).fingerprint or None,
            observed.get(key, nothing).why or None,
        )
        for key, universe in plan.universes.items()
    )
    names = tuple(estimand.name for estimand in plan.wanted.estimands)
    taken = plan.selection
    part = None if taken is None else PlannedPart(taken.of, taken.said)
    verified_by = plan.study.verified_by
    header = PlanHeader(plan.study.name, names, decisions, datetime.now(UTC), part, space.links, verified_by)
    return PlanRecord(header, universes)


def _check_study(store: Store, plan: Plan) -> None:
    """Refuse a store of another study, and say what changed."""
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


def _claim(store: Store, plan: Plan) -> None:
    """Write the study's identity into a new store."""
    mine = plan.identity
    sections = {"study": {"name": plan.study.name, "prepare": mine.prepare, "model": mine.model, "data": mine.data}}
    if mine.id not in store.names("study"):
        store.put("study", mine.id, encode_record(sections))


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
    flat = {"engine": engine.name, "keep": wanted.keeping, **flat_settings(settings_of(engine))}
    return {name: json.dumps(value) for name, value in flat.items()}


def _sections(engine: Any, plan: Plan, records: Sequence[RunRecord]) -> dict[str, dict[str, str | None]]:
    """The manifest of a run; docs/schema.md says what each section holds."""
    modules = written_in(plan.study)
    files = [file for module in modules if (file := file_of(module))]
    folder = files[0].parent if files else Path.cwd()
    before = next((r.sections["data"] for r in reversed(records) if r.sections.get("data")), {})
    seed = settings_of(engine).get("seed")
    return {
        "seed": {} if seed is None else {"seed": json.dumps(seed)},
        "settings": dict(_settings(engine, plan.wanted)),
        "design": _design(plan),
        ROUTES: routes_section(plan),
        SIZES: dict(sizes_section(plan)),
        ESTIMANDS: dict(plan.wanted.identities),
        "thresholds": _thresholds(engine),
        "versions": versions(packages_of(modules)),
        "hardware": hardware(),
        "command": {"argv": " ".join(sys.argv), "folder": os.getcwd()},
        "git": git_section(folder, files),
        "data": data_section(plan, before),
        "source": source_section(plan.study),
    }


def _design(plan: Plan) -> dict[str, str | None]:
    """Which part of its space a plan is; empty where it is the whole."""
    taken = plan.selection
    if taken is None:
        return {}
    notes = {f"note {number}": note for number, note in enumerate(taken.notes, 1)}
    return {"universes": str(len(taken)), "of": str(taken.of), "taken": taken.said, **notes}


def _thresholds(engine: Any) -> dict[str, str | None]:
    """Each bound of the engine's gate, and where it comes from; of the gates of all engines that it asks."""
    told: dict[str, str | None] = {}
    for name, of in [("", engine), *((f"{f.name}.", getattr(engine, f.name)) for f in fields(engine))]:
        told |= _bounds(f"{name}gate", getattr(of, "gate", None))
    return told | _bounds("audit", getattr(engine, "audit", None))


def _bounds(of: str, gate: Any) -> dict[str, str | None]:
    if gate is None:
        return {}
    told: dict[str, str | None] = {}
    usual = vars(type(gate)())
    for name, value in vars(gate).items():
        told[f"{of}.{name}"] = json.dumps(value)
        source, default = KNOWN_SOURCES.get(name), usual.get(name)
        own = value != default
        told[f"{of}.{name}: source"] = f"chosen for this run; {default} by default: {source}" if own else source
    return told
