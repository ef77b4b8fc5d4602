"""How a command ends: its exit codes, and the one place where a mistake becomes text."""

from __future__ import annotations

from typing import Any, Final

import click

from multiverse.cli.stop import STOPPED, goes_at_once
from multiverse.errors import (
    FingerprintError,
    MultiverseError,
    PlanError,
    SpaceError,
)

FAILED: Final = 1  # a store that cannot be read or written, a question without an answer
MISTAKE: Final = 2  # a mistake in the study or in the command line; click's own code for the latter
ALL_RED: Final = 3  # a sweep that ran to its end, and not one universe may be trusted

EXIT_CODES: Final = (
    f"Exit codes: 0 done; {FAILED} a store or a question that cannot be answered; {MISTAKE} a mistake in the study or "
    f"in the command; {ALL_RED} a run that answered everything, all of it red; {STOPPED} stopped by Ctrl-C."
)

_TITLES: Final = {  # by the name of the class: importing them all would cost every --help
    "StudyFileError": "This study file cannot be loaded",
    "SpaceFileError": "This file cannot be used",
    "FormatError": "This format has no words for the space",
    "SpaceError": "The space of this study cannot be",
    "PlanError": "This study cannot be planned",
    "FingerprintError": "This study has a part without a stable identity",
    "StoreError": "This store cannot be used",
    "ResultError": "This question has no answer",
}


class Commands(click.Group):
    """Commands in the order of the story, which tell a mistake as text and anything unexpected with its traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands as they were added, not by letter."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; end with the code of what went wrong."""
        try:
            with goes_at_once(lambda: "Stopped."):
                return super().invoke(ctx)
        except MultiverseError as error:
            tell(error)
            ctx.exit(MISTAKE if isinstance(error, SpaceError | PlanError | FingerprintError) else FAILED)


def tell(error: MultiverseError) -> None:
    """A mistake as text on stderr: a title, then what is wrong, what was expected and the mend of each."""
    title = next(
        (_TITLES[kind.__name__] for kind in type(error).__mro__ if kind.__name__ in _TITLES), "This cannot be done"
    )
    click.secho(f"{title}.", err=True, fg="red", bold=True)
    click.echo(str(error), err=True)
    for note in getattr(error, "__notes__", ()):
        click.echo(f"  at: {note}", err=True)
