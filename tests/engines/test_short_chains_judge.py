"""How many short chains are judged: the bounds of the gate, and what is measured for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

from multiverse.engines.engine import Batch
from multiverse.engines.nuts.block import LaneDraws
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.short_chains.gate import SOURCES, ShortChainsGate
from multiverse.engines.short_chains.judge import judge_short
from multiverse.engines.short_chains.settings import ShortChains
from multiverse.errors import PlanError
from multiverse.planning.build import plan
from multiverse.planning.machines import Machines
from multiverse.space.decision import prior
from multiverse.space.space import Space
from multiverse.study import Study

QUICK = ShortChains()
GREEN = {"nested_rhat_max": 1.0, "rhat_max": 1.0, "divergences": 0.0, "ebfmi_min": 1.0} | dict.fromkeys(
    ("ess_bulk_min", "ess_tail_min"), 1e4
)


@pytest.mark.parametrize(
    ("diagnostic", "value", "reason"),
    [
        ("nested_rhat_max", 1.02, Reason.rhat),
        ("nested_rhat_local_max", 1.06, Reason.rhat),
        ("rhat_max", 1.11, Reason.rhat),
        ("divergences", 1.0, Reason.divergences),
        ("ebfmi_min", 0.2, Reason.ebfmi),
        ("ess_bulk_min", 399.0, Reason.ess),
        ("ess_tail_min", 399.0, Reason.ess),
    ],
)
def test_each_bound_of_the_gate_is_looked_at(diagnostic: str, value: float, reason: Reason) -> None:
    def judged(**changed: float) -> Any:
        return ShortChainsGate().judge(GREEN | changed, chains=4, draws=100, worst={diagnostic: "mu"})

    assert judged().reason is Reason.ok
    found = judged(**{diagnostic: value})
    assert found.reason is reason and "'mu'" in found.message
    assert judged(**{diagnostic: np.nan}).reason is reason


def test_what_was_not_measured_does_not_pass() -> None:
    for name in GREEN:
        with pytest.raises(KeyError, match=name):
            ShortChainsGate().judge({k: v for k, v in GREEN.items() if k != name}, chains=4, draws=100)


def test_the_bound_allows_for_the_noise_of_independent_draws() -> None:
    gate = ShortChainsGate()
    assert gate.nested_bound(1.0, chains=8, draws=1) == pytest.approx(np.sqrt(1 + 1 / 8))  # the case of the paper
    assert gate.nested_bound(1.01, chains=10**6, draws=10**6) == pytest.approx(1.01)


def test_every_bound_has_a_source() -> None:
    assert set(SOURCES) == {field.name for field in fields(ShortChainsGate)}


def test_bounds_and_settings_that_nothing_can_keep_are_refused_together() -> None:
    with pytest.raises(PlanError, match=r"nested_rhat_max=0\.9"):
        ShortChainsGate(nested_rhat_max=0.9)
    with pytest.raises(PlanError) as refused:
        ShortChains(superchains=1, chains=0, warmup=0, draws=2, target_accept=1.0)
    assert all(
        name in str(refused.value) for name in ("superchains=1", "chains=0", "warmup=0", "draws=2", "accept=1.0")
    )


def test_a_block_has_as_many_lanes_as_one_of_nuts() -> None:
    machines = Machines()
    assert ShortChains().block(machines) == 1
    assert ShortChains(superchains=2, chains=2).block(machines) == 4


def levels(data: Mapping[str, Any], *, width: float) -> None:
    """A global and three locals."""
    mean = numpyro.sample("mean", dist.Normal(0, width))
    with numpyro.plate("levels", 3):
        level = numpyro.sample("level", dist.Normal(mean, 1))
        numpyro.sample("y", dist.Normal(level, 1), obs=data["y"])


@pytest.fixture(scope="module")
def judged() -> Callable[..., Outcome]:
    """`judged(mean=..., level=..., ...)`: the verdict on independent draws, with these added, (4, 4, draw)."""
    study = Study(
        "levels", data={"y": np.zeros(3)}, model=levels, estimands={"mean": "mean"}, space=Space(width=prior(one=1.0))
    )
    planned = plan(study)
    batch = Batch("b", planned.programs[0], tuple(planned.keys), planned.wanted)

    def verdict(finite: bool = True, **added: Any) -> Outcome:
        random = np.random.default_rng(8)
        shape = (1, 16, QUICK.draws)
        sites = {"mean": random.normal(size=shape), "level": random.normal(size=(*shape, 3))}
        for name, values in added.items():
            sites[name] = sites[name] + np.broadcast_to(values, (4, 4, *sites[name].shape[2:])).reshape(
                sites[name].shape
            )
        some, none = random.normal(size=shape), np.zeros(shape)
        started = np.full(shape[:2], finite)
        lanes = LaneDraws(sites, some, some, -some, some, none > 0, none + 7, none + 0.95, none[..., 0] + 1, started)
        (outcome,) = judge_short(batch, lanes, QUICK)
        return outcome

    return verdict


APART = np.array([0.0, 0, 0, 1])[:, None, None]  # the last superchain stands one standard deviation away


def test_independent_draws_are_green(judged: Callable[..., Outcome]) -> None:
    outcome = judged()
    assert outcome.ok, outcome.message
    assert 1 <= outcome.diagnostics["nested_rhat_local_max"] < 1.01


def test_one_superchain_elsewhere_is_red_and_named(judged: Callable[..., Outcome]) -> None:
    outcome = judged(mean=APART)
    assert outcome.reason is Reason.rhat and "nested R-hat of 'mean'" in outcome.message


def test_one_local_elsewhere_is_red_and_named(judged: Callable[..., Outcome]) -> None:
    outcome = judged(level=APART[..., None] * np.array([0, 0, 1.0]))
    assert outcome.reason is Reason.rhat and outcome.message.startswith("nested R-hat inside plates of 'level[2]'")


def test_chains_that_drift_together_are_red(judged: Callable[..., Outcome]) -> None:
    """Nested R-hat does not see it; the halves of the chains do."""
    outcome = judged(mean=np.linspace(0, 3, QUICK.draws))
    assert outcome.diagnostics["nested_rhat_max"] < 1.01
    assert outcome.reason is Reason.rhat and outcome.message.startswith("split R-hat of short chains")


def test_superchains_without_a_common_value_are_separate_modes(judged: Callable[..., Outcome]) -> None:
    assert judged(mean=20 * APART).reason is Reason.modes


def test_chains_without_a_start_have_no_other_reason(judged: Callable[..., Outcome]) -> None:
    outcome = judged(finite=False, mean=APART)
    assert outcome.reason is Reason.not_finite and "R-hat" not in outcome.message
