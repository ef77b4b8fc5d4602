"""BayesFlow 2 on the problem, by its public interface; prints lines for `compare.py`.

python bayesflow_peer.py [--network default|small] [--simulations 60000] [--epochs 8]

Simulates, trains, and is checked after every epoch. Training is offline, on a fixed set of simulations, as its
documentation starts. default: `CouplingFlow()` and Adam with 5e-4, the rate of its workflows. small: four layers of
2 x 128 without dropout, and 2e-3: nearer to the size and the rate of ours.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any, Final

os.environ["KERAS_BACKEND"] = "jax"

import bayesflow as bf
import jax
import keras
import numpy as np
from problem import DIMENSION, Pairs, at_the_real_data, features, held_out, simulate
from quality import judged
from told import Check, Stopwatch, speed, tell

BATCH: Final = 256
DRAWS: Final = 1000
AT_ONCE: Final = 20  # universes: its own pieces of all 200 take twice the time
RATES: Final = {"default": 5e-4, "small": 2e-3}
Columns = dict[str, np.ndarray]


def columns(pairs: Pairs) -> Columns:
    seen = jax.jit(features)(pairs.universe, pairs.y)
    return {
        "inference_variables": np.asarray(pairs.u, np.float32),
        "inference_conditions": np.asarray(seen, np.float32),
    }


def approximator(network: str) -> Any:
    small = {"depth": 4, "subnet_kwargs": {"widths": (128, 128), "dropout": None}}
    flow = bf.networks.CouplingFlow(**(small if network == "small" else {}))
    adapter = bf.Adapter().convert_dtype("float64", "float32")
    made = bf.ContinuousApproximator(inference_network=flow, adapter=adapter, standardize="all")
    made.compile(optimizer=keras.optimizers.Adam(RATES[network]))
    return made


def answers(made: Any, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draws (universe, draw, dimension) and their log densities (universe, draw)."""
    drawn = sampled(made, seen)
    return drawn, densities(made, seen, drawn)


def sampled(made: Any, seen: np.ndarray) -> np.ndarray:
    found = made.sample(num_samples=DRAWS, conditions={"inference_conditions": seen}, batch_size=AT_ONCE)
    return np.asarray(found["inference_variables"])


def densities(made: Any, seen: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    parts = []
    for first in range(0, len(seen), AT_ONCE):
        some, its = drawn[first : first + AT_ONCE], seen[first : first + AT_ONCE]
        flat = {
            "inference_variables": some.reshape(-1, some.shape[-1]),
            "inference_conditions": its.repeat(DRAWS, axis=0),
        }
        parts.append(np.asarray(made.log_prob(flat)).reshape(some.shape[:2]))
    return np.concatenate(parts)


def one_pass(made: Any, seen: np.ndarray) -> Callable[[], Any]:
    """Draws with their densities past its public interface, as somebody who knows JAX would: one jitted pass."""
    flow, standardize = made.inference_network, made.standardizer.maybe_standardize
    told = np.asarray(standardize(seen, key="inference_conditions", stage="inference"))

    @jax.jit
    def pieces(weights: Any, others: Any, conditions: Any, key: Any) -> Any:
        base = jax.random.normal(key, (len(conditions) * DRAWS, DIMENSION))
        given = jax.numpy.repeat(conditions, DRAWS, axis=0)
        found, _ = flow.stateless_call(weights, others, base, conditions=given, inverse=True, density=True)
        return found

    weights = [variable.value for variable in flow.trainable_variables]
    others = [variable.value for variable in flow.non_trainable_variables]
    starts = range(0, len(seen), AT_ONCE)

    def work() -> Any:
        keys = jax.random.split(jax.random.key(0), len(starts))
        return [
            jax.block_until_ready(pieces(weights, others, told[first : first + AT_ONCE], key))
            for first, key in zip(starts, keys, strict=True)
        ]

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", choices=sorted(RATES), default="default")
    parser.add_argument("--simulations", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    keras.utils.set_random_seed(given.seed)
    side = f"BayesFlow {bf.__version__}, {given.network}"
    sets = {"held out": held_out(), "real": at_the_real_data()}
    watch = Stopwatch()
    with watch.on():
        train = columns(jax.jit(simulate, static_argnums=1)(jax.random.key(given.seed), given.simulations))
        made = approximator(given.network)
        data = bf.OfflineDataset(data=train, batch_size=BATCH, adapter=made.adapter)
    for epoch in range(1, given.epochs + 1):
        with watch.on():
            made.fit(dataset=data, epochs=1, verbose=0)
        for name, pairs in sets.items():
            drawn, log_q = answers(made, columns(pairs)["inference_conditions"])
            steps = epoch * len(data)
            tell(Check(side, name, steps, given.simulations, watch.wall, watch.cpu, *judged(pairs, drawn, log_q)))
    seen = columns(sets["held out"])["inference_conditions"]
    drawn = sampled(made, seen)
    count = drawn.shape[0] * drawn.shape[1]
    tell(speed(side, "draws alone", count, lambda: sampled(made, seen)))
    tell(speed(side, "draws and their densities", count, lambda: densities(made, seen, sampled(made, seen))))
    tell(speed(side, "the same in one jitted pass of its layers", count, one_pass(made, seen)))
    tell(
        speed(
            side,
            "draws, densities, exact log joint, PSIS",
            count,
            lambda: judged(sets["held out"], *answers(made, seen)),
        )
    )


if __name__ == "__main__":
    main()
