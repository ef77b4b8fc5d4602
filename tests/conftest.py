"""What several folders of tests share."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings

import multiverse  # noqa: F401  before JAX touches a device, as a user would (multiverse/arithmetic.py)

ROOT = Path(__file__).parents[1]


def pytest_configure() -> None:
    """Properties may take their time on a busy machine.

    Hear Ctrl-C, also where the tests run in the background of a script: its children inherit deafness to it.
    """
    settings.register_profile("any machine", deadline=None)
    settings.load_profile("any machine")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden texts anew; read them afterwards")


@pytest.fixture(scope="session")
def golden(request: pytest.FixtureRequest) -> Any:
    """`golden(path, text)`: the text is that of the file below tests/golden, or is written there (--update-golden)."""

    def same(path: str, text: str) -> None:
        file = ROOT / "tests" / "golden" / path
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        assert file.exists(), f"there is no {file}: run pytest --update-golden, and read what it writes"
        assert text == file.read_text()

    return same


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
def traps() -> ModuleType:
    """Posteriors that are hard to answer, tests/studies/traps.py."""
    return _study("traps")


@pytest.fixture(scope="session")
def exact_engines(normal_mean: ModuleType) -> ModuleType:
    """Engines without NUTS for that study, tests/studies/exact_engines.py."""
    return _study("exact_engines")


@pytest.fixture(scope="session")
def only_simulate() -> ModuleType:
    """A queue and an epidemic that only simulate, tests/studies/only_simulate.py."""
    return _study("only_simulate")


@pytest.fixture(scope="session")
def clipped_mean(normal_mean: ModuleType) -> ModuleType:
    """That study with universes that are exact duplicates, tests/studies/clipped_mean.py."""
    return _study("clipped_mean")


@contextlib.contextmanager
def _quick_networks() -> Iterator[None]:
    from multiverse.planning.tracing import QUICK_COMPILE, compiled

    with pytest.MonkeyPatch.context() as patched:
        for name in ("answer", "distance", "real_universes", "simulations", "training"):
            file = importlib.import_module(f"multiverse.engines.amortized.{name}")
            patched.setattr(file, "compiled", lambda *of, **_: compiled(*of, options=QUICK_COMPILE))
        yield


@pytest.fixture(scope="session")
def quick_networks() -> Callable[[], contextlib.AbstractContextManager[None]]:
    """`with quick_networks():` networks are compiled in a quarter of the time, and run three times as long."""
    return _quick_networks


@pytest.fixture
def quick_unless_slow(request: pytest.FixtureRequest) -> Iterator[None]:
    """Networks of default tests are compiled quickly, as they run little; those of slow ones as users' are."""
    with contextlib.nullcontext() if "slow" in request.keywords else _quick_networks():
        yield


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


@pytest.fixture(scope="session")
def laplace_run(normal_mean: ModuleType) -> Any:
    """Results of all 50 of its universes by Laplace's approximation, in memory: they tell evidence."""
    from multiverse.engines.laplace.engine import Laplace
    from multiverse.sweep import run

    return run(normal_mean.study(), engine=Laplace(), keep="all")


@pytest.fixture(scope="session")
def twelve(normal_mean: ModuleType) -> Any:
    """The plan of the same 12 universes."""
    from multiverse.planning.build import plan

    return plan(normal_mean.study(normal_mean.space(3, 2, 2)))


@pytest.fixture
def fitted(exact_engines: ModuleType) -> list[str]:
    """The batches that the engines of that file fit from now on."""
    exact_engines.FITTED.clear()
    batches: list[str] = exact_engines.FITTED
    return batches
