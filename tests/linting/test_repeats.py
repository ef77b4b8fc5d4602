"""Repeats are accounted for: each repeated universe once, put down to a cause that holds."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from multiverse.linting.repeats import Repeats, repeats, without_effect
from multiverse.space.universe import Universe

NAMES = ("a", "b", "c")
LABELS = {"a": "12", "b": "xyz", "c": "uv"}


def universes(*, without: tuple[str, ...] = ()) -> dict[str, Universe]:
    """The product of three decisions by key, which is the labels; minus some."""
    return {
        "".join(labels): Universe(NAMES, labels)
        for labels in product(*(LABELS[name] for name in NAMES))
        if "".join(labels) not in without
    }


def answered(*same: str) -> dict[str, str]:
    """Answers that depend on these decisions only, all of them if none is told."""
    return {key: "".join(str(universe[name]) for name in same or NAMES) for key, universe in universes().items()}


def causes(found: list[Repeats]) -> list[tuple[object, ...]]:
    return [(one.cause, one.decision, one.labels, one.where, one.at, len(one.pairs)) for one in found]


def test_nothing_repeats_where_all_answers_differ() -> None:
    assert repeats(universes(), answered()) == []
    assert without_effect(universes(), answered()) == frozenset()


def test_a_decision_that_changes_nothing() -> None:
    assert causes(repeats(universes(), answered("a", "b"))) == [("decision", "c", (), "", (), 6)]
    assert without_effect(universes(), answered("a", "b")) == {"c"}


def test_two_decisions_that_change_nothing_share_the_count() -> None:
    found = repeats(universes(), answered("a"))
    assert [(one.decision, len(one.pairs)) for one in found] == [("b", 8), ("c", 2)]


def test_two_options_that_are_the_same() -> None:
    answers = {key: text.replace("z", "x") for key, text in answered().items()}
    assert causes(repeats(universes(), answers)) == [("options", "b", ("x", "z"), "", (), 4)]


def test_options_are_compared_only_where_both_are_possible() -> None:
    possible = universes(without=("1zu", "1zv"))
    answers = {key: text.replace("2z", "2x") for key, text in answered().items() if key in possible}
    assert causes(repeats(possible, answers)) == [("options", "b", ("x", "z"), "", (), 2)]


def test_a_decision_that_changes_nothing_where_another_says() -> None:
    answers = {key: text[:2] if text[0] == "2" else text for key, text in answered().items()}
    assert causes(repeats(universes(), answers)) == [("idle", "c", ("u", "v"), "a", ("2",), 3)]


def test_options_that_are_the_same_where_another_says() -> None:
    answers = {key: text.replace("y", "x") if text[2] == "v" else text for key, text in answered().items()}
    assert causes(repeats(universes(), answers)) == [("idle", "b", ("x", "y"), "c", ("v",), 2)]


def test_what_no_single_decision_explains() -> None:
    answers = {**answered(), "1xu": "one", "2yv": "one", "2zv": "one"}
    (found,) = repeats(universes(), answers)
    assert (found.cause, found.pairs) == ("other", (("2yv", "1xu"), ("2zv", "1xu")))


def test_options_that_are_the_same_two_by_two_but_not_at_the_ends() -> None:
    possible = universes(without=("2yu", "2yv"))
    answers = {key: key.replace("y", "x").replace("1z", "1x") for key in possible}
    found = repeats(possible, answers)
    assert [(one.decision, one.labels, len(one.pairs)) for one in found] == [("b", ("x", "y"), 2), ("b", ("y", "z"), 2)]


def test_decisions_that_do_not_apply() -> None:
    some = {
        "n": Universe(("family", "tail"), ("normal", None)),
        "l": Universe(("family", "tail"), ("student", "light")),
        "h": Universe(("family", "tail"), ("student", "heavy")),
    }
    assert repeats(some, {"n": "0", "l": "1", "h": "2"}) == []
    assert causes(repeats(some, {"n": "0", "l": "1", "h": "1"})) == [("decision", "tail", (), "", (), 1)]
    (light,) = repeats(some, {"n": "0", "l": "0", "h": "2"})
    assert (light.cause, light.pairs) == ("other", (("l", "n"),))


def test_a_decision_has_an_effect_where_some_option_has_no_equal() -> None:
    some = {
        "n": Universe(("family", "tail"), ("normal", None)),
        "g": Universe(("family", "tail"), ("gaussian", None)),
        "l": Universe(("family", "tail"), ("student", "light")),
    }
    found = repeats(some, {"n": "0", "g": "0", "l": "1"})
    assert causes(found) == [("options", "family", ("normal", "gaussian"), "", (), 1)]


def test_universes_without_an_answer_are_left_out() -> None:
    answers = {key: text for key, text in answered("a", "b").items() if key != "1xv"}
    assert causes(repeats(universes(), answers)) == [("decision", "c", (), "", (), 5)]


@given(st.lists(st.integers(0, 3), min_size=12, max_size=12), st.sets(st.sampled_from(sorted(universes())), max_size=6))
def test_each_repeated_universe_is_counted_once(numbers: list[int], without: set[str]) -> None:
    possible = universes(without=tuple(without))
    answers = {key: str(number) for key, number in zip(possible, numbers, strict=False)}
    found = repeats(possible, answers)
    repeated = [key for one in found for key, _ in one.pairs]
    assert len(repeated) == len(set(repeated)) == len(answers) - len(set(answers.values()))
    order = list(possible)
    for one in found:
        assert one.pairs
        for key, other in one.pairs:
            assert answers[key] == answers[other] and order.index(other) < order.index(key)
        if one.cause != "other":
            said = [u for u in possible.values() if not one.where or u[one.where] in one.at]
            labels = one.labels or tuple({str(u[one.decision]) for u in said})
            for u, v in product(said, said):  # by brute force: the cause holds wherever it says so
                differ = [name for name in NAMES if u[name] != v[name]]
                if differ == [one.decision] and {u[one.decision], v[one.decision]} <= set(labels):
                    assert answers["".join(map(str, u.labels))] == answers["".join(map(str, v.labels))]
