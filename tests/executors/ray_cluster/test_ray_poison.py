"""Universes that kill or hold up the process that fits them: they are red with a reason, everyone else is answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import multiverse as mv
from multiverse.engines.auto.audit import Audit
from multiverse.executors.ray_cluster.executor import Ray
from multiverse.store.contract import Table

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def fifty(normal_mean: ModuleType) -> Any:
    return mv.plan(normal_mean.study())


def red(ended: Table) -> dict[str, tuple[str, str]]:
    """Reason and message of each red universe, by key."""
    rows = ended.select(["key", "reason", "message"]).to_pylist()
    return {row["key"]: (row["reason"], row["message"]) for row in rows if row["reason"] is not None}


def others(ended: Table, keys: Iterable[str]) -> Table:
    """The rows of all other universes."""
    return ended.filter(pc.invert(pc.is_in(ended["key"].cast(pa.string()), value_set=pa.array(list(keys)))))


@pytest.fixture
def trapped(machines: Any, fifty: Any, exact_engines: ModuleType, once_each: Any, tmp_path: Path) -> Any:
    """`trapped({0: what}, ...)`: what became of universes that do this, when all others ended as in this process."""

    def run(does: Mapping[int, str], *, size: int, time_limit: float | None = None, **settings: Any) -> Any:
        keys = exact_engines.OneRound().ask(exact_engines.OneRound().init(fifty))[0].keys
        at = {keys[place]: what for place, what in does.items()}
        shape = {"size": size, "pause": 0.01}
        engine = exact_engines.Trap(does=tuple(at.items()), **shape)
        there = mv.run(fifty, store=tmp_path / "there", engine=engine, executor=Ray(**settings), time_limit=time_limit)
        here = mv.run(fifty, store=tmp_path / "here", engine=exact_engines.Paused(**shape), time_limit=time_limit)
        ended = once_each(there.store)
        assert others(ended, at).equals(others(once_each(here.store), at))
        found = red(ended)
        assert found.keys() == at.keys()
        return [found[key] for key in at]

    return run


def test_two_in_one_batch_that_kill(trapped: Any) -> None:
    for reason, message in trapped({0: "is killed", 3: "crashes"}, size=4, workers=2):
        assert reason == "crash"
        assert message.startswith("3 processes died of it, one after the other: Worker unexpectedly exits")


def test_one_that_hangs_with_pythons_lock_held(trapped: Any) -> None:
    ((reason, message),) = trapped({1: "hangs"}, size=2, workers=1, time_limit=0.5, patience=1.0)
    assert reason == "time"
    assert "its process stood still: it was stopped after" in message and "the limit of 0.5 s" in message


def test_one_that_takes_more_memory_than_a_worker_may(trapped: Any) -> None:
    ((reason, message),) = trapped({2: "grows"}, size=1, workers=2, memory="1.2GB")
    assert reason == "crash"
    assert "GiB of memory; the limit is 1.20 GiB" in message


def test_an_engine_that_dies_gives_way_to_the_next_on_the_route(
    machines: Any, twelve: Any, exact_engines: ModuleType, once_each: Any, tmp_path: Path
) -> None:
    deadly = min(twelve.universes)
    cheap = exact_engines.Scripted(name="laplace", costs=(0.1, 0.0, 0.01), deadly=(deadly,))
    dear = exact_engines.Scripted(costs=(10.0, 0.0, 10.0))
    alone = {"nested": None, "reweight": None, "amortized": None, "warm_nuts": None}
    auto = mv.Auto(laplace=cheap, nuts=dear, audit=Audit(share=0.0), **alone)
    there = mv.run(twelve, store=tmp_path / "there", engine=auto, executor=Ray(workers=2))
    rows = there.sql(f"select engine, ok, final from diagnostics where key = '{deadly}' order by attempt")
    assert rows["engine"].tolist() == ["laplace", "nuts"]
    assert rows["ok"].tolist() == [False, True]
    assert rows["final"].tolist() == [False, True]
    assert there.status()["green"] == 12
