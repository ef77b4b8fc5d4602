"""Audits: who is picked, what counts as a disagreement, how often chance is taken for one, and what is seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from multiverse.engines.auto.audit import SHARE, Z_MAX, Audit, Finding, compare
from multiverse.engines.diagnostics import Floats
from multiverse.engines.estimates import from_numbers, from_standard_errors, summarise
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.weighing.weighted import normalised, summarise_weighted
from multiverse.errors import PlanError

KEYS = [f"{i:032x}" for i in range(2000)]
Tables = Mapping[str, Floats]


@given(st.floats(0, 1), st.integers(0, 2**32))
def test_the_share_is_kept(share: float, seed: int) -> None:
    picked = sum(Audit(share).picks(key, seed) for key in KEYS[:500])
    assert abs(picked - 500 * share) <= 6 * math.sqrt(500 * share * (1 - share)) + 3  # a few, where few are expected


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 9))
def test_a_larger_share_audits_the_same_and_more(one: float, other: float, seed: int) -> None:
    low, high = Audit(min(one, other)), Audit(max(one, other))
    assert all(high.picks(key, seed) for key in KEYS[:100] if low.picks(key, seed))


def test_all_or_none_are_picked() -> None:
    assert all(Audit(1).picks(key, 0) for key in KEYS)
    assert not any(Audit(0).picks(key, 0) for key in KEYS)


@given(st.permutations(KEYS[:12]), st.integers(0, 99))
def test_the_first_is_the_same_in_any_order_and_is_picked_first(keys: list[str], seed: int) -> None:
    audit = Audit(0.3)
    first, *others = audit.firsts_of(keys, seed, 5)
    assert [first] == audit.firsts_of(sorted(keys), seed)
    assert others == audit.firsts_of(set(keys) - {first}, seed, 4)
    assert audit.picks(first, seed) or not any(audit.picks(key, seed) for key in keys)


def test_seeds_pick_others() -> None:
    picked = [{key for key in KEYS if Audit(0.1).picks(key, seed)} for seed in (0, 1)]
    assert len(picked[0] & picked[1]) < 50  # 20 expected, of 200 each


@pytest.mark.parametrize("share, z_max", [(-0.1, 5.0), (1.5, 5.0), (math.nan, 5.0), (0.1, 0.0), (0.1, math.nan)])
def test_settings_that_no_audit_can_have(share: float, z_max: float) -> None:
    with pytest.raises(PlanError, match="the audit has"):
        Audit(share, z_max)


def test_settings_are_floats_so_that_equal_audits_make_one_run() -> None:
    assert (repr(Audit(1, 5)), Audit()) == (repr(Audit(1.0, 5.0)), Audit(SHARE, Z_MAX))


def outcome(tables: Tables, i: int = 0, reason: Reason = Reason.ok) -> Outcome:
    return Outcome("key", reason, estimates={"effect": {name: float(values[i]) for name, values in tables.items()}})


def chains(seed: int, n: int, draws: int = 250, rho: float = 0.5) -> Floats:
    """Stationary AR(1) draws (n, 4, draws), standard normal."""
    steps = np.random.default_rng(seed).normal(size=(draws, n, 4))
    steps[1:] *= np.sqrt(1 - rho**2)
    for t in range(1, draws):
        steps[t] += rho * steps[t - 1]
    return np.moveaxis(steps, 0, 2)


def weighted(seed: int, n: int, shape: Callable[[Floats], Floats], draws: int = 600) -> Tables:
    """A standard normal, shaped, from weighted draws of Student's t."""
    z = np.random.default_rng(seed).standard_t(8, size=(n, draws))
    return summarise_weighted(shape(z), normalised(stats.norm.logpdf(z) - stats.t.logpdf(z, 8)))


def twice(z: Floats) -> Floats:
    """Two modes with little between them: the median is hardly known."""
    grid = np.linspace(-9, 9, 2001)
    share = (stats.norm.cdf(grid + 2.5) + stats.norm.cdf(grid - 2.5)) / 2
    mixed: Floats = np.interp(stats.norm.cdf(z), share, grid)
    return mixed


SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "normal": lambda z: z,
    "lognormal": np.exp,
    "Cauchy": lambda z: np.tan(np.pi * (stats.norm.cdf(np.clip(z, -8, 8)) - 0.5)),
    "uniform": stats.norm.cdf,
    "two modes": twice,
    "counts": lambda z: np.floor(np.exp(z)),
}


@pytest.mark.parametrize("name", SHAPES)
def test_chance_is_not_taken_for_a_disagreement(name: str) -> None:
    """None of 96,000 audits was above 5 (two million comparisons would be needed for one, were all errors exact)."""
    n, shape = 300, SHAPES[name]
    sampled, answered = summarise(shape(chains(1, n))), weighted(2, n, shape)
    z = np.array([compare(outcome(answered, i), outcome(sampled, i)).z for i in range(n)])
    assert z.max() < Z_MAX
    assert 0.5 < np.median(z) < 2  # of the largest of some four: errors are neither far too small nor far too large


SEEN = {
    "a shift of 0.4 sd": lambda z: z + 0.4,
    "an interval half as wide": lambda z: z / 2,
    "an interval twice as wide": lambda z: 2 * z,
    "half the mass elsewhere": lambda z: np.where(np.arange(z.size).reshape(z.shape) % 2, z, z + 8),
    "a mode missed with 8 % of the mass": lambda z: np.where(np.arange(z.size).reshape(z.shape) % 12, z, z + 12),
    "another shape": lambda z: (np.exp(z) - np.exp(0.5)) / np.sqrt(np.exp(2) - np.exp(1)),
}


@pytest.mark.parametrize("name", SEEN)
def test_what_an_audit_sees(name: str) -> None:
    """In each of 50 pairs of answers, with the numbers of draws that engines have by default."""
    sampled, answered = summarise(chains(3, 50, draws=500)), weighted(4, 50, SEEN[name], draws=1000)
    audit = Audit()
    judged = [audit.judge(outcome(answered, i), outcome(sampled, i)) for i in range(50)]
    assert {each.finding for each in judged} == {Finding.refuted}
    assert all("of 'effect' differs" in each.message and "above 5" in each.message for each in judged)


def test_a_median_far_away_is_seen_where_the_mean_has_no_error() -> None:
    """Cauchy tails: means are worth nothing, quantiles are."""
    shape = SHAPES["Cauchy"]
    sampled, answered = summarise(shape(chains(5, 20)) + 3), weighted(6, 20, shape)
    assert all(compare(outcome(answered, i), outcome(sampled, i)).z > Z_MAX for i in range(20))


def test_findings() -> None:
    sampled, answered = summarise(chains(7, 1)), weighted(8, 1, SHAPES["normal"])
    audit = Audit()
    assert audit.judge(outcome(answered), outcome(sampled)).finding is Finding.confirmed
    red = audit.judge(outcome(answered), outcome(sampled, reason=Reason.rhat))
    assert red.finding is Finding.open and "rhat" in red.message
    assert audit.judge(outcome(answered), Outcome("key")).finding is Finding.refuted  # it told nothing of 'effect'
    assert audit.judge(Outcome("key"), Outcome("key")).finding is Finding.open
    strict = Audit(z_max=1e-9)
    assert strict.judge(outcome(answered), outcome(sampled)).finding is Finding.refuted


def test_the_order_of_two_outcomes_does_not_matter() -> None:
    a, b = outcome(summarise(np.exp(chains(9, 1)))), outcome(weighted(10, 1, SHAPES["normal"]))
    assert compare(a, b) == compare(b, a)
    assert compare(a, a).z == 0


def test_every_estimand_is_compared_and_the_worst_named() -> None:
    near = outcome(summarise(chains(11, 1)))
    far = outcome(summarise(chains(12, 1) + 1))
    both = replace(near, estimates={"a": near.estimates["effect"], "b": near.estimates["effect"]})
    other = replace(near, estimates={"a": near.estimates["effect"], "b": far.estimates["effect"]})
    seen = compare(both, other)
    assert seen.z > Z_MAX and seen.what.endswith("of 'b'")


def test_numbers_that_do_not_vary() -> None:
    """A constant estimand, in float32 and in float64: nothing but rounding differs."""
    single = summarise(np.full((1, 4, 100), np.float32(0.1)))
    double = summarise_weighted(np.full((1, 100), 0.1), np.full((1, 100), 0.01))
    assert compare(outcome(single), outcome(double)).z < 1
    assert math.isnan(compare(outcome(single), outcome(from_numbers([0.2]))).z)  # without an error nothing is told
    assert compare(outcome(single), outcome(from_standard_errors([0.2], [1.0]))).z > Z_MAX


def test_shares_near_one_and_nought() -> None:
    """Rounding of weights: a sum of 1 - 1e-16 is 1."""
    a = summarise(np.exp(chains(13, 1)))
    b = a | {"p_positive": np.array([1 - 1e-16])}
    assert compare(outcome(a), outcome(b)).z < 1e-6
    assert compare(outcome(a), outcome(a | {"p_positive": np.array([0.8])})).z > Z_MAX
