"""Routes: engines that save nothing are left out; decided once from a clock, then taken from the store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiverse.engines.auto.routing import audits, routes
from multiverse.engines.price import Price
from multiverse.planning.build import plan as make_plan
from multiverse.planning.forecast import Forecast
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program
from multiverse.progress import no_progress
from multiverse.routes import ROUTES, recorded_routes
from multiverse.store.memory import MemoryStore
from multiverse.store.records import read_runs
from multiverse.sweep import run


@dataclass(frozen=True)
class Priced:
    """An engine that is nothing but its name and its price, in gradients; None: it cannot take the program."""

    name: str
    compile: float = 0.0
    once: float = 0.0
    gradients: float | None = 0.0

    def price(self, program: Program, gradient: float) -> Price | None:
        return None if self.gradients is None else Price(self.compile, self.once, self.gradients * gradient)


@pytest.fixture(scope="module")
def fifty(normal_mean: ModuleType) -> Plan:
    return make_plan(normal_mean.study())


def route(plan: Plan, *engines: Priced, share: float = 0.0, **gradients: float) -> tuple[str, ...]:
    known = {plan.programs[0].id: gradients.get("gradient", 1.0)}
    (found,) = routes(plan, engines, share, known).values()
    return found


def test_the_cheap_engine_is_asked_first_and_the_last_is_always_there(fifty: Plan) -> None:
    cheap, last = Priced("cheap", 1.0, gradients=0.1), Priced("last", 1.0, gradients=1.0)
    assert route(fifty, cheap, last) == ("cheap", "last")


def test_what_costs_as_much_as_those_after_it_is_left_out(fifty: Plan) -> None:
    last = Priced("last", 10.0, gradients=1.0)  # 60 in all
    assert route(fifty, Priced("cheap", 60.0), last) == ("last",)
    assert route(fifty, Priced("cheap", 59.9), last) == ("cheap", "last")
    assert route(fifty, Priced("a", 50.0), Priced("b", 40.0), last) == ("b", "last")
    assert route(fifty, Priced("a", 30.0), Priced("b", 40.0), last) == ("a", "b", "last")
    assert route(fifty, Priced("a", 0.0, once=60.0), last) == ("last",)


def test_compiling_counts_and_is_worth_it_for_many_universes_only(normal_mean: ModuleType, fifty: Plan) -> None:
    cheap, last = Priced("cheap", 20.0, gradients=0.1), Priced("last", 10.0, gradients=1.0)
    few = make_plan(normal_mean.study(normal_mean.space(2, 2, 2)))
    assert route(fifty, cheap, last) == ("cheap", "last")
    assert route(few, cheap, last) == ("last",)
    assert route(fifty.without(sorted(fifty.keys)[8:]), cheap, last) == ("last",)  # 8 are left to do


def test_audits_count(fifty: Plan) -> None:
    cheap, last = Priced("cheap", gradients=0.1), Priced("last", 10.0, gradients=1.0)  # 5 and 60
    assert audits(fifty, fifty.programs[0], 0.5) == 25.0
    assert audits(fifty, fifty.programs[0], 1e-6) == 1.0  # one of a plan at least
    assert audits(fifty, fifty.programs[0], 0.0) == 0.0
    assert route(fifty, cheap, last, share=0.5) == ("cheap", "last")  # 5 + 10 + 25
    assert route(fifty, cheap, last, share=1.0) == ("last",)


def test_an_engine_that_cannot_take_a_program_is_left_out(fifty: Plan) -> None:
    last = Priced("last", 10.0, gradients=1.0)
    assert route(fifty, Priced("cheap", gradients=None), last) == ("last",)
    assert routes(fifty, [Priced("cheap", gradients=None), last], 0.0, {}, by_price=False) == {
        fifty.programs[0].id: ("last",)
    }
    assert routes(fifty, [Priced("dear", 999.0), last], 0.0, {}, by_price=False) == {
        fifty.programs[0].id: ("dear", "last")
    }


def test_gradients_come_from_the_forecast(fifty: Plan) -> None:
    cheap, last = Priced("cheap", 20.0, gradients=0.1), Priced("last", 10.0, gradients=1.0)

    def found(gradient: float) -> tuple[str, ...]:
        forecast = Forecast("auto", 1.0, 1, gradients={fifty.programs[0].id: gradient})
        return routes(replace(fifty, forecast=forecast), [cheap, last], 0.0)[fifty.programs[0].id]

    assert found(1.0) == ("cheap", "last")
    assert found(0.1) == ("last",)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=6))
def test_a_route_keeps_the_order_and_grows_dearer(fifty: Plan, prices: list[float]) -> None:
    engines = [Priced(f"e{i}", price) for i, price in enumerate(prices)]
    found = route(fifty, *engines)
    of = {engine.name: engine.compile for engine in engines}
    assert found[-1] == engines[-1].name
    assert sorted(found) == list(found)
    assert all(of[a] < of[b] for a, b in zip(found, found[1:], strict=False))
    assert min(of[name] for name in found) == min(prices)


# In the store.


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many programs were timed, each time. The clock says that gradients take an hour."""
    asked: list[int] = []

    def seconds(programs: Any) -> dict[str, float]:
        asked.append(len(programs))
        return {program.id: 3600.0 for program in programs}

    monkeypatch.setattr("multiverse.planning.pilot.gradient_seconds", seconds)
    return asked


def test_routes_are_decided_once_and_reused(
    exact_engines: ModuleType, normal_mean: ModuleType, counted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from multiverse.engines.auto.engine import Auto

    fakes = {name: exact_engines.Scripted(name, costs=(1.0, 0.0, 0.1)) for name in ("laplace", "nuts")}
    fakes["nuts"] = replace(fakes["nuts"], costs=(10.0, 0.0, 10.0))
    engine = Auto(**fakes, nested=None, reweight=None, amortized=None, warm_nuts=None)
    store = MemoryStore()
    small = make_plan(normal_mean.study(normal_mean.space(2, 2, 2)))
    run(small, store=store, engine=engine, progress=no_progress)
    (record,) = read_runs(store)
    assert record.sections[ROUTES] == {small.programs[0].id: "laplace, nuts"}
    assert counted == [1]
    monkeypatch.setattr(exact_engines.Scripted, "price", lambda *_: Price(0.0, 0.0, 1.0))  # now NUTS alone would do
    results = run(normal_mean.study(normal_mean.space(3, 2, 2)), store=store, engine=engine, progress=no_progress)
    assert counted == [1]
    assert "laplace" in set(results.sql("select engine from universes")["engine"])
    assert recorded_routes(read_runs(store)) == {small.programs[0].id: ("laplace", "nuts")}


def test_an_engine_without_routes_is_not_timed(twelve: Plan, exact_engines: ModuleType, counted: list[int]) -> None:
    store = MemoryStore()
    run(twelve, store=store, engine=exact_engines.OneRound(), progress=no_progress)
    assert counted == [] and ROUTES not in read_runs(store)[0].sections
