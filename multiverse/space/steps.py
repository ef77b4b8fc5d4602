"""The order in which decisions are taken, and which rule is asked where: each where its last argument is bound.

Rules come in three shapes.  A function is asked once for each combination of its arguments, so their labels are
remembered until then.  A rule as data only needs to know whether all of it held so far: one flag.  A link leaves one
option to choose from once the first of its decisions is taken.
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from multiverse.space.condition import When
from multiverse.space.decision import Decision
from multiverse.space.rules import Arguments, Ask, Forbid, Link, OnlyWhen, OptionRule, Rule

Row = list[str | None]  # (decision,) in declared order: labels bound so far, None where inactive
Usable = tuple[int, Rule, Arguments]  # number among all rules, rule, and the decisions it asks for


class Question(NamedTuple):
    """A rule that is a function; its arguments were found among the decisions."""

    number: int  # among all rules of the space
    ask: Ask
    positional: tuple[int, ...]  # places of its arguments among the decisions
    keyword: tuple[tuple[str, int], ...]
    only: tuple[int, str] | None = None  # asked where this decision has this label, elsewhere the answer is false
    needed: bool = False  # whether the answer is turned round

    @property
    def places(self) -> tuple[int, ...]:
        """Where what it looks at is, among the decisions as declared."""
        guard = () if self.only is None else (self.only[0],)
        return tuple(dict.fromkeys((*guard, *self.positional, *(place for _, place in self.keyword))))

    def holds(self, row: Row) -> bool:
        """The rule's answer.  Raises what the rule raises."""
        if self.only is not None and row[self.only[0]] != self.only[1]:
            return False
        answer = self.ask(*[row[p] for p in self.positional], **{name: row[p] for name, p in self.keyword})
        return bool(answer) is not self.needed


class Pattern(NamedTuple):
    """A rule as data: it holds where each of its decisions has one of its labels."""

    number: int
    flag: int  # where `count` keeps whether it held so far
    labels: Mapping[int, frozenset[str | None]]  # by place of the decision

    @property
    def places(self) -> tuple[int, ...]:
        """Where what it looks at is, among the decisions as declared."""
        return tuple(self.labels)

    def holds(self, row: Row) -> bool:
        """Whether it holds in a universe."""
        return all(row[place] in labels for place, labels in self.labels.items())


class Tie(NamedTuple):
    """A link, as the decision at `place` sees it that is taken after others of the link."""

    number: int
    place: int
    labels: tuple[str, ...]  # its options, in the order of the link
    earlier: Mapping[int, Mapping[str | None, int]]  # those taken before, by place: label -> number of the option

    @property
    def places(self) -> tuple[int, ...]:
        """Where what it looks at is, among the decisions as declared."""
        return (*self.earlier, self.place)

    def left(self, row: Row) -> str | None:
        """The one label that the decision may have; None where no other of the link applies."""
        for place, options in self.earlier.items():
            if row[place] is not None:
                return self.labels[options[row[place]]]
        return None

    def holds(self, row: Row) -> bool:
        """Whether it rules a universe out."""
        return row[self.place] is not None and self.left(row) not in (None, row[self.place])


@dataclass(frozen=True)
class Step:
    """One decision in the order in which they are taken, and the rules that are asked there."""

    place: int  # among the decisions as declared
    labels: tuple[str, ...]  # () where the decision is not in this part of the space: it never applies
    applies: tuple[Question | Pattern, ...] = ()  # asked before it is bound: the decision applies where all hold
    forbids: tuple[Question | Pattern, ...] = ()  # asked after: their last argument
    ties: tuple[Tie, ...] = ()
    patterns: tuple[Pattern, ...] = ()  # those that look at this decision
    live: tuple[int, ...] = ()  # places bound before that functions and links from here on still look at
    flags: tuple[int, ...] = ()  # of patterns that looked at a decision before and are asked from here on
    shared: bool = True  # whether different pasts can arrive here with the same live labels and flags

    @property
    def rules(self) -> Iterator[Question | Pattern | Tie]:
        """All that can rule a universe out here."""
        yield from self.forbids
        yield from self.ties


def needs(names: Sequence[str], rules: Sequence[Usable]) -> dict[str, list[str]]:
    """The decisions that each must come after: those that its `only_when` rules look at."""
    found: dict[str, list[str]] = {name: [] for name in names}
    for _, rule, asked in rules:
        if isinstance(rule, OnlyWhen):
            found[rule.decision] += asked.names
    return found


def order(names: Sequence[str], needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The decisions, each after those it needs, otherwise as declared.  Raises graphlib.CycleError with the circle."""
    graphlib.TopologicalSorter(needs).prepare()
    left, placed = list(names), dict[str, None]()
    while left:
        free = next(name for name in left if placed.keys() >= set(needs[name]))
        placed[free] = None
        left.remove(free)
    return tuple(placed)


def steps(
    decisions: Mapping[str, Decision], turns: Sequence[str], own: Mapping[str, Decision], rules: Sequence[Usable]
) -> tuple[Step, ...]:
    """The decisions in the order in which they are taken, each with the rules asked there.

    decisions: all of them as declared. turns: the same in the order in which they are taken. own: those of this part of
    the space, with the options that it offers; the others never apply in it. rules: those of this part.
    """
    places = {name: place for place, name in enumerate(decisions)}
    turn = {places[name]: depth for depth, name in enumerate(turns)}
    offered = {
        places[name]: tuple(x for x in decisions[name].labels if x in part.by_label) for name, part in own.items()
    }
    made = [Step(places[name], offered.get(places[name], ())) for name in turns]
    until: dict[int, int] = {}  # place -> the last turn at which a function or a link looks at it
    spans: dict[int, tuple[int, int]] = {}  # flag of a pattern -> the first turn that it looks at, and when it is asked

    for number, rule, asked in rules:
        if isinstance(rule, Link):
            for tie in _ties(number, rule, places, turn):
                at = turn[tie.place]
                made[at] = replace(made[at], ties=(*made[at].ties, tie))
                until |= {place: max(at, until.get(place, 0)) for place in tie.places}
            continue
        if isinstance(rule, OnlyWhen) and rule.decision not in own:
            continue
        question = _question(number, rule, asked, places, offered, flag=len(spans))
        if isinstance(rule, OnlyWhen):
            at = turn[places[rule.decision]]
            made[at] = replace(made[at], applies=(*made[at].applies, question))
        else:
            at = max(turn[place] for place in question.places)
            made[at] = replace(made[at], forbids=(*made[at].forbids, question))
        if isinstance(question, Pattern):
            spans[question.flag] = min(turn[place] for place in question.places), at
            for then in {turn[place] for place in question.places}:
                made[then] = replace(made[then], patterns=(*made[then].patterns, question))
        else:
            until |= {place: max(at, until.get(place, 0)) for place in question.places}

    for depth, step in enumerate(made):
        live = tuple(sorted(place for place, last in until.items() if turn[place] < depth <= last))
        flags = tuple(flag for flag, (first, last) in spans.items() if first < depth <= last)
        made[depth] = replace(step, live=live, flags=flags, shared=depth > 0 and _forgets(made[depth - 1], live, flags))
    return tuple(made)


def _forgets(before: Step, live: tuple[int, ...], flags: tuple[int, ...]) -> bool:
    """Whether something that was known one step before is not known any more: where not, every past is its own."""
    return not ({*before.live, before.place} <= set(live) and set(before.flags) <= set(flags))


def _ties(number: int, link: Link, places: Mapping[str, int], turn: Mapping[int, int]) -> Iterator[Tie]:
    """The link as each of its decisions sees it, but for the one that is taken first."""
    members = [(places[name], labels) for name, labels in zip(link.decisions, link.labels, strict=True)]
    members.sort(key=lambda member: turn[member[0]])
    earlier: dict[int, Mapping[str | None, int]] = {}
    for place, labels in members:
        if earlier:
            yield Tie(number, place, labels, dict(earlier))
        earlier[place] = {label: option for option, label in enumerate(labels)}


def _question(
    number: int,
    rule: Forbid | OnlyWhen | OptionRule,
    asked: Arguments,
    places: Mapping[str, int],
    offered: Mapping[int, tuple[str, ...]],
    flag: int,
) -> Question | Pattern:
    """How a rule is asked of a row: as a pattern where it is data, by calling it where it is a function."""
    own = {places[rule.decision]: frozenset({rule.label})} if isinstance(rule, OptionRule) else {}
    if isinstance(rule.rule, When):
        labels: dict[int, frozenset[str | None]] = {places[n]: frozenset(wanted) for n, wanted in rule.rule.items()}
        if isinstance(rule, OptionRule) and rule.needed:  # it rules out what is not as it must be
            labels = {place: frozenset((*offered.get(place, ()), None)) - wanted for place, wanted in labels.items()}
        return Pattern(number, flag, {**own, **labels})
    keyword = tuple((name, places[name]) for name in asked.keyword)
    positional = tuple(places[name] for name in asked.positional)
    if isinstance(rule, OptionRule):
        return Question(number, rule.rule, positional, keyword, (places[rule.decision], rule.label), rule.needed)
    return Question(number, rule.rule, positional, keyword)
