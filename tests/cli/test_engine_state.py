"""What each engine of a run did: counted from a store with every turn that a universe can take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from multiverse.engines.outcome import Outcome, Reason
from multiverse.store.folder import FolderStore
from multiverse.store.part import encode
from multiverse.store.plan_table import PlanRecord, encode_plan
from multiverse.store.records import RunRecord, encode_record, encode_run
from multiverse.store.synthetic import WHEN, plan

KHAT, MODE = "Pareto k-hat is 0.9, above 0.7", "no mode was found"


def attempts(keys: list[str]) -> list[tuple[str, Outcome]]:
    """(engine, attempt): green at once, audited, red and then green, on the ladder, red for good, passed over."""
    green, audited, other, ladder, lost, passed = keys[:6]
    return [
        ("laplace", Outcome(green, seconds=0.5)),
        ("laplace", Outcome(audited, seconds=0.5, final=False)),
        ("nuts", Outcome(audited, Reason.ess, "few", seconds=4.0, attempt=2, final=False)),
        (
            "nuts",
            Outcome(audited, seconds=8.0, attempt=3, escalated="laplace: audited", diagnostics={"audit_z": 1.5}),
        ),
        ("laplace", Outcome(other, Reason.khat, KHAT, seconds=0.5, final=False, diagnostics={"khat": 0.9})),
        ("nuts", Outcome(other, seconds=4.0, attempt=2, escalated=f"laplace: {KHAT}", diagnostics={"rhat_max": 1.001})),
        ("laplace", Outcome(ladder, Reason.mode, MODE, seconds=0.5, final=False)),
        ("nuts", Outcome(ladder, Reason.rhat, "R-hat is 1.2", seconds=4.0, attempt=2, final=False)),
        ("nuts", Outcome(ladder, seconds=8.0, attempt=3, escalated=f"laplace: {MODE}")),
        ("laplace", Outcome(lost, Reason.khat, KHAT, seconds=0.5, final=False)),
        ("nuts", Outcome(lost, Reason.rhat, "R-hat is 1.3", seconds=4.0, attempt=2, escalated=f"laplace: {KHAT}")),
        ("nuts", Outcome(passed, seconds=4.0, escalated="laplace: an audit found it 9 errors off")),
    ]


@pytest.fixture
def routed(tmp_path: Path) -> tuple[Path, PlanRecord]:
    """A store of such a run; each attempt is a part of its own."""
    store, planned = FolderStore(tmp_path / "routed"), plan()
    store.put("study", "radon", encode_record({"study": {"name": "radon", "model": "3f2a"}}))
    store.put("plan", planned.name(), encode_plan(planned))
    settings = {"engine": '"auto"', "seed": "0"}
    record = RunRecord("main", "id", planned.name(), 1, WHEN, {"settings": settings})
    store.put("run", record.name(), encode_run(record))
    for number, (engine, outcome) in enumerate(attempts([universe.key for universe in planned.universes])):
        told = {"run": "main", "engine": engine, "batch": f"b{number:02}", "program": "p", "host": "here"}
        store.put("part", f"b{number:02}", encode([outcome], **told, rows_kept={}, finished=WHEN))
    return tmp_path / "routed", planned


def test_what_each_engine_did(multiverse, routed: tuple[Path, PlanRecord]) -> None:
    (run,) = json.loads(multiverse("status", routed[0], "--json").stdout)["runs"]
    laplace, nuts = run["engines"]
    assert (laplace["engine"], laplace["attempts"], laplace["answered"], laplace["green"]) == ("laplace", 5, 1, 1)
    assert laplace["went_on"] == {"khat": 2, "mode": 1} and laplace["red"] == {}
    assert (laplace["audited"], laplace["audit_z"], laplace["seconds"]) == (1, 1.5, 2.5)
    assert laplace["passed_over"] == {"an audit found it 9 errors off": 1}
    assert (nuts["engine"], nuts["attempts"], nuts["answered"], nuts["green"]) == ("nuts", 7, 5, 4)
    assert (nuts["red"], nuts["went_on"], nuts["passed_over"], nuts["audited"]) == ({"rhat": 1}, {}, {}, 0)
    assert (nuts["audit_z"], nuts["seconds"]) == (None, 36.0)
    assert run["answered"] == laplace["answered"] + nuts["answered"] == 6


def test_the_same_in_words(multiverse, routed: tuple[Path, PlanRecord]) -> None:
    told = multiverse("status", routed[0]).stdout
    cells = [line.split() for line in told.splitlines()]
    rows = {row[0]: row[1:6] for row in cells if len(row) > 6 and row[1].isdigit()}
    assert rows["laplace"] == ["5", "1", "1", "0", "3"] and rows["nuts"] == ["7", "5", "4", "1", "0"]
    assert "laplace left 3 universes (2 khat, 1 mode) to the next engine" in told
    assert "laplace was not given 1 universe: an audit found it 9 errors off" in told
    assert "1 green answer of laplace audited; furthest apart by 1.5 Monte Carlo errors" in told


def test_one_engine_alone_is_one_line(multiverse, store: Path) -> None:
    told = multiverse("status", store).stdout
    assert "nuts: 13 attempts, 3 s of work" in told
    assert "went on" not in told


def test_the_attempts_at_a_universe(multiverse, routed: tuple[Path, PlanRecord]) -> None:
    place, planned = routed
    keys = [universe.key for universe in planned.universes]
    card = json.loads(multiverse("show", place, keys[2], "--json").stdout)["outcome"]
    first, last = card["attempts"]
    assert (first["engine"], first["reason"], first["message"]) == ("laplace", "khat", KHAT)
    assert first["diagnostics"]["khat"] == 0.9 and "rhat_max" not in first["diagnostics"]
    assert (last["engine"], last["ok"], last["seconds"]) == ("nuts", True, 4.0)
    assert card["escalated"] == f"laplace: {KHAT}"
    told = multiverse("show", place, keys[2]).stdout
    assert "by nuts, attempt 2" in told and f"engines before it: laplace: {KHAT}" in " ".join(told.split())
    assert "k-hat 0.9" in told and "R-hat 1.001" in told
    audited = multiverse("show", place, keys[1]).stdout
    assert "green, audited" in audited and "audit 1.5" in audited
    once = multiverse("show", place, keys[5]).stdout
    assert "by nuts, attempt 1" in once and "engines before it: laplace: an audit found it" in once
    assert "red:" not in once
