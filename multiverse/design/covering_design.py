"""The covering design: few universes in which every option appears, or every pair of options that can be together."""

from __future__ import annotations

from dataclasses import dataclass

from multiverse.design.cover import cover_options, cover_pairs, fewest_options, fewest_pairs
from multiverse.design.design import Selection, selection
from multiverse.errors import Problem, SpaceError
from multiverse.space.counted import counted
from multiverse.space.space import Space
from multiverse.space.together import together

STRENGTHS = {1: "option", 2: "pair of options that can be together"}  # what each strength covers
PAIRS_MOST = 50_000  # to be covered: a few seconds; a larger space is better drawn from at random


@dataclass(frozen=True)
class Covering:
    """Few universes in which every option appears (`strength=1`), or every pair of options that can be together (2).

    Only what some universe has is asked for. Universes are added one by one, each with as much that is new as was
    found, and those that turn out to be superfluous are left out again: the set is small, but only where a lower bound
    is met is it known to be the smallest. The notes of the selection say which it is.
    """

    strength: int = 1

    def __post_init__(self) -> None:
        if self.strength not in STRENGTHS:
            what = f"the design 'covering' has strength={self.strength!r}."
            raise SpaceError(Problem(what, "1 for every option, 2 for every pair of options", "strength=2"))

    def take(self, space: Space) -> Selection:
        """The universes. Raises SpaceError where there are more than PAIRS_MOST pairs to cover."""
        diagram, first = space.diagram, space.reference.labels
        known = together(diagram)
        if self.strength == 1:
            fewest = fewest_options(known, first)
            cover = cover_options(diagram, known, first)
        else:
            _stop_at(known.pairs)
            fewest = fewest_pairs(known, first)
            cover = cover_pairs(diagram, known, first, fewest)
        indices = [index for labels in cover if (index := diagram.find(labels)) is not None]
        said = f"a cover of every {STRENGTHS[self.strength]}, no random sample"
        exact = "no fewer can, with the reference universe among them"
        greedy = f"found step by step: fewer may do, but no fewer than {fewest:,}"
        count = f"{counted(len(cover), 'universe')} {'holds' if len(cover) == 1 else 'hold'}"
        how = exact if len(cover) == fewest else greedy
        return selection(space, indices, said, f"{count} every {STRENGTHS[self.strength]}; {how}")


def _stop_at(pairs: int) -> None:
    if pairs > PAIRS_MOST:
        what = f"the design 'covering' of strength 2 is to cover {pairs:,} pairs of options."
        raise SpaceError(Problem(what, f"at most {PAIRS_MOST:,}", "strength=1, or the design 'random'"))
