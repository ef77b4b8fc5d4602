"""Training of a network in segments of steps, each one compiled loop: simulate, take the gradient, move.

The loss is minus the log density of simulated parameters given what is seen of their data (neural posterior
estimation). Every random key hangs on the seed and the number of the step alone, so that a training cut into segments,
in any processes, ends with the same bits as one that was not.
Sources: Papamakarios and Murray 2016, arXiv:1605.06376; Kingma and Ba 2015, Adam, arXiv:1412.6980.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from multiverse.engines.amortized.checkpoint import Checkpoint as Checkpoint
from multiverse.engines.amortized.checkpoint import begin as begin
from multiverse.engines.amortized.network import Flow, Inputs
from multiverse.engines.amortized.adam import adam
from multiverse.engines.compiled import Once
from multiverse.planning.tracing import compiled, here

FINAL_RATE: Final = 1 / 20  # of the learning rate, where its cosine ends
STREAMS: Final = {"simulation": 0, "extra": 1, "fixed": 2, "epoch": 3}  # what keys of one step are for

Sample = Callable[[Any, Any], tuple[Inputs, Any]]
"""(arguments, key) -> inputs of n universes and u (n, dimension): the simulations of one step. It is traced."""

ExtraLoss = Callable[[Any, Any, Any, Any], Any]
"""(weights of one member, arguments, key, step) -> a number that is added to its loss. It is traced."""


@dataclass(frozen=True)
class Schedule:
    """How a network is trained.

    batch: simulations of a step. segment: steps of one segment. steps: at most, over which the learning rate falls as a
    cosine to a twentieth. average: how much of the averaged weights a step keeps. simulations: None for fresh ones in
    each step; a number for so many in all, made once and reused in epochs.
    """

    batch: int = 256
    segment: int = 250
    steps: int = 2000
    learning_rate: float = 2e-3
    average: float = 0.99
    simulations: int | None = None


class Trainer:
    """A loop that is compiled once, for arguments of one shape.

    sample: must give `schedule.batch` simulations. A simulation that is not finite, in what is seen or in its
    parameters, is left out and counted. extra_loss: added to the loss.
    """

    def __init__(self, flow: Flow, schedule: Schedule, sample: Sample, extra_loss: ExtraLoss | None = None):
        self.flow, self.schedule = flow, schedule
        self._sample, self._extra = sample, extra_loss
        self._programs, self._sets = Once(), Once()

    def segment(self, arguments: Any, checkpoint: Checkpoint, seed: int) -> tuple[Checkpoint, np.ndarray]:
        """The checkpoint after `schedule.segment` more steps, and the loss of each (segment, members) in nats.

        arguments: a tree of arrays. seed: the same for all segments. A loss is of the simulations alone, before its
        step: with fresh simulations it is one of held-out data.
        """
        import jax

        words = _words(seed)
        fixed = self._fixed(arguments, words)
        step, dropped = np.int32(checkpoint.step), np.int32(checkpoint.dropped)
        state = checkpoint.weights, checkpoint.average, checkpoint.optimizer, step, dropped
        run = self._compiled("segment", self._run, arguments, state, words, fixed)
        (weights, average, optimizer, step, dropped), losses = run(arguments, state, words, fixed)
        weights, average, optimizer = jax.device_get((weights, average, optimizer))
        return Checkpoint(weights, average, optimizer, int(step), int(dropped)), np.asarray(losses)

    def _compiled(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        import jax

        leaves, tree = jax.tree.flatten(arguments)
        shapes = tuple((np.shape(leaf), str(jax.dtypes.result_type(leaf))) for leaf in leaves)
        key = name, tree, shapes, str(here())
        return self._programs.get(key, lambda: compiled(function, *arguments))

    def _fixed(self, arguments: Any, words: np.ndarray) -> Any:
        """The fixed set of simulations, on the device; None where each step has fresh ones."""
        import jax

        if self.schedule.simulations is None:
            return None
        digest = hashlib.sha256(words.tobytes())
        for leaf in jax.tree.leaves(arguments):
            digest.update(np.asarray(leaf).tobytes())

        def make() -> Any:
            return self._compiled("simulate", self._simulate, arguments, words)(arguments, words)

        return self._sets.get(digest.digest(), make)

    def _simulate(self, arguments: Any, words: np.ndarray) -> tuple[Inputs, Any]:
        """All simulations of a fixed set, made batch by batch."""
        import jax

        number, batch = self._number(), self.schedule.batch
        batches = np.arange(-(-number // batch), dtype=np.int32)
        parts = jax.lax.map(lambda i: self._sample(arguments, _key(words, "fixed", i)), batches)
        return jax.tree.map(lambda part: part.reshape(-1, *part.shape[2:])[:number], parts)

    def _number(self) -> int:
        return self.schedule.simulations or 0

    def _run(self, arguments: Any, state: Any, words: Any, fixed: Any) -> Any:
        import jax
        import jax.numpy as jnp

        update = adam(self.schedule.learning_rate, self.schedule.steps, FINAL_RATE)

        def member(weights: Any, average: Any, optimizer: Any, step: Any, inputs: Any, u: Any, good: Any) -> Any:
            def loss(weights: Any) -> tuple[Any, Any]:
                log_density = self.flow.log_density_of(weights, inputs, u)
                value = -jnp.where(good, log_density, 0.0).sum() / jnp.maximum(good.sum(), 1)
                more = 0.0 if self._extra is None else self._extra(weights, arguments, _key(words, "extra", step), step)
                return value + more, value

            gradient, value = jax.grad(loss, has_aux=True)(weights)
            weights, optimizer = update(gradient, weights, optimizer, step)
            kept = jnp.minimum(self.schedule.average, (1 + step) / (10 + step)).astype(jnp.float32)
            average = jax.tree.map(lambda old, new: kept * old + (1 - kept) * new, average, weights)
            return weights, average, optimizer, value

        members = jax.vmap(member, in_axes=(0, 0, 0, None, None, None, None))

        def one(state: Any, _: Any) -> Any:
            weights, average, optimizer, step, dropped = state
            inputs, u = self._sample(arguments, _key(words, "simulation", step))
            inputs, u, good = _finite(inputs, u)
            weights, average, optimizer, value = members(weights, average, optimizer, step, inputs, u, good)
            return (weights, average, optimizer, step + 1, dropped + (~good).sum(dtype=jnp.int32)), value

        return jax.lax.scan(one, state, None, length=self.schedule.segment)


def _words(seed: int) -> np.ndarray:
    return np.array([seed >> 32 & 0xFFFFFFFF, seed & 0xFFFFFFFF], np.uint32)


def _key(words: Any, stream: str, number: Any) -> Any:
    import jax

    root = jax.random.wrap_key_data(words, impl="threefry2x32")
    return jax.random.fold_in(jax.random.fold_in(root, STREAMS[stream]), number)


def _finite(inputs: Inputs, u: Any) -> tuple[Inputs, Any, Any]:
    """The same in float32 with 0 where it is not finite, and which simulations are finite (n,)."""
    import jax.numpy as jnp

    plain, u = jnp.asarray(inputs.plain, jnp.float32), jnp.asarray(u, jnp.float32)
    good = jnp.isfinite(plain).all(axis=1) & jnp.isfinite(u).all(axis=1)
    rows = inputs.rows
    if rows is not None:
        counts = True if inputs.kept is None else inputs.kept[..., None] > 0
        rows = jnp.asarray(rows, jnp.float32)
        good &= (jnp.isfinite(rows) | ~counts).all(axis=(1, 2))
        rows = jnp.where(jnp.isfinite(rows), rows, 0.0)
    some = good[:, None]
    return Inputs(jnp.where(some, plain, 0.0), rows, inputs.kept), jnp.where(some, u, 0.0), good
