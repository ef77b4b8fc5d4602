"""How many universes a batch holds: by time where an executor says so, decided once, and within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest

from multiverse.batch_sizes import LIKED, MOST, sized
from multiverse.engines.engine import Batch
from multiverse.engines.one_shot import ROUNDS, batch_size
from multiverse.engines.outcome import Outcome
from multiverse.engines.price import Price
from multiverse.executors.executor import Executor, Work
from multiverse.planning.build import plan as make_plan
from multiverse.planning.machines import Machines
from multiverse.planning.plan import Plan
from multiverse.progress import no_progress
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run


@dataclass(frozen=True)
class Priced:
    """An engine that costs so many seconds a universe."""

    seconds: float | None
    name: str = "priced"

    def price(self, program: Any, gradient: float) -> Price | None:
        return None if self.seconds is None else Price(1.0, 0.0, self.seconds)


@pytest.fixture(autouse=True)
def timed_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiverse.planning.pilot.gradient_seconds", lambda ps: {p.id: 1e-6 for p in ps})


@pytest.fixture(scope="module")
def fifty(normal_mean: ModuleType) -> Plan:
    return make_plan(normal_mean.study())


def on(plan: Plan, **machines: Any) -> Plan:
    return replace(plan, machines=Machines(**machines))


@pytest.mark.parametrize(("each", "size"), [(0.5, 40), (60.0, 1), (1e-4, MOST), (0.0, MOST), (20 / 3, 3)])
def test_a_batch_takes_as_long_as_it_should(fifty: Plan, each: float, size: int) -> None:
    plan = sized(MemoryStore(), on(fifty, batch_seconds=20.0), Priced(each), "main", no_progress)
    assert plan.sizes == {("priced", program.id): size for program in fifty.programs}


def test_nothing_is_decided_where_nobody_asks_or_no_price_is_known(fifty: Plan) -> None:
    assert sized(MemoryStore(), fifty, Priced(1.0), "main", no_progress) is fifty
    asked = on(fifty, batch_seconds=20.0)
    assert sized(MemoryStore(), asked, object(), "main", no_progress).sizes == {}
    as_liked = sized(MemoryStore(), asked, Priced(None), "main", no_progress)
    assert set(as_liked.sizes.values()) == {LIKED}
    assert batch_size(as_liked, "priced", as_liked.programs[0], 1, 2) == batch_size(asked, "", asked.programs[0], 1, 2)


def test_batches_are_whole_blocks_and_all_workers_have_some(fifty: Plan) -> None:
    (program,) = {p.id: p for p in fifty.programs}.values()
    many = replace(program, members=dict.fromkeys(map(str, range(4096)), next(iter(program.members.values()))))
    plan = replace(on(fifty, workers=4), sizes={("e", program.id): 100})
    assert batch_size(plan, "e", many, 16, 10) == 96  # not 10: it was decided
    assert batch_size(plan, "other", many, 16, 10) == 16
    wide = replace(on(fifty, workers=256), sizes={("e", program.id): 1000})
    assert batch_size(wide, "e", many, 1, 10) == 4096 // (ROUNDS * 256)


@dataclass(frozen=True)
class Sized(Executor):
    """Runs one batch after the other, and says how long one should take."""

    seconds: float
    seen: list[int]

    @property
    def machines(self) -> Machines:
        return Machines(workers=1, batch_seconds=self.seconds)

    def map(self, work: Work, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        for batch in batches:
            self.seen.append(len(batch))
            yield batch, work(batch)


def test_what_was_decided_is_used_again(
    normal_mean: ModuleType, exact_engines: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = exact_engines.OneRound()
    monkeypatch.setattr(type(engine), "price", lambda self, program, gradient: Price(0, 0, 1.0), raising=False)
    store = MemoryStore()
    few, all_of_it = normal_mean.space(2, 1, 2), normal_mean.space()
    run(normal_mean.study(few), store=store, engine=engine, executor=Sized(3.0, []), progress=no_progress)
    monkeypatch.setattr(type(engine), "price", lambda self, program, gradient: Price(0, 0, 100.0), raising=False)
    results = run(
        normal_mean.study(all_of_it), store=store, engine=engine, executor=Sized(3.0, []), progress=no_progress
    )
    sizes = results.sql("select distinct value from manifest where section = 'batch sizes'")["value"].tolist()
    assert sizes == ["3"]
