"""What is installed, and so known by its name alone, and what is the user's own, and so known by its source.

Installed: built in, or its file lies below the standard library or a site-packages folder, or it belongs to this
package. A package installed in editable mode counts as the user's own.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from types import FunctionType, ModuleType
from typing import Any

_PACKAGE_FOLDERS = {"site-packages", "dist-packages"}
_OWN = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))


@functools.cache
def _installed_below() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return (*(os.path.realpath(paths[name]) + os.sep for name in names if name in paths), _OWN + os.sep)


@functools.lru_cache(maxsize=4096)
def is_installed_file(file: str) -> bool:
    """True for a file below the standard library, a site-packages folder or this package, and for frozen modules."""
    if file.startswith("<frozen "):
        return True
    if file.startswith("<"):
        return False
    parts = file.replace("\\", "/").split("/")
    return bool(_PACKAGE_FOLDERS & set(parts)) or os.path.realpath(file).startswith(_installed_below())


def is_installed_module(module: ModuleType | str | None) -> bool:
    """True for a built-in module, or one whose file or folder is installed. A name stands for the loaded module."""
    if isinstance(module, str):
        module = sys.modules.get(module) or sys.modules.get(module.partition(".")[0])
    name = getattr(module, "__name__", "__main__")  # what stands in sys.modules need not be a module
    if module is None or name == "__main__":
        return False
    if file := getattr(module, "__file__", None):
        return is_installed_file(file)
    if folders := list(getattr(module, "__path__", [])):
        return is_installed_file(os.path.join(folders[0], "__init__.py"))
    # Compiled packages make submodules without a file; they belong to the package.
    top = name.partition(".")[0]
    return top in sys.stdlib_module_names or (top != name and is_installed_module(top))


def is_installed_class(kind: type) -> bool:
    """True when the module that made the class is installed."""
    return is_installed_module(kind.__module__)


def is_installed_function(function: FunctionType) -> bool:
    """True when its code is installed; code that was made on the fly belongs to the module it was made in."""
    file = function.__code__.co_filename
    if file.startswith("<") and not file.startswith("<frozen "):
        return is_installed_module(function.__globals__.get("__name__"))
    return is_installed_file(file)


def installed_name(value: Any) -> str | None:
    """`module.name` of something that an installed module has under that very name; None for everything else."""
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if type(value).__name__ == "ufunc" and type(value).__module__ == "numpy":
        module = next((m for m in ("numpy", "scipy.special") if _at(m, name) is value), None)
    if isinstance(module, str) and isinstance(name, str) and is_installed_module(module) and _at(module, name) is value:
        return _public(module, name, value)
    return None


def installed_class_name(kind: type) -> str:
    """`module.name` of an installed class."""
    return _public(kind.__module__, kind.__qualname__, kind)


def installed_singleton(value: Any) -> str | None:
    """`module.name` of an instance that its class's own module, or a package above it, offers: `scipy.stats.norm`."""
    kind = type(value)
    if not is_installed_class(kind) or kind.__module__ == "builtins":
        return None
    for package in _packages(kind.__module__):
        for name, found in list(getattr(sys.modules[package], "__dict__", {}).items()):
            if found is value:
                return f"{package}.{name}"
    return None


def _public(module: str, name: str, value: Any) -> str:
    """The shortest name: files move within a package more often than names within its interface."""
    if module.partition(".")[0] == "multiverse":
        return f"multiverse.{name}"
    return f"{next((p for p in _packages(module) if _at(p, name) is value), module)}.{name}"


def _packages(module: str) -> list[str]:
    """A module and the packages above it, the shortest name first, as far as they are loaded."""
    parts = module.split(".")
    names = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return [name for name in names if name in sys.modules]


def _at(module: str | None, name: Any) -> Any:
    """What a loaded module has under a name. It is not asked to make it: that may import much, or warn."""
    first, *rest = str(name).split(".")
    found: Any = getattr(sys.modules.get(module or ""), "__dict__", {}).get(first)
    for part in rest:
        found = getattr(found, part, None)
    return found
