"""Few universes that hold every option, or every pair of options: found greedily, with a bound on how few can do."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

from multiverse.design.diagram_part import part
from multiverse.space.diagram import Diagram, Labels, Node
from multiverse.space.together import Item, Together, bits

# More of either makes covers of 3^13, 2^10, 10^5 no smaller by more than a universe; these give the 9 of 3^4.
STARTS = 8  # options from which each universe for pairs is tried
TRIES = 20  # covers of pairs, of which the smallest is taken
WORK = 500_000  # options looked at, over all starts and tries, if there are no more universes than must be: 2 s


def cover_options(diagram: Diagram, known: Together, first: Labels) -> list[Labels]:
    """Universes that hold every option, `first` among them: each has as many options that are new as any has."""
    taken, usual = [first], known.of(first)
    left = (1 << len(known.items)) - 1 & ~usual
    nodes = _numbered(diagram, known)
    while left:
        taken.append(_richest(diagram, nodes, len(known.items), left, usual))
        left &= ~known.of(taken[-1])
    return _needed(taken, known, 1)


def cover_pairs(diagram: Diagram, known: Together, first: Labels, fewest: int) -> list[Labels]:
    """Universes that hold every pair of options that some universe holds, `first` among them.

    The smallest of several tries, which end when one needs no more than `fewest`. In a try each universe begins with a
    pair of options whose pairs are the least covered, and takes at every further decision the option that makes the
    most new pairs with those it has; chance decides between equals. The same diagram gives the same universes.
    Source: Cohen, Dalal, Fredman and Patton 1997, IEEE Transactions on Software Engineering 23(7):437-444 (AETG), here
    within the rules of a space.
    """
    best: list[Labels] = []
    affordable = max(1, WORK // max(1, fewest * len(known.items)))
    starts = min(STARTS, affordable)
    for number in range(min(TRIES, max(1, affordable // starts))):
        found = _try(diagram, known, first, starts, random.Random(number))
        found = _needed(found, known, 2)
        best = found if not best else min(best, found, key=len)
        if len(best) <= fewest:
            break
    return best


def fewest_options(known: Together, first: Labels) -> int:
    """No fewer universes than this hold every option and have `first` among them."""
    there = known.of(first)
    return max((len(its) + all(not there >> i & 1 for i in its) for its in _exclusive(known)), default=1)


def fewest_pairs(known: Together, first: Labels) -> int:
    """No fewer universes than this hold every pair of options that can be together, and have `first` among them."""
    there, cliques = known.of(first), _exclusive(known)
    least = 1
    for one in cliques:
        for two in cliques:
            others = sum(1 << i for i in two)
            pairs = sum((known.beside[i] & others).bit_count() for i in one)  # no universe holds two of these pairs
            met = any(there >> i & 1 and there & known.beside[i] & others for i in one)
            least = max(least, pairs + (pairs > 0 and not met))
    return least


def _numbered(diagram: Diagram, known: Together) -> list[tuple[Node, list[int]]]:
    """The nodes, those of the last decision first, each with the numbers of the options it offers; -1 for none."""
    return [
        (node, [-1 if label is None else known.number[Item(place, label)] for label in node.labels])
        for place, level in reversed(list(diagram.levels()))
        for node in level
    ]


def _richest(
    diagram: Diagram, nodes: Sequence[tuple[Node, Sequence[int]]], options: int, wanted: int, usual: int
) -> Labels:
    """A universe with as many of the wanted options as any has, and among those one with the most usual options."""
    worth = [(len(diagram.places) + 1) * (wanted >> i & 1) + (usual >> i & 1) for i in range(options)]
    worth.append(0)  # where a decision does not apply, at -1
    best: dict[Node, int] = {}  # worth of the best path from here
    choice: dict[Node, int] = {}  # where it begins
    for node, numbers in nodes:
        totals = [worth[i] + best.get(child, 0) for i, child in zip(numbers, node.children, strict=True)]
        best[node] = max(totals)
        choice[node] = totals.index(best[node])
    row: list[str | None] = [None] * len(diagram.places)
    node = diagram.root
    for place in diagram.places:
        at = choice[node]
        row[place], node = node.labels[at], node.children[at]
    return tuple(row)


def _try(diagram: Diagram, known: Together, first: Labels, width: int, source: random.Random) -> list[Labels]:
    taken, unseen = [first], list(known.beside)  # (item,) the options beside which it is still to be seen
    _see(unseen, known.of(first))
    while any(unseen):
        starts = [i for i, others in enumerate(unseen) if others]
        source.shuffle(starts)
        starts.sort(key=lambda i: -unseen[i].bit_count())  # stable: chance decides between equals
        walks = [_walk(diagram, known, unseen, start, source) for start in starts[:width]]
        _, labels = max(walks, key=lambda walk: walk[0])
        taken.append(labels)
        _see(unseen, known.of(labels))
    return taken


def _walk(
    diagram: Diagram, known: Together, unseen: Sequence[int], start: int, source: random.Random
) -> tuple[int, Labels]:
    """How many new pairs a universe with the option `start` makes, and the universe."""
    others = bits(unseen[start])
    most = max(unseen[i].bit_count() for i in others)
    mate = source.choice([i for i in others if unseen[i].bit_count() == most])
    both = {known.items[i].place: (known.items[i].label,) for i in (start, mate)}
    within = part(diagram, both)
    chosen, gained = 1 << start | 1 << mate, 1
    row: list[str | None] = [None] * len(within.places)
    node = within.root
    for place in within.places:
        numbers = [None if label is None else known.number[Item(place, label)] for label in node.labels]
        new = [0 if i is None else (unseen[i] & chosen).bit_count() for i in numbers]
        top = max(new)
        at = source.choice([at for at, count in enumerate(new) if count == top])
        row[place], node, i = node.labels[at], node.children[at], numbers[at]
        if i is not None and not chosen >> i & 1:
            gained += top
            chosen |= 1 << i
    return gained, tuple(row)


def _see(unseen: list[int], universe: int) -> None:
    for i in bits(universe):
        unseen[i] &= ~universe


def _needed(taken: Sequence[Labels], known: Together, strength: int) -> list[Labels]:
    """The universes without those whose options, or pairs, the others hold too; never without the first."""
    held = [list(_parts(known.of(labels), strength)) for labels in taken]
    times = Counter(what for parts in held for what in parts)
    kept = [taken[0]]
    for labels, parts in zip(taken[1:], held[1:], strict=True):
        if all(times[what] > 1 for what in parts):
            times.subtract(parts)
        else:
            kept.append(labels)
    return kept


def _parts(universe: int, strength: int) -> Iterator[tuple[int, ...]]:
    return combinations(bits(universe), strength)


def _exclusive(known: Together) -> list[list[int]]:
    """For each decision a set of options of which no universe has two: its own, and what goes with none of those."""
    found = []
    for own in known.by_place.values():
        some = list(own)
        for i in range(len(known.items)):
            if i not in own and not any(known.beside[i] >> j & 1 for j in some):
                some.append(i)
        found.append(some)
    return found
