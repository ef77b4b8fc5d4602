"""YAML with the line of every entry, so that a mistake can be found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from multiverse.errors import Problem
from multiverse.interchange.source import SpaceFileError

if TYPE_CHECKING:
    import yaml

Path: TypeAlias = tuple[str | int, ...]

BOOLEAN, NULL = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:null"
TRUE = ("true", "yes", "on")  # YAML 1.1, in any case


class Lined(NamedTuple):
    """What a file says: mappings, lists, texts, true, false and None; and the line, from 1, of each path into it."""

    value: Any
    lines: Mapping[Path, int]


def lined(text: str, file: str) -> Lined:
    """The first document of a text.  Numbers and dates stay texts, as they are written; keys are texts.

    Raises SpaceFileError where it is not YAML, or says the same key twice, which YAML readers pass over.
    """
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}, line {mark.line + 1}, column {mark.column + 1}" if mark else file
        said = getattr(error, "problem", None) or str(error)
        raise SpaceFileError(
            Problem(f"{place}: this is not YAML: {said}.", "an astra.yaml", "Mend the line.")
        ) from None
    lines: dict[Path, int] = {}
    problems: list[Problem] = []
    value = None if node is None else _value(node, (), lines, problems, file)
    if problems:
        raise SpaceFileError(problems)
    return Lined(value, lines)


def _value(node: yaml.Node, path: Path, lines: dict[Path, int], problems: list[Problem], file: str) -> Any:
    import yaml

    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, i), lines, problems, file) for i, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        if node.tag == NULL:
            return None
        return str(node.value).lower() in TRUE if node.tag == BOOLEAN else str(node.value)
    found: dict[str, Any] = {}
    for key, item in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in found:
            problems.append(
                Problem(
                    f"{file}, line {line}: {name!r} is there twice; the first is in line {lines[*path, name]}.",
                    "each key once",
                    "Rename one of them, or remove it.",
                )
            )
        lines[*path, name] = line
        found[name] = _value(item, (*path, name), lines, problems, file)
    return found
