"""The lint of a plan: what a careful statistician would ask about before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from multiverse.errors import PlanError, Problem
from multiverse.linting.checks import CHECKS, Check
from multiverse.linting.finding import Finding
from multiverse.progress import Progress, bar

if TYPE_CHECKING:
    from multiverse.planning.plan import Plan


@dataclass(frozen=True, repr=False)
class Lint:
    """What the checks found in a plan; true, and as long as they are many, where there are findings.

    study: its name. universes: how many the plan has. checked: the checks that were made. findings: in the order of the
    checks. not_made: by check, why it could not be made.
    """

    study: str
    universes: int
    checked: tuple[str, ...]
    findings: tuple[Finding, ...]
    not_made: dict[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __repr__(self) -> str:
        from multiverse.linting.show import lint_text

        return lint_text(self)

    def _repr_html_(self) -> str:
        from multiverse.linting.show import lint_html

        return lint_html(self)


def lint(plan: Plan, *, quick: bool = False, progress: Progress = bar) -> Lint:
    """Look for what no error is but seldom meant: duplicates, decisions that change nothing, data that cannot be right.

    quick: only the checks that cost next to nothing beside planning. Samples nothing, and changes nothing. Raises
    PlanError where it is given no plan.
    """
    if not hasattr(plan, "programs"):
        what = f"lint was given a {type(plan).__name__}, which is no plan."
        raise PlanError(Problem(what, "a plan", "mv.lint(mv.plan(study))"))
    return linted(plan, [check for check in CHECKS if check.quick or not quick], progress)


def linted(plan: Plan, checks: list[Check], progress: Progress) -> Lint:
    """What these checks find. One that raises is told as not made: advice shall not stop a plan."""
    findings: list[Finding] = []
    not_made: dict[str, str] = {}
    with progress("linting", len(checks), "checks") as advance:
        for check in checks:
            try:
                findings += check.find(plan)
            except Exception as error:
                first = str(error).strip().partition("\n")[0]
                not_made[check.name] = f"{type(error).__name__}: {first}" if first else type(error).__name__
            advance()
    made = tuple(check.name for check in checks if check.name not in not_made)
    return Lint(plan.study.name, len(plan), made, tuple(findings), not_made)
