"""Auto and networks: one is begun where enough universes of its family have come to it, and is trained once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpyro
import numpyro.distributions as dist
import pytest
from hypothesis import given
from hypothesis import strategies as st

import multiverse as mv
from multiverse.engines.amortized.engine import Amortized
from multiverse.engines.amortized.learning import STEPS, TRAINING
from multiverse.engines.amortized.price import amortized_price
from multiverse.engines.amortized.training import Schedule
from multiverse.engines.auto import phases
from multiverse.engines.auto.audit import Audit
from multiverse.engines.auto.engine import Auto, Phase
from multiverse.engines.auto.phases import REST, SAMPLE
from multiverse.engines.auto.routing import routes
from multiverse.engines.forecast import forecast
from multiverse.engines.outcome import Outcome
from multiverse.engines.price import Price, each_its_part
from multiverse.planning.build import plan as make_plan
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program
from multiverse.testing_engines import answer


@pytest.fixture(scope="module")
def two_programs(normal_mean: ModuleType) -> Any:
    """`two_programs(apart)`: 15 universes each, of one family, or of two that observe other sites."""

    def planned(apart: bool) -> Plan:
        def model(data: Any, *, prior: Any, noise: str) -> None:
            mu = numpyro.sample("mu", prior)
            with mv.rows(data):
                site = "z" if apart and noise == "three" else "y"
                numpyro.sample(site, dist.Normal(mu, normal_mean.NOISES[noise]), obs=data["y"])

        space = normal_mean.space(5, 1, 3)
        noises = mv.likelihood({name: name for name in normal_mean.NOISES})
        space = mv.Space(**{**space.decisions, "noise": noises})
        found = make_plan(normal_mean.study(space, model=model))
        assert [len(program.members) for program in found.programs] == [15, 15]
        return found

    return planned


@pytest.mark.parametrize(
    ("apart", "least", "asked"), [(False, 30, True), (False, 31, False), (True, 16, False), (True, 15, True)]
)
def test_universes_of_a_family_count_together(
    apart: bool, least: int, asked: bool, two_programs: Any, exact_engines: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phases, "LEAST", {"amortized": least})
    engine = Auto(
        laplace=None,
        nested=None,
        reweight=None,
        amortized=exact_engines.Scripted("amortized", costs=(0.1, 0.0, 0.01)),
        warm_nuts=None,
        nuts=exact_engines.Scripted("nuts", costs=(10.0, 0.0, 10.0)),
        audit=Audit(share=0.0),
    )
    by = {batch.engine for batch, _ in answer(engine, two_programs(apart))}
    assert by == ({"amortized"} if asked else {"nuts"})


def test_a_network_that_another_program_began_is_there(
    two_programs: Any, exact_engines: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """15 of one program come to it, and 15 of the other later: both are asked for, as the first ones were enough."""
    monkeypatch.setattr(phases, "LEAST", {"amortized": 15})
    planned = two_programs(False)
    first, second = (frozenset(program.members) for program in planned.programs)
    few = frozenset(sorted(second)[:3])
    engine = Auto(
        laplace=None, nested=None, reweight=None, warm_nuts=None, audit=Audit(share=0.0),
        amortized=exact_engines.Scripted("amortized", costs=(0.1, 0.0, 0.01)),
        nuts=exact_engines.Scripted("nuts", costs=(10.0, 0.0, 10.0)),
    )  # fmt: skip
    before = [o for _, some in answer(engine, replace(planned, todo=first)) for o in some]
    assert {o.engine for o in before} == {"amortized"}
    state = engine.init(replace(planned, todo=few), before)
    assert {batch.engine for batch in engine.ask(state)} == {"amortized"}
    alone = engine.init(replace(planned, todo=few), [])
    assert {batch.engine for batch in engine.ask(alone)} == {"nuts"}


def test_programs_of_a_family_pay_for_one_network(two_programs: Any) -> None:
    one, two = two_programs(False), two_programs(True)
    engine = Amortized(training=Schedule(steps=100))
    rows = []
    for planned in (one, two):
        found = forecast(planned, engine, workers=1, gradients={p.id: 1e-6 for p in planned.programs})
        assert found is not None
        rows.append(found.engines[0])
    alone = engine.price(one.programs[0], 1e-6)
    assert alone is not None
    assert [row.once for row in rows] == pytest.approx([alone.once, 2 * alone.once])
    assert [row.compile for row in rows] == [2 * alone.compile] * 2
    assert rows[1].seconds - rows[0].seconds == pytest.approx(alone.once)


def test_a_network_is_on_the_route_where_it_pays_for_a_family(two_programs: Any) -> None:
    """Of 15 universes each at 2 s: 40 s for a network pay for 30, and not for 15."""

    @dataclass(frozen=True)
    class Priced:
        name: str
        once: float
        universe: float

        def price(self, program: Program, gradient: float) -> Price:
            family = amortized_price(program, gradient, draws=1, training=Schedule(), members=1)
            assert family is not None
            return Price(0.0, self.once, self.universe, family.shared if self.once else "")

    engines = [Priced("network", 40.0, 0.0), Priced("last", 0.0, 2.0)]
    for apart, expected in ((False, ("network", "last")), (True, ("last",))):
        planned = two_programs(apart)
        assert set(routes(planned, engines, 0.0, {p.id: 1e-6 for p in planned.programs}).values()) == {expected}


@given(st.lists(st.tuples(st.integers(1, 50), st.sampled_from(["", "a", "b"])), min_size=1, max_size=8))
def test_parts_of_what_is_shared_add_up(programs: list[tuple[int, str]]) -> None:
    prices = {str(i): (many, Price(1.0, 3.0, 0.5, shared)) for i, (many, shared) in enumerate(programs)}
    found = each_its_part(prices)
    shared = {name for _, name in programs if name}
    alone = sum(not name for _, name in programs)
    assert sum(price.once for price in found.values()) == pytest.approx(3.0 * (len(shared) + alone))
    assert all(price._replace(once=3.0) == prices[at][1] for at, price in found.items())


def test_two_phases_that_ask_for_one_training_are_both_told(two_programs: Any, exact_engines: ModuleType) -> None:
    """Some universes of a family will be audited, others not: those are two phases of one engine."""
    planned = two_programs(False)
    network = Amortized(training=Schedule(segment=1, steps=2), escalate=None)
    engine = Auto(laplace=None, nested=None, reweight=None, warm_nuts=None, amortized=network, by_price=False)
    amortized = engine.engine_for("amortized")
    at_work = []
    for program, purpose in zip(planned.programs, (SAMPLE, REST), strict=True):
        keys = frozenset(program.members)
        begun = amortized.init(replace(planned, todo=keys))
        at_work.append(Phase(amortized, purpose, keys, frozenset([program.id]), begun))
    state = engine._next_round(replace(engine.init(planned), phases=tuple(at_work), round=()))
    for step in (1, 2):
        (segment,) = engine.ask(state)
        assert segment.purpose == TRAINING
        told = Outcome(segment.keys[0], diagnostics={STEPS: float(step)}, attempt=segment.attempt, final=False)
        state = engine.tell(state, segment, [told])
    asked = engine.ask(state)
    assert sorted(key for batch in asked for key in batch.keys) == sorted(planned.keys)
    assert {batch.reads for batch in asked} == {(segment.id,)}
