"""Two outcomes of one universe: equal bits, and distances in Monte Carlo errors, which are ArviZ's."""

from __future__ import annotations

import warnings
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from multiverse.engines.estimates import summarise
from multiverse.engines.outcome import Outcome, Reason
from multiverse.rerun.compare import Difference, compare, monte_carlo_errors

EFFECT, LEVEL = "estimand/effect", "site/level"


def draws(seed: int, *, mean: float = 0.0, shape: tuple[int, ...] = ()) -> np.ndarray:
    """Autocorrelated draws, (4, 250, *shape), sd 1."""
    noise = np.random.default_rng(seed).normal(size=(4, 250, *shape))
    for at in range(1, 250):
        noise[:, at] = 0.5 * noise[:, at - 1] + np.sqrt(0.75) * noise[:, at]
    return noise + mean


def outcome(seed: int = 0, *, mean: float = 0.0) -> Outcome:
    effect = draws(seed, mean=mean)
    numbers = {name: float(value[0]) for name, value in summarise(effect[None]).items()}
    kept = {EFFECT: effect, LEVEL: draws(seed + 100, shape=(3,))}
    return Outcome("k", draws=kept, estimates={"effect": numbers}, diagnostics={"rhat_max": numbers["rhat"]})


@pytest.fixture(scope="module")
def az() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz
        from arviz.utils import Numba

        if Numba.numba_flag:  # where Numba happens to be installed ArviZ's error of an sd raises
            Numba.disable_numba()
    return arviz


def test_errors_are_those_of_arviz(az: ModuleType) -> None:
    x = draws(1)
    found = monte_carlo_errors(x)
    assert found["mean"] == pytest.approx(az.mcse(x, method="mean"))
    assert found["sd"] == pytest.approx(az.mcse(x, method="sd"))
    for name, p in {"q2_5": 0.025, "q25": 0.25, "median": 0.5, "q75": 0.75, "q97_5": 0.975}.items():
        assert found[name] == pytest.approx(az.mcse(x, method="quantile", prob=p)), name


def test_draws_that_do_not_vary_have_no_error() -> None:
    assert set(monte_carlo_errors(np.ones((2, 50))).values()) == {0.0}


def test_an_outcome_is_itself() -> None:
    found = compare(outcome(), outcome(), {"effect"})
    assert found.same and found.changed == ()
    assert {d.distance for d in found.differences} == {0.0}


def test_a_draw_that_is_missing_on_both_sides_is_the_same() -> None:
    one, other = outcome(), outcome()
    for each in (one, other):
        each.draws[EFFECT][0, 3] = np.nan
    assert compare(one, other, {"effect"}).same


def test_more_draws_than_were_kept_are_no_difference() -> None:
    few = outcome()
    few = replace(few, draws={EFFECT: few.draws[EFFECT]})
    assert compare(few, outcome(), {"effect"}).same
    lost = compare(outcome(), few, {"effect"})
    assert lost.changed == (f"no draws of {LEVEL}",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda o: o.draws[EFFECT].__setitem__((0, 0), 7.0), "other draws of estimand/effect"),
        (lambda o: o.draws[LEVEL].__setitem__((0, 0, 2), 7.0), "other draws of site/level"),
        (lambda o: o.estimates["effect"].__setitem__("q25", 0.1), "other numbers: effect.q25"),
        (lambda o: o.estimates["effect"].pop("sd"), "other numbers: effect.sd"),
        (lambda o: o.diagnostics.__setitem__("rhat_max", 1.5), "other numbers: rhat_max"),
    ],
)
def test_one_number_is_enough(change, said: str) -> None:
    then = outcome()
    change(then)
    found = compare(then, outcome(), {"effect"})
    assert not found.same and said in found.changed


def test_a_verdict_counts() -> None:
    red = replace(outcome(), reason=Reason.ess)
    assert compare(red, outcome(), {"effect"}).changed == ("ok, was ess",)
    assert compare(red, outcome(), {"effect"}, judged=False).same
    raised = replace(outcome(), reason=Reason.error)
    assert not compare(raised, outcome(), {"effect"}, judged=False).same
    assert compare(replace(outcome(), attempt=2), outcome(), {"effect"}).changed == ("attempt 1, was 2",)


def test_an_estimand_that_means_something_else_is_left_out() -> None:
    then = outcome(5)
    then = replace(then, draws={**outcome().draws, EFFECT: then.draws[EFFECT]}, diagnostics={})
    assert not compare(then, outcome(), {"effect"}).same
    assert compare(then, outcome(), set()).same


def test_equal_posteriors_are_a_few_errors_apart_and_others_are_not() -> None:
    apart = compare(outcome(1), outcome(2), {"effect"})
    judged = {d.statistic: d.distance for d in apart.differences if d.quantity == "effect" and d.error == d.error}
    assert {"mean", "sd", "median", "q25", "q75"} <= set(judged)
    assert all(0 < distance < 4.5 for distance in judged.values())
    assert {d.quantity for d in apart.differences} == {"effect", "site/level[0]", "site/level[1]", "site/level[2]"}
    moved = compare(outcome(1), outcome(2, mean=1.0), {"effect"})
    assert moved.worst is not None and moved.worst.distance > 5


def test_numbers_without_draws_have_no_error() -> None:
    one, other = (Outcome("k", estimates={"effect": {"mean": mean}}) for mean in (1.0, 1.0 + 1e-9))
    (difference,) = compare(one, other, {"effect"}).differences
    assert np.isnan(difference.error) and difference.distance == np.inf
    assert compare(one, one, {"effect"}).same
    assert Difference("effect", "mean", 1.0, 1.0 + 1e-15).distance == 0
