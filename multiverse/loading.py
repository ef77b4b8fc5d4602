"""Study files: a Python file with a variable `study`, as the command line and a rerun load it."""

from __future__ import annotations

import importlib.util
import itertools
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from multiverse.errors import MultiverseError, PlanError, Problem, near_miss
from multiverse.file_traceback import call_of, own_lines
from multiverse.study import Study

VARIABLE: Final = "study"  # what the file calls its study; others are named as in `file.py:name`
ENGINE: Final = "engine"  # what it calls the engine that its author advises
READ: Final = "read"  # what it calls the function that reads new data, for `multiverse answer`
STORES: Final = "runs"  # the folder beside the study file that holds its stores

_HARMLESS: Final = {"test"}  # nothing imports the standard library's own tests, and many a first try is called test.py
_ADDRESS: Final = re.compile(r"(?P<file>.+\.py):(?P<name>\w+)")


class StudyFileError(PlanError):
    """A study file cannot be loaded, or holds no study."""


@dataclass(frozen=True)
class StudyFile:
    """A loaded study file.

    place: as it was named; path: absolute; engine: what the file advises, if it does. read: its function `read(path)`,
    which gives raw data from a file, if it has one.
    """

    place: str
    path: Path
    study: Study
    engine: Any = None
    read: Callable[[str], Any] | None = None

    @property
    def store(self) -> Path:
        """Where the answers go unless told otherwise: `runs/<name of the study>` beside the file."""
        return self.path.parent / STORES / (re.sub(r"[^\w.-]+", "-", self.study.name).strip("-.") or VARIABLE)


def is_study_file(place: str) -> bool:
    """Whether this names a study file, `file.py` or `file.py:name`, and not a store."""
    return place.endswith(".py") or _ADDRESS.fullmatch(place) is not None


def load_study(place: str | Path) -> StudyFile:
    """Load a study file: `"study.py"`, or `"study.py:name"` where the variable is not called `study`.

    Its folder is put first on `sys.path`, so that modules beside it import; the file is a module of its own name.
    Raises StudyFileError where there is no such file, where it raises (with the lines of the file that led there), and
    where it holds no study of that name. A mistake in a declaration is raised as it is, with the line noted.
    """
    found = _ADDRESS.fullmatch(str(place))
    path, name = (Path(found["file"]), found["name"]) if found else (Path(place), None)
    path = _existing(path.expanduser())
    module = _executed(path)
    study = _study(module, path, name)
    engine = vars(module).get(ENGINE)
    if engine is not None and not (hasattr(engine, "fit") and isinstance(getattr(engine, "name", None), str)):
        raise StudyFileError(
            Problem(
                f"`{ENGINE}` in {path.name} is {_described(engine)}, not an engine.",
                "an engine with its settings",
                f"write `{ENGINE} = mv.NUTS(target_accept=0.9)`, or call the variable something else",
            )
        )
    read = vars(module).get(READ)
    return StudyFile(str(place), path, study, engine, read if callable(read) else None)


def _existing(path: Path) -> Path:
    """The absolute path of the file, links followed."""
    if path.is_file() and path.suffix == ".py":
        return path.resolve()
    if path.is_file():
        other = "save the notebook's code as a file, " if path.suffix == ".ipynb" else "name the study file, "
        raise StudyFileError(
            Problem(f"{path} is not a Python file.", "a file that ends in .py", f"{other}such as study.py")
        )
    folder = path if path.is_dir() else path.parent
    beside = sorted(p.name for p in folder.glob("*.py")) if folder.is_dir() else []
    what = f"{path} is a folder." if path.is_dir() else f"there is no file {path}."
    guess = near_miss(path.name, beside)
    likely = [f"{VARIABLE}.py"] if f"{VARIABLE}.py" in beside else beside
    if path.is_dir() and len(likely) == 1:
        guess = f"Did you mean {str(path / likely[0])!r}?  "
    if not guess and beside:
        where = "this folder" if folder == Path() else folder
        guess = f"In {where} there is {', '.join(beside[:5])}.  "
    raise StudyFileError(
        Problem(
            what, f"a Python file with a variable `{VARIABLE}`", f"{guess}`multiverse init` writes one to start from"
        )
    )


def _executed(path: Path) -> ModuleType:
    """The file's module, registered under its own name so that its functions can be found by their source."""
    name = _module_name(path)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader, "a file that ends in .py has a loader"
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        if before is None:
            sys.modules.pop(name, None)
        else:
            sys.modules[name] = before
        if isinstance(error, MultiverseError):
            if line := call_of(error, path.parent):
                error.add_note(line)
            raise
        raise StudyFileError(_failure(path, error)) from error
    return module


def _module_name(path: Path) -> str:
    """The stem of the file, or a name beside it where a module of another file has that one.

    Raises StudyFileError where the file would hide an installed module from everything that imports it.
    """
    name = path.stem
    loaded = sys.modules.get(name)
    if loaded is not None and Path(getattr(loaded, "__file__", None) or "").resolve() == path:
        return name
    if name not in _HARMLESS and _is_installed(name):
        raise StudyFileError(
            Problem(
                f"{path.name} is called like the installed module {name!r}, which it would hide.",
                "a name of its own",
                f"mv '{path}' '{path.with_name(f'{name}_study.py')}'",
            )
        )
    if loaded is None and name.isidentifier() and name not in _HARMLESS:
        return name
    return next(other for n in itertools.count(2) if (other := f"{name}_study_{n}") not in sys.modules)


def _is_installed(name: str) -> bool:
    if name in sys.stdlib_module_names:
        return True
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # a name with a dot, or a module that was made by hand
        return False
    origin = spec.origin if spec else None
    return origin is not None and bool({"site-packages", "dist-packages"} & set(Path(origin).parts))


def _failure(path: Path, error: BaseException) -> Problem:
    """What the file raised while it was loaded, with the lines of the user's own files that led there."""
    said = own_lines(error, path.parent)
    if isinstance(error, ModuleNotFoundError) and error.name:
        beside = [p.stem for p in path.parent.glob("*.py")]
        top = error.name.partition(".")[0]
        mend = f"{near_miss(top, beside)}Install it (`pip install {top}`), or put {top}.py beside {path.name}"
    elif isinstance(error, SystemExit):
        mend = f"put what is not the study below `if __name__ == '__main__':` in {path.name}"
    else:
        mend = f"mend the line above; `python {path.name}` in its folder shows the whole traceback"
    return Problem(f"{path.name} cannot be loaded:\n{said}", "a file that loads without an error", mend)


def _study(module: ModuleType, path: Path, name: str | None) -> Study:
    held = {n: value for n, value in vars(module).items() if isinstance(value, Study)}
    wanted = name or VARIABLE
    if wanted in held:
        return held[wanted]
    expected = f"a variable `{wanted}` that holds a `mv.Study(...)`"
    if wanted in vars(module):
        value = vars(module)[wanted]
        mend = f"call it: `{wanted} = {getattr(value, '__name__', wanted)}()`" if callable(value) else "rename it"
        raise StudyFileError(Problem(f"`{wanted}` in {path.name} is {_described(value)}, not a study.", expected, mend))
    if held:
        said = f"{path.name} has no variable `{wanted}`, but {'a study' if len(held) == 1 else f'{len(held)} studies'}"
        guess = near_miss(wanted, held)
        choice = "`, or `".join(f"{path.name}:{other}" for other in held)
        raise StudyFileError(
            Problem(f"{said} called {', '.join(map(repr, held))}.", expected, f"{guess}Name it: `{choice}`")
        )
    others = [n for n in vars(module) if not n.startswith("_")]
    raise StudyFileError(
        Problem(
            f"{path.name} has no variable `{wanted}`.",
            expected,
            f"{near_miss(wanted, others)}Write `{wanted} = mv.Study(name={path.stem!r}, ...)` at the end of it",
        )
    )


def _described(value: Any) -> str:
    if isinstance(value, type):
        return f"the class {value.__name__}"
    article = "an" if type(value).__name__[0].lower() in "aeiou" else "a"
    return f"{article} {type(value).__name__}"
