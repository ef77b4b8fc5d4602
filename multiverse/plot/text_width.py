"""How wide a text is before it is drawn, so that labels are cut with an ellipsis and never by the edge."""

from __future__ import annotations

import unicodedata

# advance widths of the characters from space to tilde, thousandths of the font size: Liberation Sans 2.1.5, table hmtx
_REGULAR = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 "
    "278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 "
    "611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 "
    "556 556 556 556 333 500 278 556 500 722 500 500 500 334 260 334 584"
)
_BOLD = (
    "278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 "
    "333 333 584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 "
    "611 722 667 944 667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 "
    "611 611 611 611 389 556 333 611 556 778 556 556 500 389 280 389 584"
)
_WIDTHS = {
    bold: {chr(32 + i): int(width) for i, width in enumerate(table.split())}
    for bold, table in ((False, _REGULAR), (True, _BOLD))
}
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_OTHER, _WIDE = 611, 1000  # other letters: as wide as a bold n; East Asian wide and the ellipsis: a full em


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of one line of text in points; letters beyond ASCII are estimated by their base letter."""
    return sum(_advance(letter, bold) for letter in unicodedata.normalize("NFD", text)) * size / 1000


def shorten(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text if it fits into `room` points, else its longest beginning that does with an ellipsis, at least that."""
    if text_width(text, size, bold=bold) <= room:
        return text
    for length in range(len(text) - 1, 0, -1):
        short = text[:length].rstrip(" ,;:(-") + ELLIPSIS
        if text_width(short, size, bold=bold) <= room:
            return short
    return ELLIPSIS


def wrap(text: str, room: float, size: float, lines: int, *, bold: bool = False) -> list[str]:
    """The text broken at spaces into at most `lines` lines of at most `room` points, ellipses where it is too long."""
    done: list[str] = []
    words = text.split()
    while words:
        take = len(words)
        while take > 1 and text_width(" ".join(words[:take]), size, bold=bold) > room:
            take -= 1
        if len(done) == lines - 1:
            take = len(words)
        done.append(shorten(" ".join(words[:take]), room, size, bold=bold))
        words = words[take:]
    return done or [""]


def _advance(letter: str, bold: bool) -> int:
    if unicodedata.combining(letter):
        return 0
    if letter == ELLIPSIS or unicodedata.east_asian_width(letter) in "WF":
        return _WIDE
    return _WIDTHS[bold].get(letter, _OTHER)
