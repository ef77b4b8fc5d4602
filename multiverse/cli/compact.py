"""`multiverse compact`: packs the rows of many parts into one table, so that queries stay fast."""

from __future__ import annotations

from datetime import timedelta

import click

from multiverse.cli.numbers import Number
from multiverse.cli.store_argument import json_option, opened_store, store_argument

_HELP = """Pack the rows of STORE, so that reading it opens one file in place of one for each batch.

Nothing is lost: parts stay, as they hold the draws. Anybody may go on reading and writing meanwhile. What earlier
compactions wrote is removed when it was superseded longer than --grace ago, since a reader may still be at it. A run
compacts by itself at its end where that is worth it. STORE is a store's folder or address, or a study file.

\b
Example:
  multiverse compact runs/radon
  multiverse compact runs/radon --grace 60
"""


@click.command(help=_HELP, short_help="Pack the rows of a large store, so that queries stay fast.")
@store_argument
@click.option(
    "--grace",
    metavar="SECONDS",
    type=Number(above=0, or_equal=True),
    help="How long ago something must have been superseded to be removed.  [default: 3600]",
)
@json_option
def compact(store: str, grace: float | None, as_json: bool) -> None:
    """Pack the rows of a store."""
    place = opened_store(store)
    from multiverse.store.compact import COMPACT_FROM, GRACE, loose_parts, remove_superseded
    from multiverse.store.compact import compact as pack

    if (loose := len(loose_parts(place.store))) > COMPACT_FROM:
        click.echo(f"packing {loose:,} parts ...", err=True)
    done = pack(place.store)
    removed = remove_superseded(place.store, GRACE if grace is None else timedelta(seconds=grace))
    if as_json:
        from multiverse.cli.as_json import echo_json

        echo_json({"store": place.shown, "packed": done and done._asdict(), "removed": removed._asdict()})
        return
    if done is None:
        click.echo(f"{place.shown}: nothing to pack; every part has its pack.")
    else:
        parts = f"{done.parts:,} parts" if done.parts != 1 else "1 part"
        click.echo(f"{place.shown}: {done.rows:,} rows of {parts} are in one pack, {done.fresh:,} of them new.")
    if count := len(removed.manifests) + len(removed.packs):
        click.echo(f"{count} superseded {'tables' if count > 1 else 'table'} removed.")
