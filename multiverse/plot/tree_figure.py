"""The decision tree of a study as a figure: the space before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multiverse.errors import Problem, ResultError
from multiverse.plot.decision_tree import tree
from multiverse.plot.decision_tree_data import decision_tree_data
from multiverse.plot.figure import Figure
from multiverse.plot.layout import millimetres
from multiverse.plot.tree_caption import tree_caption
from multiverse.space.space import Space

if TYPE_CHECKING:
    import altair as alt


def decision_tree(study: Any, *, width: str | float = "183mm") -> Figure:
    """The decisions of a study, a plan or a space as a figure that shows and saves itself, for a methods section.

    Decisions in the order in which they are taken, their options, how many universes have each, and what was ruled out
    and why. A space of at most some 36 universes is drawn as a tree with every universe; a larger one, of any size, as
    rows of options with lines between those that go together. Nothing is run, and no universe is made.
    width: "89mm", "183mm" or millimetres, for showing and, unless told otherwise, for saving.

    Raises SpaceError where the space has mistakes, ResultError for a width that is none, or for what has no space.
    """
    millimetres(width)
    owner = getattr(study, "study", study)  # a plan
    space = getattr(owner, "space", owner)
    if not isinstance(space, Space):
        what = f"decision_tree was given a {type(study).__name__}, which has no space."
        raise ResultError(Problem(what, "a study, a plan or a space", "mv.decision_tree(study)"))
    if not space.decisions:
        what = "this space has no decisions: there is nothing to draw."
        raise ResultError(Problem(what, "at least one decision", "mv.Space(slope=mv.prior(...))"))
    data = decision_tree_data(space, "" if owner is space else str(owner.name))

    def draw(width: str | float) -> alt.LayerChart:
        return tree(data, width=width)

    def describe(width: str | float) -> str:
        return tree_caption(data, width)

    return Figure(draw, data.table, describe, width)
