"""The random design: the reference universe, and others drawn from the whole space."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

from multiverse.design.design import Selection, selection, whole_space
from multiverse.design.shuffled import shuffled
from multiverse.errors import Problem, SpaceError
from multiverse.space.space import Space


@dataclass(frozen=True)
class Random:
    """The reference and `n - 1` other universes, every set of these equally likely.

    The same seed with a larger `n` takes the same universes and more.
    """

    n: int
    seed: int = 0

    def __post_init__(self) -> None:
        if problems := mistaken_sample("random", self.n, self.seed):
            raise SpaceError(problems)

    def take(self, space: Space) -> Selection:
        """The sample; the whole space where it has no more than `n` universes."""
        size, reference = space.size, space.index(space.reference)
        if self.n >= size:
            return whole_space(space)
        drawn = itertools.islice(shuffled(size - 1, random.Random(self.seed)), self.n - 1)
        others = (index + (index >= reference) for index in drawn)  # passed over: the reference is there anyway
        return selection(space, others, f"the reference and a random sample, seed {self.seed}")


def mistaken_sample(design: str, n: object, seed: object) -> list[Problem]:
    """What is wrong with the size or the seed of a sample."""
    problems = []
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        what = f"the design {design!r} is to take n={n!r} universes."
        problems.append(Problem(what, "a whole number, at least 1: the reference universe is always taken", "n=100"))
    if not isinstance(seed, int) or isinstance(seed, bool):
        what = f"the seed of the design {design!r} is {seed!r}."
        problems.append(Problem(what, "a whole number: the same seed takes the same universes", "seed=0"))
    return problems
