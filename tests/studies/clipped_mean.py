"""The study normal_mean with a decision that does nothing: two of three universes are exact duplicates of another."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

import multiverse as mv
from multiverse.planning.build import plan
from multiverse.planning.plan import Plan
from multiverse.progress import no_progress

CLIPPED = {"not": np.inf, "at 100": 100.0, "at 50": 50.0}  # no row is as far out
ALL = tuple(CLIPPED)


def clip(raw: Mapping[str, np.ndarray], *, dropped: int, clipped: float) -> dict[str, np.ndarray]:
    return {"y": np.clip(raw["y"][dropped:], -clipped, clipped)}


def study(clipped: Sequence[str] = ALL, priors: int = 4, **changes: Any) -> mv.Study:
    """With these ways of clipping, and so many priors."""
    normal_mean: ModuleType = sys.modules["normal_mean"]
    options = {label: CLIPPED[label] for label in clipped}
    space = mv.Space(clipped=mv.preprocessing(options), **normal_mean.space(priors, 1, 1).decisions)
    found: mv.Study = normal_mean.study(space, prepare=clip, **changes)
    return found


@cache
def planned(*clipped: str, priors: int = 4) -> Plan:
    """Its plan; with all ways of clipping by default."""
    return plan(study(clipped or ALL, priors), progress=no_progress)


def key_of(of: Plan, clipped: str, prior: str) -> str:
    """The key of a universe."""
    return next(k for k, u in of.universes.items() if (u["clipped"], u["prior"]) == (clipped, prior))
