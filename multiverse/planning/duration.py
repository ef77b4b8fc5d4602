"""Seconds in words that claim no more than a forecast knows."""

from __future__ import annotations

from typing import Final

SECONDS_UP_TO: Final = 90.0  # longer times read better in minutes,
MINUTES_UP_TO: Final = 5400.0  # and in hours


def duration(seconds: float) -> str:
    """As in `41 s`, `12 min`, `3.4 h`; never less than a second."""
    if seconds < SECONDS_UP_TO:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < MINUTES_UP_TO else f"{seconds / 3600:.1f} h"


def short(seconds: float) -> str:
    """The same for what may take less than a second, as in `2.4 ms`."""
    if seconds >= 1:
        return duration(seconds)
    return f"{seconds * 1e3:.0f} ms" if seconds >= 0.01 else f"{seconds * 1e3:.2g} ms"
