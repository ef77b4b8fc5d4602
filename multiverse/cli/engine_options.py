"""Which engine runs, with which settings: the defaults, then what the study file advises, then the options."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from multiverse.cli.numbers import Number, WholeNumber
from multiverse.errors import PlanError, Problem, near_miss

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS: Final = (
    click.option(
        "--engine", metavar="NAME", help="Which engine answers: nuts, laplace; `engine` of the study file, else nuts."
    ),
    click.option("--chains", metavar="N", type=WholeNumber(1), help="Chains a universe."),
    click.option(
        "--warmup", metavar="N", type=WholeNumber(1), help="Draws of a chain that only adapt, and are not kept."
    ),
    click.option(
        "--draws", metavar="N", type=WholeNumber(1), help="Draws of a chain that are kept; of laplace, of a universe."
    ),
    click.option(
        "--target-accept",
        metavar="P",
        type=Number(above=0, below=1),
        help="Acceptance that the step size is tuned for; raise it against divergences.",
    ),
    click.option("--max-tree-depth", metavar="N", type=WholeNumber(1), help="At most 2^this steps a draw."),
    click.option("--dense-mass/--diagonal-mass", default=None, help="Adapt a full mass matrix, or its diagonal."),
    click.option(
        "--seed", metavar="N", type=WholeNumber(0), help="Another seed gives other draws of the same posteriors."
    ),
    click.option("--dtype", type=click.Choice(["float32", "float64"]), help="Precision of all computation."),
    click.option(
        "--no-ladder",
        "ladder",
        is_flag=True,
        default=None,
        callback=lambda _context, _option, given: () if given else None,
        help="Do not try universes again that fail the gate.",
    ),
)


def engine_options(command: Command) -> Command:
    """Adds `--engine` and an option for each setting; what is not given is None."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_engine(advised: Any, name: str | None, settings: Mapping[str, Any], usual: str = "nuts") -> Any:
    """The engine: what the study file advises (None if nothing), or the one named, with the settings that are not None.

    usual: the name of the engine where nothing is advised and none is named.

    Raises PlanError for an engine that is not there, and for a setting that it does not have.
    """
    from multiverse.sweep import ENGINES

    given = {setting: value for setting, value in settings.items() if value is not None}
    if name is not None and name not in ENGINES:
        raise PlanError(
            Problem(
                f"there is no engine {name!r}.",
                f"one of {', '.join(ENGINES)}",
                f"{near_miss(name, ENGINES)}Write `--engine {next(iter(ENGINES))}`, or leave it out",
            )
        )
    if advised is not None and name in (None, advised.name):
        engine = advised
    else:
        engine = ENGINES[name or usual]()
    known = {field.name for field in dataclasses.fields(engine)}
    if unknown := [setting for setting in given if setting not in known]:
        raise PlanError(
            Problem(
                f"the engine {engine.name!r} has no setting {setting!r}.",
                f"one of {', '.join(sorted(known))}",
                f"leave out `--{setting.replace('_', '-')}`",
            )
            for setting in unknown
        )
    return dataclasses.replace(engine, **given)
