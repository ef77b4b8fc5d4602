"""What a run did, where it is, and what to type next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from multiverse.cli.run_state import RunState, run_states
from multiverse.cli.store_argument import Place, shown_path, typed_path

if TYPE_CHECKING:
    from multiverse.results import Results

MINUTES_FROM = 180.0  # seconds; shorter times read better in seconds


def report(results: Results, done: int, seconds: float, place: Place, *, as_json: bool, to_do: int, go_on: str) -> bool:
    """Tell it on stdout; true when everything that was answered is red.

    done, to_do: universes that this call answered, and had to answer. go_on: what answers the rest after a stop.
    """
    states = {state.run: state for state in run_states(results.store)}
    state = states[results.run]
    all_red = state.answered > 0 and state.green == 0
    if results.stopped:  # workers published what they had begun
        done = max(done, to_do - (state.planned - state.answered))
    if as_json:
        from multiverse.cli.as_json import echo_json

        told = {"seconds": seconds, "answered_now": done, "stopped": results.stopped or None}
        echo_json({"store": shown_path(place), **state.card(), **told})
    else:
        _tell(results, state, done, seconds, all_red)
        if results.stopped and state.answered < state.planned:
            _stopped(results.stopped, state, go_on)
        _next(state, place, all_red, several=len(states) > 1)
    return all_red


def _tell(results: Results, state: RunState, done: int, seconds: float, all_red: bool) -> None:
    from multiverse.aggregate.verified import unverified
    from multiverse.cli.engines_table import echo_engines
    from multiverse.cli.reds_table import echo_reds
    from multiverse.cli.status import counts_text
    from multiverse.cli.tables import echo_prose
    from multiverse.space.counted import counted

    before = state.answered - done
    if done:
        took = f"{seconds:.0f} s" if seconds < MINUTES_FROM else f"{seconds / 60:.1f} min"
        click.echo(f"{counted(done, 'universe')} in {took}" + (f", {before:,} were there before" if before else ""))
    else:
        click.echo("Nothing was left to do.")
    click.echo(counts_text(state.planned, state.answered, state.green, state.red))
    if told := unverified(state.verified_by):
        echo_prose(told, indent=2)
    if len(state.engines) > 1:
        echo_engines(state.engines)
    elif climbed := _climbed(results):
        echo_prose(climbed, indent=2)
    if state.reasons:
        echo_reds(state.reasons)
        echo_prose("Red universes are kept, with their reason, and left out of the answers.", indent=2)
    click.echo()
    if all_red:
        click.secho("Not one universe may be trusted: there is no answer.", fg="red", bold=True)
    else:
        click.echo(str(results.summary()))


def _stopped(why: str, state: RunState, go_on: str) -> None:
    from multiverse.cli.tables import echo_prose
    from multiverse.space.counted import counted

    click.echo()
    for summary in state.running:
        click.echo(str(summary))
    left = counted(state.planned - state.answered, "universe")
    click.echo()
    echo_prose(f"Stopped before all was answered: {why}. To answer the other {left}:")
    click.echo(f"  {go_on}")


def _climbed(results: Results) -> str:
    """Which universes became green on which rung of the ladder; empty where none needed it."""
    from multiverse.cli.recorded_settings import rungs_of

    name, rungs = results.run.replace("'", "''"), rungs_of(results.record)
    green = results.sql(f"select attempt, count(*) as n from universes where run = '{name}' and ok group by attempt")
    at: dict[int, int] = {}
    for attempt, count in zip(green["attempt"], green["n"], strict=True):
        rung = (int(attempt) - 1) % (len(rungs) + 1)
        at[rung] = at.get(rung, 0) + int(count)
    told = [f"{at[i]:,} on the rung {rung!r}" for i, rung in enumerate(rungs, start=1) if i in at]
    return f"Green with the settings of the run: {at.get(0, 0):,}; when tried again: {', '.join(told)}." if told else ""


def _next(state: RunState, place: Place, all_red: bool, *, several: bool) -> None:
    store, run = typed_path(place), f" --run {shlex.quote(state.run)}" if several else ""
    click.echo(f"\nThe answers are in {shown_path(place)}. Next:")
    if not all_red:
        click.echo(f"  multiverse curve {store}{run} -o curve.pdf")
    click.echo(f"  multiverse show {store} reference{run}")
    view = "failures" if state.red else "estimates"
    click.echo(f'  multiverse sql {store} "select * from {view} limit 10"')
