"""Our side of the problem: the study as it is written, trained segment by segment; prints lines for `compare.py`.

python ours.py [--segments 8] [--tuned]

What `mv.Amortized` does with a family of programs, stopped after each segment of its training to be checked on the
pairs that the peer is checked on. Nothing is written for this problem but `as_leaves`, which hands these pairs over.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import jax
import numpy as np
from problem import Pairs, at_the_real_data, held_out
from quality import quality
from told import Check, Stopwatch, speed, tell

import multiverse as mv
from multiverse.engines.amortized.answer import Drawn
from multiverse.engines.amortized.checkpoint import Checkpoint
from multiverse.engines.amortized.family import Family, families_of, stacked
from multiverse.engines.amortized.learner import make_learner
from multiverse.loading import load_study
from multiverse.planning.build import plan
from multiverse.planning.simulate import OBSERVED
from multiverse.planning.tracing import compiled
from multiverse.progress import no_progress

STUDY: Final = Path(__file__).parents[2] / "eight_schools_multiverse" / "study.py"
DRAWS: Final = 1000
SIDE: Final = "multiverse"
TUNED: Final = "multiverse, tuned"  # on the universes at the real data, as a run does where nothing else is said


def family() -> Family:
    """The one family of the study's programs."""
    (found,), _ = families_of(plan(load_study(STUDY).study, progress=no_progress))
    return found


def non_centered(family: Family) -> int:
    """The place of the program that is written in the coordinates of the family, as the peer's problem is."""
    return next(place for place, one in enumerate(family.opened) if one.other is None)


def as_leaves(family: Family, pairs: Pairs) -> dict[str, np.ndarray]:
    """The pairs as leaves of the non-centered program, (pair, ...): each universe's own, with the data of the pair."""
    program = family.opened[non_centered(family)].program
    keys = {}
    for key in program.members:
        value = program.option_values(key)
        left_out = program.members[key].universe["left_out"]
        keys[value["center"], value["spread"], value["tails"], left_out] = key
    found = []
    for center, spread, tails, kept, y in zip(*pairs.universe, pairs.y, strict=True):
        left_out = "none" if np.all(kept) else "ABCDEFGH"[int(np.argmin(kept))]
        leaves = program.leaves(keys[float(center), float(spread), float(tails), left_out])
        found.append({**leaves, f"{OBSERVED}y": np.asarray(y)[leaves["/school"]]})
    return stacked(found)


class Network:
    """A network of the family as the engine makes it, trained for so many segments; what it answers."""

    def __init__(self, engine: mv.Amortized):
        whole = family()
        self.learner = make_learner(whole, engine.size, engine.training, engine.unlabelled(whole), engine.seed)
        self.subject, self.flow, self.seed = self.learner.subject, self.learner.flow, engine.seed
        self.place = non_centered(self.subject.family)
        self.checkpoint: Checkpoint = self.learner.begin()

    def train(self) -> None:
        """One segment more."""
        self.checkpoint, _ = self.learner.segment(self.checkpoint)

    def answer(self, leaves: dict[str, np.ndarray]) -> Drawn:
        """Draws for each of some universes, with all that weighs them; compiled once for so many."""
        count = len(leaves["mask"])
        words = np.stack([np.full(count, self.seed), np.arange(count)], axis=1).astype(np.uint32)
        return self.learner.draw(self.checkpoint.average, self.place, (), leaves, words, DRAWS)

    def drawer(self, leaves: dict[str, np.ndarray], *, densities: bool) -> Callable[[], Any]:
        """Draws alone, or with their densities, of all universes: what the peer's `sample` and `log_prob` give."""

        def one(constants: Any, weights: Any, leaves: Any, key: Any) -> Any:
            inputs, white = self.subject.look(self.place, constants, leaves)
            u, _ = self.flow.draw(weights, inputs, key, DRAWS)
            return white.z(u), self.flow.log_mixture(weights, inputs, u)[0] - white.log_det if densities else 0.0

        def every(constants: Any, weights: Any, leaves: Any, keys: Any) -> Any:
            return jax.lax.map(lambda of: one(constants, weights, *of), (leaves, keys))

        keys = jax.random.split(jax.random.key(self.seed), len(leaves["mask"]))
        arguments = self.subject.constants, self.checkpoint.average, leaves, keys
        work = compiled(every, *arguments)
        return lambda: jax.block_until_ready(work(*arguments))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tuned", action="store_true", help="on universes of the study, too")
    given = parser.parse_args()
    engine, watch, side = mv.Amortized(seed=given.seed), Stopwatch(), TUNED
    if not given.tuned:
        engine, side = replace(engine, tuning=None), SIDE
    with watch.on():
        network = Network(engine)
    pairs = {"held out": held_out(), "real": at_the_real_data()}
    sets = {name: as_leaves(network.subject.family, some) for name, some in pairs.items()}
    for _ in range(given.segments):
        with watch.on():
            network.train()
        for name, leaves in sets.items():
            found = quality(np.asarray(network.answer(leaves).log_weights, np.float64))
            step = network.checkpoint.step
            tell(Check(side, name, step, step * engine.training.batch, watch.wall, watch.cpu, *found))
    leaves = sets["held out"]
    count = len(leaves["mask"]) * DRAWS
    tell(speed(side, "draws alone", count, network.drawer(leaves, densities=False)))
    tell(speed(side, "draws and their densities", count, network.drawer(leaves, densities=True)))
    tell(
        speed(
            side, "draws, densities, exact log joint, PSIS", count, lambda: quality(network.answer(leaves).log_weights)
        )
    )


if __name__ == "__main__":
    main()
