"""Which part of a space is planned: `--design` and what a design takes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from multiverse.cli.numbers import WholeNumber
from multiverse.errors import PlanError, Problem, near_miss

if TYPE_CHECKING:
    from multiverse.design.design import Design

Given = Mapping[str, Any]  # the options below by the names of their arguments; None where one was not given
Command = TypeVar("Command", bound=Callable[..., Any])

# Design -> the options that it takes; the first is needed where the design has one that cannot be guessed.
TAKES: Final = {
    "full": (),
    "random": ("universes", "design_seed"),
    "stratified": ("universes", "by", "design_seed"),
    "one-at-a-time": (),
    "covering": ("pairs",),
}
NEEDED: Final = {"random": ("universes",), "stratified": ("universes", "by")}
FLAGS: Final = {
    "universes": "--universes 200",
    "by": "--by DECISION",
    "design_seed": "--design-seed 1",
    "pairs": "--pairs",
}

_OPTIONS: Final = (
    click.option("--design", metavar="NAME", help=f"Take a part of the space: {', '.join(list(TAKES)[1:])}."),
    click.option("--universes", metavar="N", type=WholeNumber(1), help="How many, of random and stratified."),
    click.option("--by", metavar="DECISIONS", help="What a stratified design goes by, with commas between."),
    click.option("--pairs", is_flag=True, default=None, help="A covering design covers pairs of options, too."),
    click.option("--design-seed", metavar="N", type=int, help="Another seed takes other universes.  [default: 0]"),
)


def design_options(command: Command) -> Command:
    """Adds `--design` and what designs take, as arguments of these names; what is not given is None."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def design_given(settings: dict[str, Any]) -> Given:
    """The options of designs among all settings of a command, from which they are taken out."""
    return {name: settings.pop(name) for name in ("design", *FLAGS)}


def typed_design(given: Given) -> str:
    """The options as they were typed, after a blank each: for a command that says what to type next."""
    words = [
        f" --{name.replace('_', '-')}" + ("" if value is True else f" {shlex.quote(str(value))}")
        for name, value in given.items()
        if value is not None
    ]
    return "".join(words)


def chosen_design(given: Given) -> Design | None:
    """The design that these options ask for; None for the whole space.

    Without `--design`, `--universes` asks for a random one. Raises PlanError for a design that is not there, and for
    options that it lacks or does not take.
    """
    asked = {name for name in FLAGS if given[name] is not None}
    name = given["design"] or ("random" if "universes" in asked else "full")
    if name not in TAKES:
        mend = f"{near_miss(name, TAKES)}Write `--design random --universes 200`"
        raise PlanError(Problem(f"there is no design {name!r}.", f"one of {', '.join(TAKES)}", mend))
    problems = [
        Problem(
            f"the design {name!r} needs {FLAGS[option].split()[0]}.",
            "a number of universes" if option == "universes" else "decisions of the space",
            f"Write `--design {name} {' '.join(FLAGS[needed] for needed in NEEDED[name])}`",
        )
        for option in NEEDED.get(name, ())
        if option not in asked
    ]
    problems += [
        Problem(
            f"the design {name!r} does not take {FLAGS[option].split()[0]}.",
            f"{', '.join(FLAGS[known].split()[0] for known in TAKES[name]) or 'nothing else'}",
            "Leave it out, or name a design that takes it with --design",
        )
        for option in FLAGS
        if option in asked and option not in TAKES[name]
    ]
    if problems:
        raise PlanError(problems)
    from multiverse.design import designs

    seed = given["design_seed"] or 0
    if name == "random":
        return designs.random(given["universes"], seed)
    if name == "stratified":
        return designs.stratified(given["universes"], [word.strip() for word in given["by"].split(",")], seed)
    if name == "covering":
        return designs.covering(2 if given["pairs"] else 1)
    return designs.one_at_a_time() if name == "one-at-a-time" else None
