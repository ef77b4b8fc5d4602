"""Planned universes as a running summary needs them: strata, batches, weights and final answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from multiverse.engines.outcome import Outcome, Reason
from multiverse.store.memory import MemoryStore
from multiverse.store.part import encode
from multiverse.store.plan_table import PlannedDecision, PlannedOption, PlannedUniverse, PlanRecord, encode_plan
from multiverse.store.records import RunRecord, encode_run, latest, read_runs
from multiverse.store.running_rows import NOBODYS, RunningRows, running_rows
from multiverse.store.synthetic import WHEN, fill, plan


def rows(store: MemoryStore) -> RunningRows:
    return running_rows(store, latest(read_runs(store))["main"])


def begin(store: MemoryStore, planned: PlanRecord, number: int = 1, **settings: object) -> None:
    said = {name.replace("__", "."): json.dumps(value) for name, value in settings.items()}
    started = WHEN + timedelta(minutes=number)
    record = RunRecord("main", "id", planned.name(), number, started, {"settings": said})
    store.put("plan", planned.name(), encode_plan(planned))
    store.put("run", record.name(), encode_run(record))


def put(
    store: MemoryStore, name: str, outcomes: Sequence[Outcome], same_as: dict[str, str | None] | None = None
) -> None:
    about = {"run": "main", "engine": "laplace", "batch": name, "program": "p", "rows_kept": {}, "host": "here"}
    store.put("part", name, encode(outcomes, finished=WHEN, same_as=same_as or {}, **about))


def answer(key: str, median: float, **other: object) -> Outcome:
    numbers = {"effect": {"median": median, "q2_5": median - 1, "q97_5": median + 1, "mcse_mean": 0.1}}
    return Outcome(key, estimates=numbers, **other)


def test_each_planned_universe_with_its_final_answer() -> None:
    store = MemoryStore()
    fill(store)
    found = rows(store)
    assert found.keys == tuple(universe.key for universe in plan().universes)
    assert found.estimands == ("effect", "share")
    table = found.of("effect")
    assert table["ok"].tolist() == [i not in (6, 9) for i in range(12)]
    assert np.isnan(table["median"][9]) and table["median"].notna().sum() == 11  # one raised, without numbers
    assert table["reference"].tolist() == [True] + [False] * 11
    programs = [universe.program for universe in plan().universes]
    assert len(set(zip(programs, table["stratum"], strict=True))) == 2
    assert found.of("share")["median"].between(0, 1)[:9].all()  # of the other estimand


def test_what_is_not_final_is_missing() -> None:
    store = MemoryStore()
    begin(store, plan())
    a, b, c = (universe.key for universe in plan().universes[:3])
    put(store, "one", [answer(a, 1.0), replace(answer(b, 2.0), reason=Reason.rhat, final=False)])
    put(store, "two", [answer(c, 3.0)])
    table = rows(store).of("effect")
    assert (table["batch"] != NOBODYS).tolist() == [True, False, True] + [False] * 9
    assert table["batch"][0] != table["batch"][2]
    put(store, "again", [replace(answer(b, 2.5), attempt=2)])
    assert rows(store).of("effect")["median"][:3].tolist() == [1.0, 2.5, 3.0]


def test_a_duplicate_is_in_the_batch_of_the_universe_that_was_run() -> None:
    store = MemoryStore()
    begin(store, plan())
    a, b, c = (universe.key for universe in plan().universes[:3])
    put(store, "one", [answer(a, 1.0)])
    put(store, "two", [answer(c, 3.0)])
    put(store, "shared", [answer(b, 1.0)], {b: a})
    table = rows(store).of("effect")
    assert table["batch"][0] == table["batch"][1] != table["batch"][2]
    assert table["source"].tolist() == [0, 0, *range(2, 12)]


def test_a_wider_plan_makes_strata_of_its_own() -> None:
    store, whole = MemoryStore(), plan()
    begin(store, PlanRecord(whole.header, whole.universes[:5]), number=1)
    begin(store, whole, number=2)
    stratum = rows(store).stratum
    programs = [universe.program for universe in whole.universes]
    pairs = {(program, i < 5): stratum[i] for i, program in enumerate(programs)}
    assert len(set(pairs.values())) == len(pairs) == 4
    assert all(stratum[i] == pairs[program, i < 5] for i, program in enumerate(programs))


def test_what_planning_found_unanswerable_is_of_no_program() -> None:
    store, whole = MemoryStore(), plan()
    begin(
        store,
        replace(whole, universes=tuple(u._replace(program="") if i < 2 else u for i, u in enumerate(whole.universes))),
    )
    assert (rows(store).stratum == NOBODYS).tolist() == [True] * 2 + [False] * 10


def test_parameterizations_share_the_weight_of_one() -> None:
    options = (PlannedOption("centered", reference=True), PlannedOption("non-centered"))
    geometry = PlannedDecision("geometry", "parameterization", options)
    prior = PlannedDecision("prior", "prior", (PlannedOption("weak", reference=True), PlannedOption("tight")))
    labels = [("weak", "centered"), ("weak", "non-centered"), ("tight", "centered"), (None, None)]
    header = replace(plan().header, decisions=(prior, geometry))
    universes = [
        PlannedUniverse(f"{i:032x}", {"prior": p, "geometry": g}, "p", i == 0) for i, (p, g) in enumerate(labels)
    ]
    store = MemoryStore()
    begin(store, PlanRecord(header, tuple(universes)))
    assert rows(store).weight.tolist() == [0.5, 0.5, 1.0, 1.0]
    assert (rows(store).of("effect")["batch"] == NOBODYS).all()  # nothing was answered


@pytest.mark.parametrize(
    ("settings", "one_shot"),
    [
        ({"engine": "laplace"}, True),
        ({"engine": "nested", "keep": "all"}, True),
        ({"engine": "function", "gate__rhat_max": 1.01}, True),
        ({"engine": "nuts", "ladder": []}, True),
        ({"engine": "nuts"}, False),
        ({"engine": "warm_nuts"}, False),
        ({"engine": "auto"}, False),
        ({"engine": "reweight"}, False),
        ({"engine": "a stranger's"}, False),
        ({"engine": "laplace", "of_a_later_version": 1}, False),
        ({}, False),
    ],
)
def test_who_asks_once(settings: dict[str, object], one_shot: bool) -> None:
    store = MemoryStore()
    begin(store, plan(), **settings)
    assert rows(store).one_shot is one_shot
