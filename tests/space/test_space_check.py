"""What check() finds, in its own words."""

from __future__ import annotations

import functools

import pytest

from multiverse.errors import SpaceError
from multiverse.space.check import MOST_DECISIONS
from multiverse.space.decision import likelihood, prior
from multiverse.space.space import Space


def small() -> Space:
    return Space(family=likelihood(normal=1, student=2), tail=prior(light=30.0, heavy=4.0))


def found(space: Space) -> list[str]:
    return [problem.what for problem in space.check()]


def test_a_sound_space_has_no_problems():
    assert small().check() == ()
    assert small().notes == ()


@pytest.mark.parametrize(
    ("space", "what", "expected", "mend"),
    [
        (
            small().forbid("no", lambda famly: True),
            "the rule of forbid('no') asks for 'famly', which is not a decision of the space.",
            "parameters among: family, tail",
            "Did you mean 'family'?  Rename the parameter, or add the decision 'famly' to the space.",
        ),
        (
            small().only_when("tial", lambda family: True),
            "only_when('tial') names 'tial', which is not a decision of the space.",
            "one of: family, tail",
            "Did you mean 'tail'?  Rename it, or add the decision to the space.",
        ),
        (
            small().forbid("no", lambda *labels: True),
            "the rule of forbid('no') takes `*labels`, which names no decision.",
            "each decision by its own name",
            "Name the decisions that it looks at, for example `lambda family: ...`.",
        ),
        (
            small().forbid("no", lambda **labels: True),
            "the rule of forbid('no') takes `**labels`, which names no decision.",
            "each decision by its own name",
            "Name the decisions that it looks at, for example `lambda family: ...`.",
        ),
        (
            small().forbid("no", lambda: True),
            "the rule of forbid('no') asks for no decision.",
            "at least one parameter named like a decision",
            "Write `lambda family: ...`.",
        ),
        (
            small().forbid("no", "student"),
            "the rule of forbid('no') is 'student', which cannot be called.",
            "a function of decisions",
            "Write `lambda family: ...` in its place.",
        ),
        (
            small().forbid("no", lambda tail="heavy": True),
            "the rule of forbid('no') gives the decision 'tail' a default.",
            "decisions without defaults; a default marks a parameter that is not a decision",
            "Remove the default, or rename the parameter: `_tail='heavy'`.",
        ),
        (
            small().forbid(" ", lambda tail: tail == "heavy"),
            "forbid(' ') gives no reason: `why` is ' '.",
            "a sentence that says to a reader what is wrong with the universes that are ruled out",
            'Write `.forbid("five homes leave no zeros to log", lambda ...: ...)`.',
        ),
        (
            small().only_when("tail", lambda family: family == "student").forbid("no", lambda tail: tail.isupper()),
            "the rule of forbid('no') raised AttributeError: 'NoneType' object has no attribute 'isupper'; "
            "it was given tail=None.",
            "true or false for every combination of labels",
            "'tail' is None where it does not apply: write `... tail is not None and ...`.  "
            "Rules see labels, not values: compare with the labels as they were declared.",
        ),
        (
            small().only_when("tail", lambda family: {"normal": False}[family]),
            "the rule of only_when('tail') raised KeyError: 'student'; it was given family='student'.",
            "true or false for every combination of labels",
            "Rules see labels, not values: compare with the labels as they were declared.",
        ),
        (
            small().only_when("tail", lambda family: True).only_when("family", lambda tail: True),
            "only_when rules go in a circle, each looking at the next: family -> tail -> family.",
            "decisions that can be taken one after the other",
            "Remove one of: only_when('family'), only_when('tail'); what only excludes a combination is a `forbid`.",
        ),
        (
            small().only_when("tail", lambda tail: True),
            "only_when rules go in a circle, each looking at the next: tail -> tail.",
            "decisions that can be taken one after the other",
            "Remove one of: only_when('tail'); what only excludes a combination is a `forbid`.",
        ),
        (
            small().forbid("normal tails are light", lambda family, tail: (family, tail) == ("normal", "light")),
            "the reference universe (family='normal', tail='light') is ruled out by forbid('normal tails are light').",
            "a reference universe that is in the space: it is the analysis that would have been published",
            'Mark another option as reference, `reference="..."`, or loosen the rule.',
        ),
        (
            small().forbid("one", lambda tail: tail == "light").forbid("two", lambda tail: tail == "heavy"),
            "no universe is left: every combination is ruled out by: one; two.",
            "at least the reference universe",
            "Loosen a rule, or add an option that all rules let pass.",
        ),
        (
            Space({"my prior": prior(a=1)}),
            "the decision 'my prior' cannot be the name of an argument.",
            "a Python identifier that is no keyword and does not start with an underscore",
            "Rename it, for example to 'my_prior'.",
        ),
        (
            Space({"lambda": prior(a=1)}),
            "the decision 'lambda' cannot be the name of an argument.",
            "a Python identifier that is no keyword and does not start with an underscore",
            "Rename it, for example to 'lambda_choice'.",
        ),
        (
            Space({"_tail": prior(a=1)}),
            "the decision '_tail' cannot be the name of an argument.",
            "a Python identifier that is no keyword and does not start with an underscore",
            "Rename it, for example to 'tail'.",
        ),
        (
            Space({3: prior(a=1)}),
            "the decision 3 cannot be the name of an argument.",
            "a Python identifier that is no keyword and does not start with an underscore",
            "Rename it, for example to 'd_3'.",
        ),
        (
            Space(tail=prior(a=1), Tail=prior(a=1)),
            "the decisions 'tail' and 'Tail' differ only in case.",
            "names that SQL can tell apart, where case does not count",
            "Rename one, for example to 'tail_2'.",
        ),
    ],
)
def test_each_mistake_in_its_words(space, what, expected, mend):
    assert space.check() == ((what, expected, mend),)
    assert what in repr(space)  # a broken space still prints


def test_all_mistakes_are_found_at_once():
    space = (
        Space(tail=prior(a=1, b=2), Tail=prior(a=1), _x=prior(a=1))
        .forbid("misspelt", lambda tial: True)
        .forbid("raises", lambda tail: 1 / 0)
        .forbid("the reference", lambda tail: tail == "a")
    )
    assert found(space) == [
        "the decisions 'tail' and 'Tail' differ only in case.",
        "the decision '_x' cannot be the name of an argument.",
        "the rule of forbid('misspelt') asks for 'tial', which is not a decision of the space.",
        "the rule of forbid('raises') raised ZeroDivisionError: division by zero; it was given tail='a'.",
        "the reference universe (tail='a', Tail='a', _x='a') is ruled out by forbid('the reference').",
    ]


def test_every_rule_that_raises_is_reported_in_any_order_of_rules():
    rules = [("one", lambda tail: 1 / 0), ("two", lambda tail: tail == "light"), ("three", lambda tail: [][0])]
    for chosen in (rules, rules[::-1]):
        space = small()
        for why, rule in chosen:
            space = space.forbid(why, rule)
        assert sum("raised" in what for what in found(space)) == 2


def test_a_broken_only_when_does_not_cause_mistakes_that_are_not_there():
    space = small().only_when("tail", lambda famly: True).forbid("no", lambda family, tail: tail == "light")
    assert found(space) == ["the rule of only_when('tail') asks for 'famly', which is not a decision of the space."]


@pytest.mark.parametrize(
    "use",
    [
        len,
        iter,
        lambda space: space[0],
        lambda space: space.size,
        lambda space: space.sample(1),
        lambda space: space.reference,
        lambda space: space.one_at_a_time(),
        lambda space: space.index({}),
        lambda space: {} in space,
    ],
)
def test_whatever_needs_the_universes_raises_all_problems(use):
    space = small().forbid("one", lambda tial: True).forbid("two", lambda famly: True)
    with pytest.raises(SpaceError) as caught:
        use(space)
    assert caught.value.problems == space.check()
    assert len(space.check()) == 2


def test_values_do_not_need_the_rules():
    space = small().forbid("one", lambda tial: True)
    assert space.values({"family": "student", "tail": "heavy"}) == {"family": 2, "tail": 4.0}


def test_defaults_partials_and_callables_are_rules():
    class Heavy:
        def __call__(self, tail):
            return tail == "heavy"

    space = small()
    assert len(space.forbid("default", lambda tail, _mine="heavy": tail == _mine)) == 2
    assert len(space.forbid("partial", functools.partial(lambda mine, tail: tail == mine, "heavy"))) == 2
    assert len(space.forbid("keyword", functools.partial(lambda mine, tail: tail == mine, mine="heavy"))) == 2
    assert len(space.forbid("object", Heavy())) == 2


def test_a_rule_that_changes_its_mind_is_named_as_such():
    answers = iter([True, False, False])
    space = small().forbid("moody", lambda tail: next(answers))
    assert found(space) == [
        "the reference universe (family='normal', tail='light') is ruled out by "
        "a rule that gave another answer when it was asked again."
    ]


def test_notes_name_rules_that_change_nothing_and_options_in_no_universe():
    assert small().only_when("tail", lambda family: family == "studnet").notes == (
        "only_when('tail') never holds, so 'tail' never applies: compare the labels in its rule",
    )
    assert small().only_when("tail", lambda family: family != "studnet").notes == (
        "only_when('tail') always holds: compare the labels in its rule with those of the options",
    )
    assert small().forbid("no", lambda tail: tail == "haevy").notes == (
        "forbid('no') rules nothing out: compare the labels in its rule with those of the options",
    )
    assert small().forbid("no", lambda tail: tail == "heavy").notes == (
        "'heavy' of 'tail' is in no universe: the rules exclude it everywhere",
    )


def test_more_decisions_than_can_be_counted_are_a_mistake_and_no_crash():
    space = Space({f"d{i}": prior(a=1, b=2) for i in range(1200)})
    [problem] = space.check()
    assert problem.what == "the space has 1,200 decisions."
    most = Space({f"d{i}": prior(a=1, b=2) for i in range(MOST_DECISIONS)})
    assert most.size == 2**MOST_DECISIONS and (most | most).size == most.size
