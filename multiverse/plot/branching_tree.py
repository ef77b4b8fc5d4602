"""The picture of a small space: a tree from left to right, a column a decision, every universe a leaf."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from multiverse.plot.decision_tree_data import RULED_OUT, Note, TreeData, TreeStep
from multiverse.plot.sheet import Box, Line, Sheet, Text
from multiverse.plot.style import DARK
from multiverse.plot.text_width import text_width
from multiverse.plot.tree_look import (
    BADGE,
    LINK,
    OUT,
    QUIET,
    Look,
    badge,
    key_above,
    look,
    notes_below,
    number_text,
    smooth,
    stacked,
)
from multiverse.space.diagram import Node

ENDS_MOST = 36  # universes and dead ends, one line each: more do not fit on half a page
LINK_LEAST, LINK_MOST = 15.0, 90.0  # room in points for the lines between two columns
GAP = 3.0  # between a line and a label
NOTHING = "\N{EN DASH}"  # where a decision does not apply


class Twig(NamedTuple):
    """A label in the tree. ends: lines of text that it and what is below take; note: of the rule that ends it here."""

    label: str | None
    reference: bool
    ends: int
    twigs: tuple[Twig, ...]
    note: Note | None = None

    @property
    def words(self) -> str:
        """The label on one line."""
        return NOTHING if self.label is None else " ".join(self.label.split())


def branching_tree(data: TreeData, width: str | float) -> Sheet | None:
    """The whole page; None where there are too many universes, or too long labels, for a page of this width.

    Raises ResultError for a width that is none.
    """
    sizes = look(width)
    if data.size > ENDS_MOST:
        return None
    twigs = _twigs(data, data.diagram.root, (), True)
    lefts = _columns(data, sizes)
    if sum(twig.ends for twig in twigs) > ENDS_MOST or lefts is None:
        return None
    top = key_above(sizes, False, others=data.size > 1, ruled_out=any(note is not None for note in _dead(twigs)))
    head = top.height + 8
    texts, boxes, lines = list(top.texts), list(top.boxes), list(top.lines)
    notes = {note.number: note for note in data.notes}
    for step, left in zip(data.steps, lefts, strict=True):
        texts.append(Text(step.decision, left, head + sizes.line / 2, sizes.font, bold=True))
        texts.append(Text(step.kind, left, head + 1.5 * sizes.line, sizes.small, color=QUIET))
        after = left + text_width(step.decision, sizes.font, bold=True) + 3 + BADGE / 2
        for place, number in enumerate(step.notes):
            circle, text = badge(notes[number], after + place * (BADGE + 1.5), head + sizes.line / 2)
            boxes.append(circle)
            texts.append(text)
    start = head + 2 * sizes.line + 6
    row = sizes.font + 3.5
    own: list[Line] = []
    _grow(twigs, 0, start, None, lefts, row, sizes, (lines, own, boxes, texts))
    y = start + row * sum(twig.ends for twig in twigs) + 4
    for step, left in zip(data.steps, lefts, strict=True):
        texts.append(_count(step, left, y + sizes.line / 2, step is data.steps[-1], sizes))
    y += sizes.line
    if data.notes:
        below = stacked(notes_below(data.notes, sizes), y + 8)
        boxes += below.boxes
        texts += below.texts
        y += 8 + below.height
    return Sheet(sizes.width, y, (*lines, *own), tuple(boxes), tuple(texts))


def _twigs(data: TreeData, node: Node, past: tuple[str | None, ...], own: bool) -> tuple[Twig, ...]:
    """What can be taken after this past, and what cannot, with the rule that forbids it."""
    if len(past) == len(data.steps):
        return ()
    step, found = data.steps[len(past)], []
    for choice in step.choices:
        if choice.label in node.labels:
            child = node.children[node.labels.index(choice.label)]
            reference = own and choice.reference
            twigs = _twigs(data, child, (*past, choice.label), reference)
            found.append(Twig(choice.label, reference, sum(t.ends for t in twigs) or 1, twigs))
        elif node.labels != (None,) and (note := _why_not(data, past, choice.label)):
            found.append(Twig(choice.label, False, 1, (), note))
    return tuple(found)


def _why_not(data: TreeData, past: tuple[str | None, ...], label: str | None) -> Note | None:
    """The note whose rule names this option and nothing that this past lacks."""
    names = [step.decision for step in data.steps]
    taken = dict(zip(names, (*past, label), strict=False))
    for note in data.notes:
        if note.about == RULED_OUT and (names[len(past)], label) in note.where:
            named = {name for name, _ in note.where}
            if all((name, taken[name]) in note.where for name in named & taken.keys()):
                return note
    return None


def _dead(twigs: tuple[Twig, ...]) -> Iterator[Note | None]:
    for twig in twigs:
        yield twig.note
        yield from _dead(twig.twigs)


def _columns(data: TreeData, sizes: Look) -> list[float] | None:
    """The left edge of each column; None where they do not fit."""
    wide = []
    for step in data.steps:
        words = [NOTHING if c.label is None else " ".join(c.label.split()) for c in step.choices]
        texts = [text_width(word, sizes.font, bold=True) + (BADGE + 2) * bool(step.choices) for word in words]
        head = text_width(step.decision, sizes.font, bold=True) + 3 + len(step.notes) * (BADGE + 1.5)
        under = text_width(_count(step, 0, 0, True, sizes).text, sizes.font, bold=True)
        wide.append(max(*texts, head, under, text_width(step.kind, sizes.small)))
    links = len(wide) - 1
    room = (sizes.width - sum(wide)) / max(links, 1)
    if sum(wide) > sizes.width or (links and room < LINK_LEAST):
        return None
    lefts, x = [], 0.0
    for column in wide:
        lefts.append(x)
        x += column + min(room, LINK_MOST)
    return lefts


def _count(step: TreeStep, left: float, y: float, last: bool, sizes: Look) -> Text:
    noun = "universe" if step.universes == 1 else "universes"
    words = f"{number_text(step.universes)} {noun}" if last else number_text(step.universes)
    return Text(words, left, y, sizes.font, color=DARK if last else QUIET, bold=last)


def _grow(
    twigs: tuple[Twig, ...],
    depth: int,
    y: float,
    parent: tuple[float, float] | None,
    lefts: list[float],
    row: float,
    sizes: Look,
    page: tuple[list[Line], list[Line], list[Box], list[Text]],
) -> None:
    """Draw these twigs and all below, from y downwards; parent: where their lines begin."""
    lines, own, boxes, texts = page
    for twig in twigs:
        middle, left = y + row * twig.ends / 2, lefts[depth]
        bold, dead = twig.reference, twig.note is not None
        tone = OUT if dead else QUIET if twig.label is None else DARK
        texts.append(Text(twig.words, left, middle, sizes.font, color=tone, bold=bold))
        end = left + text_width(twig.words, sizes.font, bold=bold)
        if twig.note is not None:
            circle, number = badge(twig.note, end + 2 + BADGE / 2, middle)
            boxes.append(circle)
            texts.append(number)
        if parent is not None:
            path = smooth(parent, (left - GAP, middle), down=False)
            line = Line(path, OUT if dead else DARK if bold else LINK, 0.7 if dead else 1.2 if bold else 0.7, dead)
            (own if bold else lines).append(line)
        _grow(twig.twigs, depth + 1, y, (end + GAP, middle), lefts, row, sizes, page)
        y += row * twig.ends
