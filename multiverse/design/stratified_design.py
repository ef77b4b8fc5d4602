"""The stratified design: as many universes from each combination of some decisions' options as can be."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from multiverse.design.design import Selection, selection, whole_space
from multiverse.design.diagram_part import part
from multiverse.design.random_design import mistaken_sample
from multiverse.design.shuffled import shuffled
from multiverse.errors import Problem, SpaceError, near_miss
from multiverse.space.diagram import EMPTY, Diagram, Labels
from multiverse.space.space import Space

STRATA_MOST = 10_000  # a second; finer strata are no strata but universes, which the design `random` draws


@dataclass(frozen=True)
class Stratified:
    """`n` universes, spread evenly over the combinations of options of the decisions in `by`; random within each.

    A stratum that is small in the space is as large as the others here, until it has no more universes. The same seed
    with a larger `n` takes the same universes and more.
    """

    n: int
    by: tuple[str, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        if problems := mistaken_sample("stratified", self.n, self.seed):
            raise SpaceError(problems)

    def take(self, space: Space) -> Selection:
        """The sample; the whole space where it has no more than `n` universes.

        Raises SpaceError where `by` names what is no decision, or makes more than STRATA_MOST strata.
        """
        names = tuple(space.decisions)
        if problems := self._strangers(names):
            raise SpaceError(problems)
        if self.n >= space.size:
            return whole_space(space)
        reference = space.reference
        strata = self._strata(space)
        turns = sorted(strata, key=repr)
        random.Random(self.seed).shuffle(turns)
        waiting = [self._drawn(space, strata[labels], labels) for labels in turns]
        taken = {space.index(reference)}
        while True:
            for stratum in list(waiting):  # a round takes one universe of each stratum that has any left
                if len(taken) == self.n:
                    return self._selection(space, taken, len(strata))
                if (index := next(stratum, None)) is None:
                    waiting.remove(stratum)
                else:
                    taken.add(index)

    def _strangers(self, names: tuple[str, ...]) -> list[Problem]:
        expected = f"decisions of the space: {', '.join(names) or 'it has none'}"
        if not self.by:
            return [Problem("the design 'stratified' has no strata: `by` is empty.", expected, f"by={names[:1]!r}")]
        return [
            Problem(
                f"the design 'stratified' is to go by {name!r}, which is not a decision of the space.",
                expected,
                f"{near_miss(str(name), names)}Name decisions in `by`",
            )
            for name in self.by
            if name not in names
        ]

    def _strata(self, space: Space) -> dict[Labels, Diagram]:
        """The labels of `by`, None where a decision does not apply -> the universes that have them."""
        names = tuple(space.decisions)
        strata: dict[Labels, Diagram] = {(): space.diagram}
        for name in self.by:
            place, labels = names.index(name), (*space.decisions[name].labels, None)
            finer: dict[Labels, Diagram] = {}
            for before, whole in strata.items():
                parts = ((label, part(whole, {place: (label,)})) for label in labels)
                finer |= {(*before, label): its for label, its in parts if its.root is not EMPTY}
                if len(finer) > STRATA_MOST:
                    raise SpaceError(self._too_many())
            strata = finer
        return strata

    def _too_many(self) -> Problem:
        return Problem(
            f"the design 'stratified' by {', '.join(self.by)} makes more than {STRATA_MOST:,} strata.",
            "strata that each get some universes",
            f"by={self.by[:1]!r}, or the design 'random'",
        )

    def _drawn(self, space: Space, stratum: Diagram, labels: Labels) -> Iterator[int]:
        """The universes of a stratum in random order, the reference first where it is in it."""
        diagram, reference = space.diagram, space.reference.labels
        own = stratum.find(reference)
        if own is not None:
            yield space.index(space.reference)
        for place in shuffled(stratum.size, random.Random(f"{self.seed}: {labels!r}")):
            if place != own:
                index = diagram.find(stratum.at(place))
                assert index is not None  # a part of the diagram
                yield index

    def _selection(self, space: Space, taken: set[int], strata: int) -> Selection:
        by = " and ".join(map(repr, self.by))
        met = {tuple(space[index][name] for name in self.by) for index in taken}
        missed = f"{strata - len(met):,} of {strata:,} combinations of {by} are in none of the {self.n:,} universes"
        said = f"a random sample spread evenly over {strata:,} strata by {by}, seed {self.seed}"
        return selection(space, taken, said, *([missed] if len(met) < strata else []))
