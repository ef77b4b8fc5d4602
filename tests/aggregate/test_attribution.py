from __future__ import annotations

import time
from itertools import combinations

import numpy as np
import pytest

from multiverse.aggregate.attribution import attribution
from multiverse.aggregate.estimates import Estimates
from multiverse.errors import ResultError

THREE = {
    "a": ("preprocessing", ["a0", "a1", "a2"]),
    "b": ("prior", ["b0", "b1", "b2", "b3"]),
    "c": ("prior", ["c0", "c1"]),
}


def polynomial(a, b, c):
    return 1.5 * a - 0.5 * b**2 + 0.7 * a * c + 0.3 * a * b * c


def sobol_by_enumeration(grid):
    """Main, total and Shapley by every effect of the functional ANOVA, one subset of axes at a time (2^d of them)."""
    d = grid.ndim
    effect = {}
    for size in range(d + 1):
        for subset in combinations(range(d), size):
            mean = grid.mean(axis=tuple(i for i in range(d) if i not in subset), keepdims=True)
            lower = sum(effect[s] for s in effect if set(s) < set(subset))
            effect[subset] = mean - lower
    part = {s: float((e**2).mean()) for s, e in effect.items() if s}
    total = sum(part.values())
    return {
        i: (
            part[(i,)] / total,
            sum(v for s, v in part.items() if i in s) / total,
            sum(v / len(s) for s, v in part.items() if i in s) / total,
        )
        for i in range(d)
    }


def shares(answer):
    return {r.decision: (r.main, r.total, r.share) for r in answer.table.itertuples()}


def test_indices_of_a_polynomial_with_interactions(make):
    answer = attribution(make(THREE, polynomial))
    grid = polynomial(*np.meshgrid(np.arange(3), np.arange(4), np.arange(2), indexing="ij"))
    expected = sobol_by_enumeration(grid)
    assert answer.balanced
    assert answer.between == pytest.approx(grid.var())
    for i, name in enumerate(THREE):
        assert shares(answer)[name] == pytest.approx(expected[i], rel=1e-10)
    assert answer.table["share"].sum() == pytest.approx(1.0)
    assert answer.table["low"].isna().all()  # nothing makes them uncertain


def test_a_decision_may_be_called_as_columns_of_other_tables_are(make):
    names = ("weight", "universes", "share")
    renamed = dict(zip(names, THREE.values(), strict=True))
    plain, other = attribution(make(THREE, polynomial)), attribution(make(renamed, lambda *at: polynomial(*at)))
    assert [shares(other)[name] for name in names] == [shares(plain)[name] for name in THREE]


def test_a_decision_that_is_none_has_no_share(make):
    with pytest.raises(ResultError, match="'famly' is no decision(.|\n)*Did you mean 'family'"):
        attribution(make({"family": ("likelihood", ["normal", "student"])}, lambda family: family)).share("famly")


def test_by_hand_with_one_interaction(make):
    """x + y + xy on {-1, 1}^2: each effect has variance 1 of 3."""
    two = {"x": ("prior", ["-", "+"]), "y": ("likelihood", ["-", "+"])}
    answer = attribution(make(two, lambda x, y: (2 * x - 1) + (2 * y - 1) + (2 * x - 1) * (2 * y - 1)))
    assert shares(answer) == {name: pytest.approx((1 / 3, 2 / 3, 1 / 2)) for name in two}


def ishigami(x1, x2, x3):
    return np.sin(x1) + 7 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1)


def test_the_published_indices_of_ishigami_are_approached_as_the_grid_grows(make):
    """Ishigami and Homma 1990 with a = 7, b = 0.1: the analytic indices as in Saltelli et al. 2008, example 4.2."""
    published = {"x1": (0.3139, 0.5576), "x2": (0.4424, 0.4424), "x3": (0.0, 0.2437)}
    off = []
    for points in (4, 8, 16):
        space = {name: ("prior", [str(i) for i in range(points)]) for name in published}
        at = np.pi * (2 * np.arange(points) + 1 - points) / points  # midpoints of equal parts of -pi to pi
        answer = attribution(make(space, lambda *x, at=at: ishigami(*(at[i] for i in x))))
        found = shares(answer)
        off.append(max(abs(found[name][i] - published[name][i]) for name in published for i in (0, 1)))
        assert found["x1"][2] == pytest.approx((found["x1"][0] + found["x1"][1]) / 2)  # one interaction, of two
    assert off[0] > 3 * off[1] > 9 * off[2]  # a midpoint rule: half the step, a quarter of the error
    assert off[2] < 0.01


def test_additive_and_multiplicative(make):
    rng = np.random.default_rng(2)
    values = [rng.normal(1.0, 1.0, n) for n in (3, 4, 2)]
    variance = np.array([v.var() for v in values])
    added = shares(attribution(make(THREE, lambda a, b, c: values[0][a] + values[1][b] + values[2][c])))
    for name, v in zip(THREE, variance / variance.sum(), strict=True):
        assert added[name] == pytest.approx((v, v, v))
    # a product: the term of a set of factors is the product of their variances and of the others' squared means
    mean = np.array([v.mean() for v in values]) ** 2
    whole = np.prod(variance + mean) - np.prod(mean)
    times = shares(attribution(make(THREE, lambda a, b, c: values[0][a] * values[1][b] * values[2][c])))
    for i, name in enumerate(THREE):
        rest = [j for j in range(3) if j != i]
        main, total = variance[i] * np.prod(mean[rest]), variance[i] * np.prod((variance + mean)[rest])
        pair = variance[i] * sum(variance[j] * mean[k] for j, k in (rest, rest[::-1]))
        share = main + pair / 2 + np.prod(variance) / 3
        assert times[name] == pytest.approx(np.array([main, total, share]) / whole)


def test_kinds_are_taken_jointly(make):
    answer = attribution(make(THREE, polynomial))
    kinds = answer.by_kind.set_index("kind")
    grid = polynomial(*np.meshgrid(np.arange(3), np.arange(4), np.arange(2), indexing="ij"))
    joint = sobol_by_enumeration(grid.reshape(3, 8))
    assert tuple(kinds.loc["preprocessing", ["main", "total"]]) == pytest.approx(joint[0][:2])
    assert tuple(kinds.loc["prior", ["main", "total"]]) == pytest.approx(joint[1][:2])
    assert kinds.loc["prior", "share"] == pytest.approx(answer.share("b") + answer.share("c"))


def test_rows_in_any_order_and_sorted_by_share(make):
    estimates = make(THREE, polynomial, mcse=0.1)
    shuffled = Estimates("effect", estimates.table.sample(frac=1, random_state=3), estimates.decisions, 24)
    one, other = attribution(estimates).table, attribution(shuffled).table
    assert list(one["decision"]) == list(other["decision"])
    assert np.allclose(one[["share", "main", "total"]], other[["share", "main", "total"]])
    assert one["share"].is_monotonic_decreasing


def test_an_additive_answer_stays_the_same_when_universes_are_missing_at_random(make):
    def additive(a, b, c):
        return 2.0 * a + 0.5 * b + 1.0 * c

    full = shares(attribution(make(THREE, additive)))
    answer = attribution(make(THREE, additive, red=(5, 13)))
    assert not answer.balanced
    assert "not a full product" in answer.note
    assert answer.table["total"].isna().all()
    assert answer.table["share"].sum() == pytest.approx(1.0)
    assert answer.with_red.balanced
    for name, expected in full.items():
        # two of 24 rows: each weighs 1/24 of a sum of squares of at most 1, in numerator and denominator
        assert shares(answer)[name][2] == pytest.approx(expected[2], abs=4 / 24)
        assert shares(answer.with_red)[name] == pytest.approx(expected)


def nested(make):
    """family normal: 0; family student: 1.5 with light tails, 2.5 with heavy ones."""
    space = {"family": ("likelihood", ["normal", "student"]), "tail": ("prior", ["light", "heavy"])}
    estimates = make(space, [0.0, 0.0, 1.5, 2.5])
    table = estimates.table.iloc[[0, 2, 3]].copy()
    table["tail"] = np.array([None, "light", "heavy"], dtype=object)
    return Estimates("effect", table, estimates.decisions, 3)


def test_not_to_apply_is_an_option(make):
    """`tail` tells what `family` tells and more: alone it explains all, and they share what both tell."""
    answer = attribution(nested(make))
    value = np.array([0.0, 1.5, 2.5])
    family = (value.mean() ** 2 + 2 * (2 - value.mean()) ** 2) / 3 / value.var()  # variance of its options' means
    assert not answer.balanced
    assert shares(answer)["family"][0] == pytest.approx(family)
    assert shares(answer)["tail"][0] == pytest.approx(1.0)
    assert answer.share("family") == pytest.approx(family / 2)
    assert answer.share("tail") == pytest.approx(1 - family / 2)


def test_decisions_that_move_together_are_one(make):
    space = {"a": ("preprocessing", ["a0", "a1"]), "b": ("prior", ["b0", "b1"]), "c": ("prior", ["c0", "c1"])}
    estimates = make(space, lambda a, b, c: 2.0 * a + c, keep=lambda a, b, c: a == b)
    answer = attribution(estimates)
    assert answer.balanced
    assert list(answer.table["decision"]) == ["a + b", "c"]
    assert answer.share("a") == answer.share("b") == pytest.approx(0.8)
    assert list(answer.by_kind["kind"]) == ["preprocessing + prior", "prior"]
    table = estimates.table.copy()
    table["b"] = np.array(["b0", "b0", None, None], dtype=object)  # linked, and idle where a is a1: still one
    assert list(attribution(Estimates("effect", table, estimates.decisions, 4)).table["decision"]) == ["a + b", "c"]


def test_links_join_what_does_not_match_one_to_one(make):
    """b applies only under `on`; there it moves with a."""
    space = {"a": ("x", ["a0", "a1"]), "b": ("x", ["b0", "b1"]), "c": ("y", ["off", "on"])}
    estimates = make(space, lambda a, b, c: 1.0 * a + 0.5 * c, keep=lambda a, b, c: a == b)
    table = estimates.table.copy()
    table.loc[table["c"] == "off", "b"] = None
    apart = attribution(Estimates("effect", table, estimates.decisions, 4))
    linked = attribution(Estimates("effect", table, estimates.decisions, 4, links=(("a", "b"),)))
    assert set(apart.table["decision"]) == {"a", "b", "c"}
    assert set(linked.table["decision"]) == {"a + b", "c"}
    assert linked.share("b") == pytest.approx(linked.share("a"))


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


def test_branches_may_weigh_alike(make):
    """The normal family alone then weighs as much as both tails of Student's t."""
    estimates = nested(make)
    answer = attribution(Estimates("effect", estimates.table, estimates.decisions, 3, weigh="branches"))
    variance = 0.5 * 0 + 0.25 * 1.5**2 + 0.25 * 2.5**2 - 1.0
    assert answer.between == pytest.approx(variance)
    assert shares(answer)["family"][0] == pytest.approx(1 / variance)
    assert "each branch of an only_when weighs the same" in answer.note


def test_no_variance_one_universe_and_none(make):
    same = attribution(make(THREE, lambda a, b, c: 0.1 + 0 * a))
    assert same.table["share"].isna().all()
    assert "no more than rounding" in same.note
    noisy = attribution(make(THREE, lambda a, b, c: 0.1 + 0 * a, mcse=0.01))
    assert "no more than Monte Carlo error" in noisy.note
    assert "fewer than two" in attribution(make({"a": ("prior", ["p"])}, [1.0])).note
    red = attribution(make(THREE, polynomial, red=range(24)))
    assert red.table["share"].isna().all()
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


def test_one_at_a_time_designs(make):
    estimates = make(THREE, lambda a, b, c: 2.0 * a + b + 0 * c, keep=lambda *codes: np.count_nonzero(codes) <= 1)
    answer = attribution(estimates)
    assert estimates.planned == 7
    assert not answer.balanced
    assert answer.table["share"].sum() == pytest.approx(1.0)
    assert answer.share("a") > 0.3


def test_it_prints(make):
    text = str(attribution(make(THREE, polynomial, red=(1,), mcse=0.1)))
    assert "What moves 'effect': 23 of 24 universes; 1 red left out" in text
    assert "all of" in text
    assert "95% interval" in text and "share with red" in text
    assert "<table>" in attribution(make(THREE, polynomial))._repr_html_()
    assert "95% interval" not in str(attribution(make(THREE, polynomial)))


@pytest.mark.slow
@pytest.mark.parametrize(("mcse", "red"), [(0.0, ()), (0.1, (17,))])
def test_a_hundred_thousand_universes_in_seconds(make, mcse, red):
    space = {f"d{i}": ("prior", ["a", "b", "c"]) for i in range(6)} | {f"e{i}": ("x", ["a", "b"]) for i in range(7)}
    rng = np.random.default_rng(8)
    estimates = make(space, rng.normal(size=3**6 * 2**7), red=red, mcse=mcse)
    start = time.process_time()
    answer = attribution(estimates)
    print(time.process_time() - start)
    assert time.process_time() - start < 30
    assert answer.balanced == (not red)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 12, 20, 24])
@pytest.mark.parametrize("mcse", [0.0, 0.1])
def test_a_small_part_of_a_space_is_answered_somehow(make, rows, mcse):
    """Too few universes for a regression are described as they are, and that is said."""
    whole = make(THREE, polynomial, mcse=mcse)
    table = whole.table.sample(rows, random_state=rows)
    answer = attribution(Estimates("effect", table, whole.decisions, 24, space=1000))
    if rows >= 2 * (1 + 2 + 3 + 1):
        assert "by regression" in answer.note
    elif rows > 1:
        assert "too few to say more than of these universes" in answer.note
    known = answer.table.dropna(subset=["share"])
    assert (known["low"].fillna(0) <= known["share"]).all() and (known["share"] <= 1).all()


def test_decisions_with_one_option_have_no_share_and_cost_nothing(make):
    fixed = {f"f{i}": ("data", ["only"]) for i in range(40)}  # 2^43 sets, if they were looked at
    answer = attribution(make({**THREE, **fixed}, lambda a, b, c, *_: polynomial(a, b, c)))
    assert {name: shares(answer)[name] for name in THREE} == shares(attribution(make(THREE, polynomial)))
    assert shares(answer)["f7"] == (0.0, 0.0, 0.0)
    assert tuple(answer.by_kind.set_index("kind").loc["data", ["share", "main", "total"]]) == (0.0, 0.0, 0.0)


def test_a_nearly_whole_space_is_taken_as_whole(make):
    whole = make(THREE, polynomial)
    some = Estimates("effect", whole.table.iloc[:-1], whole.decisions, 24)
    assert "by regression" not in attribution(some).note
