"""Counts in words: of universes, decisions, options."""

from __future__ import annotations

DIGITS_MOST = 15  # of a count that is written out; what has more nobody reads to the last digit


def counted(number: int, noun: str) -> str:
    """`1 universe`, `2,000 universes`, `about 10^31 universes`."""
    return f"{number_text(number)} {noun}{'' if number == 1 else 's'}"


def number_text(number: int) -> str:
    """A count with commas; beyond DIGITS_MOST digits its power of ten."""
    return f"{number:,}" if number < 10**DIGITS_MOST else f"about 10^{len(str(number)) - 1}"
