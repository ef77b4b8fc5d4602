"""Made-up outcomes by the hundred thousand look like those of an engine, and are read in time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from multiverse.engines.outcome import Outcome
from multiverse.store import synthetic
from multiverse.store.lazy_draws import universe_data
from multiverse.store.memory import MemoryStore
from multiverse.store.part import decode, encode
from multiverse.store.schema import DIAGNOSTICS, STATISTICS
from multiverse.store.sql import query
from multiverse.store.synthetic_load import CHAINS, OPTIONS, Load

MEASURE = Path(__file__).parents[2] / "experiments" / "benchmarks" / "store_load" / "measure.py"
MEMORY = 1e9  # bytes of a process that reads 100,000 universes: the aim of issue 4
CURVE = 0.5  # seconds of a query for a specification curve of all of them: the same; here of all cores together


def test_a_part_is_as_an_engine_writes_it() -> None:
    load = Load(10, 4, draws=3)
    outcome = Outcome(
        "k",
        draws={"estimand/effect": np.zeros((CHAINS, 3), np.float32)},
        estimates={"effect": dict.fromkeys(STATISTICS, 1.0)},
        diagnostics=dict.fromkeys(DIAGNOSTICS, 1.0),
    )
    told = {"run": "main", "engine": "nuts", "batch": "b", "program": "p", "rows_kept": {}, "host": "h"}
    assert load.table(0).schema.equals(encode([outcome], **told, finished=synthetic.WHEN).schema)
    assert [len(decode(load.table(part))) for part in range(load.parts)] == [4, 4, 2]
    assert all(one.draws["estimand/effect"].shape == (CHAINS, 3) for one in decode(load.table(2)))


def test_any_process_writes_the_same() -> None:
    assert Load(10, 4, draws=3).table(1).equals(Load(10, 4, draws=3).table(1))
    assert not Load(10, 4).table(1)["estimate:mean"].equals(Load(10, 4).table(0)["estimate:mean"])


def test_every_universe_is_planned_and_answered_once() -> None:
    store, load = MemoryStore(), Load(500, 64, draws=2)
    load.begin(store)
    for part in range(load.parts):
        load.write(store, part)
    seen = query(store, "select u.*, p.answered from universes u join planned p using (run, key)")
    assert len(seen) == seen["key"].nunique() == 500 and seen["answered"].all()
    assert len(seen[list(OPTIONS)].drop_duplicates()) == 500 and seen["reference"].sum() == 1
    assert universe_data(store, "main", load.keys[77])["estimand/effect"].shape == (CHAINS, 2)


@pytest.mark.slow
def test_a_hundred_thousand_universes(tmp_path: Path) -> None:
    """Written by two processes, read by two more, before and after compacting."""
    done = subprocess.run([sys.executable, MEASURE, "--draws", "50"], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    print(done.stdout)
    assert told["before"]["answered"] == told["after"]["answered"] == told["before"]["rows"] == 100_000
    for name in ("green", "rows"):
        assert told["before"][name] == told["after"][name]
    for moment in ("before", "after"):
        assert told[moment]["sorted"]
        assert told[moment]["memory"] < MEMORY
        assert told[moment]["curve at best"]["cpu"] < CURVE
    assert told["after"]["open the views"]["cpu"] < told["before"]["open the views"]["cpu"]
