"""From what a file says to a space: notes are added, values are bound, everything is checked, all mistakes are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from multiverse.errors import SpaceError
from multiverse.interchange.bind import Values, bind, name_kinds, unbound
from multiverse.interchange.conditions import Condition
from multiverse.interchange.draft import Draft
from multiverse.interchange.notes import MARK, Notes
from multiverse.interchange.pairs import Choice, Pairs, pairs_of
from multiverse.interchange.read_notes import add_rules, note
from multiverse.interchange.source import SpaceFileError
from multiverse.space.condition import When
from multiverse.space.decision import Decision
from multiverse.space.option import Option
from multiverse.space.space import Space


class Own(NamedTuple):
    """What a format says of a space in its own words. whens: decision -> conditions under which it applies."""

    pairs: Pairs
    whens: Mapping[str, tuple[Condition, ...]]


def assemble(
    draft: Draft,
    notes: Notes,
    values: Values,
    kinds: Mapping[str, str] | None,
    own: Callable[[Space], Own],
    *,
    bound: bool = True,
) -> Space:
    """The space of a file.

    own: what a file of a space says in the words of this format; where there are rules in the notes it must agree with
    what the file says. bound: whether a value that nobody gives is a mistake.
    Raises SpaceFileError with all mistakes found.
    """
    note(draft, notes)
    bind(draft, values)
    if bound:
        unbound(draft)
    name_kinds(draft, kinds)
    if notes.rules is None:
        _limit_options(draft)
    decisions = _decisions(draft)
    if draft.problems:
        raise SpaceFileError(draft.problems)
    space = Space(decisions)
    if notes.rules is None:
        for name, (_, rule) in draft.whens.items():
            space = space.only_when(name, rule)
        for choice, why in draft.nowhere.items():
            space = space.forbid(why, {choice.decision: choice.label})
        return _sound(draft, space)
    return _agreed(draft, _sound(draft, add_rules(draft, notes.rules, space)), own)


def _decisions(draft: Draft) -> dict[str, Decision]:
    """The decisions that can be made; the mistakes in the others go to the draft."""
    made: dict[str, Decision] = {}
    for name, told in draft.decisions.items():
        options = (
            Option(o.label, o.value, o.why, o.plausibility, o.requires, o.incompatible_with) for o in told.options
        )
        try:
            made[name] = Decision(told.kind, tuple(options), told.reference or told.labels[0], told.rationale)
        except SpaceError as error:
            for problem in error.problems:
                draft.wrong(told.where, problem.what, problem.expected, problem.mend)
    return made


def _limit_options(draft: Draft) -> None:
    """Give each option what the file asks of other decisions beside it."""
    asked: dict[tuple[Choice, bool], dict[str, tuple[str, ...]]] = {}
    for limit, where in draft.limits:
        told = asked.setdefault((limit.option, limit.needed), {})
        before = told.get(limit.other)
        if before is None:
            told[limit.other] = limit.labels
        elif limit.needed:
            told[limit.other] = both = tuple(label for label in before if label in limit.labels)
            if not both:
                draft.wrong(
                    where,
                    f"{limit.option.label!r} of {limit.option.decision!r} needs that {limit.other!r} is "
                    f"{' or '.join(limit.labels)}, and elsewhere that it is {' or '.join(before)}.",
                    "what can hold at once",
                    f"Remove one of the two, or the option {limit.option.label!r}.",
                )
        else:
            told[limit.other] = tuple(dict.fromkeys((*before, *limit.labels)))
    for (choice, needed), told in asked.items():
        option = draft.decisions[choice.decision].option(choice.label)
        setattr(option, "requires" if needed else "incompatible_with", When(told))


def _sound(draft: Draft, space: Space) -> Space:
    """The space.  Raises SpaceFileError where it has mistakes."""
    for problem in space.check():
        draft.wrong("", problem.what, problem.expected, problem.mend)
    if draft.problems:
        raise SpaceFileError(draft.problems)
    return space


def _agreed(draft: Draft, space: Space, own: Callable[[Space], Own]) -> Space:
    """The space of the notes, with what the file rules out beyond it; all of the notes must be in the file too."""
    expected = own(space)
    for name in space.decisions:
        here, there = (set(told) for told in (draft.whens.get(name, ((),))[0], expected.whens.get(name, ())))
        if draft.conditional and here != there:
            _disagree(draft, f"`when` of {name!r} is {_when(here)}", _when(there), name)
    known = expected.pairs.ruled_out(space)
    said = frozenset(pair for placed in draft.limits for pair in pairs_of(placed.limit, space))
    gone = {*draft.nowhere, *expected.pairs.nowhere}
    for later, earlier in sorted(known - said):
        if not gone & {later, earlier}:
            _disagree(draft, f"{_pair(later, earlier)} may go together", "they never do", later.decision)
    for choice in sorted(set(expected.pairs.nowhere) - draft.nowhere.keys()):
        _disagree(draft, f"{choice.label!r} of {choice.decision!r} may be chosen", "it never is", choice.decision)
    if draft.problems:
        raise SpaceFileError(draft.problems)
    for why, rule in _beyond(draft, space, known, set(expected.pairs.nowhere)):
        space = space.forbid(why, rule)
    return _sound(draft, space)


def _beyond(
    draft: Draft, space: Space, known: frozenset[tuple[Choice, Choice]], gone: set[Choice]
) -> Iterator[tuple[str, When]]:
    """What the file rules out and its notes do not: somebody added it."""
    for choice, why in draft.nowhere.items():
        if choice not in gone:
            yield why, When({choice.decision: choice.label})
    for limit, _ in draft.limits:
        met = [
            one if two == limit.option else two
            for one, two in pairs_of(limit, space)
            if (one, two) not in known and not gone & {one, two}
        ]
        if met:
            labels = tuple(choice.label for choice in met)
            name, label = limit.option
            why = f"{label} of {name} does not go with {' or '.join(labels)} of {limit.other}"
            yield why, When({name: label, limit.other: labels})


def _when(conditions: set[Condition]) -> str:
    said = (f"{name} is {'' if holds else 'not '}{label!r}" for name, label, holds in sorted(conditions))
    return " and ".join(said) or "not there"


def _pair(one: Choice, other: Choice) -> str:
    return f"{one.label!r} of {one.decision!r} and {other.label!r} of {other.decision!r}"


def _disagree(draft: Draft, here: str, there: Any, name: str) -> None:
    draft.wrong(
        draft.decisions[name].where,
        f"here {here}; by the rules in the notes behind `{MARK}`: {there}.",
        "a file that says the same in both places",
        f"Write in both places what is meant; or remove the lines behind `{MARK}`, and the file is read without them.",
    )
