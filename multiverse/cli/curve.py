"""`multiverse curve`: the specification curve as a file, with its data and its caption beside it."""

from __future__ import annotations

from pathlib import Path

import click

from multiverse.cli.figure_options import figure_options
from multiverse.cli.numbers import Number
from multiverse.cli.store_argument import opened_store, run_option, shown_path, store_argument

_HELP = """Draw the specification curve of ESTIMAND (the first one by default).

Beside the figure its data are written as .data.csv and its caption as .caption.txt, under the same
name. STORE is a store's folder or address, or a study file.

\b
Example:
  multiverse curve runs/radon effect -o curve.pdf --width 89mm
"""


@click.command(help=_HELP, short_help="Draw the specification curve as PDF, SVG or PNG.")
@store_argument
@click.argument("estimand", required=False)
@figure_options("curve.pdf")
@click.option("--title", metavar="TEXT", help="What is estimated, in words.  [default: the estimand's name]")
@click.option(
    "--threshold",
    type=Number(),
    metavar="X",
    default=0.0,
    show_default=True,
    help="The value that intervals are held to.",
)
@run_option
def curve(
    store: str,
    estimand: str | None,
    output: Path,
    width: str,
    title: str | None,
    threshold: float,
    run_name: str | None,
) -> None:
    """Draw the specification curve of a store."""
    place = opened_store(store)
    from multiverse.results import load

    results = load(place.store, run=run_name)
    figure = results.curve(estimand, title_y=title, threshold=threshold, width=width)
    for written in figure.save(output):
        click.echo(f"wrote {shown_path(written)}")
