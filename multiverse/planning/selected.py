"""What a design takes of a space, and the mistakes in it."""

from __future__ import annotations

from multiverse.design.design import Design, Selection
from multiverse.design.designs import by_name
from multiverse.errors import Problem, SpaceError
from multiverse.space.counted import counted
from multiverse.space.space import Space

PLANNED_MOST = 5_000_000  # universes, some 2 kB each: more would not fit into 16 GB with their answers


def selected(space: Space, design: object) -> tuple[Selection | None, list[Problem]]:
    """What is taken, None where it is the whole space; and what is wrong with the design, or with having none.

    design: a design, or the name of one that needs no more; None for the whole space.
    """
    try:
        chosen = by_name(design) if isinstance(design, str) else design
        if chosen is not None and not isinstance(chosen, Design):
            return None, [_no_design(chosen)]
        taken = None if chosen is None else chosen.take(space)
    except SpaceError as error:
        return None, list(error.problems)
    size = space.size if taken is None or taken.whole else len(taken)
    if size > PLANNED_MOST:
        return None, [_too_many(size)]
    return (None if taken is None or taken.whole else taken), []


def _no_design(value: object) -> Problem:
    return Problem(
        f"design is {value!r}, a {type(value).__name__}.",
        "a design, or the name of one",
        "write design=mv.designs.random(200), or design='one-at-a-time'",
    )


def _too_many(size: int) -> Problem:
    return Problem(
        f"the plan would hold {counted(size, 'universe')}.",
        f"at most {PLANNED_MOST:,}",
        "take a part of the space: plan(study, design=mv.designs.random(1000)), or --design random --universes 1000",
    )
