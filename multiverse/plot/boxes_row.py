"""The boxes of one decision, set side by side in the room there is: wrapped, shortened, and at last folded into one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from multiverse.plot.decision_tree_data import Choice
from multiverse.plot.text_width import text_width, wrap
from multiverse.plot.tree_look import ABSENT, Look, number_text

PAD = 4.0  # between a box and its text
BETWEEN = 8.0  # the least between two boxes
SLOT_MOST = 108.0  # from the middle of one box to the next at most: wider, and a row falls apart
LEAST = 36.0  # width of a box below which a shortened label says too little
LINES_MOST = 3  # of a label


class Shown(NamedTuple):
    """A box: the labels it stands for (many where options are folded), its lines of text, place and width."""

    labels: tuple[str | None, ...]
    lines: tuple[str, ...]
    universes: int
    reference: bool
    notes: tuple[int, ...]
    left: float = 0.0
    width: float = 0.0

    @property
    def middle(self) -> float:
        """Where lines arrive and leave."""
        return self.left + self.width / 2

    @property
    def absent(self) -> bool:
        """Whether it stands for a decision that does not apply."""
        return self.labels == (None,)


def boxes_row(choices: Sequence[Choice], room: float, look: Look) -> tuple[Shown, ...]:
    """The boxes from left to right within `room` points; options beyond those that fit are folded into one box."""
    shown = [_alone(choice) for choice in choices]
    for lines in range(1, LINES_MOST + 1):
        widths = [_wanted(box, lines, look) for box in shown]
        if _together(widths) <= room:
            return _placed(shown, widths, lines, room, look)
    if _together([min(width, LEAST) for width in widths]) <= room:
        return _placed(shown, _capped(widths, room), LINES_MOST, room, look)
    for least in (math.inf, LEAST):  # rather fewer options with their whole labels
        for kept in range(min(len(choices) - 2, int(room / BETWEEN)), 0, -1):
            shown = _folded(choices, kept)
            widths = [_wanted(box, LINES_MOST, look) for box in shown]
            if _together([min(width, least) for width in widths]) <= room:
                return _placed(shown, _capped(widths, room), LINES_MOST, room, look)
    return _placed(shown, _capped(widths, room), LINES_MOST, room, look)


def _alone(choice: Choice) -> Shown:
    words = ABSENT if choice.label is None else " ".join(choice.label.split())
    return Shown((choice.label,), (words,), choice.universes, choice.reference, choice.notes)


def _folded(choices: Sequence[Choice], kept: int) -> list[Shown]:
    """The first options and the reference, one box for the others, and last the box of what does not apply."""
    options = [choice for choice in choices if choice.label is not None]
    first = set(range(kept))
    own = next((i for i, choice in enumerate(options) if choice.reference), 0)
    if own not in first:
        first = {*range(kept - 1), own}
    rest = [choice for i, choice in enumerate(options) if i not in first]
    numbers = tuple(sorted({number for choice in rest for number in choice.notes}))
    fold = Shown(
        tuple(choice.label for choice in rest),
        (f"{len(rest):,} more",),
        sum(choice.universes for choice in rest),
        False,
        numbers,
    )
    absent = [_alone(choice) for choice in choices if choice.label is None]
    return [*(_alone(options[i]) for i in sorted(first)), fold, *absent]


def _wanted(box: Shown, lines: int, look: Look) -> float:
    """The least width at which the whole label fits into so many lines."""
    words, count = box.lines[0].split(), text_width(number_text(box.universes), look.small)
    whole = text_width(" ".join(words), look.font)
    longest = max((text_width(word, look.font) for word in words), default=0.0)
    room = whole if len(box.labels) > 1 else max(longest, whole / lines)
    while room < whole and " ".join(wrap(" ".join(words), room, look.font, lines)) != " ".join(words):
        room += 1.0
    return max(min(room, whole), count, 12.0) + 2 * PAD


def _together(widths: Sequence[float]) -> float:
    return sum(widths) + BETWEEN * (len(widths) - 1)


def _capped(widths: Sequence[float], room: float) -> list[float]:
    """The widths, the widest made narrower until they fit."""
    low, high = 0.0, max(widths)
    for _ in range(40):
        cap = (low + high) / 2
        low, high = (cap, high) if _together([min(width, cap) for width in widths]) <= room else (low, cap)
    return [min(width, low) for width in widths]


def _placed(boxes: Sequence[Shown], widths: Sequence[float], lines: int, room: float, look: Look) -> tuple[Shown, ...]:
    n = len(boxes)
    slot = min(room / n, SLOT_MOST)
    if max(widths) + BETWEEN <= slot:  # middles evenly spaced
        middles = [room / 2 + (i - (n - 1) / 2) * slot for i in range(n)]
        lefts = [middle - width / 2 for middle, width in zip(middles, widths, strict=True)]
    else:
        space = min((room - sum(widths)) / max(n - 1, 1), 3 * BETWEEN)
        x, lefts = (room - sum(widths) - space * (n - 1)) / 2, []
        for width in widths:
            lefts.append(x)
            x += width + space
    return tuple(
        box._replace(lines=tuple(wrap(box.lines[0], width - 2 * PAD + 0.01, look.font, lines)), left=left, width=width)
        for box, width, left in zip(boxes, widths, lefts, strict=True)
    )
