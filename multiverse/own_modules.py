"""A person's own modules, sent to processes that cannot import them: the study file, and whatever lies beside it.

Functions travel by value, with the globals that they name. What they import while they run is not seen by that: so the
source of each own module that is loaded goes along, and an import that finds no file takes it from there. Tracebacks
take their lines from there, too.
"""

from __future__ import annotations

import linecache
import sys
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from multiverse.identity.installed import is_installed_module


class Source(NamedTuple):
    """A module in text. file: where it was written; of a namespace package, a package without text."""

    file: str
    text: str
    is_package: bool


def own_modules() -> dict[str, ModuleType]:
    """The modules of this process that are nobody else's: not installed, and not the program itself; by name."""
    return {
        name: module
        for name, module in sorted(sys.modules.items())
        if isinstance(module, ModuleType) and name != "__main__" and not is_installed_module(module)
    }


def sources(modules: Mapping[str, ModuleType]) -> dict[str, Source]:
    """The modules that are written in a Python file, and the packages they lie in."""
    found = {}
    for name, module in modules.items():
        file, is_package = getattr(module, "__file__", None), hasattr(module, "__path__")
        if file and str(file).endswith(".py") and Path(file).is_file():
            found[name] = Source(str(file), _text(file), is_package)
        elif file is None and is_package:
            found[name] = Source("", "", is_package)
    return found


def _text(file: str) -> str:
    with tokenize.open(file) as opened:  # in the encoding that it declares
        return opened.read()


@contextmanager
def by_value(
    modules: Mapping[str, ModuleType], register: Callable[..., Any], forget: Callable[..., Any]
) -> Iterator[None]:
    """Within it, functions and classes of these modules are pickled with all they are made of, not by name."""
    named = {module.__name__: module for module in modules.values()}  # one may stand there under several names
    each = {name: module for name, module in named.items() if name in sys.modules}
    for module in each.values():
        register(module)
    try:
        yield
    finally:
        for module in each.values():
            forget(module)


def install(sent: Mapping[str, Source]) -> None:
    """Let this process import the modules that it was sent, and show their lines in tracebacks."""
    for source in sent.values():
        if source.file:
            lines = source.text.splitlines(keepends=True)
            linecache.cache[source.file] = (len(source.text), None, lines, source.file)
    if sent:
        sys.meta_path.append(_Sent(sent))  # last: what is installed or lies there comes first


def sent_here() -> dict[str, Source]:
    """The modules that this process was sent, for processes that it starts itself."""
    return {name: source for one in sys.meta_path if isinstance(one, _Sent) for name, source in one.sources.items()}


class _Sent(MetaPathFinder, InspectLoader):
    """Imports from sources that were sent."""

    def __init__(self, sent: Mapping[str, Source]):
        self.sources = sent

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        source = self.sources.get(fullname)
        if source is None:
            return None
        return ModuleSpec(fullname, self, origin=source.file or None, is_package=source.is_package)

    def get_source(self, fullname: str) -> str:
        return self.sources[fullname].text

    def is_package(self, fullname: str) -> bool:
        return self.sources[fullname].is_package

    def exec_module(self, module: ModuleType) -> None:
        source = self.sources[module.__name__]
        module.__file__ = source.file or None
        exec(compile(source.text, source.file or "<sent>", "exec", dont_inherit=True), vars(module))
