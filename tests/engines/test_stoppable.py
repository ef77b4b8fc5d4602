"""Blocks that can be stopped: no bit hangs on where the clock was looked at; the slow one does not stop the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import jax
import numpy as np
import pytest

from multiverse.engines.nuts import stoppable
from multiverse.engines.nuts.block import LaneDraws, block_functions
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.nuts.stoppable import Sampled, StoppableBlock, compile_block
from multiverse.engines.outcome import Outcome, Reason
from multiverse.identity.keys import rng_words
from multiverse.planning.plan import Plan
from multiverse.testing_engines import answer

Arguments = tuple[np.ndarray, Mapping[str, np.ndarray]]
SITES = ("mu", "twice")


@pytest.fixture(scope="module")
def quick(normal_mean: ModuleType) -> NUTS:
    engine: NUTS = normal_mean.QUICK
    return engine


@pytest.fixture(scope="module")
def arguments(twelve: Plan) -> Arguments:
    keys = sorted(twelve.keys)[:8]
    return np.array([rng_words(0, key, 1) for key in keys], np.uint32), twelve.programs[0].gather(keys, "float32")


def compiled(twelve: Plan, engine: NUTS, arguments: Arguments, thin: int = 1) -> StoppableBlock:
    functions = block_functions(twelve.programs[0], engine, SITES, thin=thin)
    return compile_block(functions, *arguments, engine.warmup + engine.draws * thin)


@pytest.fixture(scope="module")
def block(twelve: Plan, quick: NUTS, arguments: Arguments) -> StoppableBlock:
    return compiled(twelve, quick, arguments)


@pytest.fixture(scope="module")
def whole(block: StoppableBlock, arguments: Arguments) -> LaneDraws:
    """Sampled in one stretch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stoppable, "FIRST_LOOK", block.transitions)
        sampled = block(*arguments, None)
    assert sampled.transitions == block.transitions and sampled.draws is not None
    return sampled.draws


def assert_same(some: LaneDraws | None, others: LaneDraws) -> None:
    assert some is not None
    for one, other in zip(jax.tree.leaves(some), jax.tree.leaves(others), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("first", "look"), [(1, 0.0), (7, np.inf)])
def test_stretches_change_no_bit(
    block: StoppableBlock,
    arguments: Arguments,
    whole: LaneDraws,
    monkeypatch: pytest.MonkeyPatch,
    first: int,
    look: float,
) -> None:
    """One transition at a time, and stretches that grow."""
    monkeypatch.setattr(stoppable, "FIRST_LOOK", first)
    monkeypatch.setattr(stoppable, "LOOK_SECONDS", look)
    assert_same(block(*arguments, None).draws, whole)


def test_it_stops_at_its_limit_and_says_how_far_it_came(block: StoppableBlock, arguments: Arguments) -> None:
    sampled = block(*arguments, 0.0)
    assert sampled.draws is None and sampled.transitions == stoppable.FIRST_LOOK and sampled.seconds > 0


@pytest.mark.slow  # another program; by default tests/cli/test_run_command.py climbs to a rung that thins
def test_a_thinned_chain_is_every_second_draw_of_one_twice_as_long(
    twelve: Plan, quick: NUTS, arguments: Arguments, whole: LaneDraws
) -> None:
    half = replace(quick, draws=quick.draws // 2)
    thinned = compiled(twelve, half, arguments, thin=2)(*arguments, None).draws
    assert thinned is not None
    for name in SITES:
        np.testing.assert_array_equal(thinned.sites[name], whole.sites[name][:, 1::2])
    for name in ("log_prior", "log_likelihood", "potential"):
        np.testing.assert_array_equal(getattr(thinned, name), getattr(whole, name)[:, 1::2])
    for name in ("energy", "diverging", "steps", "accept"):  # of every transition, divergences and E-BFMI are judged
        np.testing.assert_array_equal(getattr(thinned, name), getattr(whole, name))


# The time limit


@dataclass(frozen=True)
class Slow:
    """A block that is too slow wherever one universe is in it."""

    block: Any
    words: tuple[int, int]
    calls: list[int]

    @property
    def transitions(self) -> int:
        return int(self.block.transitions)

    def __call__(self, words: np.ndarray, leaves: Mapping[str, np.ndarray], limit: float | None) -> Sampled:
        self.calls.append(len({tuple(row) for row in words.tolist()}))
        if list(self.words) in words.tolist():
            return Sampled(None, 99.0, 5)
        sampled: Sampled = self.block(words, leaves, limit)
        return sampled


def test_one_slow_universe_is_red_and_its_company_has_the_same_draws(
    twelve: Plan, quick: NUTS, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = replace(twelve, wanted=replace(twelve.wanted, time_limit=60.0))
    slow = sorted(twelve.keys)[2]
    calls: list[int] = []
    free = {o.key: o for _, outcomes in answer(quick, twelve) for o in outcomes}
    real = NUTS._compiled
    monkeypatch.setattr(NUTS, "_compiled", lambda *at: Slow(real(*at), rng_words(quick.seed, slow, 1), calls))
    found: dict[str, Outcome] = {o.key: o for _, outcomes in answer(quick, limited) for o in outcomes}
    assert calls == [8, *[1] * 8, 4]
    assert (found[slow].reason, found[slow].final, dict(found[slow].draws)) == (Reason.time, True, {})
    assert found[slow].message == (
        "stopped after 99 s, with 5 of 200 transitions made (warm-up included); the limit is 60 s"
    )
    for key in found.keys() - {slow}:
        assert found[key].ok and found[key].estimates == free[key].estimates
        np.testing.assert_array_equal(found[key].draws["estimand/mu"], free[key].draws["estimand/mu"])


def test_without_time_nobody_is_answered(twelve: Plan, quick: NUTS) -> None:
    hurried = replace(twelve, wanted=replace(twelve.wanted, time_limit=1e-9))
    for _, outcomes in answer(quick, hurried):
        assert {(o.reason, o.final) for o in outcomes} == {(Reason.time, True)}
