from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.aggregate.estimates import Estimates
from multiverse.aggregate.flips import changes_of, flips
from multiverse.errors import ResultError

SPACE = {"a": ("preprocessing", ["a0", "a1", "a2"]), "b": ("prior", ["b0", "b1"]), "c": ("prior", ["c0", "c1"])}


def test_the_nearest_universe_is_named_with_what_was_changed(make):
    """Median 3 - a - 2b - 3ac, sd 1: negative only where both a and c are changed, or all three."""
    estimates = make(SPACE, lambda a, b, c: 3.0 - a - 0.5 * b - 3.0 * (a > 0) * c)
    answer = flips(estimates, above=2.2)
    sign, interval, threshold = answer["median above zero"], answer["interval above zero"], answer["median above 2.2"]
    assert sign.fewest == 2 and (sign.flipped, sign.n) == (4, 11)
    assert [[str(c) for c in u.changes] for u in sign.universes] == [
        ["a: a0 → a1", "c: c0 → c1"],
        ["a: a0 → a2", "c: c0 → c1"],
    ]
    assert sign.near == 5  # two of a with b, two of a with c, one of b with c
    assert sign.universes[0].says == "median below zero"
    assert interval.fewest == 1
    assert [c.option for u in interval.universes for c in u.changes] == ["a2"]  # median 1, from -0.96 to 2.96
    assert {u.says for u in interval.universes} == {"interval holds zero"}
    assert threshold.fewest == 1 and threshold.universes[0].says == "median not above 2.2"
    row = estimates.table.set_index("key").loc[sign.universes[0].key]
    assert (row["a"], row["b"], row["c"], row["median"]) == ("a1", "b0", "c1", sign.universes[0].median)


def test_a_conclusion_of_all_is_never_turned(make):
    answer = flips(make(SPACE, lambda a, b, c: 30.0 + a), rope=(-1, 1))
    assert answer["interval outside -1 to 1"].fewest is None
    assert answer["interval above zero"].universes == ()
    assert "never" in str(answer) and "0 of 11" in str(answer)


def nested(make, means):
    """tail applies under student only, and its reference option is light."""
    space = {"family": ("likelihood", ["normal", "student"]), "tail": ("prior", ["light", "heavy"])}
    estimates = make(space, [means[0], 0.0, *means[1:]])
    table = estimates.table.iloc[[0, 2, 3]].copy()
    table["tail"] = np.array([None, "light", "heavy"], dtype=object)
    return Estimates("effect", table, estimates.decisions, 3)


def test_what_a_change_makes_apply_is_no_change_of_its_own(make):
    one = flips(nested(make, [1.0, -1.0, 1.0]))["median above zero"]
    assert one.fewest == 1 and [str(c) for c in one.universes[0].changes] == ["family: normal → student"]
    two = flips(nested(make, [1.0, 1.0, -1.0]))["median above zero"]
    assert two.fewest == 2
    assert [str(c) for c in two.universes[0].changes] == ["family: normal → student", "tail: light → heavy"]


def test_what_a_change_makes_idle_is_no_change_of_its_own(make):
    """The reference is student with light tails; to go to normal is one change, though tail is gone too."""
    space = {"family": ("likelihood", ["student", "normal"]), "tail": ("prior", ["light", "heavy"])}
    estimates = make(space, [1.0, 1.0, -1.0, -1.0])
    table = estimates.table.iloc[:3].copy()
    table.loc[table["family"] == "normal", "tail"] = None
    flip = flips(Estimates("effect", table, estimates.decisions, 3))["median above zero"]
    assert flip.fewest == 1 and [str(c) for c in flip.universes[0].changes] == ["family: student → normal"]


def test_linked_decisions_change_once(make):
    estimates = make(SPACE, lambda a, b, c: 1.0 - 2.0 * b, keep=lambda a, b, c: b == c)
    assert flips(estimates)["median above zero"].fewest == 2
    linked = Estimates("effect", estimates.table, estimates.decisions, 6, links=(("b", "c"),))
    flip = flips(linked)["median above zero"]
    assert flip.fewest == 1 and len(flip.universes[0].changes) == 2


def test_parameterizations_are_no_change(make):
    space = {**SPACE, "geometry": ("parameterization", ["centered", "non-centered"])}
    answer = flips(make(space, lambda a, b, c, g: 3.0 - 4.0 * b))
    assert answer["median above zero"].fewest == 1
    assert answer["median above zero"].n == 11


def test_red_universes_stand_beside(make):
    """b1 alone flips; it is red, so two changes are needed, or one with red ones."""
    means = lambda a, b, c: 1.0 - 2.0 * b  # noqa: E731
    answer = flips(make(SPACE, means, red=(2,)))
    assert answer["median above zero"].fewest == 2
    assert answer["median above zero"].fewest_with_red == 1
    assert "changes with red" in str(answer) and "1 red left out" in str(answer)


def test_a_red_reference_is_still_the_start_and_one_without_numbers_is_said(make):
    estimates = make(SPACE, lambda a, b, c: 1.0 - 2.0 * b, red=(0,))
    answer = flips(estimates)
    assert answer["median above zero"].fewest == 1
    assert "red" in answer.notes[1]
    gone = flips(Estimates("effect", estimates.table.iloc[1:], estimates.decisions, 12))
    assert gone.flips == () and "reference universe has no numbers" in str(gone)
    nothing = Estimates("effect", estimates.table.iloc[:0], estimates.decisions, 12)
    assert flips(nothing).flips == ()


def test_what_monte_carlo_error_may_have_done_is_marked(make):
    answer = flips(make(SPACE, lambda a, b, c: 1.0 - 1.05 * b, mcse=0.1))
    assert not answer["median above zero"].universes[0].sure
    assert "?: so near to the bound" in str(answer)


def test_numbers_alone_have_a_sign_only(make):
    answer = flips(make(SPACE, lambda a, b, c: 1.0 - 2.0 * b, interval="none"))
    assert [f.conclusion for f in answer.flips] == ["estimate above zero"]
    assert answer["estimate above zero"].fewest == 1


def test_unanswered_universes_are_said(make):
    assert "of the space is answered" in str(flips(make(SPACE, lambda a, b, c: 1.0 - 2.0 * b, planned=30)))


def test_only_parameterizations_are_one_analysis_and_turn_nothing(make):
    answer = flips(make({"geometry": ("parameterization", ["centered", "not"])}, lambda geometry: 1.0 - 3.0 * geometry))
    assert {flip.fewest for flip in answer.flips} == {None}


def test_the_reference_universe_is_its_own_where_a_union_has_others_without_a_change(make):
    """The second universe has no b at all, as one of another space of a union; it comes first in the table."""
    whole = make({"b": ("prior", ["b0", "b1"])}, lambda b: 1.0 + b)
    table = whole.table.iloc[[1, 0]].assign(b=[None, "b0"], median=[-1.0, 1.0], mean=[-1.0, 1.0])
    table[["q2_5", "q25", "q75", "q97_5"]] = table[["median"]].to_numpy() + [-0.2, -0.1, 0.1, 0.2]
    answer = flips(replace(whole, table=table))
    assert answer.flips[0].conclusion == "median above zero"


def test_bad_thresholds_and_names(make):
    with pytest.raises(ResultError):
        flips(make(SPACE, lambda a, b, c: 1.0 + a), above=np.nan)
    with pytest.raises(ResultError, match="median above zero"):
        flips(make(SPACE, lambda a, b, c: 1.0 + a))["median below zero"]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6).map(np.random.default_rng))
def test_no_shorter_way_by_a_search_over_changes(make, rng):
    """Steps of one change each through a full product, breadth first: the first universe that says otherwise."""
    values = rng.normal(0.3, 1.0, 12)
    flip = flips(make(SPACE, values)).flips[0]
    sizes, seen, queue = (3, 2, 2), {(0, 0, 0): 0}, deque([(0, 0, 0)])
    found = None
    while queue and found is None:
        here = queue.popleft()
        if np.sign(values[np.ravel_multi_index(here, sizes)]) != np.sign(values[0]):
            found = seen[here]
        for axis, size in enumerate(sizes):
            for option in range(size):
                there = (*here[:axis], option, *here[axis + 1 :])
                if there not in seen:
                    seen[there] = seen[here] + 1
                    queue.append(there)
    assert flip.fewest == found


def test_changes_of_labels():
    changes = changes_of({"a": "a2", "b": None, "c": "c0"}, {"a": "a0", "b": "b0", "c": "c0"})
    assert changes == (("a", "a0", "a2"),)
