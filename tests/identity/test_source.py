"""Where a function is written: lambdas on one line, notebooks, files that changed, functions without source."""

from __future__ import annotations

import importlib.util
import linecache
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

from multiverse.errors import FingerprintError
from multiverse.identity.fingerprint import fingerprint


def test_two_lambdas_on_one_line_differ_and_equal_ones_are_equal():
    one, two, three, four = lambda x: x + 1, lambda x: x + 2, lambda x:x+1, lambda y: y + 1  # fmt: skip
    assert fingerprint(one) == fingerprint(three)
    assert len({fingerprint(f) for f in (one, two, four)}) == 3

    def written_out(x):
        return x + 1

    assert fingerprint(written_out) == fingerprint(one)


def test_a_lambda_is_found_wherever_it_stands():
    def call(*functions, **named):
        return [*functions, *named.values()]

    spanning = call(
        lambda x: (
            x
            + 1
        ), lambda x: x
        + 2,
        key=lambda x: x + 1,
    )  # fmt: skip
    assert fingerprint(spanning[0]) == fingerprint(spanning[2]) != fingerprint(spanning[1])
    outer = lambda x: lambda y: x + y  # noqa: E731
    inner, again, other = outer(1), outer(1), outer(2)
    assert fingerprint(inner) == fingerprint(again) != fingerprint(other)
    assert fingerprint(inner) != fingerprint(outer)
    nested = lambda: lambda: 4  # noqa: E731
    constant, nothing, condition = lambda: 3, lambda: None, lambda x: 1 if x else 2
    assert len({fingerprint(f) for f in (nested, nested(), lambda: 4)}) == 2
    generator, comprehension, ümlaut = lambda: (yield 1), lambda xs: [x * 2 for x in xs if x], lambda é: "ü" + é
    assert len({fingerprint(f) for f in (constant, nothing, condition, generator, comprehension, ümlaut)}) == 6
    table = {name: (lambda x, name=name: x + name) for name in "ab"}
    assert fingerprint(table["a"]) != fingerprint(table["b"])


def test_lambdas_are_told_apart_without_column_positions(tmp_path):
    script = tmp_path / "script_fp.py"
    script.write_text(
        "from multiverse.identity.fingerprint import fingerprint\n"
        "def make(k):\n    return (lambda x: x + k), (lambda x: x - k)\n"
        "a, b, c = (lambda x: x + 1), (lambda x: x + 2), (lambda x: x + 1)\n"
        "print(fingerprint(a) == fingerprint(c) != fingerprint(b))\n"
        "try:\n    fingerprint(make(1)[0])\nexcept Exception as error:\n    print(error)\n"
    )
    command = [sys.executable, "-X", "no_debug_ranges", str(script)]
    env = os.environ | {"PYTHONPATH": str(pathlib.Path(__file__).parents[2])}
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout
    assert shown.startswith("True\n<lambda> cannot be told from other lambdas on its line.")
    assert "write each on a line of its own" in shown


def cell(text: str, number: int, namespace: dict[str, object]) -> None:
    """Run a cell as a notebook does: compiled under a name of its own, its source known to linecache only."""
    text = textwrap.dedent(text)
    name = f"<ipython-input-{number}-fp>"
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    exec(compile(text, name, "exec"), namespace)


def test_functions_of_a_notebook():
    space: dict[str, object] = {"__name__": "__main__"}
    cell("SCALE = 2.0\ndef helper(x):\n    return x * SCALE", 1, space)
    cell("f, g = (lambda x: helper(x)), (lambda x: x)\nclass C:\n    def m(self):\n        return f", 2, space)
    names = ("f", "g", "C")
    first = {name: fingerprint(space[name]) for name in names}
    cell("# again\ndef helper(x):\n    return (x * SCALE)", 3, space)
    assert {name: fingerprint(space[name]) for name in names} == first
    cell("SCALE = 3.0", 4, space)
    changed = {name for name in names if fingerprint(space[name]) != first[name]}
    assert changed == {"f", "C"}


@pytest.mark.parametrize("other", ["", "import sys\n"])  # Python 3.13 keeps the text of `python -c` by that name
def test_a_function_without_source_is_an_error_with_a_mend(monkeypatch, other):
    if other:
        monkeypatch.setitem(linecache.cache, "<string>", (len(other), None, [other], "<string>"))
    space: dict[str, object] = {}
    exec("def f(x):\n    return x", space)
    with pytest.raises(FingerprintError, match="f has no source that can be read") as caught:
        fingerprint(space["f"])
    assert "write it in a file" in caught.value.problems[0].mend


def test_a_file_that_changed_since_it_was_imported_is_an_error(tmp_path):
    file = tmp_path / "changing_fp.py"
    file.write_text("def f(x):\n    return x + 1\ndef g(x):\n    return x\n")
    spec = importlib.util.spec_from_file_location("changing_fp", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    before = fingerprint(module.f)
    file.write_text("# a line more\n\ndef f(x):\n    return x + 1\ndef g(x):\n    return x + 1\n")
    assert fingerprint(module.f) == before
    with pytest.raises(FingerprintError, match="g is not written like this in its file any more") as caught:
        fingerprint(module.g)
    assert "restart Python" in caught.value.problems[0].mend
