"""`multiverse compare`: two runs of a store against each other, universe by universe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from multiverse.cli.store_argument import json_option, opened_store, shown_path, store_argument

if TYPE_CHECKING:
    from multiverse.aggregate.comparison import Comparison

CHANGES: Final = 10  # universes listed; the rest is in the CSV file

_HELP = """Show how far the answers of two runs of STORE are apart, over the universes that both have answered.

Differences of means in combined Monte Carlo errors and in posterior standard deviations, the universes that are
furthest apart, changed signs and conclusions, universes that are red in one run only, and the seconds that each took.
Red universes are counted and not compared. The first RUN is what the OTHER is held against.

\b
Example:
  multiverse compare runs/radon main longer
  multiverse compare study.py main longer --estimand effect -o apart.csv
"""


@click.command(help=_HELP, short_help="Show how far two runs are apart.")
@store_argument
@click.argument("run", metavar="RUN")
@click.argument("other", metavar="OTHER")
@click.option("--estimand", metavar="NAME", help="What is compared.  [default: the first that both have]")
@click.option("-o", "--output", metavar="FILE.csv", help="Write a row for each universe. Overwritten.")
@json_option
def compare(store: str, run: str, other: str, estimand: str | None, output: str | None, as_json: bool) -> None:
    """Show how far two runs are apart."""
    place = opened_store(store)
    from multiverse.results import load

    found = load(place.store, run=run).compare(other, estimand)
    if output is not None:
        path = Path(output).expanduser()
        found.table.to_csv(path, index=False)
        click.echo(f"wrote {shown_path(path)}", err=as_json)
    if as_json:
        from multiverse.cli.as_json import echo_json

        echo_json(_card(found))
        return
    click.echo(str(found))
    _changes(found)


def _changes(found: Comparison) -> None:
    """The universes in which more than a number changed."""
    from multiverse.cli.tables import echo_table

    changes = found.changes
    if changes.empty:
        return
    here, there = found.runs
    click.echo("\nAnother sign, conclusion or colour:")
    rows = [
        [
            row["key"][:8],
            *(row[name] for name in found.decisions),
            row["conclusion"] if row["ok"] else "red",
            row["conclusion_other"] if row["ok_other"] else "red",
        ]
        for _, row in changes.head(CHANGES).iterrows()
    ]
    echo_table(["key", *found.decisions, here, there], rows, indent=2)
    if len(changes) > CHANGES:
        click.echo(f"  ... {len(changes) - CHANGES:,} more; all with -o FILE.csv")


def _card(found: Comparison) -> dict[str, Any]:
    return {
        "estimand": found.estimand,
        "runs": list(found.runs),
        **found.pairs._asdict(),
        "compared": found.pairs.compared,
        "within_two_errors": found.within,
        "furthest": found.furthest,
        "furthest_expected": found.furthest_expected,
        "sign_changes": found.sign_changes,
        "conclusion_changes": found.conclusion_changes,
        "seconds": list(found.seconds),
        "notes": list(found.notes),
        "universes": found.table.to_dict("records"),
    }
