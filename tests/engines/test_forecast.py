"""What a sweep would cost with each engine: arithmetic on prices that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

import multiverse as mv
from multiverse.engines.by_name import ENGINES
from multiverse.engines.forecast import forecast
from multiverse.engines.price import Price
from multiverse.planning.forecast import EngineForecast, Forecast
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program

GRADIENTS = {"first": 1e-3, "second": 2e-3}


@dataclass(frozen=True)
class Half:
    """An engine that takes the first program only."""

    name: str = "half"

    def price(self, program: Program, gradient: float) -> Price | None:
        return Price(10.0, 2.0, 1000 * gradient) if program.id == "first" else None


@dataclass(frozen=True)
class Chooser:
    """An engine that asks others, and has settings for one of them."""

    laplace: mv.Laplace = field(default_factory=lambda: mv.Laplace(draws=10_000))
    name: str = "chooser"

    def price(self, program: Program, gradient: float) -> Price:
        return Price(1.0, 0.0, 1.0)

    def route(self, plan: Plan, gradients: Mapping[str, float]) -> Mapping[str, tuple[str, ...]]:
        assert gradients == GRADIENTS
        return {"first": ("laplace", "nuts"), "second": ("nuts",)}


class Stranger:
    """An engine that tells no price."""

    name = "stranger"


@pytest.fixture(scope="module")
def planned(twelve: Plan) -> Plan:
    """Twelve universes in two programs of nine and three."""
    (program,) = twelve.programs
    some = list(program.members.items())
    parts = {"first": dict(some[:9]), "second": dict(some[9:])}
    return replace(twelve, programs=tuple(replace(program, id=n, members=m) for n, m in parts.items()))


def test_what_an_engine_can_take_is_added_up(planned: Plan) -> None:
    found = forecast(planned, Half(), workers=4, gradients=GRADIENTS)
    assert found is not None
    row = found.engines[0]
    assert row == ("half", 1, 9, 10.0, 2.0, 1.0, (10 + 2 + 9) / 4, 0)
    assert (found.engine, found.seconds, found.workers) == ("half", row.seconds, 4)


def test_what_is_answered_costs_nothing(planned: Plan) -> None:
    left = planned.without(list(planned.programs[0].members)[:8])
    found = forecast(left, Half(), workers=1, gradients=GRADIENTS)
    assert found is not None and found.engines[0].universes == 1 and found.seconds == 13
    assert forecast(planned.without(planned.keys), Half(), gradients=GRADIENTS) is None


def test_an_engine_without_a_price_has_no_forecast(planned: Plan) -> None:
    assert forecast(planned, Stranger(), gradients=GRADIENTS) is None
    assert forecast(planned.without(planned.programs[0].members), Half(), gradients=GRADIENTS) is None


def test_engines_for_models_stand_beside_each_other(planned: Plan) -> None:
    found = forecast(planned, mv.NUTS(), workers=2, gradients=GRADIENTS)
    assert found is not None
    rows = {row.engine: row for row in found.engines}
    assert next(iter(rows)) == "nuts" and "laplace" in rows and "function" not in rows and "auto" not in rows
    gradient = (9 * 1e-3 + 3 * 2e-3) / 12
    leapfrogs = 4 * 1000 * 14  # 4 x 1000 transitions
    assert rows["nuts"].universe == pytest.approx(leapfrogs * (2 * gradient + 1e-6))
    longer = forecast(planned, mv.NUTS(draws=1500), workers=2, gradients=GRADIENTS)
    assert longer is not None and longer.engines[0].universe == pytest.approx(2 * rows["nuts"].universe)


def test_what_auto_asks_first_and_its_settings_are_shown(planned: Plan) -> None:
    found = forecast(planned, Chooser(), workers=2, gradients=GRADIENTS)
    usual = forecast(planned, mv.NUTS(), workers=2, gradients=GRADIENTS)
    assert found is not None and usual is not None
    rows = {row.engine: row for row in found.engines}
    assert {name: row.chosen for name, row in rows.items() if row.chosen} == {"laplace": 9, "nuts": 3}
    assert rows["laplace"].universe > 2 * next(r.universe for r in usual.engines if r.engine == "laplace")
    head, *lines, pays = repr(found).splitlines()
    assert head.startswith("Forecast: about 7 s on 2 workers with the engine 'chooser'")
    assert pays.strip().startswith("training a network pays from") and pays in found._repr_html_()
    assert lines[0].split("  ")[-1].strip() == "auto asks first"
    assert "can take" in found._repr_html_() and found._repr_html_().count("<tr>") == len(lines)
    whole = replace(planned, forecast=found)
    assert found._repr_html_() in whole._repr_html_() and "about 7 s on 2 workers" in repr(whole)
    assert "can take" not in repr(whole)  # a plan stays short


def test_a_pilot_times_the_gradients_of_what_is_to_be_done(planned: Plan) -> None:
    left = planned.without(planned.programs[0].members)
    found = forecast(left)
    assert found is not None
    assert list(found.gradients) == ["second"] and 0 < found.gradients["second"] < 0.1


@pytest.mark.parametrize("name", sorted(ENGINES.keys() - {"function"}))
def test_prices_grow_with_gradients(name: str, planned: Plan) -> None:
    """Nothing that a model costs is negative, and a dearer gradient makes no engine cheaper."""
    prices = [ENGINES[name]().price(planned.programs[0], gradient) for gradient in (1e-6, 1e-4, 1e-2)]
    told = [price for price in prices if price is not None]
    assert len(told) in (0, 3) and all(min(price[:3]) >= 0 for price in told)
    assert told == sorted(told, key=lambda price: price.universe)
    assert not told or told[-1].universe > told[0].universe


def test_an_engine_pays_from_where_what_it_does_before_is_saved_again() -> None:
    def row(name: str, compile: float, once: float, universe: float) -> EngineForecast:
        return EngineForecast(name, 1, 10, compile, once, universe, 0.0)

    found = Forecast("nuts", 1.0, 1, (row("nuts", 5.0, 0.0, 0.2), row("amortized", 30.0, 10.0, 0.025)))
    assert found.breaks_even("amortized", "nuts") == 200  # (30 + 10 - 5) / (0.2 - 0.025)
    assert found.breaks_even("nuts", "amortized") is None and found.breaks_even("laplace", "nuts") is None
    nothing_before = Forecast("nuts", 1.0, 1, (row("nuts", 5.0, 0.0, 0.2), row("amortized", 1.0, 0.0, 0.1)))
    assert nothing_before.breaks_even("amortized", "nuts") == 1
