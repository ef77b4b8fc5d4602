"""Where a sweep runs: in this process, or on a Ray cluster, as the options say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from multiverse.cli.numbers import Number, WholeNumber
from multiverse.errors import PlanError, Problem

Command = TypeVar("Command", bound=Callable[..., Any])

LOCAL: Final = "local"
RAY: Final = "ray"

_OPTIONS: Final = (
    click.option(
        "--executor",
        type=click.Choice([LOCAL, RAY]),
        default=LOCAL,
        show_default=True,
        help="Where it runs: in this process, or on a Ray cluster.",
    ),
    click.option(
        "--threads", metavar="N", type=WholeNumber(1), help="Batches side by side (local).  [default: a core]"
    ),
    click.option(
        "--address",
        metavar="HOST:PORT",
        help="The head of a running Ray cluster, or auto for the one this machine is part of (ray).  "
        "[default: that of RAY_ADDRESS, else this machine alone]",
    ),
    click.option(
        "--workers",
        metavar="N",
        type=WholeNumber(1),
        help="Batches side by side, at most (ray).  [default: all there is room for]",
    ),
    click.option("--cpus", metavar="N", type=Number(0, or_equal=True), help="Cores a worker (ray).  [default: 1]"),
    click.option(
        "--gpus", metavar="N", type=Number(0, or_equal=True), help="GPUs a worker, such as 0.25 (ray).  [default: 0]"
    ),
    click.option(
        "--resource",
        "resources",
        metavar="NAME=N",
        multiple=True,
        callback=lambda _context, _option, given: _resources(given),
        help="Another resource that a worker takes (ray); may be given again.",
    ),
    click.option(
        "--memory",
        metavar="SIZE",
        help="What a worker may take, as in 4GB; a universe that needs more is red (ray).  [default: no limit]",
    ),
    click.option(
        "--batch-seconds",
        metavar="SECONDS",
        type=Number(above=0),
        help="How long a batch should take (ray).  [default: 20]",
    ),
    click.option(
        "--patience",
        metavar="SECONDS",
        type=Number(0, or_equal=True),
        help="Beyond the time limits of its universes, until a batch counts as standing still (ray).  [default: 300]",
    ),
)
NAMES: Final = ("threads", "address", "workers", "cpus", "gpus", "resources", "memory", "batch_seconds", "patience")


def executor_options(command: Command) -> Command:
    """Adds `--executor` and its settings; what is not given is None."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def executor_given(given: dict[str, Any]) -> dict[str, Any]:
    """What was given of the executor and its settings, taken out of all that was given."""
    found = {name: given.pop(name) for name in ("executor", *NAMES)}
    return {name: value for name, value in found.items() if value is not None and value != {}}


def chosen_executor(given: Mapping[str, Any]) -> Any:
    """The executor. given: of `executor_given`. Raises PlanError for settings that it does not have."""
    name = given["executor"]
    settings = {one: value for one, value in given.items() if one != "executor"}
    own = ("threads",) if name == LOCAL else tuple(one for one in NAMES if one != "threads")
    if strange := [one for one in settings if one not in own]:
        other = RAY if name == LOCAL else LOCAL
        raise PlanError(
            Problem(
                f"the executor {name!r} has no option {_typed(one)}.",
                f"one of {', '.join(map(_typed, own))}",
                f"add `--executor {other}`, or leave it out",
            )
            for one in strange
        )
    if name == LOCAL:
        from multiverse.executors.local import Local

        return Local(**settings)
    from multiverse.executors.ray_cluster.executor import Ray

    return Ray(**settings)


def _resources(given: tuple[str, ...]) -> Mapping[str, float]:
    found = {}
    for text in given:
        name, equals, amount = text.partition("=")
        try:
            found[name.strip()] = float(amount)
        except ValueError:
            equals = ""
        if not equals or not name.strip():
            raise click.BadParameter(f"{text!r} is not a name and an amount, as in --resource big=1")
    return found


def _typed(name: str) -> str:
    return "--" + {"resources": "resource"}.get(name, name).replace("_", "-")
