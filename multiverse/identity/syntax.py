"""The meaning of a function's source as text: what a person may change without changing what is computed is left out.

Left out: comments, formatting, docstrings and other bare constants, `pass`, the function's own name, its decorators and
default values (they were applied: what came out of them is fingerprinted instead), annotations and type parameters.
Empty fields are skipped, so that the text is the same in all Python versions.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_NO_MEANING = {"ctx", "kind", "type_comment", "annotation", "returns", "type_params", "type_ignores"}


def syntax_text(function: FunctionNode) -> str:
    """The canonical text of a function; a lambda equals the function that returns the same expression."""
    kind = "async " if isinstance(function, ast.AsyncFunctionDef) else ""
    arguments = _text(_bare(function.args))
    return f"{kind}({arguments}): {_text(_body(function))}"


def name_uses(function: FunctionNode) -> dict[str, set[tuple[str, ...]]]:
    """Names that the function uses, each with the attribute chains it is used in: `np.linalg.norm` is
    {"np": {("linalg", "norm")}}, a bare name has the empty chain.
    """
    uses: dict[str, set[tuple[str, ...]]] = {}
    _collect([_bare(function.args), *_body(function)], uses)
    return uses


def imports_within(function: FunctionNode) -> list[ast.Import | ast.ImportFrom]:
    """Import statements in the body of the function, at any depth."""
    return [n for s in _body(function) for n in ast.walk(s) if isinstance(n, ast.Import | ast.ImportFrom)]


def _body(function: FunctionNode) -> list[ast.AST]:
    if isinstance(function, ast.Lambda):
        return [ast.Return(value=function.body)]
    return _statements(function.body)


def _bare(arguments: ast.arguments) -> ast.arguments:
    """The arguments without their default values."""
    return ast.arguments(
        posonlyargs=arguments.posonlyargs,
        args=arguments.args,
        vararg=arguments.vararg,
        kwonlyargs=arguments.kwonlyargs,
        kw_defaults=[],
        kwarg=arguments.kwarg,
        defaults=[],
    )


def _statements(body: list[ast.stmt], *, in_class: bool = False) -> list[ast.AST]:
    kept: list[ast.AST] = []
    for statement in body:
        constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if constant or isinstance(statement, ast.Pass):
            continue
        if isinstance(statement, ast.AnnAssign) and not in_class:  # in a class, annotations declare fields
            if statement.value is not None:
                kept.append(ast.Assign(targets=[statement.target], value=statement.value))
            continue
        kept.append(statement)
    return kept


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """The fields of a node that mean something."""
    if isinstance(node, ast.AnnAssign):  # met in classes only, see _statements
        yield from [("target", node.target), ("annotation", node.annotation), ("value", node.value)]
        return
    if isinstance(node, ast.JoinedStr):
        yield "values", _joined(node.values)
        return
    for name, value in ast.iter_fields(node):
        if name in _NO_MEANING or value is None or value == []:
            continue
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            value = _statements(value, in_class=isinstance(node, ast.ClassDef))
        yield name, value


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string, with adjacent constants run together."""
    joined: list[ast.expr] = []
    for value in values:
        last = joined[-1] if joined else None
        if isinstance(value, ast.Constant) and isinstance(last, ast.Constant):
            joined[-1] = ast.Constant(value=str(last.value) + str(value.value))
        else:
            joined.append(value)
    return joined


def _text(value: Any) -> str:
    if isinstance(value, ast.Constant):
        shown = f"{value.value:#x}" if type(value.value) is int else repr(value.value)
        return f"<{type(value.value).__name__} {shown}>"
    if isinstance(value, ast.AST):
        fields = ", ".join(f"{name}={_text(v)}" for name, v in _fields(value) if v is not None and v != [])
        return f"{type(value).__name__}({fields})"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return repr(value)


def _collect(value: Any, uses: dict[str, set[tuple[str, ...]]]) -> None:
    if isinstance(value, list):
        for item in value:
            _collect(item, uses)
        return
    chain: list[str] = []
    while isinstance(value, ast.Attribute):
        chain.insert(0, value.attr)
        value = value.value
    if isinstance(value, ast.Name):
        uses.setdefault(value.id, set()).add(tuple(chain))
    elif isinstance(value, ast.AST):
        for _, field in _fields(value):
            _collect(field, uses)
