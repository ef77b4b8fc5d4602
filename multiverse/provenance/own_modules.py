"""The modules that a study is written in, and the packages that these import."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from multiverse.identity.installed import is_installed_module
from multiverse.provenance.parts import functions_of
from multiverse.study import Study


class Home(NamedTuple):
    """The module that holds a study in a variable, and the name of the variable."""

    module: ModuleType
    variable: str


def home_of(study: Study) -> Home | None:
    """Where a study can be found again; None for one that no module holds, such as one made in a function.

    Of several modules, as when a script imports the study, the one that its analysis is written in comes first, then
    any that can be imported.
    """
    written = getattr(study.model or study.estimate or study.simulate, "__module__", None)
    found = [Home(module, name) for module in _loaded() for name, value in list(vars(module).items()) if value is study]
    ranked = sorted(found, key=lambda home: (home.module.__name__ != written, home.module.__name__ == "__main__"))
    return ranked[0] if ranked else None


def written_in(study: Study) -> list[ModuleType]:
    """The user's own modules that a study is made of: first the one that holds it, or that its analysis is in."""
    home, functions = home_of(study), functions_of(study)
    modules = own_modules(functions, home)
    first = home.module.__name__ if home else functions[0].__module__ if functions else ""
    return sorted(modules.values(), key=lambda module: module.__name__ != first)


def own_modules(functions: Iterable[FunctionType], home: Home | None) -> dict[str, ModuleType]:
    """The user's own modules with a file that these functions are written in or that those modules use, by name."""
    found: dict[str, ModuleType] = {}
    waiting = [home.module] if home else []
    waiting += [module for f in functions if (module := sys.modules.get(f.__module__)) and _holds(module, f)]
    while waiting:
        module = waiting.pop()
        if module.__name__ in found or is_installed_module(module):
            continue
        found[module.__name__] = module
        waiting += list(_used_by(module))
    return {name: module for name, module in sorted(found.items()) if file_of(module)}


def packages_of(modules: Iterable[ModuleType]) -> list[str]:
    """The installed packages that these modules name, sorted; without the standard library."""
    tops = {used.__name__.partition(".")[0] for module in modules for used in _used_by(module)}
    return sorted(
        top
        for top in tops
        if top not in sys.stdlib_module_names and top in sys.modules and is_installed_module(sys.modules[top])
    )


def file_of(module: ModuleType) -> Path | None:
    """The Python file of a module; None for a notebook and a console."""
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file and str(file).endswith(".py") and Path(file).is_file() else None


def file_of_code(function: FunctionType) -> Path | None:
    """The Python file that a function is written in; None for a cell of a notebook."""
    path = Path(function.__code__.co_filename)
    return path.resolve() if path.suffix == ".py" and path.is_file() and "ipykernel" not in path.as_posix() else None


def _holds(module: ModuleType, function: FunctionType) -> bool:
    """False where the module is a program that only runs the function, as a test runner's `__main__` is."""
    return file_of(module) in (None, file_of_code(function))


def _used_by(module: ModuleType) -> Iterator[ModuleType]:
    """The modules that the names of a module lead to."""
    for value in list(vars(module).values()):
        name: Any = None
        if isinstance(value, ModuleType):
            name = value.__name__
        elif isinstance(value, FunctionType | type):
            name = value.__module__
        if isinstance(name, str) and isinstance(used := sys.modules.get(name), ModuleType):
            yield used


def _loaded() -> list[ModuleType]:
    return [module for module in list(sys.modules.values()) if isinstance(module, ModuleType)]
