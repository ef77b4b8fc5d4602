"""A person's own modules in a process that cannot import them: found, installed, imported, and shown in tracebacks."""

from __future__ import annotations

import importlib
import linecache
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from multiverse.own_modules import by_value, install, own_modules, sent_here, sources

FILES = {
    "alone_of_mine.py": "import package_of_mine.inner as inner\n\ndef double(x):\n    return inner.twice(x)\n",
    "package_of_mine/__init__.py": "NAME = 'mine'\n",
    "package_of_mine/inner.py": "from . import NAME\n\ndef twice(x):\n    return 2 * x\n\n"
    "def fail():\n    raise KeyError(NAME)\n",
    "spaced_of_mine/part.py": "VALUE = 7\n",
}
NAMES = {"alone_of_mine", "package_of_mine", "package_of_mine.inner", "spaced_of_mine", "spaced_of_mine.part"}


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Modules of a person, imported from a folder."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    finders = list(sys.meta_path)
    for name in sorted(NAMES):
        importlib.import_module(name)
    yield tmp_path
    sys.meta_path[:] = finders
    _forget()


def _forget() -> None:
    for name in NAMES:
        sys.modules.pop(name, None)


def test_a_persons_modules_are_told_from_all_others(mine: Path) -> None:
    found = own_modules()
    assert found.keys() >= NAMES
    assert not {"numpy", "multiverse", "multiverse.sweep", "sys", "json", "__main__"} & found.keys()


def test_sent_sources_are_imported_where_there_is_no_file(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = sources({name: module for name, module in own_modules().items() if name in NAMES})
    assert sent.keys() == NAMES
    for file in [*mine.rglob("*.py")]:
        file.unlink()
    _forget()
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder != str(mine)])
    with pytest.raises(ImportError):
        importlib.import_module("alone_of_mine")
    install(sent)
    assert importlib.import_module("alone_of_mine").double(21) == 42
    assert importlib.import_module("spaced_of_mine.part").VALUE == 7
    assert sent_here() == sent

    inner = importlib.import_module("package_of_mine.inner")
    assert inner.__file__ == str(mine / "package_of_mine" / "inner.py")
    linecache.checkcache()
    with pytest.raises(KeyError) as caught:
        inner.fail()
    shown = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (shown.line, shown.lineno) == ("raise KeyError(NAME)", 7)


def test_a_source_is_read_in_the_encoding_that_it_declares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "latin_of_mine.py").write_bytes("# coding: latin-1\nNAME = 'M\u00fcller'\n".encode("latin-1"))
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("latin_of_mine")
    assert "'M\u00fcller'" in sources({"latin_of_mine": module})["latin_of_mine"].text
    del sys.modules["latin_of_mine"]


def test_what_lies_there_comes_before_what_was_sent(mine: Path) -> None:
    sent = sources({name: module for name, module in own_modules().items() if name in NAMES})
    changed = {"alone_of_mine": sent["alone_of_mine"]._replace(text="double = None\n")}
    _forget()
    install(changed)
    assert importlib.import_module("alone_of_mine").double(1) == 2


def test_nothing_is_sent_nowhere() -> None:
    finders = list(sys.meta_path)
    install({})
    assert sys.meta_path == finders and sent_here() == {}


def test_modules_are_pickled_by_value_for_a_while_and_once_each(mine: Path) -> None:
    kept: list[ModuleType] = []
    alone = sys.modules["alone_of_mine"]
    stray = ModuleType("nowhere_to_be_found")
    with by_value({"alone_of_mine": alone, "again": alone, "stray": stray}, kept.append, kept.remove):
        assert kept == [alone]
    assert kept == [] and np is not alone
