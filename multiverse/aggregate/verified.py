"""What answers were checked against, in words: said wherever there was no density to check them against."""

from __future__ import annotations

from typing import Final

UNVERIFIED: Final = "unverified by density"
_WHY: Final = (
    "the study only simulates, so calibration on simulated data vouches for the answers, and no likelihood does"
)


def unverified(verified_by: str) -> str:
    """A sentence on answers that no density vouches for; empty where one does, or where none is needed.

    verified_by: what the plan says of all its universes: "calibration", or "" (and of a universe, "density").
    """
    return f"{UNVERIFIED.capitalize()}: {_WHY}." if verified_by == "calibration" else ""


def remark(verified_by: str) -> str:
    """The same in a few words that follow others: `; unverified by density`."""
    return f"; {UNVERIFIED}" if unverified(verified_by) else ""
