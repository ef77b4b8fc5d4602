"""docs/reference names every public name and every command, as they are."""

from __future__ import annotations

import dataclasses
import inspect
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

import multiverse
from multiverse.cli.main import main

DOCS = Path(__file__).parents[2] / "docs"
PYTHON = (DOCS / "reference" / "python.md").read_text()
CLI = (DOCS / "reference" / "cli.md").read_text()

SECTIONS = {
    heading.partition("(")[0]: (heading, text)
    for heading, text in re.findall(r"^### `([^`]+)`\n(.*?)(?=^##|\Z)", PYTHON, re.MULTILINE | re.DOTALL)
}
PLAIN = (str, int, float, bool, tuple, type(None))  # defaults that are shown as they are


def signature(value: Any) -> str:
    """`(a, *, b=1)`: the arguments without their types; a default that is no plain value as `...`."""
    parameters = []
    for parameter in inspect.signature(value).parameters.values():
        default = parameter.default
        inside = default if isinstance(default, tuple) else ()
        plain = isinstance(default, PLAIN) and all(isinstance(value, PLAIN) for value in inside)
        shown = default if default is parameter.empty or plain else ...
        parameters.append(parameter.replace(annotation=parameter.empty, default=shown))
    return str(inspect.Signature(parameters)).replace("Ellipsis", "...")


def members(kind: type) -> list[str]:
    """The public fields, methods and properties of a class of ours."""
    fields = [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
    own = [
        name for name, value in vars(kind).items() if callable(value) or isinstance(value, property | cached_property)
    ]
    return [name for name in dict.fromkeys([*fields, *own]) if not name.startswith("_")]


def test_the_public_names_are_there_in_their_order() -> None:
    assert list(SECTIONS) == multiverse.__all__


@pytest.mark.parametrize("name", multiverse.__all__)
def test_a_signature_is_as_it_is(name: str) -> None:
    value = getattr(multiverse, name)
    if not callable(value):
        return
    assert SECTIONS[name][0] == name + signature(value)


@pytest.mark.parametrize("name", [n for n in multiverse.__all__ if inspect.isclass(getattr(multiverse, n))])
def test_members_are_named(name: str) -> None:
    heading, text = SECTIONS[name]
    kind = getattr(multiverse, name)
    of_engines = {"init", "ask", "fit", "tell", "price", "joined", "lost"}  # engines/engine.py
    contract = of_engines if hasattr(kind, "fit") else set()
    missing = [
        member
        for member in members(kind)
        if member not in contract and f".{member}" not in text and not re.search(rf"\b{member}\b", heading)
    ]
    assert not missing


def test_every_command_has_a_section() -> None:
    assert re.findall(r"^## (\w+)$", CLI, re.MULTILINE) == list(main.commands)


@pytest.mark.parametrize("command", main.commands)
def test_every_option_of_a_command_is_shown(command: str) -> None:
    section = CLI.split(f"\n## {command}\n")[1].split("\n## ")[0]
    flags = [flag for p in main.commands[command].params if p.param_type_name == "option" for flag in p.opts]
    assert not [flag for flag in flags if flag not in section]
