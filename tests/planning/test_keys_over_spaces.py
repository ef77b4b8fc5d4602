"""The key of a universe is made of its own options: not of their order, not of the rest of the space, not of rules."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

import multiverse as mv

DATA = [1.0, 2.0, 4.0]
OPTIONS = {
    "cut": {"none": 9.0, "low": 3.0},
    "power": {"one": 1.0, "two": 2.0, "three": 3.0},
    "shift": {"no": 0.0, "up": 1.0},
    "scale": {"same": 1.0, "half": 0.5},
}


def prepare(raw, *, cut=None):
    return [value for value in raw if value <= (9.0 if cut is None else cut)]


def estimate(data, *, power, shift, scale=1.0):
    return sum((value + (shift or 0.0)) ** power for value in data) * (1.0 if scale is None else scale)


def space(*names: str, but: dict[str, tuple[str, ...]] | None = None, **rules) -> mv.Space:
    """A space of some decisions; `but`: labels that are left out."""
    kept = {n: {v: x for v, x in OPTIONS[n].items() if v not in (but or {}).get(n, ())} for n in names}
    return mv.Space({name: mv.prior(options, **rules.get(name, {})) for name, options in kept.items()})


def keys(of: mv.Space) -> dict[frozenset, str]:
    """By what a universe is, label by label, its key."""
    plan = mv.plan(mv.Study("keys", data=DATA, prepare=prepare, estimate=estimate, space=of))
    return {frozenset(universe.active.items()): key for key, universe in plan.universes.items()}


@pytest.fixture(scope="module")
def known() -> dict[frozenset, str]:
    """The keys of a plain product."""
    return keys(space("cut", "power", "shift", "scale"))


def test_each_universe_has_a_key_of_its_own(known):
    assert len(set(known.values())) == len(known) == 24


@pytest.mark.parametrize("order", list(itertools.permutations(OPTIONS))[3::5])
def test_keys_do_not_hang_on_the_order_of_decisions_and_options(known, order):
    turned = mv.Space({name: mv.prior(dict(reversed(OPTIONS[name].items()))) for name in order})
    assert keys(turned) == known


def test_an_option_more_keeps_old_keys(known):
    fewer = keys(space("cut", "power", "shift", "scale", but={"power": ("three",), "cut": ("low",)}))
    assert len(fewer) == 8
    assert fewer.items() <= known.items()


def test_links_and_rules_of_all_kinds_keep_keys(known):
    asks = {"shift": {"requires": {"up": {"power": ["one", "two"]}}, "incompatible_with": {"up": {"cut": "low"}}}}
    ruled = space("cut", "power", "shift", "scale", **asks).link("cut", "scale").forbid("no", {"power": "three"})
    own = keys(ruled)
    assert 0 < len(own) < len(known)
    assert own.items() <= known.items()


def test_where_a_decision_does_not_apply_the_key_is_that_of_a_space_without_it(known):
    whole = keys(space("cut", "power", "shift", "scale").only_when("scale", {"shift": "up"}))
    small = keys(space("cut", "power", "shift"))
    assert {u: k for u, k in whole.items() if "scale" not in dict(u)}.items() <= small.items()
    assert {u: k for u, k in whole.items() if "scale" in dict(u)}.items() <= known.items()


def test_a_union_has_the_keys_of_its_spaces_and_no_others(known):
    one = space("power", "shift", but={"power": ("three",)}).link("power", "shift")
    other = space("cut", "power", "shift", but={"shift": ("up",)}).only_when("cut", {"power": ["two", "three"]})
    union = keys(one | other)
    assert union == {**keys(one), **keys(other)} == keys(other | one)
    assert len(union) == len(one | other) == 2 + 5 - 1  # both have power=one, shift=no, and no cut


def test_a_universe_alone_has_the_key_that_it_has_among_others():
    asks = {"cut": {"requires": {"low": {"power": "three"}}}}
    union = space("power", "shift") | space("cut", "power", **asks).only_when("cut", {"power": ["two", "three"]})
    study = mv.Study("keys", data=DATA, prepare=prepare, estimate=estimate, space=union)
    for key, universe in mv.plan(study).universes.items():
        assert mv.plan(dataclasses.replace(study, space=union.alone(universe))).keys == (key,)
