"""Simulations that a network learns from: a universe of the space, parameters and data, as the network sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.amortized.constants import Constants, context_constants, data_constants
from multiverse.engines.amortized.encoding import context, encode, own_of
from multiverse.engines.amortized.family import Family
from multiverse.engines.amortized.grouped import Grouped, grouped
from multiverse.engines.amortized.layout import Layout, layout_of
from multiverse.engines.amortized.network import Inputs
from multiverse.engines.amortized.own_scales import GIVEN, LATENTS, crossed, fitted, powers, told
from multiverse.engines.amortized.space_of import BETWEEN, Space, draw_universe, space_of
from multiverse.engines.amortized.whitening import Spread, White, by_newton, by_prior
from multiverse.planning.simulate import OBSERVED, Seen, seen_by
from multiverse.planning.tracing import QUICK_COMPILE, compiled

PILOT: Final = 4096  # simulations that scales are fitted to: with ten terms their errors are some 5 %
PILOT_GIVEN: Final = 4096  # of each program, for scales given data: some 80 terms, so 10 %
PILOT_TOGETHER: Final = 256  # of these
WEIGHED: Final = 3  # times that these are fitted again by what the fit before says of their precision
NEWTON_MAX: Final = 64  # latent numbers; a Hessian costs a gradient for each


@dataclass(frozen=True)
class Subject:
    """What a network is about: a family, how universes of it are told, and the scales that were measured for this.

    newton: whether posteriors are whitened by Newton steps; by_data: by estimates from data; else by the prior.
    """

    family: Family
    layout: Layout
    constants: Constants
    newton: bool
    by_data: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        """What compiled programs of this subject are called with: arrays, so that none is compiled in."""
        return {"spaces": [space_of(one) for one in self.family.opened], "constants": dict(self.constants)}

    def white(self, place: int, spread: Spread, leaves: Mapping[str, Any], truth: Any = None) -> White:
        """The whitening of a universe of the program at this place, whose prior has this spread. Traceable.

        truth: as `by_newton` has it.
        """
        if not self.newton:
            return by_prior(spread)
        density = self.family.opened[place].potential
        return by_newton(lambda z: density(leaves, z), spread, truth)

    def look(
        self, place: int, constants: Mapping[str, Any], leaves: Mapping[str, Any], truth: Any = None
    ) -> tuple[Inputs, White]:
        """What the network sees of a universe with its data (leaves hold both), and its whitening. Traceable.

        truth: the latents that its data were simulated from, known in training alone.
        """
        seen = seen_by(self.family.opened[place].program)(leaves)
        own = own_of(self.layout, constants, place, leaves)
        groups = grouped(self.layout, constants, place, leaves, seen) if self.layout.groups else None
        if self.by_data and groups is not None:
            terms = _given(self.layout, constants, place, leaves, groups)
            white = by_prior(Spread(*told(f"{GIVEN}/{place}", constants, terms, (self.layout.dimension,))))
        else:
            white = self.white(place, own.spread, leaves, truth)
        return encode(self.layout, constants, place, leaves, seen, own, white, groups), white

    def shares(self, batch: int) -> list[int]:
        """How many of a batch of simulations are of each program: as many as it has universes, and one at least."""
        members = np.array([len(program.members) for program in self.family.programs])
        each = np.maximum(np.floor(batch * members / members.sum()).astype(int), 1)
        largest = np.argmax(members)
        each[largest] = max(each[largest] + batch - each.sum(), 1)  # more programs than simulations: one of each
        return [int(count) for count in each]

    def sample(self, batch: int) -> Callable[[Any, Any], tuple[Inputs, Any]]:
        """`(arguments, key) -> inputs, u` of a batch of fresh simulations. Traceable."""
        import jax
        import jax.numpy as jnp

        def one(place: int, arguments: Any, key: Any) -> tuple[Inputs, Any]:
            leaves, z = simulated(self.family, place, arguments["spaces"][place], key)
            truth = z[self.family.opened[place].learnt].astype(jnp.float32)
            inputs, white = self.look(place, arguments["constants"], leaves, truth)
            seen = seen_by(self.family.opened[place].program)(leaves).values()
            good = jnp.stack([finite(one) for one in seen]).all()  # what is told of data that are not was made finite
            return inputs, jnp.where(good, white.u(truth), jnp.nan)

        def many(arguments: Any, key: Any) -> tuple[Inputs, Any]:
            found = []
            for place, count in enumerate(self.shares(batch)):
                keys = jax.random.split(jax.random.fold_in(key, place), count)
                found.append(jax.vmap(lambda key, place=place: one(place, arguments, key))(keys))
            joined: tuple[Inputs, Any] = jax.tree.map(lambda *parts: jnp.concatenate(parts), *found)
            return joined

        return many


def finite(seen: Seen) -> Any:
    """Whether all that counts of an observed site is finite. Traceable."""
    import jax.numpy as jnp

    value, mask = seen.value, seen.mask
    if not jnp.issubdtype(value.dtype, jnp.floating):
        return jnp.asarray(True)
    counts = mask.reshape(*mask.shape, *(1,) * (value.ndim - mask.ndim))
    return (jnp.isfinite(value) | ~counts).all()


def simulated(family: Family, place: int, space: Space, key: Any, between: float = BETWEEN) -> tuple[Any, Any]:
    """Leaves of a random universe with simulated data in them, and the latents these were simulated from. Traceable."""
    import jax

    universe, data = jax.random.split(key)
    leaves = draw_universe(space, universe, between)
    drawn = family.opened[place].simulate(leaves, data)
    told = {f"{OBSERVED}{name}": value for name, value in drawn.observed.items()}
    return {**leaves, **{path: value.astype(leaves[path].dtype) for path, value in told.items()}}, drawn.z


AUTO: Final = "auto"
NEWTON: Final = "newton"
PRIOR: Final = "prior"
WHITEN: Final = (AUTO, NEWTON, PRIOR)  # what the setting `whiten` may say


def subject_of(family: Family, seed: int, *, whiten: str, constants: Constants | None = None) -> Subject:
    """A family as a network learns it; scales are measured on simulations, which compiles a small program.

    whiten: one of `WHITEN`. constants: those that were measured before.
    """
    if constants is not None:
        newton, by_data = bool(constants["newton"] > 0), f"{GIVEN}/0/middle" in constants
        return Subject(family, layout_of(family, whitened=newton or by_data), constants, newton, by_data)
    # Of a hierarchy the mode of the log joint, and the curvature there, are far from what the posterior is like.
    hierarchical = any(latent.is_local for program in family.programs for latent in program.sites.latents)
    possible = family.dimension <= NEWTON_MAX and all(one.program.kind == "model" for one in family.opened)
    newton = possible and (whiten == NEWTON or (whiten == AUTO and not hierarchical))
    by_data = family.many and whiten != PRIOR
    layout = layout_of(family, whitened=newton or by_data)
    by_data &= layout.groups > 0
    measured = {**context_constants(family, layout), "newton": np.asarray(newton, np.float32)}
    pilot = _pilot(family, layout, measured, seed)
    measured |= fitted(LATENTS, np.concatenate(pilot.terms), pilot.z)
    measured |= data_constants(family, layout, pilot.observed, pilot.terms)
    if by_data:
        for place in range(len(family.programs)):
            measured |= fitted(f"{GIVEN}/{place}", *_estimated(family, layout, measured, seed, place), again=WEIGHED)
    return Subject(family, layout, measured, newton, by_data)


class _Pilot(NamedTuple):
    z: np.ndarray  # (simulation, dimension)
    observed: list[dict[str, np.ndarray]]  # by program
    terms: list[np.ndarray]  # by program, (simulation, term)


def _pilot(family: Family, layout: Layout, constants: Constants, seed: int) -> _Pilot:
    import jax

    each = PILOT // len(family.programs)
    options = sum(size for _, size in layout.options)

    def look(spaces: Sequence[Space], constants: Any, key: Any) -> Any:
        def one(place: int, key: Any) -> Any:
            leaves, z = simulated(family, place, spaces[place], key)
            observed = {path: leaf for path, leaf in leaves.items() if path.startswith(OBSERVED)}
            return z, observed, powers(context(layout, constants, place, leaves), options)

        keys = jax.random.split(key, each)
        return [jax.vmap(lambda key, place=place: one(place, key))(keys) for place in range(len(spaces))]

    spaces, key = [space_of(one) for one in family.opened], jax.random.key(seed)
    found = jax.tree.map(
        np.asarray, compiled(look, spaces, constants, key, options=QUICK_COMPILE)(spaces, constants, key)
    )
    observed = [{path.removeprefix(OBSERVED): values for path, values in some.items()} for _, some, _ in found]
    learnt = family.opened[0].learnt
    return _Pilot(np.concatenate([z[:, learnt] for z, _, _ in found]), observed, [terms for _, _, terms in found])


def _given(layout: Layout, constants: Mapping[str, Any], place: int, leaves: Mapping[str, Any], groups: Grouped) -> Any:
    """What latents of a universe are told from where there are groups. Traceable."""
    options = sum(size for _, size in layout.options)
    return crossed(context(layout, constants, place, leaves), options, groups.numbers)


def _estimated(
    family: Family, layout: Layout, constants: Constants, seed: int, place: int
) -> tuple[np.ndarray, np.ndarray]:
    """Of simulations of a program: terms (simulation, term), and the latents to be learnt (simulation, latent)."""
    import jax

    opened = family.opened[place]

    def look(space: Space, constants: Any, key: Any) -> Any:
        def one(key: Any) -> Any:
            leaves, z = simulated(family, place, space, key)
            groups = grouped(layout, constants, place, leaves, seen_by(opened.program)(leaves))
            return _given(layout, constants, place, leaves, groups), z[opened.learnt]

        return jax.lax.map(one, jax.random.split(key, PILOT_GIVEN), batch_size=PILOT_TOGETHER)

    space, key = space_of(opened), jax.random.fold_in(jax.random.key(seed), place)
    terms, z = jax.tree.map(np.asarray, compiled(look, space, constants, key)(space, constants, key))
    return terms, z
