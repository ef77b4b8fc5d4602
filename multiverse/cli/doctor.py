"""`multiverse doctor`: finds and explains what is damaged in a store, and mends it on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from multiverse.cli.store_argument import json_option, opened_store, store_argument

if TYPE_CHECKING:
    from multiverse.store.finding import Finding

_HELP = """Find and explain what is damaged in STORE: every table is read whole, draws included.

For each finding: what is wrong, what it means, and what mends it. With --mend it is done: damaged tables are moved to
the folder `damaged` of the store, and the same `multiverse run` then answers just their universes again. Nothing that
can be read is removed. Ends with 1 where damage was found and is not mended. STORE is a store's folder or address, or
a study file.

\b
Example:
  multiverse doctor runs/radon
  multiverse doctor runs/radon --mend
"""


@click.command(help=_HELP, short_help="Find, explain and mend what is damaged in a store.")
@store_argument
@click.option("--mend", "mending", is_flag=True, help="Do what can be done about it.")
@json_option
@click.pass_context
def doctor(ctx: click.Context, store: str, mending: bool, as_json: bool) -> None:
    """Find and explain what is damaged in a store."""
    place = opened_store(store)
    from multiverse.cli.exits import FAILED
    from multiverse.progress import bar
    from multiverse.store.examine import examine, table_count
    from multiverse.store.mend import mend

    count = table_count(place.store)
    with bar("examining", count, "tables") as advance:
        findings = examine(place.store, advance)
    done = mend(place.store, findings) if mending else []
    open_damage = sum(found.damage and not (mending and found.cure is not None) for found in findings)
    if as_json:
        from multiverse.cli.as_json import echo_json

        said = [{name: v for name, v in asdict(found).items() if name != "cure"} for found in findings]
        echo_json({"store": place.shown, "tables": count, "findings": said, "mended": done})
    else:
        click.echo(f"{place.shown}: {count} tables read.")
        _tell(findings)
        for line in done:
            click.echo(line)
        _end(findings, mending, open_damage, place.typed)
    if open_damage:
        ctx.exit(FAILED)


def _tell(findings: Sequence[Finding]) -> None:
    from multiverse.cli.tables import echo_prose

    for number, found in enumerate(sorted(findings, key=lambda f: not f.damage), 1):
        click.echo()
        click.secho(f"{number}. {found.what}", fg="red" if found.damage else None)
        echo_prose(f"means: {found.means}", indent=2)
        echo_prose(f"mend: {found.mend}", indent=2)
    if findings:
        click.echo()


def _end(findings: Sequence[Finding], mending: bool, open_damage: int, typed: str) -> None:
    if not any(found.damage for found in findings):
        click.secho("Nothing is damaged.", fg="green")
    elif not mending:
        click.echo(f"`multiverse doctor {typed} --mend` does what can be done about it.")
    elif open_damage:
        click.echo(f"{open_damage} {'findings are' if open_damage > 1 else 'finding is'} left: see the mend of each.")
    else:
        click.secho("Mended. Give the same `multiverse run` again to answer what was lost.", fg="green")
