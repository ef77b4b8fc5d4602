from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import multiverse as mv
from multiverse.plot.diagram_counts import counted_levels, universes_so_far, universes_with, universes_with_both


def space_of(sizes, forbidden, conditional) -> mv.Space:
    """A space with these numbers of options, a pair of options ruled out, and a decision that may not apply."""
    made = mv.Space({f"d{i}": mv.prior({f"{j}": j for j in range(n)}) for i, n in enumerate(sizes)})
    if forbidden:
        made = made.forbid("a reason", {"d0": f"{sizes[0] - 1}", f"d{len(sizes) - 1}": f"{sizes[-1] - 1}"})
    return made.only_when("d1", {"d0": "0"}) if conditional else made


@given(st.lists(st.integers(2, 4), min_size=2, max_size=4), st.booleans(), st.booleans())
@settings(max_examples=25, deadline=None)
def test_counts_are_those_of_the_universes(sizes, forbidden, conditional):
    space = space_of(sizes, forbidden, conditional)
    names = list(space.decisions)
    order = [names[place] for place in space.diagram.places]
    universes = [[universe[name] for name in order] for universe in space]
    found = list(counted_levels(space.diagram))
    assert sum(found[-1].values()) == len(universes)
    for depth in range(len(order)):
        level = found[depth]
        assert universes_with(level) == Counter(row[depth] for row in universes)
        assert universes_so_far(level) == len({tuple(row[: depth + 1]) for row in universes})
        if depth + 1 < len(order):
            itself = [dict.fromkeys([*space.decisions[name].labels, None]) for name in order[depth : depth + 2]]
            names_of = [{label: label for label in labels} for labels in itself]
            both = universes_with_both(level, *names_of)
            assert both == Counter((row[depth], row[depth + 1]) for row in universes)


def test_options_that_are_drawn_as_one_are_counted_as_one():
    space = mv.Space(a=mv.prior({"x": 1, "y": 2, "z": 3}), b=mv.prior({"u": 1, "v": 2})).forbid(
        "a reason", {"a": "z", "b": "v"}
    )
    level = next(counted_levels(space.diagram))
    both = universes_with_both(level, {"x": "x", "y": "rest", "z": "rest"}, {"u": "u", "v": "v"})
    assert both == {("x", "u"): 1, ("x", "v"): 1, ("rest", "u"): 2, ("rest", "v"): 1}


def test_a_space_too_large_to_walk_is_counted():
    space = mv.Space({f"d{i}": mv.prior({f"{j}": j for j in range(10)}) for i in range(40)})
    space = space.forbid("a reason", {"d0": "3", "d20": "7"})
    found = list(counted_levels(space.diagram))
    assert universes_with(found[20])["7"] == 9 * 10**38
    assert universes_with(found[0])["3"] == 9 * 10**38
    assert universes_so_far(found[39]) == 99 * 10**38 == pytest.approx(space.size)
