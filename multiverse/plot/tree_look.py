"""What both pictures of a space share: sizes, colours, numbers in circles, the notes below, words for counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from multiverse.plot.decision_tree_data import RULED_OUT, Note
from multiverse.plot.layout import NARROW_MM, PADDING, millimetres
from multiverse.plot.sheet import Box, Line, Point, Text
from multiverse.plot.style import ABOVE, DARK, HOLDS, MM_PER_INCH, POINTS_PER_INCH
from multiverse.plot.text_width import text_width, wrap

LINK, QUIET, OUT = "#BDBDBD", HOLDS.outline, ABOVE.solid  # allowed pairs; words that step back; ruled out
BADGE = 6.6  # diameter of a number in a circle
NOTES_MOST = 12  # notes drawn below a figure; its caption has them all
BEND = 0.3  # part of the way that a line goes straight on: with more, lines run into each other in the middle
ABSENT = "does not apply"


class Look(NamedTuple):
    """Sizes in points, by how wide the page is: the page within its white margin, texts, room between rows."""

    width: float
    font: float
    small: float
    gap: float

    @property
    def line(self) -> float:
        """From one line of text to the next."""
        return 1.15 * self.font


class Drawing(NamedTuple):
    """Some lines, boxes and texts, and how high they are."""

    lines: tuple[Line, ...] = ()
    boxes: tuple[Box, ...] = ()
    texts: tuple[Text, ...] = ()
    height: float = 0.0


def look(width: str | float) -> Look:
    """Sizes for a page of this width. Raises ResultError for a width that is none."""
    mm = millimetres(width)
    points = mm / MM_PER_INCH * POINTS_PER_INCH - 2 * PADDING
    return Look(points, 6.0, 5.5, 16.0) if mm < NARROW_MM else Look(points, 7.0, 6.0, 22.0)


def number_text(n: int) -> str:
    """A count with commas; beyond 10^12 its power of ten."""
    return f"{n:,}" if n < 10**12 else f"10^{math.log10(n):.1f}"


def smooth(start: Point, end: Point, *, down: bool) -> tuple[Point, ...]:
    """An S from one point to the other that leaves and arrives straight: downwards, or to the right."""
    (x, y), (to_x, to_y) = start, end
    if down:
        bend = BEND * (to_y - y)
        return (start, (x, y + bend), (to_x, to_y - bend), end)
    bend = BEND * (to_x - x)
    return (start, (x + bend, y), (to_x - bend, to_y), end)


def badge(note: Note, x: float, y: float) -> tuple[Box, Text]:
    """The number of a note in a circle around this place: orange where it rules out, else grey."""
    fill = OUT if note.about == RULED_OUT else QUIET
    wide = BADGE + (2.4 if note.number > 9 else 0)
    circle = Box(x - wide / 2, y - BADGE / 2, wide, BADGE, fill, "white", corner=BADGE / 2)
    return circle, Text(str(note.number), x, y + 0.2, 5.5, "center", "white", True)


def notes_below(notes: Sequence[Note], look: Look) -> Drawing:
    """The notes, each after its number, over the whole width; after NOTES_MOST, how many are left to the caption."""
    boxes: list[Box] = []
    texts: list[Text] = []
    left, y = BADGE + 4, 0.0
    for note in notes[:NOTES_MOST]:
        circle, number = badge(note, BADGE / 2 + 1, y + look.line / 2)
        boxes.append(circle)
        texts.append(number)
        for words in wrap(note.text, look.width - left, look.font, 4):
            texts.append(Text(words, left, y + look.line / 2, look.font))
            y += look.line
        y += 2.0
    if left_out := len(notes) - NOTES_MOST:
        if left_out > 0:
            texts.append(Text(f"{left_out} more in the caption", left, y + look.line / 2, look.font, color=QUIET))
            y += look.line
    return Drawing((), tuple(boxes), tuple(texts), y)


def key_above(look: Look, boxed: bool, *, others: bool, ruled_out: bool) -> Drawing:
    """What black, white and orange mean, in one line: only what occurs. boxed: whether options are boxes."""
    boxes: list[Box] = []
    texts: list[Text] = []
    lines: list[Line] = []
    x, y = 0.0, look.line / 2
    entries = [("reference universe", DARK)] + [("other options", LINK)] * others + [("ruled out", OUT)] * ruled_out
    for words, color in entries:
        if color == OUT:
            boxes.append(Box(x + 1.7, y - BADGE / 2, BADGE, BADGE, OUT, OUT, corner=BADGE / 2))
        elif boxed:
            boxes.append(Box(x + 0.5, y - 3, 9, 6, DARK if color == DARK else "white", color, corner=1.5))
        else:
            lines.append(Line(((x, y), (x + 10, y)), color, 1.2 if color == DARK else 0.8))
        texts.append(Text(words, x + 13, y, look.font))
        x += 13 + text_width(words, look.font) + 9
    return Drawing(tuple(lines), tuple(boxes), tuple(texts), look.line)


def stacked(drawing: Drawing, y: float) -> Drawing:
    """The drawing moved down by y points."""
    return Drawing(
        tuple(line._replace(points=tuple((px, py + y) for px, py in line.points)) for line in drawing.lines),
        tuple(box._replace(y=box.y + y) for box in drawing.boxes),
        tuple(text._replace(y=text.y + y) for text in drawing.texts),
        drawing.height,
    )


def is_ruled_out(notes: Sequence[Note]) -> bool:
    """Whether any note rules something out."""
    return any(note.about == RULED_OUT for note in notes)
