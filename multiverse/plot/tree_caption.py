"""The caption of the picture of a space: what it shows, how to read it, and every rule in words."""

from __future__ import annotations

from multiverse.aggregate.printing import count
from multiverse.plot.branching_tree import branching_tree
from multiverse.plot.decision_tree_data import RULED_OUT, TOGETHER, TreeData
from multiverse.plot.tree_look import number_text


def tree_caption(data: TreeData, width: str | float) -> str:
    """The caption in sentences for the picture at this width, for the journal and the file beside it; one paragraph."""
    branching = branching_tree(data, width) is not None
    return " ".join([*_what(data), *(_branches(data) if branching else _boxes(data)), *_notes(data)])


def _what(data: TreeData) -> list[str]:
    of = f" of the study {data.name}" if data.name else ""
    size, combinations = number_text(data.size), number_text(data.combinations)
    all_of = f"{size} universe{'' if data.size == 1 else 's'}"
    left = f", of {combinations} combinations" if data.combinations > data.size else ""
    decisions = count(len(data.steps), "decision")
    return [f"Decisions{of} in the order in which they are taken: {decisions}, which make {all_of}{left}."]


def _branches(data: TreeData) -> list[str]:
    out = ["Each path from left to right is a universe; below, how many there are after each decision."]
    out.append("Black: the reference universe.")
    if any(choice.label is None for step in data.steps for choice in step.choices):
        out.append("A dash: the decision does not apply.")
    return out


def _boxes(data: TreeData) -> list[str]:
    out = [
        "A box is an option, with the number of universes that have it; a line joins options of neighbouring decisions "
        "that some universe has both, the wider the more of them; at the right, how many universes there are so far.",
        "Black: the reference universe.",
    ]
    if any(choice.label is None for step in data.steps for choice in step.choices):
        out.append("Dashed box: the decision does not apply.")
    return out


def _notes(data: TreeData) -> list[str]:
    if not data.notes:
        return []
    words = [
        "Numbers in orange mark what was ruled out, with the universes that each rule takes away after those declared "
        "before it."
    ]
    marked = any(note.about == RULED_OUT for note in data.notes)
    if any(note.about == TOGETHER for note in data.notes):
        words.append("Decisions that move together take their options in the same order.")
    return [*(words if marked else words[1:]), *(f"({note.number}) {note.text}" for note in data.notes)]
