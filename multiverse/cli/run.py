"""`multiverse run`: answer every universe that the store does not hold yet."""

from __future__ import annotations

import time
from typing import Any

import click

from multiverse.cli.design_options import chosen_design, design_given, design_options, typed_design
from multiverse.cli.engine_options import chosen_engine, engine_options
from multiverse.cli.executor_options import chosen_executor, executor_given, executor_options
from multiverse.cli.exits import ALL_RED
from multiverse.cli.numbers import Number
from multiverse.cli.stop import STOPPED, goes_at_once, this_command
from multiverse.cli.store_argument import json_option, shown_path, store_place, talk_to_stderr

_HELP = f"""Answer every universe of STUDY.py that its store does not hold yet.

The store is `runs/NAME` beside the study file, NAME being the name of the study; `--store` puts it elsewhere: in a
folder, or at an address such as s3://bucket/radon. Stop it with Ctrl-C, or kill it: nothing that was finished is lost,
and the same command goes on. A study file may hold `engine = mv.NUTS(...)` beside `study`; the options replace single
settings of it, and an option that the engine does not have is an error. One run of a store keeps to one set of
settings: give another `--run` for others.

The engine auto gives each universe to the cheapest engine that may pass its gate, has a share of the answers audited by
NUTS started cold, and gives what is red to the next; `multiverse status` tells what each of them did.

A universe that fails the gate is tried again, with settings that go further each time; what still fails is red: it is
kept with its reason, and left out of the answers. `--retry` tries red universes once more, with other random numbers.
`--executor ray` runs it on a cluster, with the same draws; the store must be a place that all its nodes reach.

The exit code is 0 when everything is answered, even if some of it is red; {ALL_RED} when all of it is; {STOPPED} after
Ctrl-C.

\b
Example:
  multiverse run study.py
  multiverse run study.py --run long --engine nuts --draws 2000 --target-accept 0.95
  multiverse run study.py --run audited --audit 0.2
  multiverse run study.py --retry time --time-limit 600
  multiverse run study.py --stop-when share=0.05
  multiverse run study.py --design random --universes 200
  multiverse run study.py --executor ray --address auto --store /shared/radon
"""


@click.command(help=_HELP, short_help="Answer every universe; stop and go on at will.")
@click.argument("study", metavar="STUDY.py")
@click.option(
    "--store",
    metavar="STORE",
    help="Where the answers go: a folder or an address.  [default: runs/NAME beside STUDY.py]",
)
@click.option("--run", "run_name", metavar="NAME", default="main", show_default=True, help="The run in the store.")
@design_options
@engine_options
@click.option(
    "--keep",
    metavar="WHAT",
    default="estimands",
    show_default=True,
    help="Draws to keep: estimands, all, or names of sites with commas between.",
)
@click.option(
    "--retry",
    metavar="WHAT",
    help="Red universes to try again: failures (all of them), or reasons with commas between.",
)
@click.option(
    "--time-limit",
    metavar="SECONDS",
    type=Number(above=0),
    help="What a universe may take, compilation not counted.  [default: no limit]",
)
@click.option(
    "--stop-when",
    metavar="WIDTHS",
    help="Stop when intervals of the running summary are so narrow: share=0.05, median=0.1, or both with a comma "
    "between.  [default: when all is answered]",
)
@executor_options
@json_option
def run(
    study: str,
    store: str | None,
    run_name: str,
    engine: str | None,
    keep: str,
    retry: str | None,
    time_limit: float | None,
    stop_when: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Answer every universe of a study file."""
    from multiverse.cli.counting import Counting

    counting, command, part = Counting(), this_command(), design_given(settings)
    where = executor_given(settings)

    def message() -> str:
        return f"Stopped. {counting.said()} Go on with:\n  {command}"

    with goes_at_once(message), talk_to_stderr(as_json):
        from multiverse.aggregate.stop_when import StopWhen
        from multiverse.engines.by_name import check_engine, usual_engine
        from multiverse.linting.lint import lint
        from multiverse.linting.show import remark
        from multiverse.loading import load_study
        from multiverse.planning.build import plan as make_plan
        from multiverse.planning.show import headline
        from multiverse.store.place import open_store
        from multiverse.sweep import run as sweep

        runner = chosen_executor(where)
        enough = None if stop_when is None else StopWhen.parse(stop_when)
        file = load_study(study)
        place = file.store if store is None else store_place(store)
        if isinstance(place, str) or place.exists():
            open_store(place)  # a place that cannot be one shall not cost the time of planning
        sampler = chosen_engine(file.engine, engine, settings, usual_engine(file.study))
        check_engine(file.study, sampler)  # before the time of planning, too
        planned = make_plan(file.study, design=chosen_design(part), progress=counting.bar)
        counting.place = shown_path(place)
        click.echo(f"{headline(planned)}\nStore: {shown_path(place)}, run {run_name!r}", err=True)
        shown = f"multiverse plan {study}{typed_design(part)}"
        if odd := remark(lint(planned, quick=True, progress=counting.bar), shown):
            click.echo(odd, err=True)
        began = time.monotonic()
        results = sweep(
            planned,
            store=place,
            engine=sampler,
            executor=runner,
            run=run_name,
            keep=_kept(keep),
            retry=None if retry is None else _names(retry),
            time_limit=time_limit,
            stop_when=enough,
            progress=counting.sweep,
        )
        seconds = time.monotonic() - began
    from multiverse.cli.run_report import report

    if counting.computed:
        click.echo(counting.computed, err=as_json)
    go_on = this_command(without="--stop-when")
    if report(results, counting.done, seconds, place, as_json=as_json, to_do=counting.total, go_on=go_on):
        click.get_current_context().exit(ALL_RED)


def _kept(keep: str) -> str | list[str]:
    return keep if keep in ("estimands", "all") else _names(keep)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
