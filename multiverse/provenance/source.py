"""The source of a study: where it is written, the text of its files, and that of each of its functions."""

from __future__ import annotations

import ast
import linecache
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from multiverse.identity.source import NoSource, function_node
from multiverse.provenance.own_modules import Home, file_of, file_of_code, home_of, own_modules
from multiverse.provenance.parts import parts_of, written
from multiverse.study import Study

SOURCE_MOST: Final = 1_000_000  # characters kept of one study, over all texts: a record of it is read at every resume

Section = dict[str, str | None]


def source_section(study: Study) -> Section:
    """Section `source` of a manifest; docs/schema.md names what is in it. Texts beyond `SOURCE_MOST` are cut."""
    home = home_of(study)
    functions = dict(parts_of(study))
    own = {part: f for part, value in functions.items() if (f := written(value)) is not None}
    modules = own_modules(own.values(), home)
    section: Section = _place(home, list(own.values()))
    main = file_of(home.module) if home else None
    files = [file for module in modules.values() if (file := file_of(module))]
    if main is None and len(set(files)) == 1:
        main = files[0]
    if main is not None:
        section["text"] = _text(main)
    section |= {f"text: {_shown(file, main)}": _text(file) for file in dict.fromkeys(files) if file != main}
    for part, value in functions.items():
        if part in own:
            section[part] = _source(own[part])
            section[f"{part}: where"] = _where(own[part])
        else:  # the name of a site, or something installed
            section[part] = repr(value) if isinstance(value, str) else _called(value)
    return _bounded(section)


def _place(home: Home | None, functions: list[FunctionType]) -> Section:
    """Where the study stands: `file` and `variable` where it can be loaded again, else `script` or words."""
    if home is not None and (file := file_of(home.module)) is not None:
        kind = "script" if home.module.__name__ == "__main__" else "file"
        return {"written in": f"a {kind}", kind: str(file), "variable": home.variable}
    if any(file_of_code(function) is None for function in functions):
        return {"written in": "a notebook or a console"}
    return {"written in": "functions: no module holds the study in a variable"}


def _source(function: FunctionType) -> str | None:
    """The text of a function, as it is written; None where it cannot be had."""
    try:
        node = function_node(function)
    except NoSource:
        return None
    text = "".join(linecache.getlines(function.__code__.co_filename, function.__globals__))
    if isinstance(node, ast.Lambda):
        return ast.get_source_segment(text, node)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    margin = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[margin:] if not line[:margin].strip() else line for line in lines)


def _where(function: FunctionType) -> str:
    code = function.__code__
    return f"{code.co_qualname} in {code.co_filename}, line {code.co_firstlineno}"


def _called(value: Any) -> str:
    name = getattr(value, "__qualname__", None) or type(value).__qualname__
    return f"{getattr(value, '__module__', None) or type(value).__module__}.{name}"


def _shown(file: Path, main: Path | None) -> str:
    """A file as it is seen from the one that holds the study."""
    return str(file.relative_to(main.parent)) if main and file.is_relative_to(main.parent) else str(file)


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _bounded(section: Section) -> Section:
    """The section with its last texts cut, so that all of it is at most `SOURCE_MOST` characters long."""
    left, bounded = SOURCE_MOST, Section()
    for name, value in section.items():
        if value is not None and len(value) > left:
            value = f"{value[:left]}\n[cut: {len(value) - left:,} more characters]"
            left = 0
        else:
            left -= len(value or "")
        bounded[name] = value
    return bounded
