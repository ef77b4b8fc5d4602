"""A finding of the lint: what is odd in a plan, where, and the mend."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiverse.planning.plan import Plan

NAMED = 2  # universes that are named in full; the others are counted


@dataclass(frozen=True)
class Finding:
    """One thing in a plan that a careful statistician would ask about. The plan can be run all the same.

    check: the name of the check, as `multiverse.linting.checks` lists it. what: what is odd, a sentence with the user's
    own names and counts. universes: the keys of those it concerns, in the order of the plan. named: some of them, in
    words. mend: what would mend it, ready to paste where it can be.
    """

    check: str
    what: str
    universes: tuple[str, ...]
    named: str
    mend: str

    def __str__(self) -> str:
        concerned = f"\n  universes: {self.named}" if self.named else ""
        return f"{self.what}{concerned}\n  mend: {self.mend}"


def finding(
    plan: Plan,
    check: str,
    what: str,
    universes: Collection[str],
    mend: str,
    *,
    show: Iterable[str] | None = None,
    text: str | None = None,
) -> Finding:
    """A finding on these universes of a plan, put in its order and named.

    show: the decisions that name a universe; by default all that apply. text: the universes in words, where they are
    better told otherwise.
    """
    wanted = set(universes)
    keys = tuple(key for key in plan.universes if key in wanted)
    return Finding(check, what, keys, named(plan, keys, show=show) if text is None else text, mend)


def named(plan: Plan, keys: Collection[str], *, show: Iterable[str] | None = None) -> str:
    """Some universes in words: `counties=all, zeros=0.1; counties=all, zeros=0.3; and 34 more`."""
    shown = None if show is None else set(show)
    texts = dict.fromkeys(
        ", ".join(f"{n}={label}" for n, label in plan.universes[key].active.items() if shown is None or n in shown)
        for key in keys
    )
    said = [text for text in texts if text][:NAMED]
    more = len(texts if shown is not None else keys) - len(said)
    return "; ".join([*said, *([f"and {more:,} more"] if more > 0 and said else [])])
