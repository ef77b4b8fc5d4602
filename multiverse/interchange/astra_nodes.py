"""The analyses of an ASTRA file: one, or a tree of them, whose decisions become those of one space."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from multiverse.errors import SpaceError, near_miss
from multiverse.interchange.draft import Draft
from multiverse.interchange.source import Source, source
from multiverse.interchange.yaml_lines import Lined, lined

KIND = "an astra.yaml"
UPWARD = re.compile(r"((?:\.\./)+)([A-Za-z_]\w*)")  # `../id`, `../../id`: the only way in which a decision is another


@dataclass(frozen=True)
class Node:
    """One analysis. scope: ids of the sub-analyses that lead to it; path: to it in its own file.

    names: id of a decision that is known here -> its name in the space.
    """

    told: Mapping[str, Any]
    file: str
    lines: Lined
    scope: tuple[str, ...]
    path: tuple[str, ...]
    above: Node | None = None
    names: dict[str, str] = field(default_factory=dict)

    def where(self, *inside: str) -> str:
        """A place of this analysis for messages: line, and the path from the top of its file."""
        whole = (*self.path, *inside)
        line = next(self.lines.lines[whole[:n]] for n in range(len(whole), -1, -1) if whole[:n] in self.lines.lines)
        return f"{self._elsewhere}line {line}, {'.'.join(whole) or 'the file'}"

    @property
    def _elsewhere(self) -> str:
        """Which file, unless it is that of the outermost analysis."""
        outermost = self
        while outermost.above:
            outermost = outermost.above
        return "" if self.file == outermost.file else f"{self.file}, "


def nodes(draft: Draft, text: Source) -> list[Node]:
    """All analyses of a file and of those that it names by `path`, the outermost first; mistakes go to the draft.

    A decision is called by its id, where several analyses have one of that id by theirs as well: `fit_method`.
    """
    found = list(_tree(draft, lined(text.text, text.name), text, (), (), None, seen=()))
    ids = Counter(name for node in found for name, told in _decisions(node) if not _alias(told))
    for node in found:
        for name, told in _decisions(node):
            if not _alias(told):
                node.names[name] = name if ids[name] == 1 or not node.scope else "_".join((*node.scope, name))
    for node in found:
        for name, told in _decisions(node):
            if _alias(told):
                _follow(draft, node, name, str(told["from"]))
    return found


def _tree(
    draft: Draft,
    read: Lined,
    text: Source,
    scope: tuple[str, ...],
    path: tuple[str, ...],
    above: Node | None,
    seen: tuple[Path, ...],
) -> Iterator[Node]:
    told = read.value
    for step in path:
        told = told[step]
    node = Node(told if isinstance(told, dict) else {}, text.name, read, scope, path, above)
    if not isinstance(told, dict):
        draft.wrong(
            node.where(), f"it is {told!r}.", "an analysis with `decisions`", "Write `decisions:` and below it its id."
        )
    yield node
    for name, inner in draft.table(node.told.get("analyses"), node.where("analyses")).items():
        elsewhere = inner.get("path") if isinstance(inner, dict) else None
        if elsewhere is None:
            yield from _tree(draft, read, text, (*scope, name), (*path, "analyses", name), node, seen)
            continue
        file = (text.folder / str(elsewhere) / "astra.yaml").resolve()
        try:
            if file in seen:
                continue  # a circle; each analysis counts once
            there = source(file, KIND)._replace(name=f"{elsewhere}/astra.yaml")
            yield from _tree(draft, lined(there.text, there.name), there, (*scope, name), (), node, (*seen, file))
        except SpaceError as error:
            for problem in error.problems:
                draft.wrong(node.where("analyses", name, "path"), problem.what, problem.expected, problem.mend)


def _decisions(node: Node) -> list[tuple[str, Any]]:
    told = node.told.get("decisions")
    return list(told.items()) if isinstance(told, dict) else []


def _alias(told: Any) -> bool:
    return isinstance(told, dict) and "from" in told


def _follow(draft: Draft, node: Node, name: str, path: str) -> None:
    """The name of the decision that an alias means, which an analysis further out declares."""
    found, target = UPWARD.fullmatch(path), node
    for _ in range(found[1].count("../") if found else 0):
        target = target.above or target
    known = target.names if found and target is not node else {}
    if found and found[2] in known:
        node.names[name] = known[found[2]]
        return
    outer = [f"../{other}" for other in (node.above.names if node.above else {})]
    draft.wrong(
        node.where("decisions", name, "from"),
        f"{path!r} is no decision of an analysis further out.",
        f"one of: {', '.join(outer) or 'none, there is no analysis further out'}",
        f"{near_miss(path, outer)}Write `../` and its id, or declare the decision here.",
    )


def known_names(node: Node) -> dict[str, str]:
    """Id -> name in the space of all decisions that can be named in this analysis: its own, and those further out."""
    outer = known_names(node.above) if node.above else {}
    return outer | node.names
