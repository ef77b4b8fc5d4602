from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields

import pytest

from multiverse.engines import gate as g
from multiverse.engines.gate import SOURCES, Gate, Verdict, WeightsGate
from multiverse.engines.outcome import Reason
from multiverse.errors import PlanError

GREEN = {  # each exactly on its bound, for four chains
    "rhat_max": 1.01,
    "rhat_local_max": 1.05,
    "divergences": 0.0,
    "ess_bulk_min": 400.0,
    "ess_tail_min": 400.0,
    "ebfmi_min": 0.3,
}


def judge(**changed: float) -> Verdict:
    return Gate().judge(GREEN | changed, chains=4)


def test_the_thresholds_are_these() -> None:
    assert (g.RHAT_MAX, g.RHAT_LOCAL_MAX, g.DIVERGENCES_MAX, g.ESS_PER_CHAIN, g.EBFMI_MIN) == (1.01, 1.05, 0, 100, 0.3)


def test_every_threshold_has_a_source() -> None:
    assert set(SOURCES) == {field.name for gate in (Gate, WeightsGate) for field in fields(gate)}
    assert all(any(mark in source for mark in ("doi:", "arXiv:", "manual")) for source in SOURCES.values())


def test_on_the_bounds_is_green() -> None:
    assert judge() == (Reason.ok, "")


@pytest.mark.parametrize(
    ("diagnostic", "value", "reason", "message"),
    [
        ("rhat_max", 1.0101, Reason.rhat, "R-hat is 1.0101, above 1.01"),
        ("rhat_max", 1.5, Reason.rhat, "R-hat is 1.5, above 1.01"),
        ("rhat_max", math.inf, Reason.rhat, "R-hat is inf, above 1.01"),
        ("rhat_local_max", 1.0612, Reason.rhat, "R-hat inside plates is 1.06, above 1.05"),
        ("divergences", 3, Reason.divergences, "the number of divergences is 3, above 0"),
        ("ebfmi_min", 0.2999, Reason.ebfmi, "E-BFMI is 0.2999, below 0.3"),
        ("ess_bulk_min", 399.96, Reason.ess, "bulk ESS is 399.96, below 400"),
        ("ess_tail_min", 12.345, Reason.ess, "tail ESS is 12.3, below 400"),
    ],
)
def test_beyond_a_bound_is_red_with_the_number_and_the_bound(
    diagnostic: str, value: float, reason: Reason, message: str
) -> None:
    assert judge(**{diagnostic: value}) == (reason, message)


@pytest.mark.parametrize("diagnostic", GREEN)
def test_just_beyond_a_bound_is_red_and_its_message_shows_the_difference(diagnostic: str) -> None:
    bound = GREEN[diagnostic]
    beyond = math.nextafter(bound, math.inf if diagnostic.endswith("max") or diagnostic == "divergences" else -math.inf)
    verdict = judge(**{diagnostic: beyond})
    assert verdict.reason is not Reason.ok
    assert repr(beyond) in verdict.message or f"{beyond:.3g}" in verdict.message


@pytest.mark.parametrize("diagnostic", GREEN)
def test_nan_never_passes(diagnostic: str) -> None:
    verdict = judge(**{diagnostic: math.nan})
    assert verdict.reason is not Reason.ok and "cannot be told (NaN" in verdict.message


def test_nan_does_not_pass_a_check_that_is_switched_off_either() -> None:
    off = Gate(rhat_max=math.inf, ebfmi_min=-math.inf)
    assert off.judge(GREEN | {"rhat_max": 1e9, "ebfmi_min": -1.0}, chains=4).reason is Reason.ok
    assert off.judge(GREEN | {"rhat_max": math.nan}, chains=4).reason is Reason.rhat
    assert off.judge(GREEN | {"ebfmi_min": math.nan}, chains=4).reason is Reason.ebfmi


def test_the_gravest_reason_leads_and_all_failures_are_told() -> None:
    verdict = judge(ess_tail_min=100.0, divergences=2.0, rhat_max=1.2)
    assert verdict.reason is Reason.rhat
    assert verdict.message == (
        "R-hat is 1.2, above 1.01; the number of divergences is 2, above 0; tail ESS is 100, below 400"
    )


def test_the_worst_quantity_is_named() -> None:
    verdict = Gate().judge(GREEN | {"rhat_max": 1.04}, chains=4, worst={"rhat_max": "effect", "ess_bulk_min": "level"})
    assert verdict.message == "R-hat of 'effect' is 1.04, above 1.01"


def test_the_least_ess_grows_with_the_chains() -> None:
    few = GREEN | {"ess_bulk_min": 200.0, "ess_tail_min": 200.0}
    assert Gate().judge(few, chains=2).reason is Reason.ok
    assert Gate().judge(few, chains=3).message == "bulk ESS is 200, below 300; tail ESS is 200, below 300"


def test_a_model_without_plates_has_no_local_rhat_but_nothing_else_may_be_missing() -> None:
    plain = {name: value for name, value in GREEN.items() if name != "rhat_local_max"}
    assert Gate().judge(plain, chains=4).reason is Reason.ok
    for name in plain:
        with pytest.raises(ValueError, match=f"cannot judge without {name}"):
            Gate().judge({k: v for k, v in plain.items() if k != name}, chains=4)


def test_what_costs_time_only_is_not_gated() -> None:
    assert judge(tree_depth_hits=500.0, steps_mean=1023.0, accept_mean=math.nan).reason is Reason.ok


def test_a_gate_can_be_set_and_is_a_value() -> None:
    loose = Gate(rhat_max=1.1, divergences_max=5)
    assert loose.judge(GREEN | {"rhat_max": 1.08, "divergences": 5.0}, chains=4).reason is Reason.ok
    assert Gate(ess_per_chain=100) == Gate() and repr(Gate(ess_per_chain=100)) == repr(Gate())
    with pytest.raises(FrozenInstanceError):
        loose.rhat_max = 1.2  # type: ignore[misc]


def test_a_gate_that_nothing_can_pass_is_refused_with_all_its_mistakes() -> None:
    with pytest.raises(PlanError) as caught:
        Gate(rhat_max=0.99, divergences_max=-1, ebfmi_min=math.nan)
    assert str(caught.value) == (
        "3 mistakes:\n"
        "1. the gate has rhat_max=0.99, which no universe can pass\n"
        "     expected: a number of at least 1\n"
        "     mend: Gate(rhat_max=1.01)\n"
        "2. the gate has divergences_max=-1, which no universe can pass\n"
        "     expected: a number of at least 0\n"
        "     mend: Gate(divergences_max=0.0)\n"
        "3. the gate has ebfmi_min=nan, which no universe can pass\n"
        "     expected: a number\n"
        "     mend: Gate(ebfmi_min=0.3)"
    )


def weigh(**changed: float) -> Verdict:
    """Of 1,000 weighted draws; otherwise good ones."""
    return WeightsGate().judge(
        {"khat": 0.66, "importance_ess": 100.0, "ess_tail_min": 100.0, "log_marginal": math.nan} | changed, draws=1000
    )


@pytest.mark.parametrize(
    ("draws", "bound"), [(100, 0.5), (1000, 2 / 3), (2200, 0.7), (10**6, 0.7), (10, 0.0), (1, -math.inf)]
)
def test_khat_has_to_be_lower_where_draws_are_few(draws: int, bound: float) -> None:
    """Vehtari et al. 2024, equation 13: 1 - 1 / log10(S), about 0.7 from 2,200 draws on."""
    assert WeightsGate().khat_bound(draws) == pytest.approx(bound, abs=1e-3)


@pytest.mark.parametrize(
    ("diagnostic", "value", "reason", "message"),
    [
        ("khat", WeightsGate().khat_bound(1000), Reason.khat, "Pareto k-hat is 0.667, above 0.666667"),
        ("khat", 0.9, Reason.khat, "Pareto k-hat is 0.9, above 0.666667"),
        ("khat", math.inf, Reason.khat, "Pareto k-hat is inf, above 0.666667"),
        ("khat", math.nan, Reason.khat, "Pareto k-hat cannot be told"),
        ("importance_ess", 99.96, Reason.ess, "importance ESS is 99.96, below 100"),
        ("ess_tail_min", 12.0, Reason.ess, "importance ESS of the tails is 12, below 100"),
    ],
)
def test_weights_that_cannot_be_relied_on_are_red(diagnostic: str, value: float, reason: Reason, message: str) -> None:
    verdict = weigh(**{diagnostic: value})
    assert verdict.reason is reason and verdict.message.startswith(message)


def test_good_weights_are_green_and_bounds_can_be_switched_off() -> None:
    assert weigh() == (Reason.ok, "")
    bad = {"khat": math.inf, "importance_ess": 1.0, "ess_tail_min": 1.0}
    assert WeightsGate(khat_max=math.inf, ess_min=-math.inf).judge(bad, draws=1000).reason is Reason.ok
    with pytest.raises(PlanError, match=r"WeightsGate\(khat_max=0.7\)"):
        WeightsGate(khat_max=math.nan)
