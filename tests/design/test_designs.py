"""Designs: the reference is always there, the same seed takes the same, a larger one takes more."""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.design import designs
from multiverse.design.cover import fewest_options, fewest_pairs
from multiverse.design.covering_design import PAIRS_MOST
from multiverse.design.diagram_part import part
from multiverse.design.shuffled import shuffled
from multiverse.errors import SpaceError
from multiverse.space.decision import prior
from multiverse.space.space import Space
from multiverse.space.together import Item, bits, together

FEW = settings(max_examples=40, deadline=None)  # each is a space with its rules: a busy machine takes its time
HUGE = Space({f"d{i}": prior({str(j): j for j in range(10)}) for i in range(30)})  # 10^30 universes


@st.composite
def spaces(draw):
    """A space of at most 4 decisions with 3 options: with rules, links, and sometimes the union of two."""
    names = [f"d{i}" for i in range(draw(st.integers(1, 4)))]
    labels = {name: [f"{name}{letter}" for letter in "abc"[: draw(st.integers(1, 3))]] for name in names}
    space = Space({name: prior({label: label for label in its}) for name, its in labels.items()})
    if len(names) > 1 and draw(st.booleans()):
        space = space.only_when(names[-1], {names[0]: draw(st.sampled_from(labels[names[0]]))})
    if len(names) > 1:
        others = [{a: x, b: y} for a, b in itertools.combinations(names, 2) for x in labels[a] for y in labels[b]]
        for number, rule in enumerate(draw(st.lists(st.sampled_from(others), max_size=3))):
            if any(space.reference[name] != label for name, label in rule.items()):
                space = space.forbid(f"reason {number}", rule)
    alike = [name for name in names[:-1] if len(labels[name]) == 2]
    if len(alike) > 1 and draw(st.booleans()):
        linked = space.link(*alike)
        space = space if linked.check() else linked  # a rule may have forbidden the linked reference
    if draw(st.booleans()):
        space = space | Space({names[0]: prior({labels[names[0]][0]: labels[names[0]][0], "more": 1}), "e": prior(f=1)})
    return space


def taken(space, design):
    return [space[index] for index in design.take(space).indices]


ALL = [
    designs.full(),
    designs.random(5, seed=1),
    designs.stratified(5, by="d0"),
    designs.one_at_a_time(),
    designs.covering(1),
    designs.covering(2),
    designs.listed([]),
]


@FEW
@given(spaces(), st.sampled_from(ALL))
def test_every_design_takes_the_reference_and_each_universe_once_in_order(space, design):
    found = design.take(space)
    assert list(found.indices) == sorted(set(found.indices))
    assert space.index(space.reference) in found.indices
    assert found.of == len(space) and found.whole == (len(found) == len(space)) and bool(found.said) != found.whole
    assert found == design.take(space)


@FEW
@given(spaces(), st.integers(1, 20), st.integers(0, 3))
def test_a_larger_sample_contains_the_smaller_one(space, n, seed):
    for make in (lambda n: designs.random(n, seed), lambda n: designs.stratified(n, by=["d0"], seed=seed)):
        few, more = make(n).take(space), make(n + 1).take(space)
        assert len(few) == min(n, len(space)) and len(more) == min(n + 1, len(space))
        assert set(few.indices) <= set(more.indices)


def test_a_random_sample_is_uniform_beside_the_reference():
    space = Space(a=prior({str(i): i for i in range(6)}), b=prior(x=1, y=2))  # 12 universes; 3 of the other 11
    seeds = 3000
    counts = Counter(index for seed in range(seeds) for index in designs.random(4, seed).take(space).indices)
    reference = space.index(space.reference)
    assert counts.pop(reference) == seeds
    share, error = 3 / 11, (3 / 11 * 8 / 11 / seeds) ** 0.5
    assert all(abs(count / seeds - share) < 4.5 * error for count in counts.values()) and len(counts) == 11


def test_every_order_of_shuffled_numbers_is_as_likely():
    seeds = 6000
    counts = Counter(tuple(shuffled(3, random.Random(seed))) for seed in range(seeds))
    error = (1 / 6 * 5 / 6 / seeds) ** 0.5
    assert len(counts) == 6 and all(abs(count / seeds - 1 / 6) < 4.5 * error for count in counts.values())


def test_strata_have_as_many_universes_as_they_can():
    space = Space(
        family=prior(normal=1, student=2), tail=prior({str(i): i for i in range(8)}), zeros=prior(a=1, b=2)
    ).only_when("tail", {"family": "student"})  # normal: 2 universes, student: 16
    families = Counter(universe["family"] for universe in taken(space, designs.stratified(10, by="family")))
    assert families == {"normal": 2, "student": 8}
    assert Counter(u["zeros"] for u in taken(space, designs.stratified(8, by="zeros"))) == {"a": 4, "b": 4}
    both = Counter((u["family"], u["zeros"]) for u in taken(space, designs.stratified(8, by=("zeros", "family"))))
    assert both == {("normal", "a"): 1, ("normal", "b"): 1, ("student", "a"): 3, ("student", "b"): 3}


def test_strata_that_no_universe_is_taken_of_are_told():
    space = Space(a=prior({str(i): i for i in range(6)}), b=prior(x=1, y=2))
    found = designs.stratified(4, by="a").take(space)
    assert found.notes == ("2 of 6 combinations of 'a' are in none of the 4 universes",)
    assert designs.stratified(6, by="a").take(space).notes == ()


@pytest.mark.parametrize("design", [designs.random(50), designs.stratified(50, by="d3"), designs.one_at_a_time()])
def test_a_space_that_cannot_be_enumerated_is_drawn_from(design):
    found = design.take(HUGE)
    assert found.of == 10**30 and 50 <= len(found) <= 271
    assert all(HUGE[index] in HUGE for index in found.indices)
    assert len(designs.covering(1).take(HUGE)) == 10


def test_listed_universes_are_taken_with_the_reference():
    space = Space(a=prior(x=1, y=2, z=3), b=prior(u=1, v=2))
    assert taken(space, designs.listed([{"a": "z", "b": "u"}])) == [space.reference, {"a": "z", "b": "u"}]
    with pytest.raises(SpaceError, match="'w' is not an option of 'a'"):
        designs.listed([{"a": "w", "b": "u"}]).take(space)


@FEW
@given(spaces(), st.data())
def test_a_part_of_a_diagram_is_a_filter(space, data):
    place = data.draw(st.integers(0, len(space.decisions) - 1))
    name = list(space.decisions)[place]
    wanted = data.draw(st.sets(st.sampled_from([*space.decisions[name].labels, None])))
    kept = part(space.diagram, {place: wanted})
    expected = [universe.labels for universe in space if universe[name] in wanted]
    assert list(kept) == expected and kept.size == len(expected)
    assert [kept.at(index) for index in range(kept.size)] == expected


@FEW
@given(spaces())
def test_what_occurs_together_is_what_universes_have(space):
    known = together(space.diagram)
    pairs = set()
    for universe in space:
        items = [Item(place, label) for place, label in enumerate(universe.labels) if label is not None]
        assert [known.items[i] for i in bits(known.of(universe.labels))] == items
        pairs |= set(itertools.permutations(items, 2))
    assert {(known.items[i], known.items[j]) for i, to in enumerate(known.beside) for j in bits(to)} == pairs
    assert known.pairs == len(pairs) // 2
    assert set(known.items) == {
        Item(place, label) for place, its in enumerate(space.diagram.offered()) for label in its if label is not None
    }


@pytest.mark.parametrize(
    ("said", "make"),
    [
        ("take n=0 universes", lambda: designs.random(0)),
        ("take n=2.5 universes", lambda: designs.stratified(2.5, by="d0")),
        ("seed of the design 'random' is 'a'", lambda: designs.random(3, seed="a")),
        ("by 'd99'.*(\n.*)*Did you mean 'd9'", lambda: designs.stratified(9, by="d99").take(HUGE)),
        ("`by` is empty", lambda: designs.stratified(9, by=[]).take(HUGE)),
        ("more than 10,000 strata", lambda: designs.stratified(9, by=[f"d{i}" for i in range(9)]).take(HUGE)),
        ("strength=3", lambda: designs.covering(3)),
        ("'random' needs to know more", lambda: designs.by_name("random")),
        ("'one_at_a_time' is not there.*(\n.*)*Did you mean 'one-at-a-time'", lambda: designs.by_name("one_at_a_time")),
    ],
)
def test_mistakes_are_told(said, make):
    with pytest.raises(SpaceError, match=said):
        make()


# Covers: every option, or pair of options, that a universe has is in one that is taken; claims of minimality hold.


def product(*sizes):
    return Space({f"d{i}": prior({f"{i}.{j}": j for j in range(size)}) for i, size in enumerate(sizes)})


def parts(universe, strength):
    return set(itertools.combinations(sorted(universe.active.items()), strength))


def union(universes, strength):
    return set().union(*(parts(universe, strength) for universe in universes))


@FEW
@given(spaces(), st.sampled_from([1, 2]))
def test_everything_that_some_universe_has_is_covered(space, strength):
    found = [space[index] for index in designs.covering(strength).take(space).indices]
    assert union(found, strength) == union(space, strength)


@FEW
@given(spaces(), st.sampled_from([1, 2]))
def test_no_universe_is_superfluous_but_the_reference(space, strength):
    selection = designs.covering(strength).take(space)
    found = [space[index] for index in selection.indices]
    for universe in found:
        if universe != space.reference and not selection.whole:
            others = [other for other in found if other != universe]
            assert parts(universe, strength) - union(others, strength)


@FEW
@given(spaces().filter(lambda space: len(space) <= 18), st.sampled_from([1, 2]))
def test_no_cover_is_smaller_than_the_bound(space, strength):
    """The smallest cover with the reference, by trying all sets of fewer universes."""
    known, first = together(space.diagram), space.reference.labels
    bound = (fewest_options if strength == 1 else fewest_pairs)(known, first)
    everything = union(space, strength) - parts(space.reference, strength)
    others = [parts(universe, strength) for universe in space if universe != space.reference]
    for size in range(min(bound - 1, 4)):  # beside the reference
        assert not any(everything <= set().union(*some) for some in itertools.combinations(others, size))


@pytest.mark.parametrize(("sizes", "n"), [((3, 2, 5), 5), ((2,) * 40, 2), ((7,), 7)])
def test_options_of_a_product_need_as_many_universes_as_the_largest_decision(sizes, n):
    selection = designs.covering(1).take(product(*sizes))
    assert len(selection) == n
    assert selection.whole or "no fewer can" in selection.notes[0]


def test_the_orthogonal_array_of_nine_is_found_and_proven_smallest():
    selection = designs.covering(2).take(product(3, 3, 3, 3))  # 81 universes; L9 is known to exist
    assert len(selection) == 9
    assert selection.notes == (
        "9 universes hold every pair of options that can be together; no fewer can, with the reference universe among "
        "them",
    )


def test_what_is_not_proven_is_said_to_be_so():
    selection = designs.covering(2).take(product(*(2,) * 10))  # 6 are known to do
    assert re.search(r"fewer may do, but no fewer than 4", selection.notes[0])
    assert 6 <= len(selection) <= 9


def test_rules_that_keep_options_apart_raise_the_bound():
    space = Space(family=prior(normal=1, student=2), tail=prior(a=1, b=2, c=3), x=prior(u=1, v=2))
    space = space.only_when("tail", {"family": "student"})
    selection = designs.covering(1).take(space)
    assert len(selection) == 4 and "no fewer can" in selection.notes[0]  # normal, and student with each tail


def test_the_same_space_gives_the_same_cover():
    assert designs.covering(2).take(product(3, 4, 2, 5)) == designs.covering(2).take(product(3, 4, 2, 5))


def test_too_many_pairs_are_a_mistake():
    wide = product(400, 400)
    with pytest.raises(SpaceError, match=f"160,000 pairs.*(\n.*)*at most {PAIRS_MOST:,}"):
        designs.covering(2).take(wide)
