"""How universes with the same answer repeat each other: by a decision, by two options, or where another decision says.

All is told from labels and from which answers are equal. Each repeated universe is put down to one cause, the plainest
that explains it, so the counts of all causes add up to the number of universes that repeat another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from multiverse.space.universe import Universe

Cause = Literal["decision", "options", "idle", "other"]
Pair = tuple[str, str]  # keys of two universes with the same answer; of those put together, the later one first


@dataclass(frozen=True)
class Repeats:
    """Universes that repeat another one, for one cause.

    cause: "decision": no option of `decision` changes anything, anywhere. "options": its options `labels` are the same
    wherever one can stand for the other. "idle": these `labels` are the same where another decision, `where`, has one
    of the options `at`. "other": nothing as plain. pairs: each repeated universe, with one whose answer it has.
    """

    cause: Cause
    pairs: tuple[Pair, ...]
    decision: str = ""
    labels: tuple[str, ...] = ()
    where: str = ""
    at: tuple[str, ...] = ()


class _Line(NamedTuple):
    """Universes that differ in one decision only: the labels of the others, and the key by its own label."""

    rest: tuple[str | None, ...]
    keys: dict[str, str]


class _Merged:
    """Universes put together so far; `first` tells the first one of those together with it."""

    def __init__(self, order: Mapping[str, int], above: Mapping[str, str] | None = None):
        self._order = order
        self._above = dict(above or {})

    def first(self, key: str) -> str:
        while key in self._above:
            key = self._above[key]
        return key

    def merge(self, pairs: Iterable[Pair]) -> tuple[Pair, ...]:
        """Put pairs together. The pairs, one for each universe that had not been put to an earlier one before."""
        new = []
        for a, b in pairs:
            one, other = sorted((self.first(a), self.first(b)), key=self._order.__getitem__)
            if one != other:
                self._above[other] = one
                new.append((other, one))
        return tuple(new)

    def gain(self, pairs: Iterable[Pair]) -> int:
        """How many universes `merge` would put to an earlier one."""
        return len(_Merged(self._order, self._above).merge(pairs))


def repeats(universes: Mapping[str, Universe], answers: Mapping[str, str]) -> list[Repeats]:
    """The causes for which universes repeat others; the pairs of all of them count each repeated universe once.

    universes: by key, in the order of the space. answers: by key, equal where the answers are; others are left out.
    """
    known = {key: universe for key, universe in universes.items() if key in answers}
    if len(set(answers.values())) == len(known):
        return []
    names = next(iter(known.values())).names
    lines = {name: _lines(known, place) for place, name in enumerate(names)}
    merged = _Merged({key: i for i, key in enumerate(known)})
    dead = _dead(known, lines, answers)
    found = [Repeats("decision", merged.merge(_pairs(lines[name], answers)), name) for name in dead]
    living = {name: lines[name] for name in names if name not in dead}
    for name, of in living.items():
        for labels in _alike(of, answers):
            found.append(Repeats("options", merged.merge(_pairs(of, answers, labels)), name, labels))
    found += _idle(names, living, answers, merged)
    found.append(Repeats("other", merged.merge(_by_answer(answers))))
    return [one for one in found if one.pairs]


def without_effect(universes: Mapping[str, Universe], answers: Mapping[str, str]) -> frozenset[str]:
    """The decisions whose options all have the same answer wherever one can stand for another, at least once."""
    known = {key: universe for key, universe in universes.items() if key in answers}
    if len(set(answers.values())) == len(known):
        return frozenset()
    names = next(iter(known.values())).names
    lines = {name: _lines(known, place) for place, name in enumerate(names)}
    return frozenset(_dead(known, lines, answers))


def _dead(
    universes: Mapping[str, Universe], lines: Mapping[str, Sequence[_Line]], answers: Mapping[str, str]
) -> list[str]:
    """The decisions all of whose options are the same, in a chain of lines that leaves none out."""
    labels = {name: {universe[name] for universe in universes.values()} - {None} for name in lines}
    alike = {name: _alike(of, answers) for name, of in lines.items()}
    return [name for name, sets in alike.items() if len(sets) == 1 and set(sets[0]) == labels[name]]


def _lines(universes: Mapping[str, Universe], place: int) -> list[_Line]:
    """The universes where the decision at this place applies, by the labels of all others; those with company."""
    found: dict[tuple[str | None, ...], dict[str, str]] = {}
    for key, universe in universes.items():
        labels = universe.labels
        if (own := labels[place]) is not None:
            found.setdefault((*labels[:place], None, *labels[place + 1 :]), {})[own] = key
    return [_Line(rest, keys) for rest, keys in found.items() if len(keys) > 1]


def _same_answer(line: _Line, answers: Mapping[str, str]) -> bool:
    return len({answers[key] for key in line.keys.values()}) == 1


def _alike(lines: Sequence[_Line], answers: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Options that have the same answer in all lines that hold several of them; as sets of two or more labels."""
    neighbours = Counter(pair for line in lines for pair in _neighbours(line, answers))
    together = Counter(pair for line in lines for pair in neighbours if pair[0] in line.keys and pair[1] in line.keys)
    alike = [pair for pair, count in neighbours.items() if count == together[pair]]
    sets: dict[str, list[str]] = {}
    for one, other in alike:
        both = sets.get(one, [one])
        both += [label for label in sets.get(other, [other]) if label not in both]
        sets |= dict.fromkeys(both, both)
    found: list[tuple[str, ...]] = []
    for labels in {id(labels): tuple(labels) for labels in sets.values()}.values():
        shown = (_among(line, labels) for line in lines)
        # Of a chain of pairs the ends may differ, where what is between them is ruled out.
        whole = all(_same_answer(line, answers) for line in shown if line.keys)
        found += [labels] if whole else [pair for pair in alike if pair[0] in labels]
    return found


def _among(line: _Line, labels: Sequence[str]) -> _Line:
    """The line with these labels only."""
    return _Line(line.rest, {label: key for label, key in line.keys.items() if label in labels})


def _neighbours(line: _Line, answers: Mapping[str, str]) -> Iterator[Pair]:
    """Of the labels with one answer each two that stand next to each other."""
    last: dict[str, str] = {}
    for label, key in line.keys.items():
        if (before := last.get(answers[key])) is not None:
            yield before, label
        last[answers[key]] = label


def _pairs(lines: Iterable[_Line], answers: Mapping[str, str], labels: Sequence[str] | None = None) -> Iterator[Pair]:
    """The keys of universes in one line that have the same answer."""
    for line in lines:
        shown = line if labels is None else _among(line, labels)
        for one, other in _neighbours(shown, answers):
            yield line.keys[one], line.keys[other]


def _idle(
    names: Sequence[str], lines: Mapping[str, Sequence[_Line]], answers: Mapping[str, str], merged: _Merged
) -> Iterator[Repeats]:
    """Options that are the same where another decision has some option; those that explain most come first."""
    candidates: dict[Repeats, list[Pair]] = {}
    for name, of in lines.items():
        for place, other in enumerate(names):
            at: dict[tuple[str, ...], dict[str, list[_Line]]] = {}
            parts: dict[str, list[_Line]] = {}
            for line in of:
                if (label := line.rest[place]) is not None:
                    parts.setdefault(label, []).append(line)
            for label, part in parts.items():
                for labels in _alike(part, answers):
                    at.setdefault(labels, {})[label] = part
            for labels, where in at.items():
                pairs = [pair for part in where.values() for pair in _pairs(part, answers, labels)]
                candidates[Repeats("idle", (), name, labels, other, tuple(where))] = pairs
    while candidates:
        gains = {one: merged.gain(pairs) for one, pairs in candidates.items()}
        candidates = {one: pairs for one, pairs in candidates.items() if gains[one]}
        if candidates:
            best = max(candidates, key=gains.__getitem__)
            yield replace(best, pairs=merged.merge(candidates.pop(best)))


def _by_answer(answers: Mapping[str, str]) -> Iterator[Pair]:
    first: dict[str, str] = {}
    for key, answer in answers.items():
        if (one := first.setdefault(answer, key)) != key:
            yield one, key
