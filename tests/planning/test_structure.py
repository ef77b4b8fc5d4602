"""Taking values apart: what is structure, what is a leaf, and the way back."""

from __future__ import annotations

from collections import namedtuple

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiverse.errors import PlanError
from multiverse.identity.fingerprint import fingerprint
from multiverse.planning.structure import canonical, signature, take_apart
from multiverse.planning.tracing import QUICK_COMPILE, compiled

Pair = namedtuple("Pair", "a b")


def text(value) -> str:
    structure, leaves = take_apart(value)
    return f"{structure.text}/{signature(leaves)}"


def again(value):
    structure, leaves = take_apart(value)
    return structure.rebuild(leaves)


def test_normal_0_1_and_0_10_and_0_half_make_one_program():
    assert text(dist.Normal(0, 1)) == text(dist.Normal(0, 10)) == text(dist.Normal(0, 0.5))
    assert text(dist.Normal(0.0, 1)) == text(dist.Normal(jnp.array(0), np.float32(2)))
    assert text(dist.Normal(0, 1)) != text(dist.Normal(0, np.ones(2)))
    assert text(dist.Normal(0, 1)) != text(dist.Laplace(0, 1))


def test_leaves_of_a_distribution_are_named_and_floats():
    _, leaves = take_apart(dist.Normal(0, 10), "option/slope")
    assert {path: (leaf.item(), leaf.dtype) for path, leaf in leaves.items()} == {
        "option/slope/loc": (0.0, np.float64),
        "option/slope/scale": (10.0, np.float64),
    }


@pytest.fixture(scope="module")
def families(printed_plan):
    return printed_plan.DISTRIBUTIONS


@pytest.fixture(scope="module")
def printed_plan():
    import importlib.util
    from pathlib import Path

    at = importlib.util.spec_from_file_location("printed_plan", Path(__file__).with_name("printed_plan.py"))
    module = importlib.util.module_from_spec(at)
    at.loader.exec_module(module)
    return module


def test_every_family_comes_back_as_it_was(families):
    for name, make in families.items():
        before, after = make(), again(make())
        assert type(after) is type(before), name
        assert (after.batch_shape, after.event_shape) == (before.batch_shape, before.event_shape), name
        assert fingerprint(after) == fingerprint(before), name


def test_every_family_has_the_same_density_when_its_leaves_are_tracers(families):
    made = {name: make() for name, make in families.items() if name != "improper"}
    apart = {name: take_apart(value) for name, value in made.items()}
    points = {name: value.support.feasible_like(jnp.full(value.shape(), 0.3)) for name, value in made.items()}

    def plain(points):
        return {name: value.log_prob(points[name]) for name, value in made.items()}

    def rebuilt(points, leaves):
        return {name: apart[name][0].rebuild(leaves[name]).log_prob(points[name]) for name in made}

    leaves = {name: below for name, (_, below) in apart.items()}
    one = compiled(plain, points, options=QUICK_COMPILE)(points)
    other = compiled(rebuilt, points, leaves, options=QUICK_COMPILE)(points, leaves)
    for name in made:
        np.testing.assert_allclose(other[name], one[name], rtol=1e-5, err_msg=name)
        assert np.isfinite(one[name]).all(), name


def test_every_family_has_a_structure_of_its_own(families):
    texts = [text(make()) for make in families.values()]
    assert len(set(texts)) == len(texts)


def test_counts_are_structure_and_probabilities_are_leaves():
    one, other = take_apart(dist.Binomial(total_count=10, probs=0.5)), take_apart(dist.Binomial(10, probs=0.7))
    assert one[0].text == other[0].text
    assert set(one[1]) == {"/probs"}
    assert one[0].text != take_apart(dist.Binomial(11, probs=0.5))[0].text


def test_arrays_of_integers_in_a_transform_stay_indices(families):
    _, leaves = take_apart(families["permuted"]())
    assert {leaf.dtype for path, leaf in leaves.items() if "transforms" in path} == {np.dtype(np.int32)}


@pytest.mark.parametrize("value", [None, True, 3, np.int64(3), np.bool_(True), "text", b"bytes", len, np.log])
def test_plain_values_are_structure(value):
    structure, leaves = take_apart(value)
    assert leaves == {}
    assert structure.rebuild({}) is value


@pytest.mark.parametrize("value", [1.0, np.float32(1), np.ones(2), np.ones(2, bool), jnp.arange(3), np.zeros((2, 0))])
def test_floats_and_arrays_are_leaves(value):
    structure, leaves = take_apart(value, "x")
    assert structure.text == "leaf" and list(leaves) == ["x"]
    assert leaves["x"].dtype in (np.float64, np.int32, np.bool_)
    np.testing.assert_array_equal(leaves["x"], value)


def test_ints_and_floats_make_different_programs():
    assert text(4) != text(4.0)
    assert text(4) != text(5)
    assert text(4.0) == text(5.0)
    assert text(True) != text(1)


def test_containers_come_back_as_they_were():
    value = {"b": [1.0, (2, "two")], "a": Pair(np.ones(2), {"deep": None}), 3: {"x/y": 1.0, "x": {"y": 2.0}, "~1": 3.0}}
    back = again(value)
    assert list(back) == list(value) and type(back["a"]) is Pair and type(back["b"][1]) is tuple
    assert back["b"] == [1.0, (2, "two")] and back["a"].b == {"deep": None}
    assert back[3] == {"x/y": 1.0, "x": {"y": 2.0}, "~1": 3.0}


def test_keys_that_look_alike_do_not_share_a_leaf():
    _, leaves = take_apart({1: 1.0, "1": 2.0, "a/b": 3.0, "a": {"b": 4.0}, "~:1": 5.0})
    assert sorted(leaf.item() for leaf in leaves.values()) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert text({1: 1.0}) != text({"1": 1.0})


def test_the_order_of_a_dict_does_not_count():
    assert text({"a": 1.0, "b": 2}) == text({"b": 2, "a": 3.0})


def test_classes_of_one_name_are_told_apart():
    def make(fields):
        return namedtuple("Local", fields)

    assert text(make("a b")(1.0, 2.0)) == text(make("a b")(3.0, 4.0))
    assert text(make("a b")(1.0, 2.0)) != text(make("a c")(1.0, 2.0))


def test_integers_that_jax_would_wrap_are_refused():
    with pytest.raises(PlanError, match=r"codes holds integers beyond 32 bits, such as 4294967296"):
        canonical(np.array([2**32]), "option/codes")
    assert canonical(np.array([2**31 - 1])).dtype == np.int32


def test_leaves_cannot_be_changed_in_place_and_do_not_change_with_the_value():
    mine = np.ones(2)
    _, leaves = take_apart(mine)
    mine[0] = 5.0
    assert leaves[""].tolist() == [1.0, 1.0] and not leaves[""].flags.writeable
    assert mine.flags.writeable


PLAIN = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
TREES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=12,
)


def _shape(value) -> object:
    """A value with all floats alike."""
    if isinstance(value, float):
        return "a float"
    if isinstance(value, dict):
        return {key: _shape(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_shape, value))
    return value


@given(TREES)
def test_any_tree_of_plain_values_comes_back(value):
    assert again(value) == value


@given(TREES, TREES)
def test_two_trees_share_a_program_exactly_when_they_differ_in_floats_only(one, other):
    def kinds(value) -> str:  # True == 1 in Python, not here
        return repr(sorted(value.items(), key=repr)) if isinstance(value, dict) else repr(value)

    alike = _shape(one) == _shape(other) and kinds(_shape(one)) == kinds(_shape(other))
    if alike:
        assert text(one) == text(other)
    elif _shape(one) != _shape(other):
        assert text(one) != text(other)
