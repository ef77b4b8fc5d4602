"""`multiverse sql`: one SELECT on the views of a store, as a table, CSV, JSON or Parquet; or the views to attach."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from multiverse.cli.answer_file import SUFFIXES, TABLE, answer_form, check_outside, write_answer
from multiverse.cli.exits import FAILED, tell
from multiverse.cli.numbers import Number, WholeNumber
from multiverse.cli.store_argument import OpenedStore, opened_store, shown_path, store_argument

if TYPE_CHECKING:
    from multiverse.store.sql import Answer

ROWS: Final = 40  # shown in a table: more scroll past unread; the other formats have all

_HELP = """Answer one SELECT on the views of STORE: read-only, also while a run writes.

The views are universes, estimates, failures and planned, in which each decision is a column; diagnostics and draws,
to be joined with universes by (key, run); options and manifest. QUERY may be - to read it from stdin. STORE is a
store's folder or address, or a study file.

\b
Example:
  multiverse sql runs/radon "select family, avg(mean) from estimates where ok group by family"
  multiverse sql runs/radon "from estimates" -o estimates.csv
  multiverse sql runs/radon "describe estimates"
  multiverse sql runs/radon --attach radon.duckdb
"""


@click.command(help=_HELP, short_help='Ask with SQL: "select family, avg(mean) from estimates group by family".')
@store_argument
@click.argument("query", default="-")
@click.option(
    "--format",
    "form",
    type=click.Choice([TABLE, *SUFFIXES.values()]),
    help="A table fits the terminal; the others have every row and column.  [default: table, or as FILE ends]",
)
@click.option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the answer to a file: .csv, .json or .parquet.",
)
@click.option(
    "--rows",
    metavar="N",
    type=WholeNumber(0),
    default=ROWS,
    show_default=True,
    help="Rows of a table at most; 0 for all.",
)
@click.option(
    "--seconds",
    metavar="N",
    type=Number(above=0),
    help="Stop a question that takes longer.  [default: 300]",
)
@click.option(
    "--attach",
    "views",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a small DuckDB file with these views, for any DuckDB to attach; takes no QUERY.",
)
def sql(
    store: str, query: str, form: str | None, file: Path | None, rows: int, seconds: float | None, views: Path | None
) -> None:
    """Answer one SELECT on the views of a store."""
    if views is not None:
        if query != "-" or form is not None or file is not None:
            raise click.UsageError("--attach writes the views, and answers no QUERY: leave out the rest.")
        _attach(opened_store(store), views)
        return
    form = answer_form(form, file)
    text = query if query != "-" else "" if sys.stdin.isatty() else sys.stdin.read()
    text = text.strip().rstrip("; \n\t")
    if not text:
        raise click.UsageError('There is no query: write "select ...", or send it to stdin.')
    place = opened_store(store)
    if file is not None:
        check_outside(place, file)
    _answer(place, text, form, file, rows, seconds)


def _answer(place: OpenedStore, text: str, form: str, file: Path | None, rows: int, seconds: float | None) -> None:
    """Ask, and show or write what is answered, in this process's share of memory and in this time."""
    from multiverse.cli.answer_formats import WRITERS
    from multiverse.cli.held_memory import held_memory
    from multiverse.store.draws_view import text as quoted
    from multiverse.store.limits import SECONDS, TimeLimit
    from multiverse.store.sql import answered, too_slow
    from multiverse.store.views import open_views

    def stuck() -> None:
        tell(too_slow(limit.seconds))
        sys.stderr.flush()
        os._exit(FAILED)

    with closing(open_views(place.store)) as con:
        (room,) = con.sql("select parse_formatted_bytes(current_setting('memory_limit'))").fetchall()[0]
        limit = TimeLimit(con, seconds or SECONDS, stuck)
        with held_memory(room):
            with answered(con, text, limit) as answer:
                if file is not None:
                    write_answer(answer, form, file)
                elif form != TABLE:
                    WRITERS[form](answer, sys.stdout.buffer)
                else:
                    names = answer.schema.names
                    shown = _first(answer, rows)
            if file is None and form == TABLE:
                _show(names, shown[:rows] if rows else shown)
                if rows and len(shown) > rows:
                    with answered(con, f"select count(*) from query({quoted(text)})", limit) as counted:
                        ((count,),) = _first(counted, 0)
                    click.echo(f"... {count - rows:,} more of {count:,} rows; all with --rows 0 or -o answer.csv")


def _first(answer: Answer, most: int) -> list[tuple[Any, ...]]:
    """The first rows, one more than asked for where there are more; 0 for all."""
    from multiverse.cli.answer_formats import rows

    every = (row for batch in answer.batches for row in rows(batch))
    return list(islice(every, most + 1 if most else None))


def _show(names: list[str], shown: list[tuple[Any, ...]]) -> None:
    from multiverse.cli.tables import echo_table

    echo_table(names, shown)
    if not shown:
        click.echo("(no rows)")


def _attach(place: OpenedStore, file: Path) -> None:
    """Write the views, and say how to attach them."""
    from multiverse.store.attach import attach_statement, database_name, write_views

    check_outside(place, file)
    write_views(place.store, file)
    click.echo(f"wrote the views of {place.shown} to {shown_path(file)}; in any DuckDB, say once", err=True)
    click.echo(attach_statement(file))
    click.echo(f"and then ask as here, of {database_name(file)}.estimates and the others", err=True)
