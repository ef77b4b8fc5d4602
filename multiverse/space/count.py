"""Counting universes without making them: decisions are taken in turn, and pasts that rules cannot tell apart are one.

Each rule is asked at the decision where its last argument is bound.  The universes below a point depend only on how
deep it is and on what the rules still to be asked know of the past, so one node serves all pasts that agree in that.
What comes out is a diagram whose size goes with what the rules span: a million universes without rules are six nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from multiverse.space.diagram import EMPTY, END, Labels, Node, Nodes
from multiverse.space.steps import Pattern, Question, Row, Step


@dataclass
class Seen:
    """What the rules said while universes were counted."""

    held: set[int] = field(default_factory=set)  # numbers of rules that were true at least once
    failed: set[int] = field(default_factory=set)  # ... that were false at least once
    raised: dict[int, tuple[dict[str, str | None], Exception]] = field(default_factory=dict)  # the first time of each


def settle(taken: Sequence[Step], chosen: Sequence[str]) -> Labels:
    """As `Diagram.settle`, but by asking the rules: also for a universe that rules exclude.

    A rule that raises is taken to hold.
    """
    row: Row = [None] * len(chosen)
    for step in taken:
        row[step.place] = chosen[step.place] if applies(step, row) else None
    return tuple(row)


def applies(step: Step, row: Row) -> bool:
    """Whether the step's decision applies, given the labels before it.  A rule that raises is taken to hold."""
    return bool(step.labels) and all(_asked(question, row) is not False for question in step.applies)


def broken(taken: Sequence[Step], labels: Sequence[str | None]) -> list[int]:
    """Numbers of the rules that rule this universe out, in their order."""
    row = list(labels)
    ruled_out = {q.number for step in taken for q in step.forbids if _asked(q, row) is True}
    return sorted(ruled_out | {tie.number for step in taken for tie in step.ties if tie.holds(row)})


def _asked(question: Question | Pattern, row: Row) -> bool | None:
    try:
        return question.holds(row)
    except Exception:  # the user's code may raise anything; `count` has reported it where it matters
        return None


def count(names: Sequence[str], taken: Sequence[Step], seen: Seen, nodes: Nodes) -> Node:
    """The root of the diagram of all universes; what the rules said on the way goes to `seen`.

    nodes: those made so far, by any count of these decisions; new ones are added.
    Each function is called once for each combination of its arguments that it can meet.  One that raises is recorded
    in `seen.raised` and taken to let the universe pass, so that all such rules are found in one go.
    """
    row: Row = [None] * len(names)
    flags = [True] * len({pattern.flag for step in taken for pattern in step.patterns})
    known: list[dict[tuple[str | bool | None, ...], Node]] = [{} for _ in taken]
    asks = [
        (
            [_answering(q, names, flags, seen, remember=set(q.places) != set(step.live)) for q in step.applies],
            [
                _answering(q, names, flags, seen, remember=set(q.places) != {*step.live, step.place})
                for q in step.forbids
            ],
        )
        for step in taken
    ]

    def below(depth: int) -> Node:
        if depth == len(taken):
            return END
        step = taken[depth]
        if step.shared:
            past = (*[row[place] for place in step.live], *[flags[flag] for flag in step.flags])
            if (found := known[depth].get(past)) is not None:
                return found
        applies, forbids = asks[depth]
        labels: list[str | None] = []
        children: list[Node] = []
        marks = [(pattern.flag, flags[pattern.flag], pattern.labels[step.place]) for pattern in step.patterns]
        # Lists, not generators, in any() and all(): every rule is asked, so their order cannot hide one that raises.
        active = bool(step.labels) and all([holds(row, True) for holds in applies])
        for label in _left(step, row, seen) if active else (None,):
            row[step.place] = label
            for flag, before, wanted in marks:
                flags[flag] = before and label in wanted
            if not any([holds(row, False) for holds in forbids]) and (child := below(depth + 1)) is not EMPTY:
                labels.append(label)
                children.append(child)
        row[step.place] = None
        for flag, before, _ in marks:
            flags[flag] = before
        shape = tuple(labels), tuple(children)
        node = nodes.setdefault(shape, Node(*shape)) if labels else EMPTY
        if step.shared:
            known[depth][past] = node
        return node

    return below(0)


def _left(step: Step, row: Row, seen: Seen) -> tuple[str, ...]:
    """The labels that links leave to a decision that applies."""
    labels = step.labels
    for tie in step.ties:
        if (only := tie.left(row)) is not None:
            if labels != (only,):
                seen.held.add(tie.number)
            labels = (only,) if only in labels else ()
    return labels


def _answering(
    question: Question | Pattern, names: Sequence[str], flags: list[bool], seen: Seen, *, remember: bool
) -> Callable[[Row, bool], bool]:
    """The question as a function of (row, answer if it raises), which asks it once for each combination of arguments.

    remember: whether a combination can come twice; where it cannot, answers are not kept, which bounds memory.
    """
    answers: dict[tuple[str | None, ...], bool] = {}
    places = question.places
    number = question.number

    def flagged(row: Row, otherwise: bool) -> bool:
        held = flags[flag]
        (seen.held if held else seen.failed).add(number)
        return held

    def answer(row: Row, otherwise: bool) -> bool:
        arguments = tuple([row[place] for place in places])
        if (known := answers.get(arguments)) is not None:
            return known
        try:
            held = question.holds(row)
        except Exception as error:  # the user's code may raise anything
            given = {names[place]: row[place] for place in places}
            seen.raised.setdefault(number, (given, error))
            held = otherwise
        else:
            (seen.held if held else seen.failed).add(number)
        if remember:
            answers[arguments] = held
        return held

    if isinstance(question, Pattern):
        flag = question.flag
        return flagged
    return answer
