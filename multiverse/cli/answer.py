"""`multiverse answer`: new data sets, answered by the trained network of a store."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from multiverse.cli.exits import ALL_RED, FAILED, tell
from multiverse.cli.store_argument import json_option, run_option, store_place, talk_to_stderr

if TYPE_CHECKING:
    from multiverse.answering.answer import Answer, Answers
    from multiverse.answering.network import Network

_HELP = f"""Answer new data sets by a network that a run has trained.

STUDY.py is the study as it was when the engine amortized ran it; DATA are files with raw data of the same form, one
data set each. They go through the study's own preprocessing. csv and parquet files are tables: a study of a table takes
them as they are, one of a dict of arrays column by column; npz and json files hold arrays by name. Columns get the
types of the study's own data. For anything else the study file may hold a function `read(path)` that gives raw data as
the study's `data` are.

Draws of the network are weighed by the exact log joint and judged as in a run: red answers say why. `--set` asks for
another option than that of the reference universe, by its label, or for a number of its own: between the options it is
answered like these, beyond them only where the weights can be relied on.

The exit code is 0 when every file is answered, {ALL_RED} when all answers are red, {FAILED} when a file cannot be.

\b
Example:
  multiverse run study.py --engine amortized
  multiverse answer study.py new.csv
  multiverse answer study.py monday.csv tuesday.csv --set prior=weak --set scale=2.2
  multiverse answer study.py new.csv --all --json
"""


@click.command(help=_HELP, short_help="Answer new data by a trained network.")
@click.argument("study", metavar="STUDY.py")
@click.argument("data", metavar="DATA...", nargs=-1, required=True)
@click.option("--store", metavar="STORE", help="Where the network is.  [default: runs/NAME beside STUDY.py]")
@run_option
@click.option("--set", "asked", metavar="DECISION=OPTION", multiple=True, help="A label of the decision, or a number.")
@click.option("--all", "everything", is_flag=True, help="All universes (with these options), not the reference alone.")
@json_option
@click.pass_context
def answer(
    ctx: click.Context,
    study: str,
    data: tuple[str, ...],
    store: str | None,
    run_name: str | None,
    asked: tuple[str, ...],
    everything: bool,
    as_json: bool,
) -> None:
    """Answer new data sets by a network that a run has trained."""
    from multiverse.answering.answer import Answer
    from multiverse.errors import MultiverseError

    with talk_to_stderr(as_json):
        from multiverse.answering.load import load_network
        from multiverse.loading import load_study

        file = load_study(study)
        network = load_network(store_place(store or study), file.study, run=run_name, ready=False)
    options = _options(asked, network)
    told: list[dict[str, Any]] = []
    answers: list[Answer] = []
    seconds: list[float] = []
    failed = 0
    for path in data:
        try:
            began = time.perf_counter()
            with talk_to_stderr(as_json):
                raw = network.read(path) if file.read is None else file.read(path)
                found: Answers | Answer = (
                    network.answer_all(raw, **options) if everything else network.answer(raw, **options)
                )
            seconds.append(time.perf_counter() - began)
        except MultiverseError as error:
            tell(error)
            failed += 1
            continue
        mine = [found] if isinstance(found, Answer) else list(found)
        answers += mine
        told += [{"data": path, **one.card()} for one in mine]
        if not as_json:
            click.echo(f"{path}\n{found!r}\n")
    if as_json:
        from multiverse.cli.as_json import echo_json

        echo_json({"study": network.plan.study.name, "run": network.source.run, "answers": told})
    elif seconds:
        click.echo(_said(answers, seconds, network))
    if failed:
        ctx.exit(FAILED)
    if not any(one.ok for one in answers):
        ctx.exit(ALL_RED)


def _options(asked: tuple[str, ...], network: Network) -> dict[str, Any]:
    """`prior=weak` as a label, `scale=2.2` as a number where no label is written so."""
    decisions = network.plan.study.space.decisions
    options: dict[str, Any] = {}
    for text in asked:
        name, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} is not DECISION=OPTION, as in prior=weak", param_hint="--set")
        options[name] = value if name in decisions and value in decisions[name].labels else _number(value)
    return options


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text  # no number: the mistake is told with the labels that there are


def _said(answers: list[Answer], seconds: list[float], network: Network) -> str:
    """What was done, and how long a data set took: the first one compiles."""
    green = sum(one.ok for one in answers)
    later = sorted(seconds[1:])
    warm = f", then {1000 * later[len(later) // 2]:.0f} ms (median)" if later else ""
    sets = "1 data set" if len(seconds) == 1 else f"{len(seconds)} data sets"
    return (
        f"{sets} answered by run {network.source.run!r} of {network.source.store}: {green} of {len(answers)} answers "
        f"are green. The first took {seconds[0]:.1f} s with compiling{warm}."
    )
