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
from multiverse.cli.store_argument import json_option, shown_path, talk_to_stderr

if TYPE_CHECKING:
    from multiverse.calibrating.calibration import Calibration

Command = TypeVar("Command", bound=Callable[..., Any])

SIMULATIONS: Final = 300  # as `calibrating.calibrate`, which a --help does not import

_HELP = f"""Check an engine on data whose truth is known.

Parameters are drawn from the prior of universes of STUDY.py, data from their likelihood given these, under each
universe's own design; the engine answers the data, and what it says is compared with the truth. sbc: do truths lie
anywhere in their posteriors; coverage: do intervals hold as many as they should; recovery: how near is the mean, and
how much did data teach. All average over the prior: none says anything of the data at hand.

The exit code is 0 when nothing is off, {FAILED} when something is, {ALL_RED} when not one answer passes the gate.

\b
Example:
  multiverse check sbc study.py --engine laplace
  multiverse check coverage study.py --simulations 1000 --universes 20 -o coverage.svg
  multiverse check recovery study.py --store checks
"""

_OPTIONS: Final = (
    click.option(
        "--simulations",
        metavar="N",
        type=WholeNumber(1),
        default=SIMULATIONS,
        show_default=True,
        help="Data sets in all, spread evenly over universes.",
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
        "simulations ask nothing again.  [default: in memory]",
    ),
)


@click.group(help=_HELP, short_help="Check an engine on data simulated from the study.")
def check() -> None:
    """Hold the checks."""


def _options(figure: str) -> Callable[[Command], Command]:
    """What all checks take: the study, simulations, the engine, and where the figure goes."""

    def all_of_them(command: Command) -> Command:
        command = json_option(figure_options(figure)(engine_options(command)))
        for option in reversed(_OPTIONS):
            command = option(command)
        return click.argument("study", metavar="STUDY.py")(command)

    return all_of_them


def _check(
    context: click.Context,
    name: str,
    *,
    study: str,
    simulations: int,
    universes: int | None,
    truths: int,
    store: str | None,
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
        from multiverse.loading import load_study

        file = load_study(study)
        found = calibrate(
            file.study,
            engine=chosen_engine(file.engine, engine, settings, usual_engine(file.study)),
            simulations=simulations,
            universes=universes,
            seed=truths,
            store=store,
        )
    value = getattr(found, name)()
    if as_json:
        from multiverse.cli.as_json import echo_json

        rows = value.table.to_dict("records")
        echo_json({"check": name, "answers": value.answers, "ok": getattr(value, "ok", None), "rows": rows})
    else:
        click.echo(str(value))
    if not value.told.green:
        context.exit(ALL_RED)
    _draw(found, name, output, width, quietly=as_json)
    if not getattr(value, "ok", True):
        context.exit(FAILED)


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
