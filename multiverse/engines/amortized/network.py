"""A conditional density network: what a universe and its data look like -> a density of its whitened parameters.

A multivariate Student-t whose mean, shape and degrees of freedom hang on the inputs, bent by coupling layers.
Sources: Dinh, Sohl-Dickstein and Bengio 2017, Density estimation using real NVP (affine couplings), arXiv:1605.08803;
Durkan et al. 2019, Neural spline flows, arXiv:1906.04032; Radev et al. 2020, BayesFlow, arXiv:2003.06281.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.amortized import spline
from multiverse.engines.amortized.clamp import clamp
from multiverse.engines.amortized.keras_backend import Layer, dense
from multiverse.engines.amortized.student import log_student, student
from multiverse.engines.amortized.summary import SUMMARY, Summary

Weights = Mapping[str, Any]
"""Arrays in float32 by name, each with a leading axis of members."""

# The most that the network can say; coordinates and inputs are about standard.
LARGEST_INPUT: Final = 30.0
LARGEST_MEAN: Final = 50.0
LOG_SCALE: Final = 8.0  # of the Student-t, in each direction: widths from 1/3000 to 3000 of the whitened coordinates
SHEAR: Final = 20.0  # off its diagonal
LOG_STRETCH: Final = 2.0  # of one affine coupling, as in Ardizzone et al. 2019, arXiv:1907.02392
SHIFT: Final = 20.0
SEEN: Final = 10.0  # a coordinate as conditioners see it
PERMUTED: Final = 20190612  # seeds the fixed permutations between couplings, which belong to the network's shape


class Inputs(NamedTuple):
    """What the network sees of n universes with their data, or of one without the first axis; standard numbers."""

    plain: Any  # (n, p) float32
    rows: Any = None  # (n, row, r) float32, or None
    kept: Any = None  # (n, row) float32: 1 where a row counts; None: all do


@dataclass(frozen=True)
class Shape:
    """The size of a network.

    dimension: of the parameters. plain: numbers of `Inputs.plain`. rows: numbers of a row, 0 for none. kind: "affine"
    or "spline" couplings; a single parameter is always bent by splines. width: of both layers of the trunk.
    conditioner: width of the hidden layer of each coupling. members: networks of the ensemble.
    """

    dimension: int
    plain: int
    rows: int = 0
    couplings: int = 6
    kind: str = "affine"
    width: int = 128
    conditioner: int = 64
    members: int = 1


class _Seen(NamedTuple):
    """What the density of n universes hangs on, the parameters left out."""

    mean: Any  # (n, dimension)
    log_scale: Any  # (n, dimension)
    shear: Any  # (n, dimension, dimension), strictly lower triangular
    log_df: Any  # (n,)
    context: Any  # (coupling, n, conditioner)


class Flow:
    """Densities and draws as pure functions of weights; they can be traced, in float32 under any default."""

    def __init__(self, shape: Shape):
        self.shape = shape
        d, w, c = shape.dimension, shape.width, shape.conditioner
        self._seen, self._bent = d // 2, d - d // 2  # coordinates that a coupling looks at, and bends
        self._spline = shape.kind == "spline" or d == 1
        self._summary = Summary(shape.rows) if shape.rows else None
        wide = shape.plain + (SUMMARY if shape.rows else 0)
        said = self._bent * (2 + spline.PARAMETERS * self._spline)
        single = {
            "trunk/0": (wide, w),
            "trunk/1": (w, w),
            "head": (w, d + d + d * d + 1),
            "context": (w, shape.couplings * c),
        }
        stacked = {"look": (self._seen, c), "say": (c, said)}  # the couplings' own
        self._layers: dict[str, Layer] = {
            name: dense(*size, activation="silu" if name.startswith("trunk") else None, bias=name != "look")
            for name, size in (single | stacked).items()
            if size[0]
        }
        single |= self._summary.sizes if self._summary else {}
        of_layers: dict[str, tuple[tuple[int, ...], tuple[int, int]]] = {
            name: ((), size) for name, size in single.items()
        }
        of_layers |= {name: ((shape.couplings,), size) for name, size in stacked.items()}
        self.sizes = _weight_sizes(of_layers, shape.members)
        self._mixings = _mixings(d, shape.couplings)

    def start(self, seed: int) -> dict[str, np.ndarray]:
        """Weights of members that are independent of each other; before training each says about a standard t."""
        random = np.random.Generator(np.random.Philox(seed))
        weights = {}
        for name, size in self.sizes.items():
            # Glorot and Bengio 2010; last layers are 0, so that training starts from no bend at all.
            still = name.endswith("bias") or name in ("head/kernel", "say/kernel")
            reach = 0.0 if still else math.sqrt(6 / (size[-2] + size[-1]))
            weights[name] = random.uniform(-reach, reach, size).astype(np.float32)
        return weights

    def log_density(self, weights: Weights, inputs: Inputs, u: Any) -> Any:
        """(members, n), in nats: log density of u (n, dimension), each under its own inputs."""
        import jax

        return jax.vmap(self.log_density_of, in_axes=(0, None, None))(weights, inputs, u)

    def draw(self, weights: Weights, inputs: Inputs, key: Any, count: int) -> tuple[Any, Any]:
        """Draws u (count, dimension) and which member each is from (count,), of one universe (inputs without n).

        Members take turns, so that any first draws are from all of them alike.
        """
        import jax
        import jax.numpy as jnp

        members = self.shape.members
        each = -(-count // members)
        keys = jax.random.split(key, members)
        u = jax.vmap(lambda one, key: self.draw_of(one, inputs, key, each))(weights, keys)  # (members, each, dimension)
        member = jnp.arange(count, dtype=jnp.int32) % members
        return jnp.swapaxes(u, 0, 1).reshape(-1, self.shape.dimension)[:count], member

    def log_mixture(self, weights: Weights, inputs: Inputs, u: Any) -> tuple[Any, Any]:
        """Log density of u (count, dimension) under equal shares of all members, (count,), and each's (members, count).

        inputs: of one universe, without n.
        """
        import jax
        import jax.numpy as jnp

        each = self.log_density(weights, _lead(inputs), u)
        return jax.nn.logsumexp(each, axis=0) - jnp.float32(math.log(self.shape.members)), each

    def log_density_of(self, weights: Weights, inputs: Inputs, u: Any) -> Any:
        """`log_density` of one member, (n,): weights without their first axis. inputs may be of one universe, n = 1."""
        import jax.numpy as jnp

        seen = self._see(weights, inputs)
        x, log_slope = self._down(weights, seen, jnp.asarray(u, jnp.float32))
        return log_student(x, seen.mean, seen.log_scale, seen.shear, seen.log_df) + log_slope

    def draw_of(self, weights: Weights, inputs: Inputs, key: Any, count: int) -> Any:
        """Draws (count, dimension) of one member for one universe (inputs without n)."""
        seen = self._see(weights, _lead(inputs))
        x = student(key, seen.mean[0], seen.log_scale[0], seen.shear[0], seen.log_df[0], count)
        return self._up(weights, seen, x)

    def _down(self, weights: Weights, seen: _Seen, u: Any) -> tuple[Any, Any]:
        """From u to the base: x (n, dimension) and log |dx/du| (n,)."""
        import jax
        import jax.numpy as jnp

        def coupling(carry: Any, of: Any) -> Any:
            u, log_slope = carry
            mixing, context, mine = of
            u = jnp.matmul(u, mixing, precision="highest")
            looked, bent = u[:, : self._seen], u[:, self._seen :]
            bent, gained = self._to_base(self._say(mine, context, looked), bent)
            return (jnp.concatenate([looked, bent], axis=1), log_slope + gained), None

        start = u, jnp.zeros(u.shape[0], jnp.float32)
        (x, log_slope), _ = jax.lax.scan(coupling, start, (self._mixings, seen.context, self._coupled(weights)))
        return x, log_slope

    def _up(self, weights: Weights, seen: _Seen, x: Any) -> Any:
        """From the base to u, both (n, dimension)."""
        import jax
        import jax.numpy as jnp

        def coupling(x: Any, of: Any) -> Any:
            mixing, context, mine = of
            looked, bent = x[:, : self._seen], x[:, self._seen :]
            bent = self._from_base(self._say(mine, context, looked), bent)
            return jnp.matmul(jnp.concatenate([looked, bent], axis=1), mixing.T, precision="highest"), None

        return jax.lax.scan(coupling, x, (self._mixings, seen.context, self._coupled(weights)), reverse=True)[0]

    def _see(self, weights: Weights, inputs: Inputs) -> _Seen:
        import jax.numpy as jnp

        shape, d = self.shape, self.shape.dimension
        x = clamp(jnp.asarray(inputs.plain, jnp.float32), LARGEST_INPUT)
        if self._summary is not None:
            x = jnp.concatenate([x, self._summary(weights, inputs.rows, inputs.kept)], axis=1)
        for name in ("trunk/0", "trunk/1"):
            x = self._apply(weights, name, x)
        head = self._apply(weights, "head", x)
        n = head.shape[0]
        context = self._apply(weights, "context", x).reshape(n, shape.couplings, shape.conditioner)
        below = np.tril(np.ones((d, d), np.float32), -1)
        return _Seen(
            mean=clamp(head[:, :d], LARGEST_MEAN),
            log_scale=clamp(head[:, d : 2 * d], LOG_SCALE),
            shear=clamp(head[:, 2 * d : -1].reshape(n, d, d), SHEAR) * below,
            log_df=head[:, -1],
            context=jnp.swapaxes(context, 0, 1),
        )

    def _coupled(self, weights: Weights) -> dict[str, Any]:
        """The weights of the couplings, each with a leading axis of couplings."""
        return {name: weights[name] for name in ("look/kernel", "say/kernel", "say/bias")}

    def _say(self, mine: Mapping[str, Any], context: Any, looked: Any) -> Any:
        """What a coupling does to each coordinate that it bends, (n, bent, ...)."""
        import jax

        if self._seen:
            context = context + self._layers["look"]((mine["look/kernel"],), clamp(looked, SEEN))
        out = self._layers["say"]((mine["say/kernel"], mine["say/bias"]), jax.nn.silu(context))
        return out.reshape(out.shape[0], self._bent, -1)

    def _to_base(self, said: Any, bent: Any) -> tuple[Any, Any]:
        import jax.numpy as jnp

        stretch = clamp(said[..., 0], LOG_STRETCH)
        bent = bent * jnp.exp(stretch) + clamp(said[..., 1], SHIFT)
        gained = jnp.broadcast_to(stretch, bent.shape)
        if self._spline:
            bent, more = spline.bend(said[..., 2:], bent)
            gained = gained + more
        return bent, gained.sum(axis=1)

    def _from_base(self, said: Any, bent: Any) -> Any:
        import jax.numpy as jnp

        if self._spline:
            bent = spline.unbend(said[..., 2:], bent)
        return (bent - clamp(said[..., 1], SHIFT)) * jnp.exp(-clamp(said[..., 0], LOG_STRETCH))

    def _apply(self, weights: Weights, name: str, x: Any) -> Any:
        return self._layers[name]((weights[f"{name}/kernel"], weights[f"{name}/bias"]), x)


def _weight_sizes(
    layers: Mapping[str, tuple[tuple[int, ...], tuple[int, int]]], members: int
) -> dict[str, tuple[int, ...]]:
    """The shapes of all weights, by name, sorted; layers: name -> (leading axes, (inputs, units))."""
    sizes = {}
    for name, (stack, (inputs, units)) in layers.items():
        sizes[f"{name}/kernel"] = (members, *stack, inputs, units)
        if name != "look":
            sizes[f"{name}/bias"] = (members, *stack, units)
    return dict(sorted(sizes.items()))


def _lead(inputs: Inputs) -> Inputs:
    """One universe as n = 1."""
    return Inputs(*(None if part is None else part[None] for part in inputs))


def _mixings(dimension: int, couplings: int) -> np.ndarray:
    """(coupling, dimension, dimension) permutations: random ones, after each the halves change places once.

    So that every coordinate is bent in any two couplings. As matrices: gathers are slow in a gradient.
    """
    random = np.random.Generator(np.random.Philox(PERMUTED))
    whole = np.eye(dimension, dtype=np.float32)
    swap = np.roll(np.arange(dimension), -(dimension // 2))
    orders = [swap if i % 2 else random.permutation(dimension) for i in range(couplings)]
    return np.array([whole[:, order] for order in orders]).reshape(couplings, dimension, dimension)
