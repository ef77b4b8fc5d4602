"""One compiled NUTS program for a block of universes: lanes = universe x chain, warm-up and draws in one scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from multiverse.engines.starts import starting_point
from multiverse.planning.density import draw_of, potential
from multiverse.planning.program import Program

if TYPE_CHECKING:
    from multiverse.engines.nuts import NUTS


class LaneDraws(NamedTuple):
    """What the program gives for each lane; arrays `(universe * chain, draw, ...)` unless said otherwise."""

    sites: Mapping[str, Any]  # constrained values by site, (lane, draw, *site shape)
    log_prior: Any
    log_likelihood: Any
    potential: Any
    energy: Any
    diverging: Any
    steps: Any
    accept: Any
    step_size: Any  # (lane,)
    started: Any  # (lane,) whether a finite starting point was found


def block_function(
    program: Program, settings: NUTS, sites: tuple[str, ...]
) -> Callable[[Any, Mapping[str, Any]], LaneDraws]:
    """`(words (universe, 2) uint32, leaves (universe, ...)) -> LaneDraws`, traceable.

    words: threefry key data of each universe; a chain folds in its number, so a universe has the same draws in any
    lane and company.
    """
    import jax
    import jax.numpy as jnp
    from numpyro.infer.hmc import hmc
    from numpyro.infer.util import ParamInfo

    density = potential(program.signature, program.sites)
    look = draw_of(program.signature, program.sites, sites)

    def chain(key: Any, leaves: Mapping[str, Any]) -> LaneDraws:
        start_key, kernel_key = jax.random.split(key)
        start = starting_point(lambda z: density(leaves, z), program.sites.dimension, start_key)
        init, sample = hmc(potential_fn_gen=lambda at: lambda z: density(at, z), algo="NUTS")
        state = init(
            ParamInfo(start.z, start.potential, start.gradient),
            settings.warmup,
            target_accept_prob=settings.target_accept,
            max_tree_depth=settings.max_tree_depth,
            dense_mass=settings.dense_mass,
            model_args=(leaves,),
            rng_key=kernel_key,
        )

        def step(state: Any, _: None) -> Any:
            state = sample(state, (leaves,), {})
            seen = state.z, state.potential_energy, state.energy, state.diverging, state.num_steps, state.accept_prob
            return state, seen

        # One scan: two of them (warm-up, then draws) would compile the kernel twice.
        last, seen = jax.lax.scan(step, state, None, length=settings.warmup + settings.draws)
        z, value, energy, diverging, steps, accept = jax.tree.map(lambda x: x[settings.warmup :], seen)
        values, log_prior, log_likelihood = jax.lax.map(lambda at: look(leaves, at), z)
        return LaneDraws(
            values,
            log_prior,
            log_likelihood,
            value,
            energy,
            diverging,
            steps,
            accept,
            last.adapt_state.step_size,
            start.found,
        )

    def block(words: Any, leaves: Mapping[str, Any]) -> LaneDraws:
        universe, number = (a.ravel() for a in jnp.indices((words.shape[0], settings.chains)))  # (lane,)
        keys = jax.vmap(jax.random.fold_in)(jax.random.wrap_key_data(words[universe], impl="threefry2x32"), number)
        # One vmap over lanes: nesting universe and chain would trace twice as long.
        return jax.vmap(chain)(keys, {path: leaf[universe] for path, leaf in leaves.items()})

    return block
