"""The space of an `astra.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from multiverse.interchange import notes as behind
from multiverse.interchange.assemble import Own, assemble
from multiverse.interchange.astra_decisions import decisions
from multiverse.interchange.astra_nodes import KIND, Node, nodes
from multiverse.interchange.bind import Values
from multiverse.interchange.conditions import rule_of
from multiverse.interchange.draft import Draft
from multiverse.interchange.notes import Notes
from multiverse.interchange.source import SpaceFileError, source
from multiverse.interchange.to_astra import in_astra
from multiverse.space.space import Space


def from_astra(path_or_text: str | Path, *, values: Values = None, kinds: Mapping[str, str] | None = None) -> Space:
    """The space of an ASTRA file (astra-spec 0.0.14), its own or one that `to_astra` wrote.

    path_or_text: the file; or its text, which has more than one line.
    values: Python objects in place of the ids of options, `{"slope": {"Weak": Normal(0, 10)}}`, or a space that has
        them.
    kinds: name -> kind of a decision; else the kind that one of its `tags` names, or "decision".

    Decisions are called by their ids, options by their labels; the value of an option is its id, which is what ASTRA
    gives to recipes. `description` and the claims of `insights` become the reason of an option, an excluded option is
    ruled out by its `excluded_reason`. Decisions of sub-analyses join those of the file; where two have one id, that of
    the sub-analysis goes before it.  Inputs, outputs, recipes and findings are not part of a space.
    Raises SpaceFileError with all mistakes, each with its line.
    """
    return read(path_or_text, values, kinds, bound=True)


def read(path_or_text: str | Path, values: Values, kinds: Mapping[str, str] | None, *, bound: bool) -> Space:
    """As `from_astra`. bound: whether a value that nobody gives is a mistake; else it is an `Unbound`."""
    text = source(path_or_text, KIND)
    draft = Draft(text.name, conditional=True)
    noted = behind.read(text.text, draft.problems, text.name)
    found = nodes(draft, text)
    if not any(node.told.get("decisions") for node in found) and not draft.problems:
        draft.wrong("", "there are no decisions.", "`decisions`, with options by id", "Write `decisions:`.")
        raise SpaceFileError(draft.problems)
    _rename(found, noted)
    conditions = decisions(draft, found)
    idle = {name: told for name, told in conditions.items() if told}
    known = {name: decision.labels for name, decision in draft.decisions.items()}
    draft.whens = {name: (told, rule_of(told, known, idle)) for name, told in idle.items()}
    return assemble(draft, noted, values, kinds, lambda space: Own(*in_astra(space)), bound=bound)


def _rename(found: list[Node], noted: Notes) -> None:
    """Decisions are called as the notes say, where their name is no id."""
    called = {told["written"]: name for name, told in noted.decisions.items() if "written" in told}
    for node in found:
        for name, own in node.names.items():
            node.names[name] = called.get(own, own)
