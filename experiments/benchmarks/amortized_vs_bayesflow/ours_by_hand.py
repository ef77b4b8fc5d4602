"""Our network and training loop on the simulator and features of the peer; prints lines for `compare.py`.

python ours_by_hand.py [--segments 8]

The same coordinates and the same inputs on both sides: what is left is the network, and one compiled loop that
simulates as it trains.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Final

import jax
import numpy as np
from problem import DIMENSION, at_the_real_data, features, held_out, simulate
from quality import judged
from told import Check, Stopwatch, speed, tell

from multiverse.engines.amortized.checkpoint import begin
from multiverse.engines.amortized.network import Flow, Inputs, Shape
from multiverse.engines.amortized.training import Schedule, Trainer

DRAWS: Final = 1000
SIDE: Final = "multiverse, features by hand"
SCHEDULE: Final = Schedule()


def sample(_: Any, key: Any) -> tuple[Inputs, Any]:
    pairs = simulate(key, SCHEDULE.batch)
    return Inputs(features(pairs.universe, pairs.y)), pairs.u


def drawer(flow: Flow) -> Callable[[Any, Any, Any], Any]:
    """`(weights, features (n, p), keys) -> draws (n, draw, dimension), log densities (n, draw)`."""

    def one(weights: Any, seen: Any, key: Any) -> Any:
        u, _ = flow.draw(weights, Inputs(seen), key, DRAWS)
        return u, flow.log_mixture(weights, Inputs(seen), u)[0]

    return jax.jit(lambda weights, seen, keys: jax.lax.map(lambda of: one(weights, *of), (seen, keys)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sets = {"held out": held_out(), "real": at_the_real_data()}
    seen = {name: np.asarray(features(pairs.universe, pairs.y), np.float32) for name, pairs in sets.items()}
    watch = Stopwatch()
    with watch.on():
        flow = Flow(Shape(DIMENSION, seen["real"].shape[1]))
        trainer, checkpoint = Trainer(flow, SCHEDULE, sample), begin(flow, given.seed)
    draw = drawer(flow)
    keys = {name: jax.random.split(jax.random.key(given.seed), len(some)) for name, some in seen.items()}
    for _ in range(given.segments):
        with watch.on():
            checkpoint, _ = trainer.segment({}, checkpoint, given.seed)
        for name, pairs in sets.items():
            found = judged(pairs, *draw(checkpoint.average, seen[name], keys[name]))
            steps = checkpoint.step
            tell(Check(SIDE, name, steps, steps * SCHEDULE.batch, watch.wall, watch.cpu, *found))
    name = "held out"
    count = len(seen[name]) * DRAWS

    def both() -> Any:
        return jax.block_until_ready(draw(checkpoint.average, seen[name], keys[name]))

    tell(speed(SIDE, "draws and their densities", count, both))
    tell(speed(SIDE, "draws, densities, exact log joint, PSIS", count, lambda: judged(sets[name], *both())))


if __name__ == "__main__":
    main()
