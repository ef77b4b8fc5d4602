"""Counting universes without making them: decisions are taken in turn, and pasts that rules cannot tell apart are one.

Each rule is asked at the decision where its last argument is bound.  The universes below a point depend only on how
deep it is and on the labels that the rules still to be asked look at, so one node serves all pasts that agree in those.
What comes out is a diagram whose size goes with what the rules span: a million universes without rules are six nodes.
"""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from multiverse.space.decision import Decision
from multiverse.space.diagram import EMPTY, END, Diagram, Node
from multiverse.space.rules import Arguments, Ask, OnlyWhen, Rule

Row = list[str | None]  # (decision,) in declared order: labels bound so far, None where inactive


class Question(NamedTuple):
    """A rule whose arguments were found among the decisions."""

    number: int  # among the rules as declared
    ask: Ask
    positional: tuple[int, ...]  # places of its arguments among the decisions
    keyword: tuple[tuple[str, int], ...]

    @property
    def places(self) -> tuple[int, ...]:
        """Where its arguments are, among the decisions as declared."""
        return self.positional + tuple(place for _, place in self.keyword)

    def holds(self, row: Row) -> bool:
        """The rule's answer.  Raises what the rule raises."""
        return bool(self.ask(*[row[p] for p in self.positional], **{name: row[p] for name, p in self.keyword}))


@dataclass(frozen=True)
class Step:
    """One decision in the order in which they are taken, and the rules that are asked there."""

    place: int  # among the decisions as declared
    labels: tuple[str, ...]
    applies: tuple[Question, ...]  # asked before it is bound: the decision applies where all hold
    forbids: tuple[Question, ...]  # asked after: their last argument
    live: tuple[int, ...]  # places bound before that rules from here on still look at
    shared: bool  # whether different pasts can arrive here with the same live labels


@dataclass
class Seen:
    """What the rules said while universes were counted."""

    held: set[int] = field(default_factory=set)  # numbers of rules that were true at least once
    failed: set[int] = field(default_factory=set)  # ... that were false at least once
    raised: dict[int, tuple[dict[str, str | None], Exception]] = field(default_factory=dict)  # the first time of each


def order(names: Sequence[str], needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The decisions, each after those it needs, otherwise as declared.  Raises graphlib.CycleError with the circle."""
    graphlib.TopologicalSorter(needs).prepare()
    left, placed = list(names), dict[str, None]()
    while left:
        free = next(name for name in left if placed.keys() >= set(needs[name]))
        placed[free] = None
        left.remove(free)
    return tuple(placed)


def steps(decisions: Mapping[str, Decision], rules: Sequence[tuple[int, Rule, Arguments]]) -> tuple[Step, ...]:
    """The decisions in the order in which they are taken, each with the rules asked there.

    rules: number, rule, and the decisions it asks for; all of them known.
    Raises graphlib.CycleError where `only_when` rules go in a circle.
    """
    places = {name: place for place, name in enumerate(decisions)}
    applies: dict[str, list[Question]] = {name: [] for name in decisions}
    forbids: dict[str, list[Question]] = {name: [] for name in decisions}
    needs: dict[str, list[str]] = {name: [] for name in decisions}
    for _, rule, asked in rules:
        if isinstance(rule, OnlyWhen):
            needs[rule.decision] += asked.names
    turn = {name: depth for depth, name in enumerate(order(tuple(decisions), needs))}
    for number, rule, asked in rules:
        keyword = tuple((name, places[name]) for name in asked.keyword)
        question = Question(number, rule.rule, tuple(places[name] for name in asked.positional), keyword)
        if isinstance(rule, OnlyWhen):
            applies[rule.decision].append(question)
        else:
            forbids[max(asked.names, key=turn.__getitem__)].append(question)

    made: list[Step] = []
    wanted: set[int] = set()  # places that rules from here on look at, walked from the last decision to the first
    for name in reversed(turn):
        wanted |= {place for question in (*applies[name], *forbids[name]) for place in question.places}
        wanted.discard(places[name])
        live = tuple(sorted(wanted))
        made.append(Step(places[name], decisions[name].labels, tuple(applies[name]), tuple(forbids[name]), live, True))
    made.reverse()
    for depth, step in enumerate(made):
        before = made[depth - 1]
        if depth == 0 or set(step.live) == {*before.live, before.place}:  # nothing was forgotten: every past is its own
            made[depth] = replace(step, shared=False)
    return tuple(made)


def settle(taken: Sequence[Step], chosen: Sequence[str]) -> tuple[str | None, ...]:
    """As `Diagram.settle`, but by asking the rules: also for a universe that `forbid` rules out.

    A rule that raises is taken to hold.
    """
    row: Row = [None] * len(chosen)
    for step in taken:
        row[step.place] = chosen[step.place] if applies(step, row) else None
    return tuple(row)


def applies(step: Step, row: Row) -> bool:
    """Whether the step's decision applies, given the labels before it.  A rule that raises is taken to hold."""
    return all(_asked(question, row) is not False for question in step.applies)


def broken(taken: Sequence[Step], labels: Sequence[str | None]) -> list[int]:
    """Numbers of the `forbid` rules that rule this universe out, as declared."""
    return sorted(q.number for step in taken for q in step.forbids if _asked(q, list(labels)) is True)


def _asked(question: Question, row: Row) -> bool | None:
    try:
        return question.holds(row)
    except Exception:  # the user's code may raise anything; `count` has reported it where it matters
        return None


def count(names: Sequence[str], taken: Sequence[Step]) -> tuple[Diagram, Seen]:
    """The diagram of all universes, and what the rules said on the way.

    Each rule is called once for each combination of its arguments that it can meet.  A rule that raises is recorded in
    `Seen.raised` and taken to let the universe pass, so that all such rules are found in one go.
    """
    seen = Seen()
    row: Row = [None] * len(names)
    nodes: dict[tuple[tuple[str | None, ...], tuple[Node, ...]], Node] = {}  # equal nodes are one: this bounds memory
    known: list[dict[tuple[str | None, ...], Node]] = [{} for _ in taken]
    asks = [
        (
            [_answering(q, names, seen, remember=set(q.places) != set(step.live)) for q in step.applies],
            [_answering(q, names, seen, remember=set(q.places) != {*step.live, step.place}) for q in step.forbids],
        )
        for step in taken
    ]

    def below(depth: int) -> Node:
        if depth == len(taken):
            return END
        step = taken[depth]
        live = tuple([row[place] for place in step.live])
        if step.shared and (found := known[depth].get(live)) is not None:
            return found
        applies, forbids = asks[depth]
        labels: list[str | None] = []
        children: list[Node] = []
        # Lists, not generators, in any() and all(): every rule is asked, so their order cannot hide one that raises.
        for label in step.labels if all([holds(row, True) for holds in applies]) else (None,):
            row[step.place] = label
            if not any([holds(row, False) for holds in forbids]) and (child := below(depth + 1)) is not EMPTY:
                labels.append(label)
                children.append(child)
        row[step.place] = None
        shape = tuple(labels), tuple(children)
        node = nodes.setdefault(shape, Node(*shape)) if labels else EMPTY
        if step.shared:
            known[depth][live] = node
        return node

    return Diagram(below(0), tuple(step.place for step in taken)), seen


def _answering(question: Question, names: Sequence[str], seen: Seen, *, remember: bool) -> Callable[[Row, bool], bool]:
    """The question as a function of (row, answer if it raises), which asks it once for each combination of arguments.

    remember: whether a combination can come twice; where it cannot, answers are not kept, which bounds memory.
    """
    answers: dict[tuple[str | None, ...], bool] = {}
    places = question.places

    def answer(row: Row, otherwise: bool) -> bool:
        arguments = tuple([row[place] for place in places])
        if (known := answers.get(arguments)) is not None:
            return known
        try:
            held = question.holds(row)
        except Exception as error:  # the user's code may raise anything
            given = {names[place]: row[place] for place in places}
            seen.raised.setdefault(question.number, (given, error))
            held = otherwise
        else:
            (seen.held if held else seen.failed).add(question.number)
        if remember:
            answers[arguments] = held
        return held

    return answer
