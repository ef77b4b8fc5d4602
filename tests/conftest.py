"""What several folders of tests share."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]


def _study(name: str) -> ModuleType:
    """A file of tests/studies as a module, loaded once."""
    if name not in sys.modules:
        at = importlib.util.spec_from_file_location(name, Path(__file__).parent / "studies" / f"{name}.py")
        assert at is not None and at.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(at)
        at.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="session")
def normal_mean() -> ModuleType:
    """The study tests/studies/normal_mean.py."""
    return _study("normal_mean")


@pytest.fixture(scope="session")
def exact_engines(normal_mean: ModuleType) -> ModuleType:
    """Engines without NUTS for that study, tests/studies/exact_engines.py."""
    return _study("exact_engines")


@pytest.fixture(scope="session")
def normal_mean_command() -> tuple[list[str], dict[str, str]]:
    """How to run that study in another process: the command, to which arguments are added, and its environment."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, str(Path(__file__).parent / "studies" / "normal_mean.py")]
    return command, {**os.environ, "PYTHONPATH": path}


@pytest.fixture(scope="session")
def small_run(normal_mean: ModuleType) -> Any:
    """Results of 12 of its universes, in memory, with all draws kept."""
    from multiverse.sweep import run

    return run(normal_mean.study(normal_mean.space(3, 2, 2)), engine=normal_mean.QUICK, keep="all")
