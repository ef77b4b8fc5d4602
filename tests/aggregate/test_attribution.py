from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import pytest

from multiverse.aggregate.attribution import attribution
from multiverse.aggregate.estimates import Estimates

THREE = {
    "a": ("preprocessing", ["a0", "a1", "a2"]),
    "b": ("prior", ["b0", "b1", "b2", "b3"]),
    "c": ("prior", ["c0", "c1"]),
}


def polynomial(a, b, c):
    return 1.5 * a - 0.5 * b**2 + 0.7 * a * c + 0.3 * a * b * c


def sobol_by_enumeration(grid):
    """Main and total by every effect of the functional ANOVA, one subset of axes at a time (2^d of them)."""
    d = grid.ndim
    effect = {}
    for size in range(d + 1):
        for subset in combinations(range(d), size):
            mean = grid.mean(axis=tuple(i for i in range(d) if i not in subset), keepdims=True)
            lower = sum(effect[s] for s in effect if set(s) < set(subset))
            effect[subset] = mean - lower
    part = {s: float((e**2).mean()) for s, e in effect.items() if s}
    total = sum(part.values())
    return {i: (part[(i,)] / total, sum(v for s, v in part.items() if i in s) / total) for i in range(d)}


def shares(answer):
    return {r.decision: (r.main, r.total) for r in answer.table.itertuples()}


def test_sobol_indices_of_a_polynomial_with_interactions(make):
    answer = attribution(make(THREE, polynomial))
    grid = polynomial(*np.meshgrid(np.arange(3), np.arange(4), np.arange(2), indexing="ij"))
    expected = sobol_by_enumeration(grid)
    assert answer.balanced
    assert answer.between == pytest.approx(grid.var())
    for i, name in enumerate(THREE):
        assert shares(answer)[name] == pytest.approx(expected[i], rel=1e-10)


def test_by_hand_with_one_interaction(make):
    """x + y + xy on {-1, 1}^2: each effect has variance 1 of 3."""
    two = {"x": ("prior", ["-", "+"]), "y": ("likelihood", ["-", "+"])}
    answer = attribution(make(two, lambda x, y: (2 * x - 1) + (2 * y - 1) + (2 * x - 1) * (2 * y - 1)))
    assert shares(answer) == {"x": pytest.approx((1 / 3, 2 / 3)), "y": pytest.approx((1 / 3, 2 / 3))}


def test_kinds_are_taken_jointly(make):
    answer = attribution(make(THREE, polynomial)).by_kind.set_index("kind")
    grid = polynomial(*np.meshgrid(np.arange(3), np.arange(4), np.arange(2), indexing="ij"))
    joint = sobol_by_enumeration(grid.reshape(3, 8))
    assert tuple(answer.loc["preprocessing"]) == pytest.approx(joint[0])
    assert tuple(answer.loc["prior"]) == pytest.approx(joint[1])


def test_rows_in_any_order_and_sorted_by_total(make):
    estimates = make(THREE, polynomial)
    shuffled = Estimates("effect", estimates.table.sample(frac=1, random_state=3), estimates.decisions, 24)
    one, other = attribution(estimates).table, attribution(shuffled).table
    assert list(one["decision"]) == list(other["decision"])
    assert np.allclose(one[["main", "total"]], other[["main", "total"]])
    assert one["total"].is_monotonic_decreasing


def test_an_additive_answer_stays_the_same_when_universes_are_missing_at_random(make):
    """Additive in a, b, c with the products dropped for a few rows: the regression still finds the three variances."""

    def additive(a, b, c):
        return 2.0 * a + 0.5 * b + 1.0 * c

    full = shares(attribution(make(THREE, additive)))
    answer = attribution(make(THREE, additive, red=(5, 13)))
    assert not answer.balanced
    assert "not a full product" in answer.note
    assert "main effects only" in answer.note
    assert answer.with_red.balanced
    for name, (_, total) in full.items():
        # two of 24 rows: each weighs 1/24 of a sum of squares of at most 1, in numerator and denominator
        assert shares(answer)[name][1] == pytest.approx(total, abs=4 / 24)
        assert shares(answer.with_red)[name] == pytest.approx(full[name])


def test_regression_equals_the_exact_shares_on_a_full_product(make):
    """The two roads meet: without third-order effects a full product gives the same shares by regression."""
    from multiverse.aggregate.anova import grid_shares
    from multiverse.aggregate.regression import regression_shares

    rng = np.random.default_rng(5)
    sizes = (3, 4, 2, 5)
    codes = np.stack(np.unravel_index(np.arange(120), sizes), axis=1)
    value = sum(rng.normal(size=k)[codes[:, i]] for i, k in enumerate(sizes))
    value = value + sum(
        rng.normal(size=(sizes[i], sizes[j]))[codes[:, i], codes[:, j]] for i, j in combinations(range(4), 2)
    )
    columns, sets = list(codes.T), [[0], [1], [2], [3], [0, 2], [1, 3], [0, 1, 2, 3]]
    many = [np.tile(c, 4) for c in columns]  # each cell four times: room for the pairs
    fit = regression_shares(many, np.tile(value, 4), 0.0, sets)
    assert fit.pairs
    assert np.allclose(fit.shares, grid_shares(columns, value, 0.0, sets), atol=1e-9)


def test_a_decision_that_does_not_always_apply_is_nested(make):
    """family moves the answer by 2; tail, only under family 1, by 1: variances by hand."""
    space = {"family": ("likelihood", ["normal", "student"]), "tail": ("prior", ["light", "heavy"])}
    estimates = make(space, [0.0, 0.0, 1.5, 2.5], keep=None)
    table = estimates.table.iloc[[0, 2, 3]].copy()
    table["tail"] = np.array([None, "light", "heavy"], dtype=object)
    answer = attribution(Estimates("effect", table, estimates.decisions, 3))
    value = np.array([0.0, 1.5, 2.5])
    within = (0.25 + 0.25) / 3
    assert not answer.balanced
    assert shares(answer)["tail"] == pytest.approx((within / value.var(), within / value.var()))
    assert shares(answer)["family"] == pytest.approx((1 - within / value.var(), 1 - within / value.var()))


def test_parameterization_is_collapsed_and_shown_as_a_check(make):
    space = {**THREE, "geometry": ("parameterization", ["centered", "non-centered"])}
    rng = np.random.default_rng(6)
    mcse = 0.05
    base = make(space, lambda a, b, c, g: polynomial(a, b, c) + rng.normal(0, mcse, len(a)), mcse=mcse)
    answer = attribution(base)
    alone = attribution(make(THREE, polynomial))
    assert answer.balanced
    assert "as a check" in answer.note
    # spread of the variance of 24 contrasts of noise, in units of the whole: sqrt(2 / 24) x mcse^2 / V; four of it
    slack = 4 * np.sqrt(2 / 24) * mcse**2 / alone.between
    assert shares(answer)["geometry"][1] <= slack
    # cross terms of signal and noise: 2 sqrt(V x mcse^2 / 48) / V
    cross = 4 * 2 * mcse / np.sqrt(48 * alone.between)
    for name in THREE:
        assert shares(answer)[name] == pytest.approx(shares(alone)[name], abs=slack + cross)


def test_monte_carlo_variance_is_taken_out_of_every_share(make):
    """Noise as large as the signal: shares stay within 4 standard errors of the truth on average, and c, which does
    nothing, near 0."""
    rng = np.random.default_rng(7)
    space = {
        "a": ("prior", [str(i) for i in range(6)]),
        "b": ("prior", [str(i) for i in range(6)]),
        "c": ("x", list("pq")),
    }
    truth = make(space, lambda a, b, c: a - a.mean() + 0.5 * (b - b.mean()))
    mean, mcse = truth.table["mean"].to_numpy(), 1.0
    exact = {name: total for name, (_, total) in shares(attribution(truth)).items()}
    found = {name: [] for name in space}
    for _ in range(100):
        table = truth.table.assign(mean=mean + rng.normal(0, mcse, len(mean)), mcse_mean=mcse)
        for name, (_, total) in shares(attribution(Estimates("effect", table, truth.decisions, len(mean)))).items():
            found[name].append(total)
    for name in ("a", "b"):
        # a ratio of two corrected variances is biased by about 1/n of its spread squared: 72 rows, allow 2 per cent
        error = np.std(found[name]) / np.sqrt(100)
        assert abs(np.mean(found[name]) - exact[name]) < 4 * error + 0.05
    assert np.mean(found["c"]) < 0.1  # clipped at zero, so above it on average; 0.33 if the noise stayed in


def test_no_variance_one_universe_and_none(make):
    same = attribution(make(THREE, lambda a, b, c: 0.1 + 0 * a))
    assert same.table["total"].isna().all()
    assert "no more than rounding" in same.note
    noisy = attribution(make(THREE, lambda a, b, c: 0.1 + 0 * a, mcse=0.01))
    assert "no more than Monte Carlo error" in noisy.note
    assert "fewer than two" in attribution(make({"a": ("prior", ["p"])}, [1.0])).note
    red = attribution(make(THREE, polynomial, red=range(24)))
    assert red.table["total"].isna().all()
    assert red.with_red.balanced


@pytest.mark.parametrize("interval", ["confidence", "none"])
def test_estimates_that_are_no_posteriors_are_divided_up_alike(make, interval):
    answer, bayesian = attribution(make(THREE, polynomial, interval=interval)), attribution(make(THREE, polynomial))
    assert shares(answer) == shares(bayesian)
    assert "variance between universes' estimates" in str(answer)
    assert "variance between universes 6.02" in str(bayesian)
    same = attribution(make(THREE, lambda a, b, c: 0.1 + 0 * a, interval=interval))
    assert "Monte Carlo" not in str(same)


def test_a_mixture_counts_every_number(make):
    kinds = np.array(["credible", "confidence", "none"])[np.arange(24) % 3]
    answer = attribution(make(THREE, polynomial, interval=kinds))
    assert shares(answer) == shares(attribution(make(THREE, polynomial)))
    assert "variance between universes' posterior means or estimates" in str(answer)
    assert answer.kinds == (8, 8, 8)


def test_labels_that_no_green_universe_has_are_named(make):
    answer = attribution(make(THREE, polynomial, red=range(0, 8)))
    assert answer.balanced
    assert "a = a0" in answer.note


def test_one_at_a_time_designs_have_room_for_main_effects(make):
    estimates = make(THREE, lambda a, b, c: 2.0 * a + b + 0 * c, keep=lambda *codes: np.count_nonzero(codes) <= 1)
    answer = attribution(estimates)
    assert estimates.planned == 7
    assert not answer.balanced
    assert shares(answer)["c"][1] == pytest.approx(0.0, abs=1e-12)
    assert shares(answer)["a"][1] > 0.3


def test_it_prints(make):
    text = str(attribution(make(THREE, polynomial, red=(1,))))
    assert "What moves 'effect': 23 of 24 universes; 1 red left out" in text
    assert "all of" in text
    assert "<table>" in attribution(make(THREE, polynomial))._repr_html_()


@pytest.mark.slow
@pytest.mark.parametrize("red", [(), (17,)])
def test_a_hundred_thousand_universes_in_seconds(make, red):
    space = {f"d{i}": ("prior", ["a", "b", "c"]) for i in range(6)} | {f"e{i}": ("x", ["a", "b"]) for i in range(7)}
    rng = np.random.default_rng(8)
    estimates = make(space, rng.normal(size=3**6 * 2**7), red=red)
    start = time.process_time()
    answer = attribution(estimates)
    assert time.process_time() - start < 15  # measured: 1 s and 2 s of processor time; the room is for a slower one
    assert answer.balanced == (not red)
