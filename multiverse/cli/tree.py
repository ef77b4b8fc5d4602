"""`multiverse tree`: the decisions of a study as a figure, before anything runs."""

from __future__ import annotations

from pathlib import Path

import click

from multiverse.cli.figure_options import figure_options
from multiverse.cli.store_argument import shown_path

_HELP = """Draw the decisions of STUDY.py: options, how many universes have each, what was ruled out and why.

Nothing is run, and a space may have any number of universes. A small one is drawn as a tree with every universe, a
larger one as rows of options. Beside the figure its data are written as .data.csv and its caption as .caption.txt,
under the same name.

\b
Example:
  multiverse tree study.py -o tree.svg --width 183mm
"""


@click.command(help=_HELP, short_help="Draw the decisions as PDF, SVG or PNG; nothing is run.")
@click.argument("study", metavar="STUDY.py")
@figure_options("tree.pdf")
def tree(study: str, output: Path, width: str) -> None:
    """Draw the space of a study file."""
    from multiverse.loading import load_study
    from multiverse.plot.tree_figure import decision_tree

    figure = decision_tree(load_study(study).study, width=width)
    for written in figure.save(output):
        click.echo(f"wrote {shown_path(written)}")
