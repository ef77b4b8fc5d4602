"""Which engine runs, with which settings: the defaults, then what the study file advises, then the options."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from multiverse.cli.numbers import Number, WholeNumber
from multiverse.errors import PlanError, Problem, near_miss

Command = TypeVar("Command", bound=Callable[..., Any])

_NUTS: Final = "of nuts and warm_nuts; of auto, theirs"  # whose settings these are, as help texts say it
_LAST_RESORTS: Final = ("nuts", "warm_nuts")  # the engines of auto that the options of `_NUTS` set
_OWN: Final = ("seed", "audit")  # what is a setting of auto itself
_OF_NUTS_ALONE: Final = ("warmup", "ladder")  # warm NUTS has its own, which are others

_OPTIONS: Final = (
    click.option(
        "--engine",
        metavar="NAME",
        help="Which engine answers: auto, laplace, nested, reweight, amortized, warm_nuts, nuts, or function for "
        "studies with `estimate=`.  [default: `engine` of the study file, else auto; amortized for studies with "
        "`simulate=`, function for those with `estimate=`]",
    ),
    click.option("--chains", metavar="N", type=WholeNumber(1), help=f"Chains a universe ({_NUTS})."),
    click.option(
        "--warmup",
        metavar="N",
        type=WholeNumber(1),
        help="Draws of a chain that only adapt, and are not kept (of nuts and warm_nuts; of auto, of its nuts).",
    ),
    click.option(
        "--draws",
        metavar="N",
        type=WholeNumber(1),
        help=f"Draws that are kept: of a chain ({_NUTS}); of a universe (of laplace, nested, reweight and amortized).",
    ),
    click.option(
        "--target-accept",
        metavar="P",
        type=Number(above=0, below=1),
        help=f"Acceptance that the step size is tuned for; raise it against divergences ({_NUTS}).",
    ),
    click.option("--max-tree-depth", metavar="N", type=WholeNumber(1), help=f"At most 2^this steps a draw ({_NUTS})."),
    click.option(
        "--dense-mass/--diagonal-mass", default=None, help=f"Adapt a full mass matrix, or its diagonal ({_NUTS})."
    ),
    click.option(
        "--audit",
        metavar="SHARE",
        type=Number(0, or_equal=True),
        help="Share of the universes that are answered by cold NUTS too, and compared (of auto).",
    ),
    click.option(
        "--seed", metavar="N", type=WholeNumber(0), help="Another seed gives other draws of the same posteriors."
    ),
    click.option(
        "--dtype",
        type=click.Choice(["float32", "float64"]),
        help="Precision of all computation (of every engine for models; of auto, of its nuts and warm_nuts).",
    ),
    click.option(
        "--no-ladder",
        "ladder",
        is_flag=True,
        default=None,
        callback=lambda _context, _option, given: () if given else None,
        help="Do not try universes again that fail the gate (of nuts and warm_nuts; of auto, of its nuts).",
    ),
)


def engine_options(command: Command) -> Command:
    """Adds `--engine` and an option for each setting; what is not given is None."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_engine(advised: Any, name: str | None, settings: Mapping[str, Any], usual: str) -> Any:
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
    return _with_settings(engine, given)


def _with_settings(engine: Any, given: Mapping[str, Any]) -> Any:
    """The engine with these settings. Raises PlanError for those that it does not have."""
    own, theirs = dict(given), dict[str, dict[str, Any]]()
    if engine.name == "auto":
        own = {setting: value for setting, value in given.items() if setting in _OWN}
        theirs = {
            name: {s: v for s, v in given.items() if s not in _OWN and (name == "nuts" or s not in _OF_NUTS_ALONE)}
            for name in _LAST_RESORTS
            if getattr(engine, name, None) is not None
        }
    if unknown := [setting for setting in own if setting not in _settings(engine)]:
        raise PlanError(_stranger(engine, setting) for setting in unknown)
    if "audit" in own:
        own["audit"] = dataclasses.replace(engine.audit, share=own["audit"])
    within = {name: dataclasses.replace(getattr(engine, name), **some) for name, some in theirs.items() if some}
    return dataclasses.replace(engine, **own, **within)


def _settings(engine: Any) -> list[str]:
    return sorted(field.name for field in dataclasses.fields(engine) if field.init)


def _stranger(engine: Any, setting: str) -> Problem:
    """What is said of a setting that the engine does not have."""
    from multiverse.engines.by_name import ENGINES

    option = "--no-ladder" if setting == "ladder" else f"--{setting.replace('_', '-')}"
    have = [name for name, kind in ENGINES.items() if setting in {field.name for field in dataclasses.fields(kind)}]
    others = [name for name in ENGINES if name in have or (name == "auto" and "nuts" in have)]  # auto passes it on
    other = f", or take an engine that has it: --engine {' or '.join(others)}" if others else ""
    return Problem(
        f"the engine {engine.name!r} has no setting {setting!r}.",
        f"one of {', '.join(_settings(engine))}",
        f"leave out `{option}`{other}",
    )
