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
from typing import Any, Final, cast

import numpy as np

from multiverse.engines.amortized.checkpoint import Checkpoint as Checkpoint
from multiverse.engines.amortized.checkpoint import begin as begin
from multiverse.engines.amortized.network import Flow, Inputs
from multiverse.engines.amortized.optimizer import optimizer
from multiverse.engines.compiled import Once
from multiverse.engines.least import too_small
from multiverse.engines.programs import Programs
from multiverse.errors import PlanError
from multiverse.planning.tracing import compiled, here

EPOCHS: Final = 4  # over reused simulations, of one segment: of 1,000 a network has the most after about 12
STREAMS: Final = {"simulation": 0, "extra": 1, "fixed": 2, "epoch": 3}  # what keys of one step are for

Sample = Callable[[Any, Any], tuple[Inputs, Any]]
"""(arguments, key) -> inputs of n universes and u (n, dimension): the simulations of one step. It is traced."""

ExtraLoss = Callable[[Any, Any, Any, Any], Any]
"""(weights of one member, arguments, key, step) -> a number that is added to its loss. It is traced."""


@dataclass(frozen=True)
class Schedule:
    """How a network is trained.

    batch: simulations of a step. segment: steps of one segment, at most; fewer where simulations are reused. steps: at
    most, over which the learning rate falls as a cosine to a twentieth. average: how much of the averaged weights a
    step keeps. simulations: None for fresh ones in each step; a number for so many in all, made once and reused in
    epochs.
    Raises PlanError for numbers with which nothing could be learnt.
    """

    batch: int = 256
    segment: int = 250
    steps: int = 2000
    learning_rate: float = 2e-3
    average: float = 0.99
    simulations: int | None = None

    def __post_init__(self) -> None:
        some = {} if self.simulations is None else {"simulations": 1}
        if problems := too_small(self, "the training of a network", batch=1, segment=1, steps=1, **some):
            raise PlanError(problems)

    @property
    def stretch(self) -> int:
        """Steps between two looks at held-out simulations: a segment, or where simulations are reused a few epochs."""
        if self.simulations is None:
            return self.segment
        return max(1, min(self.segment, EPOCHS * self.simulations // self.batch))


class Trainer:
    """A loop that is compiled once, for arguments of one shape.

    sample: must give `schedule.batch` simulations. A simulation that is not finite, in what is seen or in its
    parameters, is left out and counted. extra_loss: added to the loss.
    """

    def __init__(self, flow: Flow, schedule: Schedule, sample: Sample, extra_loss: ExtraLoss | None = None):
        self.flow, self.schedule = flow, schedule
        self._sample, self._extra = sample, extra_loss
        sizes = {name: size[1:] for name, size in flow.sizes.items()}
        _, self._update = optimizer(sizes, schedule.learning_rate, schedule.steps)
        self._programs, self._sets = Programs(), Once()

    def segment(self, arguments: Any, checkpoint: Checkpoint, seed: int) -> tuple[Checkpoint, np.ndarray]:
        """The checkpoint after `schedule.stretch` more steps, and the loss of each (segment, members) in nats.

        arguments: a tree of arrays. seed: the same for all segments. A loss is of the simulations alone, before its
        step: with fresh simulations it is one of held-out data.
        """
        import jax

        words = _words(seed)
        fixed = self._fixed(arguments, words)
        step, dropped = np.int32(checkpoint.step), np.int32(checkpoint.dropped)
        state = checkpoint.weights, checkpoint.average, checkpoint.optimizer, step, dropped
        run = self._compiled("segment", self._run, arguments, state, words, fixed)
        after, losses = jax.device_get(run(arguments, state, words, fixed))
        weights, average, moments, step, dropped = after
        return Checkpoint(weights, average, moments, int(step), int(dropped)), losses

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
        """A whole number of batches of simulations, made batch by batch."""
        import jax

        numbers = np.arange(-(-(self.schedule.simulations or 0) // self.schedule.batch), dtype=np.int32)
        batches = jax.lax.map(lambda i: self._sample(arguments, _key(words, "fixed", i)), numbers)
        return cast(tuple[Inputs, Any], jax.tree.map(lambda part: part.reshape(-1, *part.shape[2:]), batches))

    def _run(self, arguments: Any, state: Any, words: Any, fixed: Any) -> Any:
        """`schedule.stretch` steps: (state, losses (segment, members))."""
        import jax
        import jax.numpy as jnp

        def member(weights: Any, average: Any, moments: Any, step: Any, inputs: Any, u: Any, good: Any) -> Any:
            def loss(weights: Any) -> tuple[Any, Any]:
                log_density = self.flow.log_density_of(weights, inputs, u)
                value = -jnp.where(good, log_density, 0.0).sum() / jnp.maximum(good.sum(), 1)
                more = 0.0 if self._extra is None else self._extra(weights, arguments, _key(words, "extra", step), step)
                return value + more, value

            gradient, value = jax.grad(loss, has_aux=True)(weights)
            weights, moments = self._update(gradient, weights, moments)
            kept = jnp.minimum(self.schedule.average, (1 + step) / (10 + step)).astype(jnp.float32)  # sooner at first
            average = jax.tree.map(lambda old, new: kept * old + (1 - kept) * new, average, weights)
            return weights, average, moments, value

        members = jax.vmap(member, in_axes=(0, 0, 0, None, None, None, None))

        def one(state: Any, _: Any) -> Any:
            (weights, average, moments, step, dropped), order = state
            if fixed is None:
                inputs, u = self._sample(arguments, _key(words, "simulation", step))
            else:
                inputs, u, order = self._reused(fixed, words, step, order)
            inputs, u, good = _finite(inputs, u)
            weights, average, moments, value = members(weights, average, moments, step, inputs, u, good)
            dropped = dropped + (~good).sum(dtype=jnp.int32)
            return ((weights, average, moments, step + 1, dropped), order), value

        order = None if fixed is None else self._order(words, state[3])
        (state, _), losses = jax.lax.scan(one, (state, order), None, length=self.schedule.stretch)
        return state, losses

    def _reused(self, fixed: Any, words: Any, step: Any, order: Any) -> tuple[Inputs, Any, Any]:
        """The simulations of a step from the fixed set, and the order of the set in this epoch."""
        import jax

        size = min(self.schedule.batch, len(order))
        at = step % (len(order) // size)
        order = jax.lax.cond(at == 0, lambda: self._order(words, step), lambda: order)
        mine = jax.lax.dynamic_slice(order, (at * size,), (size,))
        inputs, u = jax.tree.map(lambda part: part[mine], fixed)
        return inputs, u, order

    def _order(self, words: Any, step: Any) -> Any:
        """In which order an epoch goes through the fixed set: hangs on the seed and the number of the epoch."""
        import jax
        import jax.numpy as jnp

        number = self.schedule.simulations or 0
        epoch = step // (number // min(self.schedule.batch, number))
        return jax.random.permutation(_key(words, "epoch", epoch), jnp.arange(number, dtype=jnp.int32))


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
