"""`multiverse check`: data simulated from the model over the space, answered, and compared with their truths."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from multiverse.cli.engine_options import chosen_engine, engine_options
from multiverse.cli.exits import ALL_RED, FAILED
from multiverse.cli.figure_options import figure_options
from multiverse.cli.numbers import WholeNumber
from multiverse.cli.store_argument import json_option, run_option, shown_path, store_place, talk_to_stderr
from multiverse.errors import PlanError, Problem

if TYPE_CHECKING:
    from multiverse.answering.network import Network
    from multiverse.calibrating.calibration import Calibration

Command = TypeVar("Command", bound=Callable[..., Any])

SIMULATIONS: Final = 300  # as `calibrating.calibrate`, which a --help does not import
OF_A_NETWORK: Final = 3000  # the same

_HELP = f"""Check an engine, or a trained network, on data whose truth is known.

Parameters are drawn from the prior of universes of STUDY.py, data from their likelihood given these, under each
universe's own design; the engine answers the data, and what it says is compared with the truth. sbc: do truths lie
anywhere in their posteriors; coverage: do intervals hold as many as they should; recovery: how near is the mean, and
how much did data teach. All average over the prior: none says anything of the data at hand.

With `--network`, or where a store stands in place of STUDY.py, the network answers that a run has trained: thousands of
data sets in seconds, first by its own draws, then with these weighed by the exact log joint, as in a run.

The exit code is 0 when nothing is off, {FAILED} when something is, {ALL_RED} when not one answer passes the gate; of a
network for the weighed draws, where there is a density.

\b
Example:
  multiverse check sbc study.py --engine laplace
  multiverse check coverage study.py --simulations 1000 --universes 20 -o coverage.svg
  multiverse check recovery study.py --store checks
  multiverse check sbc study.py --network
"""

_OPTIONS: Final = (
    click.option(
        "--network",
        "by_network",
        is_flag=True,
        help="Check the network that a run has trained, in place of an engine.",
    ),
    click.option(
        "--simulations",
        metavar="N",
        type=WholeNumber(1),
        help=f"Data sets in all, spread evenly over universes.  [default: {SIMULATIONS}; {OF_A_NETWORK:,} of a "
        "network]",
    ),
    click.option(
        "--universes",
        metavar="N",
        type=WholeNumber(1),
        help="Simulate from so many, a random sample with the reference universe.  [default: all]",
    ),
    click.option(
        "--truths",
        "truths",
        metavar="N",
        type=WholeNumber(0),
        default=0,
        show_default=True,
        help="Another seed of truths and data; --seed is the engine's.",
    ),
    click.option(
        "--store",
        metavar="STORE",
        help="Keep the answers in this folder: the check can be stopped and go on, and the other checks of the same "
        "simulations ask nothing again.  [default: in memory]  With --network: where it is.  [default: runs/NAME "
        "beside STUDY.py]",
    ),
)


@click.group(help=_HELP, short_help="Check an engine or a network on data simulated from the study.")
def check() -> None:
    """Hold the checks."""


def _options(figure: str) -> Callable[[Command], Command]:
    """What all checks take: the study, simulations, the engine, and where the figure goes."""

    def all_of_them(command: Command) -> Command:
        command = json_option(figure_options(figure)(engine_options(run_option(command))))
        for option in reversed(_OPTIONS):
            command = option(command)
        return click.argument("study", metavar="STUDY.py|STORE")(command)

    return all_of_them


def _check(
    context: click.Context,
    name: str,
    *,
    study: str,
    by_network: bool,
    simulations: int | None,
    universes: int | None,
    truths: int,
    store: str | None,
    run_name: str | None,
    engine: str | None,
    output: Path,
    width: str,
    as_json: bool,
    **settings: Any,
) -> None:
    """Simulate, answer, tell, draw; end with the code of what was found."""
    with talk_to_stderr(as_json):
        from multiverse.calibrating.calibrate import calibrate
        from multiverse.engines.by_name import usual_engine
        from multiverse.loading import is_study_file, load_study

        asked: dict[str, Any] = {"simulations": simulations, "universes": universes, "seed": truths}
        if by_network or not is_study_file(study):
            network = _network(study, store, run_name, {"engine": engine, **settings})
            found = calibrate(network, **asked)
        else:
            if run_name is not None:
                raise PlanError(Problem("--run without --network.", "a run that trained a network", "add --network"))
            file = load_study(study)
            chosen = chosen_engine(file.engine, engine, settings, usual_engine(file.study))
            found = calibrate(file.study, engine=chosen, store=store, **asked)
    values = [getattr(found, name)(answers) for answers in found.simulations.answers]
    value = values[-1]
    if as_json:
        from multiverse.cli.as_json import echo_json

        raw = _card(values[0]) if len(values) > 1 else None
        echo_json({"check": name, **_card(value), "seconds": dict(found.seconds), "uncorrected": raw})
    else:
        click.echo("\n\n".join(map(str, values)))
        if "compiling" in found.seconds:
            click.echo(_took(found))
    if not value.told.green:
        context.exit(ALL_RED)
    _draw(found, name, output, width, quietly=as_json)
    if not getattr(value, "ok", True):
        context.exit(FAILED)


def _network(study: str, store: str | None, run: str | None, settings: dict[str, Any]) -> Network:
    """The network that is meant, of a study file or of a store. Raises PlanError for settings of an engine."""
    from multiverse.answering.load import load_network
    from multiverse.loading import is_study_file, load_study

    if given := [setting for setting, value in settings.items() if value is not None]:
        option = "--no-ladder" if given[0] == "ladder" else f"--{given[0].replace('_', '-')}"
        what = f"{option} beside a network, which was trained with the settings of its run."
        raise PlanError(Problem(what, "settings of an engine, or a network", f"leave out {option}, or --network"))
    if is_study_file(study):
        return load_network(store_place(store or study), load_study(study).study, run=run, ready=False)
    if store is not None:
        what = f"two stores are named, {study} and {store}."
        raise PlanError(Problem(what, "the one with the network", f"leave out --store {store}"))
    return load_network(store_place(study), run=run, ready=False)


def _card(value: Any) -> dict[str, Any]:
    """A check as plain values."""
    return {"answers": value.answers, "ok": getattr(value, "ok", None), "rows": value.table.to_dict("records")}


def _took(found: Calibration) -> str:
    """How long a network took."""
    many, took = found.table["key"].nunique(), found.seconds
    each = 1000 * took["answering"] / many
    return (
        f"{many:,} data sets answered and compared in {took['answering']:.1f} s ({each:.1f} ms a data set), after "
        f"{took['simulating']:.1f} s of simulating them and {took['compiling']:.1f} s of compiling."
    )


def _draw(found: Calibration, name: str, output: Path, width: str, *, quietly: bool) -> None:
    """Write the figure with its data and caption, and say where."""
    for written in found.figure(name, width=width).save(output):
        click.echo(f"wrote {shown_path(written)}", err=quietly)


_HELPS: Final = {
    "sbc": """Do truths lie anywhere in their posteriors? Simulation-based calibration.

Places of truths are uniform where the engine is right; the figure shows how far they stray, with bands of 95 %. The log
likelihood is among the quantities: it shows an engine that learns too little from the data.

\b
Example:
  multiverse check sbc study.py --engine nested --simulations 500
  multiverse check sbc study.py --network
  multiverse check sbc runs/schools --run network --json
""",
    "coverage": """Do central 50, 80, 90 and 95 % intervals hold as many truths as they should?

\b
Example:
  multiverse check coverage study.py --engine nuts --simulations 100
""",
    "recovery": """How near are posterior means to the truth, and how much did data teach?

Nothing here is right or wrong by itself, so the exit code tells only whether there are answers.

\b
Example:
  multiverse check recovery study.py --engine laplace -o recovery.png
""",
}


def _command(name: str) -> click.Command:
    @click.command(name, help=_HELPS[name], short_help=_HELPS[name].partition("?")[0] + "?")
    @_options(f"{name}.pdf")
    @click.pass_context
    def command(context: click.Context, /, **given: Any) -> None:
        _check(context, name, **given)

    return command


for _name in _HELPS:
    check.add_command(_command(_name))
