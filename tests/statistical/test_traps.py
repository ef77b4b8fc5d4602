"""Every engine against every trap of tests/studies/traps.py: red, or right, or caught where the universe is audited.

Right is within `Z_MAX` Monte Carlo standard errors of exact draws. A new engine joins by a line of `ENGINES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import Any, Final

import numpy as np
import pytest

from multiverse.engines.auto.audit import CHAINS, Z_MAX, Audit, Finding, compare
from multiverse.engines.auto.engine import Auto
from multiverse.engines.estimates import summarise
from multiverse.engines.laplace.engine import Laplace
from multiverse.engines.nested.engine import NestedLaplace
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.reweight.engine import Reweight
from multiverse.engines.warm_nuts.engine import WarmNUTS
from multiverse.planning.build import plan
from multiverse.planning.plan import Plan
from multiverse.testing_engines import answer

CHEAP: Final = ("funnel", "two modes", "eight schools", "horseshoe", "widening", "boundary", "spike", "banana", "tails")
SAMPLED: Final = ("two modes", "widening", "boundary", "spike", "tails")  # the others cost them minutes
HIERARCHIES: Final = ("funnel", "eight schools", "horseshoe")
ENGINES: Final[Mapping[str, tuple[Callable[[], Any], tuple[str, ...]]]] = {
    "laplace": (Laplace, CHEAP),
    "nested": (NestedLaplace, HIERARCHIES),
    "reweight": (Reweight, SAMPLED),
    "warm_nuts": (WarmNUTS, SAMPLED),
    "nuts": (NUTS, SAMPLED),
    "auto": (lambda: Auto(audit=Audit(share=1.0), by_price=False), CHEAP),
}
COLD: Final = NUTS(start="prior", chains=CHAINS)
POSTERIORDB: Final = {"theta": (6.1505, 0.0557), "mu": (4.4105, 0.0330), "tau": (3.6021, 0.0319)}  # means and errors


def last_outcomes(engine: Any, planned: Plan) -> dict[str, Outcome]:
    """Of each universe the attempt that is final."""
    told = [outcome for _, outcomes in answer(engine, planned) for outcome in outcomes]
    return {outcome.key: replace(outcome, draws={}) for outcome in told if outcome.final}


@pytest.fixture(scope="module")
def planned(traps: ModuleType) -> Callable[[str], Plan]:
    return cache(lambda name: plan(traps.TRAPS[name].study()))


@pytest.fixture(scope="module")
def exact(traps: ModuleType, planned: Callable[[str], Plan]) -> Callable[[str, str], Outcome]:
    """`exact(trap, key)`: the answer, as an outcome of many draws."""

    @cache
    def make(name: str, key: str) -> Outcome:
        draws = traps.TRAPS[name].draws(planned(name).universes[key])
        tables = {estimand: summarise(values.reshape(1, 4, -1)) for estimand, values in draws.items()}
        return Outcome(
            key, estimates={name: {s: float(v[0]) for s, v in table.items()} for name, table in tables.items()}
        )

    return make


@pytest.fixture(scope="module")
def cold(planned: Callable[[str], Plan]) -> Callable[[str], dict[str, Outcome]]:
    """`cold(trap)`: what an audit finds in each universe."""
    return cache(lambda name: last_outcomes(COLD, planned(name)))


def test_exact_draws_are_those_of_posteriordb(traps: ModuleType) -> None:
    draws = traps.TRAPS["eight schools"].draws({"scale": "usual"})
    for name, (mean, error) in POSTERIORDB.items():
        assert abs(draws[name].mean() - mean) < 4 * np.hypot(error, draws[name].std() / np.sqrt(traps.EXACT))


@pytest.mark.slow
def test_a_trap_that_no_gate_sees_is_caught_by_an_audit(
    planned: Callable[[str], Plan], exact: Callable[[str, str], Outcome]
) -> None:
    """The weights look perfect around the one mode that is found; chains from the prior find both."""
    study = planned("two modes").study
    small = plan(replace(study, space=study.space.alone({"places": "one far", "first": "one to ten"})))
    (key,) = small.universes
    (blind,) = last_outcomes(Laplace(), small).values()
    assert blind.ok and blind.diagnostics["khat"] < 0 and blind.diagnostics["modes"] == 1
    assert compare(blind, exact("two modes", key)).z > Z_MAX
    (seeing,) = last_outcomes(replace(COLD, warmup=200, draws=200), small).values()
    assert (seeing.reason, seeing.attempt) == (Reason.modes, 1)  # another attempt might end in one mode by chance
    assert "the 8 chains stay in 2 places that have no value of 'x' in common" in seeing.message
    assert Audit().judge(blind, seeing).finding is Finding.open


@pytest.mark.slow
@pytest.mark.parametrize("trap, engine", [(trap, name) for name, (_, some) in ENGINES.items() for trap in some])
def test_each_is_red_or_right_or_caught(
    trap: str,
    engine: str,
    planned: Callable[[str], Plan],
    exact: Callable[[str, str], Outcome],
    cold: Callable[[str], dict[str, Outcome]],
) -> None:
    make, _ = ENGINES[engine]
    outcomes = last_outcomes(make(), planned(trap))
    assert outcomes.keys() == planned(trap).universes.keys()
    for key, outcome in outcomes.items():
        if not outcome.ok:
            continue
        seen = compare(outcome, exact(trap, key))
        if seen.z <= Z_MAX:
            continue
        what = f"{planned(trap).universes[key]}: {seen.what} is {seen.z:.3g} standard errors off"
        assert engine != "auto", f"{what}, though every universe was audited"
        assert Audit().judge(outcome, cold(trap)[key]).finding is not Finding.confirmed, f"{what}, and no audit saw it"


@pytest.mark.slow
def test_traps_where_an_engine_alone_is_wrong(
    planned: Callable[[str], Plan], exact: Callable[[str, str], Outcome]
) -> None:
    """What audits are for, and why chains that were not dispersed can be no audit: the page on judging says so."""
    for make in (Laplace, NUTS):
        outcomes = last_outcomes(make(), planned("two modes"))
        far = [k for k, u in planned("two modes").universes.items() if u["places"] == "one far"]
        assert all(outcomes[key].ok and compare(outcomes[key], exact("two modes", key)).z > Z_MAX for key in far)
    near = [k for k, u in planned("two modes").universes.items() if u["places"] == "both near"]
    laplace = last_outcomes(Laplace(), planned("two modes"))
    assert {laplace[key].reason for key in near} == {Reason.modes}
