"""Links, rules as data, rules of options and unions against brute force: all rows of labels and None, by itertools."""

from __future__ import annotations

import itertools
import pickle
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.space.condition import When
from multiverse.space.decision import prior
from multiverse.space.space import Space

Row = dict[str, str | None]
cheap = settings(max_examples=40)


@dataclass(frozen=True)
class Written:
    """A space, and the same in plain words: what each decision offers and what is asked of a universe."""

    space: Space
    offers: dict[str, tuple[str, ...]]
    whens: tuple[tuple[str, When], ...] = ()
    tests: tuple = ()  # functions of a row: true where it may stay

    def brute(self, names) -> list[Row]:
        """All universes, with a None for the decisions of another space."""
        found = []
        for labels in itertools.product(*((*self.offers.get(name, ()), None) for name in names)):
            row = dict(zip(names, labels, strict=True))
            active = {n for n in self.offers if all(holds(when, row) for own, when in self.whens if own == n)}
            if {n for n in names if row[n] is not None} == active and all(test(row) for test in self.tests):
                found.append(row)
        return found


def holds(when: When, row: Row) -> bool:
    return all(row[name] in labels for name, labels in when.items())


def conditions(draw, names, offers, size):
    asked = draw(st.lists(st.sampled_from(names), min_size=1, max_size=size, unique=True))
    return {n: draw(st.lists(st.sampled_from(offers[n]), min_size=1, max_size=2, unique=True)) for n in asked}


@st.composite
def written(draw, names=("a", "b", "c", "d"), sound=True):
    """Any space of some of these decisions with all kinds of rules; the options of `a` are `a0`, `a1`, in any order.

    sound: whether rules that would take the reference universe away are left out.
    """
    own = draw(st.lists(st.sampled_from(names), min_size=2, unique=True).map(sorted))
    offers = {n: tuple(draw(st.permutations([f"{n}{i}" for i in range(draw(st.integers(1, 3)))]))) for n in own}
    offers |= {} if any(len(labels) > 1 for labels in offers.values()) else {own[0]: (f"{own[0]}0", f"{own[0]}1")}
    whens = [
        (name, When(conditions(draw, own[:place], offers, 2)))
        for place, name in enumerate(own)
        if place and draw(st.integers(0, 2)) == 0
    ]
    reference = dict.fromkeys(names)
    for name in own:
        reference[name] = offers[name][0] if all(holds(w, reference) for n, w in whens if n == name) else None
    tests = []

    def kept(test) -> bool:
        if sound and not test(reference):
            return False
        tests.append(test)
        return True

    asks = {"requires": {}, "incompatible_with": {}}
    for keyword, needed in (("requires", True), ("incompatible_with", False)):
        for name in draw(st.lists(st.sampled_from(own), max_size=2, unique=True)):
            label = draw(st.sampled_from(offers[name]))
            wanted = conditions(draw, [other for other in own if other != name], offers, 2)
            if kept(lambda row, n=name, v=label, w=wanted, k=needed: row[n] != v or goes(row, w, k)):
                asks[keyword][name] = {label: wanted if draw(st.booleans()) else as_function(wanted, needed)}
    decisions = {
        n: prior(
            {v: v.upper() for v in labels},
            requires=asks["requires"].get(n),
            incompatible_with=asks["incompatible_with"].get(n),
        )
        for n, labels in offers.items()
    }
    space = Space(decisions)
    for name, when in whens:
        space = space.only_when(name, when if draw(st.booleans()) else as_function(when, True))
    for number in range(draw(st.integers(0, 2))):
        wanted = conditions(draw, own, offers, 3)
        if kept(lambda row, w=wanted: not goes(row, w, True)):
            space = space.forbid(f"reason {number}", wanted if draw(st.booleans()) else as_function(wanted, True))
    alike = [name for name in own if len(offers[name]) == 2]
    if len(alike) > 1 and draw(st.booleans()):
        space = space.link(*alike)
        kept(lambda row: len({offers[n].index(row[n]) for n in alike if row[n]}) < 2)
    return Written(space, offers, tuple(whens), tuple(tests))


def goes(row, wanted, needed) -> bool:
    met = [row[other] in labels for other, labels in wanted.items()]
    return all(met) if needed else not any(met)


def as_function(wanted, conjunction):
    """The same condition as a function: all of it (`requires`, `forbid`), or any of it (`incompatible_with`)."""
    names, every = ", ".join(wanted), all if conjunction else any
    pairs = ", ".join(f"{name} in w[{name!r}]" for name in wanted)
    return eval(f"lambda {names}: every([{pairs}])", {"every": every, "w": wanted})


def same(space: Space, expected: list[Row]) -> None:
    """The universes are these, each once, and an index is a universe and back."""
    assert sorted(map(str, map(dict, space))) == sorted(map(str, expected))
    assert space.size == len(expected)
    assert [space[i] for i in range(space.size)] == list(space)
    assert [space.index(universe) for universe in space] == list(range(space.size))


@cheap
@given(written())
def test_all_kinds_of_rules_agree_with_brute_force(one):
    names = list(one.offers)
    assert not one.space.check()
    same(one.space, one.brute(names))


@cheap
@given(written(sound=False))
def test_a_reference_that_rules_take_away_is_a_mistake(one):
    names = list(one.offers)
    found = one.brute(names)
    if any(all(label in (one.offers[n][0], None) for n, label in row.items()) for row in found):
        assert not one.space.check()
    else:
        (problem,) = one.space.check()
        assert ("the reference universe" if found else "no universe is left") in problem.what


@cheap
@given(written())
def test_membership_agrees_with_brute_force_and_a_stranger_is_told_why(one):
    names = list(one.offers)
    found = one.brute(names)
    for labels in itertools.product(*((*one.offers[name], None) for name in names)):
        row = dict(zip(names, labels, strict=True))
        assert (row in one.space) == (row in found)


@cheap
@given(written(), written())
def test_a_union_has_the_universes_of_both_each_once(one, other):
    names = list(dict.fromkeys((*one.offers, *other.offers)))
    union = one.space | other.space
    assert not union.check()
    both = one.brute(names) + [row for row in other.brute(names) if row not in one.brute(names)]
    same(union, both)
    assert union.reference == {**dict.fromkeys(names), **one.space.reference}
    for row in itertools.product(*((*union.decisions[name].labels, None) for name in names)):
        assert (dict(zip(names, row, strict=True)) in union) == (dict(zip(names, row, strict=True)) in both)


@cheap
@given(written(("a", "b", "c")), written(("a", "b", "c")), written(("a", "c", "d")))
def test_union_does_not_hang_on_grouping_and_not_on_order(one, two, three):
    def universes(space):
        return {frozenset(universe.active.items()) for universe in space}

    left, right = (one.space | two.space) | three.space, one.space | (two.space | three.space)
    assert list(left) == list(right) and left.reference == right.reference
    assert universes(left) == universes(three.space | one.space | two.space)
    assert universes(one.space | one.space) == universes(one.space)
    assert left.size == len(universes(one.space) | universes(two.space) | universes(three.space))


@cheap
@given(written(), written(), st.data())
def test_what_is_declared_after_a_union_holds_for_all_of_it(one, other, data):
    names = list(dict.fromkeys((*one.offers, *other.offers)))
    union = one.space | other.space
    offers = {name: union.decisions[name].labels for name in names}
    wanted = conditions(data.draw, names, offers, 2)
    if holds(When(wanted), union.reference):
        return
    same(union.forbid("afterwards", wanted), [dict(u) for u in union if not holds(When(wanted), u)])
    alike = [name for name in names if len(offers[name]) == 2]
    if len(alike) > 1:
        linked = union.link(*alike)
        expected = [dict(u) for u in union if len({offers[n].index(u[n]) for n in alike if u[n]}) < 2]
        if {**dict.fromkeys(names), **one.space.reference} in expected:
            same(linked, expected)


@cheap
@given(written(), written())
def test_what_rules_take_away_sums_to_all_combinations(one, other):
    for space in (one.space, one.space | other.space):
        taken = space.ruled_out()
        assert space.combinations == sum(rule.universes for rule in taken) + space.size + space.shared
        assert all(rule.universes >= 0 for rule in taken)


@cheap
@given(written())
def test_one_at_a_time_moves_linked_decisions_together(one):
    reference, *others = one.space.one_at_a_time()
    assert len(set(others)) == len(others) and reference == one.space.reference and reference not in others
    links = [set(group) for group in one.space.links]
    for universe in others:
        assert universe in one.space
        changed = {n for n, label in universe.items() if label not in (one.offers[n][0], None)}
        assert len(changed) == 1 or any(changed <= group for group in links)


@cheap
@given(written())
def test_a_space_of_one_universe_has_that_universe_alone(one):
    for universe in one.space:
        assert list(one.space.alone(universe)) == [universe]


@cheap
@given(written(), written())
def test_rules_as_data_and_unions_cross_processes(one, other):
    union = one.space | other.space
    data = all(isinstance(rule.rule, When) for rule in union.rules)
    functions = [o for d in (*one.space.decisions.values(), *other.space.decisions.values()) for o in d.options]
    if data and all(isinstance(asked, When) for o in functions for asked in (o.requires, o.incompatible_with)):
        again = pickle.loads(pickle.dumps(union))
        assert again.check() == union.check()
        if not union.check():
            assert list(again) == list(union)
