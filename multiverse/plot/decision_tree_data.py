"""What the picture of a space shows, as tables: decisions in order, their options, counts, and what rules say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from multiverse.aggregate.printing import count
from multiverse.plot.diagram_counts import counted_levels, universes_so_far, universes_with
from multiverse.plot.rule_words import rule_words
from multiverse.space.diagram import Diagram
from multiverse.space.rules import Forbid, Link, OnlyWhen
from multiverse.space.space import Space

RULED_OUT, APPLIES, TOGETHER = "ruled out", "applies", "together"  # what a note is about


class Note(NamedTuple):
    """A numbered remark below the picture. where: options, or (label None) decisions, that bear its number."""

    number: int
    about: str
    text: str
    where: tuple[tuple[str, str | None], ...]


class Choice(NamedTuple):
    """What may be taken at a step: an option, or (label None) nothing where the decision does not apply.

    reference: whether the reference universe has it; universes: how many have it; notes: numbers.
    """

    label: str | None
    reference: bool
    universes: int
    why: str | None
    notes: tuple[int, ...] = ()


class TreeStep(NamedTuple):
    """A decision, in the order in which they are taken. universes: different beginnings of universes up to here."""

    decision: str
    kind: str
    choices: tuple[Choice, ...]
    universes: int
    notes: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class TreeData:
    """What is behind one picture of a space. size: its universes; combinations: before any rule."""

    name: str
    steps: tuple[TreeStep, ...]
    notes: tuple[Note, ...]
    size: int
    combinations: int
    diagram: Diagram

    @property
    def table(self) -> pd.DataFrame:
        """A row an option, in the order of the picture.

        step (from 1), decision, kind, option (None: does not apply), reference (whether the reference universe has it),
        universes (that have it), so_far (universes up to this step), why, notes (numbers, a blank between).
        """
        rows = [
            (
                place,
                step.decision,
                step.kind,
                choice.label,
                choice.reference,
                choice.universes,
                step.universes,
                choice.why,
                " ".join(map(str, sorted({*step.notes, *choice.notes}))),
            )
            for place, step in enumerate(self.steps, 1)
            for choice in step.choices
        ]
        columns = ["step", "decision", "kind", "option", "reference", "universes", "so_far", "why", "notes"]
        return pd.DataFrame(rows, columns=columns)


def decision_tree_data(space: Space, name: str = "") -> TreeData:
    """The tables of the picture of a space; no universe is made, so a space may have any number of them.

    name: of the study, for the caption. Raises SpaceError where the space has mistakes.
    """
    diagram, reference = space.diagram, space.reference
    names, notes = tuple(space.decisions), _notes(space)
    steps = []
    for place, level in zip(diagram.places, counted_levels(diagram), strict=False):
        decision = names[place]
        counted = universes_with(level)
        offered = (*space.decisions[decision].labels, None)
        choices = tuple(
            Choice(
                label,
                label == reference[decision],
                counted.get(label, 0),
                None if label is None else space.decisions[decision].option(label).why,
                tuple(note.number for note in notes if label is not None and (decision, label) in note.where),
            )
            for label in offered
            if label is not None or label in counted
        )
        own = tuple(note.number for note in notes if (decision, None) in note.where)
        steps.append(TreeStep(decision, space.decisions[decision].kind, choices, universes_so_far(level), own))
    return TreeData(name, tuple(steps), notes, space.size, space.combinations, diagram)


def _notes(space: Space) -> tuple[Note, ...]:
    """What each rule and link says, numbered as a reader of the picture meets them."""
    conditional = [rule.decision for rule in space.rules if isinstance(rule, OnlyWhen)]
    names = list(space.decisions)
    depth = {names[place]: depth for depth, place in enumerate(space.diagram.places)}
    found: list[Note] = []
    for rule, universes in space.ruled_out():
        what, where = rule_words(rule, space.decisions, conditional)
        about = APPLIES if isinstance(rule, OnlyWhen) else TOGETHER if isinstance(rule, Link) else RULED_OUT
        text = f"{what} ({count(universes, 'universe')})" if about == RULED_OUT else what
        text += f": {rule.why}" if isinstance(rule, Forbid) else ""
        found.append(Note(0, about, _sentence(re.sub("^not ", "Not ", text)), where))
    found.sort(key=lambda note: min(depth[name] for name, _ in note.where))
    return tuple(note._replace(number=number) for number, note in enumerate(found, 1))


def _sentence(why: str) -> str:
    text = " ".join(why.split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
