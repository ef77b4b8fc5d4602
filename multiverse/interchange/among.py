"""A rule as a list of combinations: what any function on labels becomes when it is written to a file."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from multiverse.space.condition import When
from multiverse.space.decision import Decision
from multiverse.space.rules import Arguments, Ask

ASKED_MOST = 20_000  # combinations for which a function is asked: about 20 ms
PATTERNS_MOST = 200  # what a person still reads; a rule that takes more is refused

Pattern = Mapping[str, tuple[str | None, ...]]
"""Decision -> the labels it may have; None where it may not apply. All decisions must fit."""


@dataclass(frozen=True, eq=False)
class Among:
    """True where the labels fit one of the patterns; a rule for `Space.forbid` and `Space.only_when`."""

    patterns: tuple[Pattern, ...]

    def __post_init__(self) -> None:
        names = dict.fromkeys(name for pattern in self.patterns for name in pattern)
        kind = inspect.Parameter.KEYWORD_ONLY
        object.__setattr__(self, "__signature__", inspect.Signature([inspect.Parameter(name, kind) for name in names]))

    def __call__(self, **labels: str | None) -> bool:
        """Whether these labels, by decision, fit."""
        return any(all(labels[name] in wanted for name, wanted in p.items()) for p in self.patterns)

    def __str__(self) -> str:
        return "; or ".join(
            " and ".join(f"{n} is {' or '.join('not there' if x is None else x for x in w)}" for n, w in p.items())
            for p in self.patterns
        )

    def __reduce__(self) -> tuple[type[Among], tuple[tuple[Pattern, ...]]]:
        return Among, (self.patterns,)


def as_data(
    rule: Ask, asked: Arguments, decisions: Mapping[str, Decision], idle: Collection[str]
) -> tuple[Pattern, ...] | None:
    """The combinations of labels for which a rule is true; None where there are too many to ask or to list.

    idle: decisions that do not apply everywhere.  A combination for which the rule raises is one that no universe has,
    else `Space.check` would have said so.
    """
    if isinstance(rule, When):
        return (dict(rule),)
    if isinstance(rule, Among):
        return rule.patterns
    offered = [(*decisions[name].labels, *((None,) if name in idle else ())) for name in asked.names]
    if math.prod(map(len, offered)) > ASKED_MOST:
        return None
    patterns = _merged([row for row in itertools.product(*offered) if asked.holds(rule, row)], offered)
    if len(patterns) > PATTERNS_MOST:
        return None
    named = [
        {
            name: labels
            for name, labels, known in zip(asked.names, row, offered, strict=True)
            if len(labels) < len(known)
        }
        for row in patterns
    ]
    first = named[0] if named else {}
    for name, known in zip(asked.names, offered, strict=True):  # what it looks at decides the order of universes
        if not any(name in pattern for pattern in named):
            first[name] = known if named else ()
    return tuple(named) or (first,)


def as_rule(patterns: Sequence[Pattern], *, each: bool = False) -> Ask:
    """The rule that is true for these combinations; `When` where it says the same.

    each: whether a `When` is true where one of its decisions fits (`Option.incompatible_with`), not all of them.
    """
    named = [(name, labels) for pattern in patterns for name, labels in pattern.items()]
    alone = all(len(pattern) == 1 for pattern in patterns) if each else len(patterns) == 1
    if alone and len(dict(named)) == len(named) and all(labels and None not in labels for _, labels in named):
        return When({name: tuple(map(str, labels)) for name, labels in named})
    return Among(tuple(patterns))


def _merged(
    rows: Sequence[tuple[str | None, ...]], offered: Sequence[tuple[str | None, ...]]
) -> list[tuple[tuple[str | None, ...], ...]]:
    """Few patterns that fit these rows and no others: patterns that differ in one decision become one."""
    patterns: list[tuple[tuple[str | None, ...], ...]] = [tuple((label,) for label in row) for row in rows]
    for place in reversed(range(len(offered))):
        groups: dict[tuple[tuple[str | None, ...], ...], set[str | None]] = {}
        for pattern in patterns:
            groups.setdefault(pattern[:place] + pattern[place + 1 :], set()).update(pattern[place])
        patterns = [
            (*rest[:place], tuple(label for label in offered[place] if label in labels), *rest[place:])
            for rest, labels in groups.items()
        ]
    return patterns
