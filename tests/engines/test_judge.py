"""From the draws of a block to outcomes: what is measured, what is kept, and what a failure leaves of a universe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from multiverse.engines.diagnostics import ebfmi, ess_bulk, rhat
from multiverse.engines.engine import Batch
from multiverse.engines.failed import failed
from multiverse.engines.gate import Gate
from multiverse.engines.nuts.block import LaneDraws
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.nuts.judge import judge
from multiverse.engines.outcome import Reason
from multiverse.planning.build import plan
from multiverse.planning.plan import Plan

CHAINS, DRAWS = 4, 200
GATE = Gate(rhat_max=1.1, ess_per_chain=50)
SETTINGS = NUTS(chains=CHAINS, draws=DRAWS, max_tree_depth=5, gate=GATE)


def above(draws: Mapping[str, Any], data: Mapping[str, Any], *, prior: Any) -> Any:
    """How far mu lies above its prior mean, in data rows: uses draws, data and a decision."""
    return (draws["mu"] - prior.loc) * len(data["y"])


@pytest.fixture(scope="module")
def planned(normal_mean: ModuleType) -> Plan:
    return plan(normal_mean.study(normal_mean.space(2, 1, 2), estimands={"mu": "mu", "above": above}))


def batch_of(planned: Plan) -> Batch:
    (program,) = planned.programs
    return Batch("b", program, tuple(sorted(program.members)), planned.wanted, block=8, attempt=2)


@pytest.fixture
def lanes(planned: Plan) -> LaneDraws:
    """Independent draws of the four universes; padded rows of `residual` are marked by 99."""
    rng = np.random.default_rng(0)
    shape = (len(planned), CHAINS, DRAWS)
    mu = rng.normal(1.0, 0.5, shape).astype(np.float32)
    residual = np.full((*shape, 24), 99.0, np.float32)
    for i, key in enumerate(sorted(planned.keys)):
        kept = planned.programs[0].members[key].rows_kept
        residual[i, ..., :kept] = planned.programs[0].data(key)["y"] - mu[i, ..., None]
    return LaneDraws(
        sites={"mu": mu, "twice": 2 * mu, "residual": residual},
        log_prior=rng.normal(size=shape).astype(np.float32),
        log_likelihood=rng.normal(size=shape).astype(np.float32),
        potential=(30 + 2 * (mu - 1) ** 2).astype(np.float32),
        energy=rng.normal(30, 1, shape).astype(np.float32),
        diverging=np.zeros(shape, bool),
        steps=np.full(shape, 3),
        accept=np.full(shape, 0.9, np.float32),
        step_size=np.full(shape[:2], 0.5, np.float32),
        started=np.ones(shape[:2], bool),
    )


def test_good_draws_are_green_and_measured(planned: Plan, lanes: LaneDraws) -> None:
    batch = batch_of(planned)
    outcomes = judge(batch, lanes, SETTINGS)
    assert [outcome.key for outcome in outcomes] == list(batch.keys)
    assert all(o.ok and o.message == "" and o.attempt == 2 and o.final for o in outcomes)
    for i, outcome in enumerate(outcomes):
        mu = lanes.sites["mu"][i]
        member = batch.program.members[outcome.key]
        loc = {"wide": 0.0, "unit": 0.0}[str(member.universe["prior"])]
        assert outcome.estimates["mu"]["mean"] == pytest.approx(mu.mean(dtype=np.float64))
        assert outcome.estimates["above"]["mean"] == pytest.approx((mu.mean() - loc) * member.rows_kept, rel=1e-5)
        scalars = np.stack([mu, lanes.potential[i]])
        assert outcome.diagnostics["rhat_max"] == pytest.approx(rhat(scalars).max(), rel=1e-4)
        assert outcome.diagnostics["ess_bulk_min"] == pytest.approx(ess_bulk(scalars).min(), rel=1e-3)
        assert outcome.diagnostics["ebfmi_min"] == pytest.approx(ebfmi(lanes.energy[i : i + 1]).min())
        assert outcome.diagnostics["log_density_mean"] == pytest.approx(-lanes.potential[i].mean(), rel=1e-6)
        assert outcome.diagnostics["block"] == 8
        assert "rhat_local_max" not in outcome.diagnostics


def test_counts_are_of_all_chains(planned: Plan, lanes: LaneDraws) -> None:
    diverging, steps = lanes.diverging.copy(), lanes.steps.copy()
    diverging[1, 0, :3] = diverging[1, 3, 7] = True
    steps[1, 2, :5] = 2**SETTINGS.max_tree_depth - 1
    outcomes = judge(batch_of(planned), lanes._replace(diverging=diverging, steps=steps), SETTINGS)
    assert (outcomes[1].diagnostics["divergences"], outcomes[1].diagnostics["tree_depth_hits"]) == (4, 5)
    assert outcomes[1].reason is Reason.divergences
    assert outcomes[1].estimates["mu"]["mean"] == pytest.approx(lanes.sites["mu"][1].mean(dtype=np.float64))
    assert [o.ok for o in outcomes] == [True, False, True, True]


def test_chains_that_disagree_are_red_and_the_message_names_the_quantity(planned: Plan, lanes: LaneDraws) -> None:
    mu = lanes.sites["mu"].copy()
    mu[2, 0] += 1.5 * mu[2, 0].std()
    outcomes = judge(batch_of(planned), lanes._replace(sites={**lanes.sites, "mu": mu}), SETTINGS)
    assert outcomes[2].reason is Reason.rhat
    assert "'mu'" in outcomes[2].message and "above 1.1" in outcomes[2].message
    assert [o.ok for o in outcomes] == [True, True, False, True]


def test_chains_in_places_of_their_own_show_several_modes(planned: Plan, lanes: LaneDraws) -> None:
    mu = lanes.sites["mu"].copy()
    mu[2, 0] += 20 * mu[2, 0].std()
    outcomes = judge(batch_of(planned), lanes._replace(sites={**lanes.sites, "mu": mu}), SETTINGS)
    assert outcomes[2].reason is Reason.modes
    assert outcomes[2].message.startswith("the 4 chains stay in 2 places that have no value of 'mu' in common; R-hat")
    assert [o.ok for o in outcomes] == [True, True, False, True]


def test_only_what_is_wanted_is_kept(planned: Plan, lanes: LaneDraws) -> None:
    def names(keep: str | list[str]) -> set[str]:
        return set(judge(batch_of(planned.keeping(keep)), lanes, SETTINGS)[0].draws)

    always = {"estimand/mu", "estimand/above", "density/log_prior", "density/log_likelihood"}
    assert names("estimands") == always
    assert names(["twice"]) == always | {"site/twice"}
    assert names("all") == always | {"site/mu", "site/twice", "site/residual"}


def test_rows_that_padding_added_are_cut_from_kept_draws(planned: Plan, lanes: LaneDraws) -> None:
    for outcome in judge(batch_of(planned.keeping("all")), lanes, SETTINGS):
        kept = planned.programs[0].members[outcome.key].rows_kept
        assert outcome.draws["site/residual"].shape == (CHAINS, DRAWS, kept)
        assert outcome.draws["site/residual"].max() < 99


def test_a_chain_without_a_start_is_not_finite_whatever_else_it_is(planned: Plan, lanes: LaneDraws) -> None:
    started = lanes.started.copy()
    started[0, 1] = False
    broken = all_nan(lanes, 0)._replace(started=started)
    outcomes = judge(batch_of(planned), broken, SETTINGS)
    assert outcomes[0].reason is Reason.not_finite
    assert outcomes[0].message == (
        "no starting point with a finite log joint and gradient was found in 100 tries, for 1 of 4 chains"
    )
    clean = judge(batch_of(planned), lanes, SETTINGS)
    for a, b in zip(outcomes[1:], clean[1:], strict=True):
        assert (a.reason, a.estimates, a.diagnostics) == (b.reason, b.estimates, b.diagnostics)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_log_joint_that_is_not_finite_where_the_chains_went_is_told(
    planned: Plan, lanes: LaneDraws, value: float
) -> None:
    potential = lanes.potential.copy()
    potential[2, 1, 5:8] = value
    outcomes = judge(batch_of(planned), lanes._replace(potential=potential), SETTINGS)
    assert [outcome.ok for outcome in outcomes] == [True, True, False, True]
    assert outcomes[2].reason is Reason.not_finite
    assert outcomes[2].message == "the log joint is not finite in 3 of 800 draws"


def all_nan(lanes: LaneDraws, universe: int) -> LaneDraws:
    """The lanes with everything that a sampler computes NaN in one universe."""

    def spoil(values: np.ndarray) -> np.ndarray:
        spoilt = values.copy()
        spoilt[universe] = np.nan
        return spoilt

    names = ("log_prior", "log_likelihood", "potential", "energy", "accept", "step_size")
    sites = {name: spoil(values) for name, values in lanes.sites.items()}
    return lanes._replace(sites=sites, **{name: spoil(getattr(lanes, name)) for name in names})


def asked(planned: Plan, function: Callable[..., Any]) -> Batch:
    """A batch whose second estimand is this function of draws, data and the decision `prior`."""
    mu, other = planned.wanted.estimands
    return replace(batch_of(planned), wanted=replace(planned.wanted, estimands=(mu, replace(other, ask=function))))


def test_an_estimand_that_raises_spoils_its_own_universes_only(planned: Plan, lanes: LaneDraws) -> None:
    def fragile(draws: Mapping[str, Any], data: Any, *, prior: Any) -> Any:
        if prior.scale > 5:
            raise LookupError("no such table")
        return draws["mu"]

    for outcome in judge(asked(planned, fragile), lanes, SETTINGS):
        wide = planned.universes[outcome.key]["prior"] == "wide"
        assert outcome.ok is not wide
        if wide:
            assert outcome.reason is Reason.estimand
            assert outcome.message == "the estimand 'above' raised LookupError: no such table"
            assert "fragile" in outcome.traceback and "LookupError: no such table" in outcome.traceback
        assert np.isnan(outcome.estimates["above"]["mean"]) == wide
        assert np.isfinite(outcome.estimates["mu"]["mean"])
        assert np.isnan(outcome.draws["estimand/above"]).all() == wide


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_estimand_that_is_not_finite_says_in_how_many_draws(planned: Plan, lanes: LaneDraws, value: float) -> None:
    def sometimes(draws: Mapping[str, Any], data: Any, *, prior: Any) -> Any:
        return np.where((draws["mu"] > 1.9) & (prior.scale < 5), value, draws["mu"])

    for i, outcome in enumerate(judge(asked(planned, sometimes), lanes, SETTINGS)):
        bad = int((lanes.sites["mu"][i] > 1.9).sum()) * (planned.universes[outcome.key]["prior"] == "unit")
        assert outcome.reason is (Reason.estimand if bad else Reason.ok)
        assert outcome.message == (f"the estimand 'above' is not finite in {bad} of 800 draws" if bad else "")


def test_an_estimand_of_the_wrong_shape_is_red(planned: Plan, lanes: LaneDraws) -> None:
    outcomes = judge(asked(planned, lambda draws, data, *, prior: draws["mu"].mean()), lanes, SETTINGS)
    assert {outcome.reason for outcome in outcomes} == {Reason.estimand}
    assert outcomes[0].message.startswith("the estimand 'above' gives a single number for 800 draws")


def test_a_batch_that_raised_is_red_in_all_its_universes(planned: Plan) -> None:
    try:
        raise RuntimeError("out of tune")
    except RuntimeError as error:
        outcomes = failed(batch_of(planned), error)
    assert [outcome.key for outcome in outcomes] == list(batch_of(planned).keys)
    assert {(o.reason, o.message, o.attempt) for o in outcomes} == {(Reason.error, "RuntimeError: out of tune", 2)}
    assert "test_judge.py" in outcomes[0].traceback
