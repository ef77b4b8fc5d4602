"""The picture of a space of any size: a row a decision, a box an option, lines between options that go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from multiverse.plot.boxes_row import BETWEEN, Shown, boxes_row
from multiverse.plot.decision_tree_data import RULED_OUT, Note, TreeData, TreeStep
from multiverse.plot.diagram_counts import counted_levels, universes_with_both
from multiverse.plot.sheet import Box, Line, Sheet, Text
from multiverse.plot.style import DARK, PALE_LINE
from multiverse.plot.text_width import shorten, text_width, wrap
from multiverse.plot.tree_look import (
    BADGE,
    LINK,
    OUT,
    QUIET,
    Drawing,
    Look,
    badge,
    is_ruled_out,
    key_above,
    look,
    notes_below,
    number_text,
    smooth,
    stacked,
)

ASIDE = 8.0  # between the columns: names, boxes, counts
NAMES_MOST = 0.24  # part of the page that names may take
FAN_MOST = 36  # pairs of options that are drawn one by one where all occur; more are a grey bar
SO_FAR = "universes so far"


def layered_tree(data: TreeData, width: str | float) -> Sheet:
    """The whole page. Raises ResultError for a width that is none."""
    sizes = look(width)
    right = max(text_width(number_text(step.universes), sizes.font, bold=True) for step in data.steps)
    left = _names_width(data, sizes)
    room = sizes.width - left - right - 2 * ASIDE
    rows = [boxes_row(step.choices, room, sizes) for step in data.steps]
    rows = [tuple(box._replace(left=box.left + left + ASIDE) for box in row) for row in rows]
    ruled_out = is_ruled_out(data.notes)
    top = key_above(sizes, True, others=any(len(row) > 1 for row in rows), ruled_out=ruled_out)
    lines, boxes, texts = list(top.lines), list(top.boxes), list(top.texts)
    texts.append(Text(SO_FAR, sizes.width, sizes.line / 2, sizes.small, "right", QUIET))
    y, places = top.height + 7, []
    for step, row in zip(data.steps, rows, strict=True):
        high = max(len(box.lines) for box in row) * sizes.line + 1.15 * sizes.small + 5
        places.append((y, y + high))
        drawn = _row(data, step, row, y, high, left, sizes)
        boxes += drawn.boxes
        texts += drawn.texts
        y += high + sizes.gap
    lines += _links(data, rows, places)
    y += 9 - sizes.gap
    below = stacked(notes_below(data.notes, sizes), y)
    boxes += below.boxes
    texts += below.texts
    height = y + below.height if data.notes else y - 7
    return Sheet(sizes.width, height, tuple(lines), tuple(boxes), tuple(texts))


def _names_width(data: TreeData, sizes: Look) -> float:
    most = NAMES_MOST * sizes.width
    own = [text_width(step.decision, sizes.font, bold=True) + _marks_width(step) for step in data.steps]
    kinds = [text_width(step.kind, sizes.small) for step in data.steps]
    return min(max(*own, *kinds) + 1, most)


def _marks_width(step: TreeStep) -> float:
    return len(step.notes) * (BADGE + 1.5) + 2


def _name_lines(step: TreeStep, left: float, sizes: Look) -> list[str]:
    """The decision's name in one line or two, broken at spaces and after underscores."""
    room = left - _marks_width(step)
    if text_width(step.decision, sizes.font, bold=True) <= room:
        return [step.decision]
    broken = wrap(step.decision.replace("_", "_ "), room, sizes.font, 2, bold=True)
    return [line.replace("_ ", "_") for line in broken]


def _row(
    data: TreeData, step: TreeStep, row: Sequence[Shown], y: float, high: float, left: float, sizes: Look
) -> Drawing:
    """Name and kind, boxes with labels and counts, and how many universes there are so far."""
    boxes: list[Box] = []
    texts: list[Text] = []
    notes = {note.number: note for note in data.notes}
    middle, last = y + high / 2, step is data.steps[-1]
    names = _name_lines(step, left, sizes)
    first = middle - sizes.line * len(names) / 2
    for place, name in enumerate(names):
        texts.append(Text(name, 0, first + place * sizes.line, sizes.font, bold=True))
    kind = shorten(step.kind, left, sizes.small)
    texts.append(Text(kind, 0, first + len(names) * sizes.line, sizes.small, color=QUIET))
    after = text_width(names[0], sizes.font, bold=True) + 3 + BADGE / 2
    for place, number in enumerate(step.notes):
        circle, text = badge(notes[number], after + place * (BADGE + 1.5), first)
        boxes.append(circle)
        texts.append(text)
    texts.append(Text(number_text(step.universes), sizes.width, middle, sizes.font, "right", bold=last))
    marks: list[tuple[Box, Text]] = []
    for shown in row:
        fill, stroke = (DARK, DARK) if shown.reference and not shown.absent else ("white", PALE_LINE)
        boxes.append(Box(shown.left, y, shown.width, high, fill, stroke, shown.absent or not shown.universes))
        x, ink = shown.middle, "white" if fill == DARK else DARK
        start = middle - (len(shown.lines) * sizes.line + 1.15 * sizes.small) / 2
        for place, words in enumerate(shown.lines):
            tone = QUIET if shown.absent or len(shown.labels) > 1 else ink
            texts.append(Text(words, x, start + (place + 0.5) * sizes.line, sizes.font, "center", tone))
        under = start + len(shown.lines) * sizes.line + 0.575 * sizes.small
        pale = "#D0D0D0" if fill == DARK else QUIET
        texts.append(Text(number_text(shown.universes), x, under, sizes.small, "center", pale))
        marks += _marks(shown, y, notes)
    boxes += [circle for circle, _ in marks]
    texts += [text for _, text in marks]
    return Drawing((), tuple(boxes), tuple(texts), high)


def _marks(shown: Shown, y: float, notes: Mapping[int, Note]) -> list[tuple[Box, Text]]:
    """The numbers of a box's notes on its upper edge, from the right; none on options folded into one."""
    found: list[tuple[Box, Text]] = []
    x = shown.left + shown.width + BADGE / 2 - 2
    for number in reversed(shown.notes if len(shown.labels) == 1 else ()):
        circle, text = badge(notes[number], 0, y)
        x -= circle.width + 0.8
        if x < shown.left - BETWEEN / 2:  # what finds no room is told below all the same
            break
        found.append((circle._replace(x=x), text._replace(x=x + circle.width / 2)))
    return found


def _links(data: TreeData, rows: Sequence[Sequence[Shown]], places: Sequence[tuple[float, float]]) -> list[Line]:
    """Lines from row to row: grey by how many universes take them, dashed where ruled out, black the reference's."""
    allowed: list[Line] = []
    forbidden: list[Line] = []
    own: list[Line] = []
    for number, level in enumerate(counted_levels(data.diagram)):
        if number + 1 >= len(rows):
            break
        first, second = rows[number], rows[number + 1]
        high, low = places[number][1], places[number + 1][0]
        counts = universes_with_both(level, _named(first), _named(second))
        pairs = {
            (i, j): smooth((one.middle, high), (other.middle, low), down=True)
            for i, one in enumerate(first)
            for j, other in enumerate(second)
        }
        if len(pairs) > FAN_MOST and len(counts) == len(pairs):
            allowed += _bus(first, second, high, low)
        else:
            shares = {pair: n / data.size for pair, n in counts.items()}
            allowed += [Line(pairs[pair], LINK, round(0.4 + 1.4 * share, 2)) for pair, share in shares.items()]
        for (i, j), path in pairs.items():
            if (i, j) not in counts and _same_rule(first[i], second[j], data.notes):
                forbidden.append(Line(path, OUT, 0.7, True))
            if first[i].reference and second[j].reference:
                own.append(Line(path, DARK, 1.2))
    return [*allowed, *forbidden, *own]


def _bus(first: Sequence[Shown], second: Sequence[Shown], high: float, low: float) -> list[Line]:
    """Every option with every option: a line across, which all boxes above and below join."""
    half = (high + low) / 2
    ends = [box.middle for box in (*first, *second)]
    stems = [*((box.middle, high) for box in first), *((box.middle, low) for box in second)]
    across = Line(((min(ends), half), (max(ends), half)), LINK, 0.6)
    return [across, *(Line(((x, y), (x, half)), LINK, 0.6) for x, y in stems)]


def _named(row: Sequence[Shown]) -> dict[str | None, int]:
    return {label: place for place, box in enumerate(row) for label in box.labels}


def _same_rule(one: Shown, other: Shown, notes: Sequence[Note]) -> bool:
    """Whether one rule names both options: it is why no universe has them together."""
    both = set(one.notes) & set(other.notes)
    return any(note.about == RULED_OUT and note.number in both for note in notes)
