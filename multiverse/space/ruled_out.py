"""How many combinations each rule of a space takes away."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from multiverse.space.check import count_parts
from multiverse.space.count import Seen
from multiverse.space.decision import Decision
from multiverse.space.mistaken_rule import mistaken_rule
from multiverse.space.part import Part, numbered
from multiverse.space.rules import OnlyWhen, RuledOut
from multiverse.space.steps import Usable


def combinations(parts: Sequence[Part]) -> int:
    """How many combinations of options the parts have before any rule, each counted in every part that has it."""
    return sum(math.prod(len(decision.options) for decision in part.decisions.values()) for part in parts)


def ruled_out(decisions: Mapping[str, Decision], parts: Sequence[Part]) -> tuple[RuledOut, ...]:
    """The rules of a sound space, `only_when` first, each with what it takes away from what those before it left.

    The universes are counted once more for each rule, by diagram.
    """
    rules, held_by = numbered([part.rules for part in parts])
    taken: Counter[int] = Counter()
    usable = sorted(
        ((number, rule, mistaken_rule(rule, decisions)[0]) for number, rule in enumerate(rules)),
        key=lambda numbered: not isinstance(numbered[1], OnlyWhen),
    )
    for part, numbers in zip(parts, held_by, strict=True):
        own = [rule for rule in usable if rule[0] in numbers]
        for (number, _, _), (more, less) in zip(own, pairwise(_sizes(decisions, part, own)), strict=True):
            taken[number] += more - less
    return tuple(RuledOut(rule, taken[number]) for number, rule, _ in usable)


def _sizes(decisions: Mapping[str, Decision], part: Part, rules: Sequence[Usable]) -> Iterator[int]:
    """How many universes a part has with none of these rules, with the first, with the first two, and so on."""
    for asked in range(len(rules) + 1):
        held = [frozenset(number for number, _, _ in rules[:asked])]
        yield count_parts(decisions, [part], rules[:asked], held, Seen())[1].size
