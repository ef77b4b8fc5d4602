"""`multiverse plan`: what a run would do, and how long it would take. Samples nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from multiverse.cli.design_options import chosen_design, design_given, design_options, typed_design
from multiverse.cli.engine_options import chosen_engine, engine_options
from multiverse.cli.exits import MISTAKE
from multiverse.cli.store_argument import Place, json_option, shown_path, store_place, talk_to_stderr, typed_path

if TYPE_CHECKING:
    from multiverse.linting.lint import Lint
    from multiverse.planning.plan import Plan

_HELP = """Show what a run of STUDY.py would do; nothing is sampled.

Universes, the programs they compile to and why these differ, rows, remarks of the planner, and the time. All mistakes
in the study are listed at once, on stderr, and the exit code is then 2.

A pilot of some seconds times gradients, and from these stands below what each engine would cost, within a factor of
about three: the universes it can take, compilation with an empty cache, what it does before its first universe, a
universe on one core, and the whole on all cores. Of auto also how many universes it would give to each engine first;
what is red then goes on to the next, which costs more. And from how many universes, or data sets, training a network
pays.

Below stands the lint: what is no mistake but seldom meant, such as universes that repeat another, decisions that change
nothing, or data that cannot be right; each with a count, some universes by name and a mend. `--strict` makes the exit
code 2 where it finds anything, or where one universe cannot be answered.

\b
Example:
  multiverse plan study.py
  multiverse plan study.py --engine nuts --draws 2000 --store runs/long
  multiverse plan study.py --design random --universes 200
  multiverse plan study.py --strict --no-pilot
"""


@click.command(help=_HELP, short_help="Show what a run would do, and how long it takes.")
@click.argument("study", metavar="STUDY.py")
@click.option("--store", metavar="STORE", help="Say how many universes this store has answered.")
@click.option("--run", "run_name", metavar="NAME", default="main", show_default=True, help="In this run of the store.")
@click.option("--strict", is_flag=True, help="Fail on any finding, and where one universe cannot be answered.")
@click.option("--no-pilot", is_flag=True, help="No forecast of the time.")
@design_options
@engine_options
@json_option
def plan(
    study: str,
    store: str | None,
    run_name: str,
    strict: bool,
    no_pilot: bool,
    engine: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Show what a run of a study file would do."""
    from multiverse.engines.by_name import check_engine, usual_engine
    from multiverse.linting.lint import lint
    from multiverse.loading import load_study
    from multiverse.planning.build import plan as make_plan
    from multiverse.progress import bar

    part = design_given(settings)
    with talk_to_stderr(as_json):
        file = load_study(study)
        sampler = chosen_engine(file.engine, engine, settings, usual_engine(file.study))
        check_engine(file.study, sampler)
        planned = make_plan(file.study, design=chosen_design(part), strict=strict, progress=bar)
        linted = lint(planned, progress=bar)
        place = file.store if store is None else store_place(store)
        remark = ""
        if store is not None or (file.store / "runs").is_dir():
            planned, remark = _less_answered(planned, place, run_name)
        if not no_pilot and planned.to_run:
            planned = _with_forecast(planned, sampler)
    if as_json:
        from multiverse.cli.as_json import echo_json
        from multiverse.cli.plan_card import plan_card

        echo_json(plan_card(planned, linted))
        _end(linted, strict)
        return
    click.echo(repr(planned))
    if remark:
        click.echo(f"  {remark}")
    if planned.forecast is not None:
        click.echo(f"\n{planned.forecast!r}")
    click.echo(f"\n{linted!r}")
    _end(linted, strict)
    where = typed_design(part) + ("" if store is None else f" --store {typed_path(place)}")
    click.echo(
        f"\nNext: multiverse run {study}{where}"
        if planned.todo
        else f"\nNothing is left to run in {shown_path(place)}."
    )


def _end(linted: Lint, strict: bool) -> None:
    """End the command with a mistake's code where it is strict and the lint is not clean."""
    if strict and (linted.findings or linted.not_made):
        click.secho("The lint is not clean, and --strict was given.", err=True, fg="red", bold=True)
        click.get_current_context().exit(MISTAKE)


def _less_answered(planned: Plan, place: Place, run: str) -> tuple[Plan, str]:
    """The plan without what the store has answered, and a remark on the store."""
    from multiverse.earlier import earlier
    from multiverse.routes import recorded_routes
    from multiverse.store.place import open_store
    from multiverse.store.records import read_runs

    if isinstance(place, Path) and not place.exists():
        return planned, f"{shown_path(place)} is not there yet: a run makes it."
    store = open_store(place)
    studies = store.names("study")
    if not studies and isinstance(place, str):
        return planned, f"{place} is not there yet: a run makes it."
    if studies and planned.identity.id not in studies:
        return planned, f"{shown_path(place)} belongs to another study, or to this one before it was changed."
    routes = recorded_routes(record for record in read_runs(store) if record.run == run)
    left = dataclasses.replace(planned.without(earlier(store, run).done), routes=routes)
    return left, f"{len(planned) - len(left.todo):,} already answered in {shown_path(place)}, run {run!r}."


def _with_forecast(planned: Plan, engine: Any) -> Plan:
    """The plan with a forecast of what is still to do, by the engine and by those that could take its place."""
    from multiverse.engines.forecast import forecast
    from multiverse.progress import bar

    with bar("timing a pilot", 1, "pilots") as advance:
        found = forecast(planned, engine)
        advance()
    return dataclasses.replace(planned, forecast=found)
