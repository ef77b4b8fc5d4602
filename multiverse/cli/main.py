"""The command `multiverse`. Every file of this folder imports click and little else until a command runs."""

from __future__ import annotations

import click

from multiverse import __version__
from multiverse.cli.answer import answer
from multiverse.cli.check import check
from multiverse.cli.compact import compact
from multiverse.cli.compare import compare
from multiverse.cli.curve import curve
from multiverse.cli.doctor import doctor
from multiverse.cli.exits import EXIT_CODES, Commands
from multiverse.cli.export import export
from multiverse.cli.init import init
from multiverse.cli.manifest import manifest
from multiverse.cli.plan import plan
from multiverse.cli.rerun import rerun
from multiverse.cli.run import run
from multiverse.cli.show import show
from multiverse.cli.space import space
from multiverse.cli.sql import sql
from multiverse.cli.status import status
from multiverse.cli.tree import tree
from multiverse.cli.verify import verify

_HELP = """Run every defensible version of a Bayesian analysis.

A study file is a Python file with a variable `study`. What a run answers is kept in a store: a folder, `runs/NAME`
beside the study file unless you name another. Where a command wants a store, the study file will do too.

\b
Example:
  multiverse init first              writes first/study.py and its data
  multiverse plan first/study.py     how many universes, how long
  multiverse run first/study.py      answers them; stop and go on at will
  multiverse curve first/study.py    draws the specification curve
"""


@click.group(
    cls=Commands,
    help=_HELP,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="multiverse %(version)s")
def main() -> None:
    """Run every defensible version of a Bayesian analysis."""


_STORY = (init, space, plan, tree, run, status, sql, curve, show, answer)
_RECORDS = (compare, manifest, rerun, verify, check, export, compact, doctor)
for _command in (*_STORY, *_RECORDS):
    main.add_command(_command)
