"""`multiverse status`: how far the runs of a store have come; works while they write."""

from __future__ import annotations

import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from multiverse.cli.store_argument import json_option, opened_store, store_argument

if TYPE_CHECKING:
    from multiverse.cli.run_state import RunState

_HELP = """Show how far the runs of STORE have come, also while they write.

For each run: universes planned, answered, green and red with the reasons, the rate of the latest call, when it last
wrote, and its settings. For each engine: attempts, answers, audits, and how many universes went on from it and why. Of
a run that is not finished, for each estimand the share of universes that agree and the median, with an interval for
what they will be when all is answered.
STORE is a store's folder or address, or a study file.

\b
Example:
  multiverse status runs/radon
  multiverse status study.py --json
"""


@click.command(help=_HELP, short_help="Show how far a run has come, also while it writes.")
@store_argument
@json_option
def status(store: str, as_json: bool) -> None:
    """Show how far the runs of a store have come."""
    place = opened_store(store)
    from multiverse.cli.run_state import run_states

    states = run_states(place.store)
    if as_json:
        from multiverse.cli.as_json import echo_json

        echo_json({"store": place.shown, "runs": [state.card() for state in states]})
        return
    if not states:
        click.echo(f"{place.shown} holds no run yet.")
    for number, state in enumerate(states):
        if number:
            click.echo()
        _tell(state)


def _tell(state: RunState) -> None:
    from multiverse.aggregate.verified import unverified
    from multiverse.cli.engines_table import echo_engines
    from multiverse.cli.reds_table import echo_reds
    from multiverse.cli.tables import echo_prose
    from multiverse.planning.duration import duration

    click.secho(f"{state.study}, run {state.run!r}", bold=True)
    click.echo(f"  {counts_text(state.planned, state.answered, state.green, state.red)}")
    for told in filter(None, (state.part, unverified(state.verified_by))):
        echo_prose(told, indent=2)
    calls = "" if state.calls == 1 else f" (call {state.calls})"
    click.echo(f"  started {_local(state.started)}{calls}; {_wrote(state)}")
    if state.per_minute:
        left = state.planned - state.answered
        rest = f"; at this rate {duration(left / state.per_minute * 60)} left, if it is running" if left else ""
        click.echo(f"  {state.per_minute:.3g} universes a minute{rest}")
    echo_prose(", ".join(f"{name} {_said(value)}" for name, value in state.settings.items()), indent=2)
    echo_engines(state.engines)
    if state.reasons:
        echo_reds(state.reasons)
    for summary in state.running:
        click.echo(textwrap.indent(str(summary), "  "))


def counts_text(planned: int, answered: int, green: int, red: int) -> str:
    """`30 of 36 universes answered (83%): 28 green, 2 red`, coloured."""
    share = f" ({answered / planned:.0%})" if 0 < answered < planned else ""
    greens = click.style(f"{green:,} green", fg="green")
    reds = click.style(f"{red:,} red", fg="red") if red else "0 red"
    return f"{answered:,} of {planned:,} universes answered{share}: {greens}, {reds}"


def _wrote(state: RunState) -> str:
    from multiverse.planning.duration import duration

    if state.last_write is None:
        return "nothing written yet"
    if state.answered == state.planned:
        return f"finished {_local(state.last_write)}"
    return f"last wrote {duration((datetime.now(UTC) - state.last_write).total_seconds())} ago"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _said(value: object) -> str:
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value)
