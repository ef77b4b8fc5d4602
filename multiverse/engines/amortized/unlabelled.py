"""What real universes add to the loss of simulations: their data, and no parameter behind these."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from multiverse.engines.amortized.network import Flow, Inputs
from multiverse.engines.amortized.training import ExtraLoss

LogJoint = Callable[[Any, int, Any, Any], Any]
"""(arguments, place of a program, index of its universe, u (L, dimension)) -> (L,): its log joint, in nats. Traced."""

Real = Callable[[Any], Sequence[Inputs]]
"""arguments -> by program, what the network sees of its m real universes, with the axis m first. Traced."""

Shares = Callable[[int], Sequence[int]]
"""How many of so many universes are of each program."""


class Unlabelled(Protocol):
    """A loss of the network's own draws for a universe, and how much it counts; `Consistency` and `Tuning` are such."""

    @property
    def weight(self) -> float:
        """Of it in the loss."""

    @property
    def draws(self) -> int:
        """Of each universe."""

    @property
    def universes(self) -> int:
        """Of a step, drawn anew."""

    @property
    def after(self) -> int:
        """Steps without it."""

    def of(self, log_joint: Any, log_q: Any) -> Any:
        """The loss of one universe; log_joint, log_q: (draw,), in nats. Traceable."""


def unlabelled_loss(
    flow: Flow, losses: Sequence[Unlabelled], log_joint: LogJoint, real: Real, shares: Shares
) -> ExtraLoss:
    """What `Trainer` adds to the loss of simulations; each is 0 in its first `after` steps."""
    import jax
    import jax.numpy as jnp

    def of_program(loss: Unlabelled, place: int, share: int, inputs: Inputs, weights: Any, given: Any, key: Any) -> Any:
        of_universes, of_draws = jax.random.split(key)
        count = inputs.plain.shape[0]
        some = min(share, count)
        index = jax.random.permutation(of_universes, jnp.arange(count, dtype=jnp.int32))[:some]

        def of_universe(index: Any, inputs: Inputs, key: Any) -> Any:
            u = jax.lax.stop_gradient(flow.draw_of(weights, inputs, key, loss.draws))
            joint = jax.lax.stop_gradient(jnp.asarray(log_joint(given, place, index, u), jnp.float32))
            return loss.of(joint, flow.log_density_of(weights, jax.tree.map(lambda part: part[None], inputs), u))

        mine = jax.tree.map(lambda part: part[index], inputs)
        return jax.vmap(of_universe)(index, mine, jax.random.split(of_draws, some))

    def one(loss: Unlabelled, weights: Any, arguments: Any, key: Any, step: Any) -> Any:
        programs = real(arguments)
        keys = jax.random.split(key, len(programs))

        def on() -> Any:
            each = [
                of_program(loss, place, share, inputs, weights, arguments, keys[place])
                for place, (share, inputs) in enumerate(zip(shares(loss.universes), programs, strict=True))
            ]
            return loss.weight * jnp.concatenate(each).mean()

        return jax.lax.cond(step >= loss.after, on, lambda: jnp.float32(0.0))

    def every(weights: Any, arguments: Any, key: Any, step: Any) -> Any:
        keys = jax.random.split(key, len(losses))
        return sum(one(loss, weights, arguments, keys[i], step) for i, loss in enumerate(losses))

    return every
