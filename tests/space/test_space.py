"""Spaces: what a user writes and gets, by known answers."""

from __future__ import annotations

import functools
import math
import operator
import pickle
import subprocess
import sys
import tracemalloc

import pytest

from multiverse.errors import SpaceError
from multiverse.space.decision import likelihood, parameterization, preprocessing, prior
from multiverse.space.space import Space


def radon() -> Space:
    return (
        Space(
            counties=preprocessing({"all": 1, "five homes or more": 5}),
            zeros=preprocessing({"0.1": 0.1, "0.3": 0.3}),
            slope=prior(weak=10, sceptical=0.5),
            family=likelihood(normal="N", student="T"),
            tail=prior(light=30.0, heavy=4.0, plausibility={"light": 3, "heavy": 1}),
            geometry=parameterization({"centered": {}, "non-centered": {"level": 0}}),
        )
        .only_when("tail", lambda family: family == "student")
        .forbid(
            "five homes leave no zeros to log",
            lambda counties, zeros: (counties, zeros) == ("five homes or more", "0.3"),
        )
    )


def test_the_example_of_the_design_has_36_universes():
    space = radon()
    assert len(space) == len(set(space)) == 36
    assert space.combinations == 64


def test_an_inactive_decision_does_not_multiply():
    families = [universe["family"] for universe in radon() if universe["tail"] is None]
    assert set(families) == {"normal"}
    assert len(families) == 12  # 3 of counties and zeros, 2 slopes, 2 geometries


def test_universes_come_in_lexicographic_order_of_the_options():
    space = Space(a=prior(x=1, y=2), b=prior(x=1, y=2))
    assert [universe.labels for universe in space] == [("x", "x"), ("x", "y"), ("y", "x"), ("y", "y")]


def test_a_decision_comes_after_those_its_only_when_rule_looks_at():
    space = Space(tail=prior(light=1, heavy=2), family=likelihood(normal=1, student=2))
    space = space.only_when("tail", lambda family: family == "student")
    assert tuple(space.decisions) == ("tail", "family")  # as declared
    assert [universe.labels for universe in space] == [(None, "normal"), ("light", "student"), ("heavy", "student")]


def test_only_when_rules_chain_and_several_for_one_decision_must_all_hold():
    space = Space(a=prior(n=0, y=1), b=prior(n=0, y=1), c=prior(n=0, y=1))
    chained = space.only_when("b", lambda a: a == "y").only_when("c", lambda b: b == "y")
    assert [u.labels for u in chained] == [("n", None, None), ("y", "n", None), ("y", "y", "n"), ("y", "y", "y")]
    both = space.only_when("c", lambda a: a == "y").only_when("c", lambda b: b == "y")
    assert [u.labels for u in both if u["c"] is not None] == [("y", "y", "n"), ("y", "y", "y")]


def test_a_changed_choice_that_makes_a_decision_apply_gives_it_its_reference():
    student = [universe for universe in radon().one_at_a_time() if universe["family"] == "student"]
    assert [universe["tail"] for universe in student] == ["light"]
    assert len(radon().one_at_a_time()) == 6  # the reference; tail cannot change while it does not apply


def test_the_reference_may_be_any_option():
    space = Space(a=prior(x=1, y=2, reference="y"), b=prior(x=1, y=2))
    assert dict(space.reference) == {"a": "y", "b": "x"}
    assert space.one_at_a_time()[0] == space.reference


def test_spaces_are_immutable():
    space = Space(a=prior(x=1, y=2))
    smaller = space.forbid("no", lambda a: a == "y")
    assert (len(space), len(smaller)) == (2, 1)
    assert space.rules == ()
    with pytest.raises(TypeError):
        space.decisions["b"] = prior(x=1)
    with pytest.raises(AttributeError):
        space.rules = ()


def test_a_space_without_decisions_is_one_analysis():
    space = Space()
    assert (len(space), [dict(u) for u in space], dict(space[0]), space.index({})) == (1, [{}], {}, 0)
    assert space.plausibility(space[0]) == 1


def test_decisions_come_from_a_mapping_keywords_or_both():
    space = Space({"a": prior(x=1)}, b=prior(y=2))
    assert tuple(space.decisions) == ("a", "b")
    assert tuple(Space(space.decisions, c=prior(z=1)).decisions) == ("a", "b", "c")


def test_plausibility_is_a_product_over_the_decisions_that_apply():
    space = radon()
    assert space.plausibility(space.reference) == 1 / 32
    heavy = {**space.reference, "family": "student", "tail": "heavy"}
    assert math.isclose(space.plausibility(heavy), 1 / 32 / 4)


def test_values_are_option_values_and_none_where_a_decision_does_not_apply():
    space = radon()
    assert space.values(space.reference) == {
        "counties": 1,
        "zeros": 0.1,
        "slope": 10,
        "family": "N",
        "tail": None,
        "geometry": {},
    }


def test_a_sample_is_uniform_over_subsets():
    space = Space(a=prior(x=1, y=2, z=3), b=prior(x=1, y=2, z=3)).forbid("no", lambda a, b: a < b)
    assert len(space) == 6
    draws, subsets = 6000, 15  # subsets of 2 out of 6 universes
    counts: dict[frozenset[int], int] = {}
    for seed in range(draws):
        drawn = frozenset(space.index(u) for u in space.sample(2, seed=seed))
        counts[drawn] = counts.get(drawn, 0) + 1
    expected = draws / subsets
    statistic = sum((count - expected) ** 2 / expected for count in counts.values())
    freedom = subsets - 1  # chi-square: mean `freedom`, variance 2 `freedom`
    assert len(counts) == subsets
    assert statistic < freedom + 4 * math.sqrt(2 * freedom)


def test_a_space_larger_than_len_can_say_still_counts_samples_and_finds():
    space = Space({f"d{i}": prior(a=1, b=2) for i in range(100)}).forbid("no", lambda d0, d99: d0 == d99 == "b")
    assert space.size == 3 * 2**98
    with pytest.raises(OverflowError):
        len(space)
    assert space
    drawn = space.sample(5, seed=3)
    assert len(set(drawn)) == 5
    assert all(space[space.index(u)] == u for u in drawn)
    assert space[-1]["d99"] == "a"


def test_iteration_holds_one_universe_at_a_time():
    space = Space({f"d{i}": prior({str(j): j for j in range(10)}) for i in range(5)})
    len(space)
    tracemalloc.start()
    try:
        assert sum(1 for _ in space) == 100_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000  # bytes: one a universe would already be more than this; each takes over 100


def test_a_counted_space_survives_a_process_border():
    space = Space(a=prior(x=1, y=2), b=prior(x=1, y=2)).forbid("no", functools.partial(operator.eq, "y"))
    assert len(space) == 2  # the parameter of the partial is called b
    assert list(pickle.loads(pickle.dumps(space))) == list(space)


def test_the_space_room_pays_for_no_heavy_import():
    heavy = {"jax", "numpyro", "numpy", "arviz", "pandas", "duckdb", "xarray", "altair", "scipy"}
    code = f"import sys, multiverse.space.space; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("make", "what", "mend"),
    [
        (lambda: Space(a=3), "'a' is a int, not a decision.", '`a=prior({"a label": ...'),
        (lambda: Space(a={"x": 1}), "'a' is a dict, not a decision.", "`a=prior({...})`"),
        (lambda: Space([prior(a=1)]), "Space was given a list without names.", "Space(slope=prior(...))"),
        (lambda: Space({"a": prior(x=1)}, a=prior(x=1)), "'a' is in the mapping and among the", "Remove `a=`"),
        (lambda: radon().sample(-1), "a sample of -1 universes.", "space.sample(100)"),
        (lambda: radon().values({"famly": "normal"}), "the universe names 'famly'", "Did you mean 'family'?"),
        (lambda: radon().values({"family": "normol"}), "'normol' is not an option of 'family'.", "mean 'normal'?"),
        (lambda: radon().plausibility({"family": "normol"}), "'normol' is not an option", "mean 'normal'?"),
        (lambda: radon().index("normal"), "'normal' is a str, not a universe.", "`space[0]`"),
        (lambda: radon().index({**radon().reference, "tail": "heavy"}), "'tail' does not apply.", "`'tail': None`"),
        (lambda: radon().index({**radon().reference, "zeros": None}), "has no option for 'zeros'.", "'zeros': '0.1'"),
        (
            lambda: radon().index({**radon().reference, "counties": "five homes or more", "zeros": "0.3"}),
            "the universe is ruled out by forbid('five homes leave no zeros to log').",
            "loosen the rule",
        ),
    ],
)
def test_each_mistake_names_the_value_and_the_mend(make, what, mend):
    with pytest.raises(SpaceError) as caught:
        make()
    assert what in str(caught.value)
    assert mend in str(caught.value)


def test_construction_tells_all_values_that_are_no_decisions():
    with pytest.raises(SpaceError) as caught:
        Space(a=1, b=prior(x=1), c=[2])
    assert [problem.what for problem in caught.value.problems] == [
        "'a' is a int, not a decision.",
        "'c' is a list, not a decision.",
    ]
