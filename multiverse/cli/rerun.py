"""`multiverse rerun`: one universe once more, alone and with everything shown."""

from __future__ import annotations

from typing import Any

import click

from multiverse.cli.exits import FAILED
from multiverse.cli.store_argument import json_option, opened_store, run_option, store_argument, talk_to_stderr

_HELP = """Answer the universe KEY of STORE again, alone, and compare it with the store.

Shown are its options and their values, the prepared data, program, settings and random words, the outcome with its
diagnostics and traceback, then and now, and whether the draws are the same to the last bit. Nothing is written. KEY is
the universe's key or the beginning of it, or `reference` (the default). The study is the file that the run recorded, or
`--study`. The exit code is 0 when everything is the same, else 1. STORE is a store's folder or address, or a study
file.

\b
Example:
  multiverse rerun runs/radon reference
  multiverse rerun runs/radon 1f0c --study radon.py
  multiverse sql runs/radon "select key, reason, message from failures"     (what failed)
"""


@click.command(help=_HELP, short_help="Answer one universe again, with everything shown.")
@store_argument
@click.argument("key", default="reference")
@click.option("--study", metavar="STUDY.py", help="The study file; by default the one that the run recorded.")
@run_option
@json_option
@click.pass_context
def rerun(ctx: click.Context, store: str, key: str, study: str | None, run_name: str | None, as_json: bool) -> None:
    """Answer one universe of a store again."""
    from multiverse.cli.rerun_code import study_place
    from multiverse.results import load

    place = opened_store(store)
    results = load(place.store, run=run_name)
    with talk_to_stderr(True):  # what the study file prints
        again = results.rerun(key, study or study_place(store))
    if as_json:
        from multiverse.cli.as_json import echo_json

        echo_json(_card(again))
    else:
        click.echo(str(again))
    if not again.same:
        ctx.exit(FAILED)


def _card(again: Any) -> dict[str, Any]:
    setup = again.setup
    return {
        "key": again.key,
        "run": again.run,
        "same": again.same,
        "changed": list(again.comparison.changed),
        "elsewhere": list(again.elsewhere),
        "options": {
            name: {"label": label, "value": again.values.get(name)} for name, label in again.universe.labels.items()
        },
        "data": [array._asdict() for array in again.data],
        "study": setup.study,
        "engine": setup.engine,
        "settings": setup.settings,
        "program": setup.program,
        "block": setup.block,
        "random_words": setup.words,
        "attempt": again.outcome.attempt,
        "reason": None if again.outcome.ok else again.outcome.reason.name,
        "message": again.outcome.message or None,
        "traceback": again.outcome.traceback or None,
        "diagnostics": {"stored": again.stored.diagnostics, "now": again.outcome.diagnostics},
        "estimates": again.difference.to_dict("records"),
    }
