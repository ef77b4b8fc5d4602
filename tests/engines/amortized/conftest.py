"""One small network for all tests of this folder: what is compiled for it takes seconds, and is kept by the process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import multiverse as mv
from multiverse.engines.amortized.engine import Amortized
from multiverse.engines.amortized.learning import Goal
from multiverse.engines.amortized.training import Schedule
from multiverse.planning.plan import Plan
from multiverse.testing_engines import Answers, answer

sys.path.insert(0, str(Path(__file__).parents[2] / "studies"))
import known_line

# Two segments, whatever the network says of itself: so that one hands on to another.
SMALL = Amortized(
    draws=500,
    training=Schedule(batch=128, segment=200, steps=400, learning_rate=5e-3),
    goal=Goal(green=2.0),
    couplings=2,
    width=32,
    whiten="prior",  # the network has to learn where posteriors are, and half as much is compiled
    tuning=None,
    escalate=None,
)


@pytest.fixture(scope="session")
def line() -> ModuleType:
    """The study tests/studies/known_line.py."""
    return known_line


@pytest.fixture(scope="session")
def small_engine() -> Amortized:
    return SMALL


@pytest.fixture(scope="session")
def twelve_lines(line: ModuleType) -> Plan:
    """12 universes in one program."""
    planned = mv.plan(line.study())
    assert len(planned.programs) == 1
    return planned


@pytest.fixture(scope="session")
def answers_here(
    small_engine: Any, twelve_lines: Plan, quick_networks: Callable[[], AbstractContextManager[None]]
) -> Answers:
    """Every batch of the small engine with its outcomes."""
    with quick_networks():
        return answer(small_engine, twelve_lines)


@pytest.fixture(autouse=True)
def quick(quick_unless_slow: None) -> None:
    """In every test of this folder."""
