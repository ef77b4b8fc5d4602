"""Where a function is written: its own node in the syntax tree of its file or notebook cell.

Found by the position of its code, so that of two lambdas on one line each is itself. The source is read through
`linecache`, which knows the cells of a notebook too.
"""

from __future__ import annotations

import ast
import functools
import importlib.machinery
import inspect
import linecache
import os
import warnings
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from multiverse.identity.syntax import FunctionNode, syntax_text

# The flags that say how a function is called, not where its code stands.
_FLAGS = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS | inspect.CO_GENERATOR | inspect.CO_COROUTINE
EXECUTED = "<string>"  # the file of all that `exec` made; from Python 3.13 on its text may be that of `python -c`


class NoSource(Exception):
    """The source of a function cannot be had. what: goes on after its name, as "has no source"; mend: the way out."""

    def __init__(self, what: str, mend: str):
        super().__init__(what)
        self.what = what
        self.mend = mend


def function_node(function: FunctionType) -> FunctionNode:
    """The syntax tree of a function or lambda. Raises NoSource where there is none, or where it is not what runs."""
    code = function.__code__
    text = _source_text(function)
    if not text:
        raise _none()
    try:
        if _is_from_plain_file(function):
            code = _as_written_now(code, text)
        found = [node for node in _functions(text).get(code.co_firstlineno, []) if _is_at(node, code)]
    except SyntaxError:
        found = []
    if not found:
        raise _none() if code.co_filename == EXECUTED else _changed()
    # Of nested lambdas, the innermost that holds all of the code.
    best = [node for node in found if not any(_holds(node, other) for other in found)]
    if _texts(best) > 1:  # no positions: constants in Python 3.12, everything under -X no_debug_ranges
        best = [node for node in found if _compiles_to(node, code)]
    if _texts(best) != 1:
        raise NoSource("cannot be told from other lambdas on its line", "write each on a line of its own, or use `def`")
    return best[0]


def _texts(nodes: list[FunctionNode]) -> int:
    return len({syntax_text(node) for node in nodes})


def _compiles_to(node: FunctionNode, code: CodeType) -> bool:
    """Whether a lambda by itself gives this code; not so where it captures values."""
    if not isinstance(node, ast.Lambda):
        return False
    inner = compile(ast.Expression(node), "<lambda>", "eval", dont_inherit=True).co_consts
    return any(isinstance(constant, CodeType) and _same_code(constant, code) for constant in inner)


def is_made_on_the_fly(function: FunctionType) -> bool:
    """True for functions that nobody wrote, such as the `__init__` of a dataclass."""
    if not function.__code__.co_filename.startswith("<"):
        return False
    try:
        function_node(function)
    except NoSource:
        return True
    return False


def _source_text(function: FunctionType) -> str:
    file = function.__code__.co_filename
    linecache.checkcache(file)
    return "".join(linecache.getlines(file, function.__globals__))


def _none() -> NoSource:
    return NoSource("has no source that can be read", "write it in a file or a notebook cell, and import it")


def _changed() -> NoSource:
    return NoSource(
        "is not written like this in its file any more, so what runs is not what stands there",
        "restart Python, or reload its module",
    )


def _is_from_plain_file(function: FunctionType) -> bool:
    """True when the file is what ran: test runners and other import hooks rewrite code while they load it."""
    loader, file = function.__globals__.get("__loader__"), function.__globals__.get("__file__")
    same = isinstance(file, str) and os.path.realpath(file) == os.path.realpath(function.__code__.co_filename)
    return same and type(loader) is importlib.machinery.SourceFileLoader


def _as_written_now(code: CodeType, text: str) -> CodeType:
    """The same code in the file as it stands, maybe on another line. Raises NoSource when it is not there."""
    same = [c for c in _codes(text).get(code.co_qualname, []) if _same_code(c, code)]
    if not same:
        raise _changed()
    return min(same, key=lambda c: (list(c.co_positions()) != list(code.co_positions()), _distance(c, code)))


def _distance(one: CodeType, other: CodeType) -> int:
    return abs(one.co_firstlineno - other.co_firstlineno)


def _same_code(one: CodeType, other: CodeType) -> bool:
    """Whether two code objects do the same, wherever they stand."""
    names = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars")
    counts = ("co_argcount", "co_posonlyargcount", "co_kwonlyargcount")
    return (
        all(getattr(one, n) == getattr(other, n) for n in (*names, *counts))
        and (one.co_flags ^ other.co_flags) & _FLAGS == 0
        and len(one.co_consts) == len(other.co_consts)
        and all(_same_constant(a, b) for a, b in zip(one.co_consts, other.co_consts, strict=True))
    )


def _same_constant(one: Any, other: Any) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return _same_code(one, other)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same_constant, one, other))
    if type(one) is not type(other):
        return False
    return bool(one == other) if isinstance(one, frozenset) else repr(one) == repr(other)


@functools.lru_cache(maxsize=256)
def _functions(text: str) -> dict[int, list[FunctionNode]]:
    """All functions of a source by the line on which their code begins: a decorator's, where there is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    found: dict[int, list[FunctionNode]] = {}
    for node in ast.walk(tree):
        if isinstance(node, FunctionNode):
            decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
            found.setdefault(min([node.lineno, *(d.lineno for d in decorators)]), []).append(node)
    return found


@functools.lru_cache(maxsize=256)
def _codes(text: str) -> dict[str, list[CodeType]]:
    """All code objects of a source by qualified name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = compile(text, "<source>", "exec", dont_inherit=True)
    found: dict[str, list[CodeType]] = {}
    for code in nested_codes(module):
        found.setdefault(code.co_qualname, []).append(code)
    return found


def nested_codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and all those within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from nested_codes(constant)


def _is_at(node: FunctionNode, code: CodeType) -> bool:
    if not isinstance(node, ast.Lambda):
        return node.name == code.co_name
    if code.co_name != "<lambda>":
        return False
    start, end = _span(node)
    return all(start <= (line, column) and stop <= end for line, column, stop in _places(code))


def _places(code: CodeType) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Where the instructions of a code stand; those without a width only prepare its frame."""
    for line, end_line, column, end_column in code.co_positions():
        if line is None or end_line is None or column is None or end_column is None:
            continue
        if (line, column) < (end_line, end_column):
            yield line, column, (end_line, end_column)


def _holds(outer: FunctionNode, inner: FunctionNode) -> bool:
    if outer is inner or not (isinstance(outer, ast.Lambda) and isinstance(inner, ast.Lambda)):
        return False
    return _span(outer)[0] <= _span(inner)[0] and _span(inner)[1] <= _span(outer)[1]


def _span(node: ast.Lambda) -> tuple[tuple[int, int], tuple[int, int]]:
    body = node.body
    return (body.lineno, body.col_offset), (body.end_lineno or 0, body.end_col_offset or 0)
