"""`multiverse sql`: one SELECT on the views of a store, as a table, CSV or JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from multiverse.cli.store_argument import store_argument, store_path

if TYPE_CHECKING:
    import pandas as pd

ROWS = 40  # shown in a table: more scroll past unread; CSV and JSON have all

_HELP = """Answer one SELECT on the views of STORE: read-only, also while a run writes.

The views are universes, estimates, diagnostics, failures, planned, options, draws and manifest; each decision is a
column of the first five. QUERY may be - to read it from stdin. STORE is a store's folder, or a study file.

\b
Example:
  multiverse sql runs/radon "select family, avg(mean) from estimates where ok group by family"
  multiverse sql runs/radon "from estimates" --format csv > estimates.csv
  multiverse sql runs/radon "describe estimates"
"""


@click.command(help=_HELP, short_help='Ask with SQL: "select family, avg(mean) from estimates group by family".')
@store_argument
@click.argument("query", default="-")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="A table fits the terminal; csv and json have every row and column.",
)
@click.option(
    "--rows",
    metavar="N",
    type=click.IntRange(min=0),
    default=ROWS,
    show_default=True,
    help="Rows of a table at most; 0 for all.",
)
def sql(store: str, query: str, form: str, rows: int) -> None:
    """Answer one SELECT on the views of a store."""
    text = query if query != "-" else "" if sys.stdin.isatty() else sys.stdin.read()
    if not text.strip(" \n\t;"):
        raise click.UsageError('There is no query: write "select ...", or send it to stdin.')
    path = store_path(store)
    from multiverse.store.place import open_store
    from multiverse.store.sql import query as ask

    answer = ask(open_store(path, must_exist=True), text.strip().rstrip(";"))
    if form == "csv":
        click.echo(answer.to_csv(index=False), nl=False)
    elif form == "json":
        from multiverse.cli.as_json import echo_json

        echo_json(answer.to_dict("records"))
    else:
        _table(answer, rows or len(answer))


def _table(answer: pd.DataFrame, most: int) -> None:
    from multiverse.cli.tables import echo_table

    shown = answer.head(most)
    rows = list(zip(*(shown[name].tolist() for name in shown.columns), strict=True)) if len(shown.columns) else []
    echo_table([str(name) for name in answer.columns], rows)
    if len(answer) > most:
        click.echo(f"... {len(answer) - most:,} more of {len(answer):,} rows; all with --rows 0 or --format csv")
    elif not len(answer):
        click.echo("(no rows)")
