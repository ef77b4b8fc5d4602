"""`multiverse verify`: a random sample of universes answered again and compared with the store."""

from __future__ import annotations

import click

from multiverse.cli.exits import FAILED
from multiverse.cli.numbers import WholeNumber
from multiverse.cli.store_argument import json_option, opened_store, run_option, store_argument, talk_to_stderr

_HELP = """Answer a random sample of the universes of STORE again, and compare.

With the versions and the kind of hardware that the run recorded, draws and numbers must be the same to the last bit;
elsewhere means, sds and quartiles must agree within Monte Carlo error. Nothing is written. The study is the file that
the run recorded, or `--study`. The exit code is 0 when the store holds what the study gives, else 1. STORE is a
store's folder or address, or a study file.

\b
Example:
  multiverse verify runs/radon
  multiverse verify runs/radon --all --study radon.py
"""


@click.command(help=_HELP, short_help="Answer a random sample of universes again, and compare.")
@store_argument
@click.option("-n", "--universes", metavar="N", type=WholeNumber(1), default=20, show_default=True, help="How many.")
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--seed", metavar="N", type=int, default=0, show_default=True, help="Another seed, another sample.")
@click.option("--study", metavar="STUDY.py", help="The study file; by default the one that the run recorded.")
@run_option
@json_option
@click.pass_context
def verify(
    ctx: click.Context,
    store: str,
    universes: int,
    everything: bool,
    seed: int,
    study: str | None,
    run_name: str | None,
    as_json: bool,
) -> None:
    """Answer a random sample of the universes of a store again, and compare."""
    from multiverse.cli.rerun_code import study_place
    from multiverse.executors.local import Local
    from multiverse.results import load

    place = opened_store(store)
    results = load(place.store, run=run_name)
    with talk_to_stderr(True):  # what the study file prints
        found = results.verify(
            study or study_place(store), n=None if everything else universes, seed=seed, executor=Local()
        )
    if as_json:
        from multiverse.cli.as_json import echo_json

        echo_json(
            {
                "run": found.run,
                "ok": found.ok,
                "answered": found.answered,
                "gone": found.gone,
                "elsewhere": found.elsewhere,
                "limit": found.limit,
                "universes": found.table.to_dict("records"),
            }
        )
    else:
        click.echo(str(found))
    if not found.ok:
        ctx.exit(FAILED)
