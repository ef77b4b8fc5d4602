"""The picture of a space: decisions in order, options, counts, and what was ruled out; drawn with Altair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiverse.plot.branching_tree import branching_tree
from multiverse.plot.decision_tree_data import TreeData
from multiverse.plot.layered_tree import layered_tree
from multiverse.plot.layout import PADDING
from multiverse.plot.sheet import drawn_sheet

if TYPE_CHECKING:
    import altair as alt


def tree(data: TreeData, *, width: str | float = "183mm") -> alt.LayerChart:
    """The picture as an Altair chart, one pixel a point (1/72 inch), exactly `width` wide.

    A small space is a tree in which every universe is a leaf; a larger one has a row a decision, a box an option, and
    lines between options that some universe has both.
    width: "89mm", "183mm" or millimetres from 70 to 420. Raises ResultError for a width that is none.
    """
    return drawn_sheet(branching_tree(data, width) or layered_tree(data, width), PADDING)
