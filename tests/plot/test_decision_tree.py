from __future__ import annotations

import itertools
import warnings
from itertools import combinations

import pytest

import multiverse as mv
from multiverse.plot.branching_tree import ENDS_MOST, branching_tree
from multiverse.plot.decision_tree import tree
from multiverse.plot.decision_tree_data import decision_tree_data
from multiverse.plot.layered_tree import layered_tree
from multiverse.plot.layout import PADDING
from multiverse.plot.style import DARK
from multiverse.plot.tree_look import LINK, OUT


def options(*labels, kind="prior", **more):
    return mv.decision(kind, dict.fromkeys(labels, 0), **more)


SMALL = (
    mv.Space(
        counties=options("all", "five homes or more", kind="preprocessing"),
        zeros=options("0.1", "0.3", kind="preprocessing"),
        family=options("normal", "student", kind="likelihood"),
        tail=options("light", "heavy"),
    )
    .only_when("tail", {"family": "student"})
    .forbid("five homes leave no zeros to log", {"counties": "five homes or more", "zeros": "0.3"})
)
LONG = "a rather long label that no box of any row is wide enough for, wherever it may stand"
SUBSETS = [
    "+".join(some) or "none" for n in range(6) for some in itertools.combinations(("age", "sex", "income", "x", "y"), n)
]
CASES = {
    "one option": mv.Space(only=options("one")),
    "one decision": mv.Space(a=options("x", "y", "z")),
    "small": SMALL,
    "requires": mv.Space(
        tail=options("light", "heavy", requires={"heavy": {"family": "student"}}),
        family=options("student", "normal", kind="likelihood"),
        a=options("x", "y"),
        b=options("u", "v"),
        more=options("1", "2", "3", "4", incompatible_with={"4": {"a": "y"}}),
    ).link("a", "b"),
    "union": mv.Space(a=options("x", "y"), b=options("u", "v")) | mv.Space(a=options("x", "y"), c=options("1", "2")),
    "thirteen": mv.Space({f"decision_{i}": options("low", "middle", "high") for i in range(13)})
    .link("decision_1", "decision_2")
    .forbid("both extremes at once are never seen", {"decision_3": "low", "decision_7": "high"}),
    "long": mv.Space(
        {
            f"{'a_rather_long_name_of_' if i % 2 else 'd'}{i}": options(*(f"{j} {LONG}" for j in range(4)))
            for i in range(5)
        }
    ),
    "many options": mv.Space(
        covariates=options(*SUBSETS, kind="preprocessing", reference="age+sex+income+x+y"),
        sd=options(*(f"{i / 10}" for i in range(1, 40))),
        family=options("normal", "student", kind="likelihood"),
    ),
    "odd letters": mv.Space(a=options('a "quoted", name', "x\ny", "<b>&amp;", "µ² ≥ 1, β"), b=options(*"0123456789")),
    "many rules": mv.Space(a=options(*(f"a{i}" for i in range(9))), b=options(*(f"b{i}" for i in range(9)))),
    "forty": mv.Space({f"d{i}": options(*"0123456789") for i in range(20)}),
}
for _i in range(1, 9):
    CASES["many rules"] = CASES["many rules"].forbid(
        f"reason {_i} " + "of many words" * 9, {"a": f"a{_i}", "b": f"b{_i}"}
    )
    CASES["many rules"] = CASES["many rules"].forbid(f"reason {_i + 8}", {"a": f"a{_i}", "b": f"b{9 - _i}"})


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("width", ["89mm", "183mm"])
def test_every_text_is_on_the_page_large_enough_and_none_lies_on_another(text_boxes, name, width):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, wide, high = text_boxes(tree(decision_tree_data(CASES[name]), width=width))
    assert wide == pytest.approx(float(width[:-2]) / 25.4 * 72, abs=1)
    for box in found:
        assert box.size >= 5.5
        assert PADDING - 0.6 <= box.left and box.right <= wide + 0.5, box
        assert -0.5 <= box.top and box.bottom <= high + 0.5, box
    assert not [(a.text, b.text) for a, b in combinations(found, 2) if a.overlaps(b)]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("width", [89, 183])
def test_texts_are_in_their_boxes_and_boxes_apart(name, width):
    sheet = layered_tree(decision_tree_data(CASES[name]), width)
    large = [box for box in sheet.boxes if box.corner == 2.5]
    assert large
    for one, other in combinations(large, 2):
        assert one.x + one.width <= other.x or other.x + other.width <= one.x or one.y != other.y
    for box in large:
        assert 0 <= box.x and box.x + box.width <= sheet.width
    heights = {}
    for box in large:
        heights.setdefault(box.y, set()).add(box.height)
    assert all(len(found) == 1 for found in heights.values())


def test_a_small_space_is_a_tree_with_every_universe():
    sheet = branching_tree(decision_tree_data(SMALL), 183)
    assert sheet is not None
    texts = [text.text for text in sheet.texts]
    assert texts.count("heavy") == texts.count("light") == texts.count("–") == 3
    assert "9 universes" in texts
    assert sum(line.color == OUT for line in sheet.lines) == 1  # five homes with 0.3
    assert sum(line.color == DARK for line in sheet.lines) == 1 + 3  # the key, and the way of the reference
    assert {text.text for text in sheet.texts if text.bold and text.color == DARK} >= {"all", "0.1", "normal"}
    assert branching_tree(decision_tree_data(CASES["thirteen"]), 183) is None
    assert branching_tree(decision_tree_data(CASES["long"]), 183) is None
    few = mv.Space(a=options(*(f"{i}" for i in range(ENDS_MOST))))
    assert branching_tree(decision_tree_data(few), 89) is not None
    many = mv.Space(a=options(*(f"{i}" for i in range(ENDS_MOST + 1))))
    assert branching_tree(decision_tree_data(many), 89) is None


def test_rows_have_a_line_for_every_pair_that_occurs():
    sheet = layered_tree(decision_tree_data(SMALL), 183)
    pairs = 3 + 4 + 3  # counties × zeros less one, zeros × family, normal with nothing and student with both tails
    assert sum(line.color == LINK for line in sheet.lines) == pairs
    assert sum(line.color == OUT and line.dashed for line in sheet.lines) == 1
    assert sum(line.color == DARK for line in sheet.lines) == 3
    boxes = [box for box in sheet.boxes if box.corner == 2.5]
    assert len(boxes) == 2 + 2 + 2 + 3
    assert [box.dashed for box in boxes].count(True) == 1


def test_options_that_find_no_room_are_one_box_and_the_reference_stays():
    texts = [text.text for text in layered_tree(decision_tree_data(CASES["many options"]), 183).texts]
    folded = [text for text in texts if text.endswith(" more")]
    assert len(folded) == 2
    assert "age+sex+income+x+y" in texts
    assert len([text for text in texts if text in SUBSETS]) + int(folded[0].split()[0]) == len(SUBSETS)


def test_notes_are_numbered_as_they_are_met_and_bear_the_reason():
    data = decision_tree_data(SMALL)
    assert [(note.number, note.about) for note in data.notes] == [(1, "ruled out"), (2, "applies")]
    told = "Not counties “five homes or more” with zeros “0.3” (3 universes): five homes leave no zeros to log."
    assert [note.text for note in data.notes] == [told, "tail only where family is “student”."]
    marked = {(step.decision, choice.label) for step in data.steps for choice in step.choices if choice.notes}
    assert marked == {("counties", "five homes or more"), ("zeros", "0.3")}
    assert [step.notes for step in data.steps] == [(), (), (), (2,)]


def test_the_table_has_a_row_an_option():
    table = decision_tree_data(SMALL).table
    assert list(table["universes"]) == [6, 3, 6, 3, 3, 6, 3, 3, 3]
    assert list(table["so_far"].unique()) == [2, 3, 6, 9]
    assert list(table.loc[table["reference"], "option"].fillna("nothing")) == ["all", "0.1", "normal", "nothing"]


def test_a_rule_that_waits_for_a_later_decision_is_no_dead_end_before_it():
    space = mv.Space(a=options("x", "y"), b=options("u", "v"), c=options("1", "2")).forbid(
        "a reason", {"a": "y", "c": "2"}
    )
    sheet = branching_tree(decision_tree_data(space), 183)
    assert sheet is not None
    assert [text.text for text in sheet.texts if text.color == OUT] == ["2", "2"]
