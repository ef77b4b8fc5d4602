"""NUTS for a block of universes, lanes = universe x chain, as three functions that a clock may come between.

`begin` finds starting points, `advance` makes any number of transitions (warm-up and draws alike: the kernel is
compiled once), `finish` maps what was kept to sites. How many transitions a call of `advance` makes changes no bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from multiverse.engines.nuts.starts import PRIOR, Start, starting_point, uniform_in_box
from multiverse.planning.coordinates import Coordinates, as_written
from multiverse.planning.density import draw_of
from multiverse.planning.program import Program

if TYPE_CHECKING:
    from multiverse.engines.nuts.engine import NUTS


class LaneDraws(NamedTuple):
    """What a block gives for each lane; `(universe * chain, draw, ...)` unless said otherwise.

    Of a thinned chain only each so-many-th transition is a draw.
    """

    sites: Mapping[str, Any]  # constrained values by site, (lane, draw, *site shape)
    log_prior: Any
    log_likelihood: Any
    potential: Any
    energy: Any  # (lane, transition), as the next three
    diverging: Any
    steps: Any
    accept: Any
    step_size: Any  # (lane,)
    started: Any  # (lane,) whether a finite starting point was found


class Seen(NamedTuple):
    """What is kept on the way: buffers `(draw, lane, ...)` and `(transition, lane)`, filled by `advance`."""

    z: Any
    potential: Any
    energy: Any
    diverging: Any
    steps: Any
    accept: Any


class Carry(NamedTuple):
    """Where a block is: the states of its lanes (NumPyro's `HMCState`), what was seen, which lanes had a start."""

    state: Any
    seen: Seen
    started: Any


class BlockFunctions(NamedTuple):
    """The three steps of a block; leaves are `(universe, ...)`.

    begin: `(words (universe, 2) uint32, leaves) -> Carry`. words: threefry key data of each universe; a chain folds in
    its number, so a universe has the same draws in any lane and company.
    advance: `(leaves, carry, first, last) -> Carry` after the transitions `first` to `last - 1`, warm-up included.
    finish: `(leaves, carry) -> LaneDraws`.
    """

    begin: Callable[[Any, Mapping[str, Any]], Carry]
    advance: Callable[[Mapping[str, Any], Carry, Any, Any], Carry]
    finish: Callable[[Mapping[str, Any], Carry], LaneDraws]


def block_functions(
    program: Program, settings: NUTS, sites: tuple[str, ...], *, thin: int = 1, coordinates: Coordinates | None = None
) -> BlockFunctions:
    """The steps of a block that samples a program.

    sites: whose draws leave it. thin: of so many transitions one is kept. coordinates: to sample in, if not the
    program's own; what comes back is in the program's own.
    """
    import jax
    import jax.numpy as jnp
    from numpyro.infer.util import ParamInfo

    at_work = coordinates or as_written(program, from_prior=settings.start == PRIOR)
    density, dimension = at_work.potential, at_work.dimension
    look = draw_of(program.signature, program.sites, sites)
    somewhere = at_work.random or uniform_in_box(dimension)
    init, sample = _kernel(density, dimension, settings, white=at_work.white)

    def of_lanes(leaves: Mapping[str, Any], lanes: int) -> dict[str, Any]:
        universe = jnp.arange(lanes) // settings.chains
        return {path: leaf[universe] for path, leaf in leaves.items()}

    def begin(words: Any, leaves: Mapping[str, Any]) -> Carry:
        universe, number = (a.ravel() for a in jnp.indices((words.shape[0], settings.chains)))  # (lane,)
        keys = jax.vmap(jax.random.fold_in)(jax.random.wrap_key_data(words[universe], impl="threefry2x32"), number)
        at = of_lanes(leaves, len(number))

        def chain(key: Any, leaves: Mapping[str, Any]) -> tuple[Any, Start]:
            start_key, kernel_key = jax.random.split(key)
            start = starting_point(lambda z: density(leaves, z), start_key, partial(somewhere, leaves))
            return init(ParamInfo(start.z, start.potential, start.gradient), leaves, kernel_key), start

        # One vmap over lanes: nesting universe and chain would trace twice as long.
        state, start = jax.vmap(chain, out_axes=(_axes(), 0))(keys, at)
        return Carry(state, _nothing_seen(state, settings.draws, thin), start.found)

    def advance(leaves: Mapping[str, Any], carry: Carry, first: Any, last: Any) -> Carry:
        at, axes = of_lanes(leaves, len(carry.started)), _axes()
        step = jax.vmap(sample, in_axes=(axes, 0), out_axes=axes)

        def transition(number: Any, carry: Carry) -> Carry:
            state = step(carry.state, at)
            kept = jnp.maximum(number - settings.warmup, 0)  # all of warm-up is overwritten by the first draw
            place = Seen(kept // thin, kept // thin, kept, kept, kept, kept)
            values = Seen(
                state.z, state.potential_energy, state.energy, state.diverging, state.num_steps, state.accept_prob
            )
            written = map(jax.lax.dynamic_update_index_in_dim, carry.seen, values, place, (0,) * len(place))
            return carry._replace(state=state, seen=Seen(*written))

        after: Carry = jax.lax.fori_loop(first, last, transition, carry)
        return after

    def finish(leaves: Mapping[str, Any], carry: Carry) -> LaneDraws:
        def chain(leaves: Mapping[str, Any], z: Any) -> Any:
            def draw(at: Any) -> Any:
                return look(leaves, at_work.own(leaves, at))

            return jax.lax.map(draw, z)

        at, seen = of_lanes(leaves, len(carry.started)), carry.seen
        values, log_prior, log_likelihood = jax.vmap(chain, in_axes=(0, 1))(at, seen.z)
        potential, energy, diverging, steps, accept = (jnp.swapaxes(buffer, 0, 1) for buffer in seen[1:])
        return LaneDraws(
            values,
            log_prior,
            log_likelihood,
            potential,
            energy,
            diverging,
            steps,
            accept,
            carry.state.adapt_state.step_size,
            carry.started,
        )

    return BlockFunctions(begin, advance, finish)


def _kernel(density: Callable[..., Any], dimension: int, settings: NUTS, *, white: bool) -> tuple[Any, Any]:
    """NumPyro's NUTS for one lane: `init(start, leaves, key) -> state` and `sample(state, leaves) -> state`."""
    import jax
    import jax.numpy as jnp
    from numpyro.infer.hmc import hmc
    from numpyro.infer.util import ParamInfo

    begin, advance = hmc(potential_fn_gen=lambda leaves: lambda z: density(leaves, z), algo="NUTS")

    def init(start: ParamInfo, leaves: Any, key: Any) -> Any:
        state = begin(
            start,
            settings.warmup,
            target_accept_prob=settings.target_accept,
            max_tree_depth=settings.max_tree_depth,
            dense_mass=settings.dense_mass,
            adapt_mass_matrix=not white,
            model_args=(leaves,),
            rng_key=key,
        )
        # This key is for a search of step sizes, which is off; it would be split in each transition all the same.
        return state._replace(adapt_state=state.adapt_state._replace(rng_key=None))

    # NumPyro's `advance` knows its settings from the call of `begin` only, and is compiled apart from it.
    nowhere = ParamInfo(jnp.zeros(dimension), jnp.zeros(()), jnp.zeros(dimension))
    jax.eval_shape(lambda: init(nowhere, None, None))
    return init, lambda state, leaves: advance(state, (leaves,), {})


def _axes() -> Any:
    """Which parts of a state are each lane's own (axis 0): all but the counters.

    NumPyro branches on them: a counter for each lane would make it compute both branches in every transition.
    """
    from numpyro.infer.hmc import HMCState
    from numpyro.infer.hmc_util import HMCAdaptState

    adaptation = HMCAdaptState(*(0 for _ in HMCAdaptState._fields))._replace(
        window_idx=None,
        ss_state=(0, 0, 0, None, 0),  # dual averaging: iterate, average, gradients, count, where it started
        mm_state=(0, 0, None),  # Welford: mean, sum of squares, count
    )
    return HMCState(*(0 for _ in HMCState._fields))._replace(i=None, trajectory_length=None, adapt_state=adaptation)


def _nothing_seen(state: Any, draws: int, thin: int) -> Seen:
    """Buffers for that many draws, each so many transitions long."""
    import jax.numpy as jnp

    values = state.z, state.potential_energy, state.energy, state.diverging, state.num_steps, state.accept_prob
    lengths = draws, draws, *[draws * thin] * 4
    return Seen(*(jnp.zeros((n, *value.shape), value.dtype) for n, value in zip(lengths, values, strict=True)))
