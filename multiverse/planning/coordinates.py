"""Coordinates in which chains move: those of the model as it is written, non-centered ones, or whitened ones.

The posterior is the same in all of them, so a universe may be sampled in any and is answered in the program's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.planning.density import Potential, potential, prior_draw
from multiverse.planning.noncentered import NonCentered
from multiverse.planning.program import Program

# Leaves of whitened coordinates, beside those of the universe; no path of a leaf of the user's begins like that.
CENTRE: Final = "whitened: centre"  # (dimension,)
SCALE: Final = "whitened: scale"  # (dimension,)
COLUMNS: Final = "whitened: columns"  # (dimension, column)
STRETCH: Final = "whitened: stretch"  # (dimension, column)


class Coordinates(NamedTuple):
    """Functions of leaves and one flat draw `w (dimension,)`; traceable.

    name: tells coordinates of one program apart. potential: `(leaves, w) -> ()`, minus the log density of `w`, up to a
    constant, in nats. own: `(leaves, w) -> z`, the draw in the coordinates of the program. random: `(leaves, key) ->
    w`, a point where a chain may start; None: uniformly within a box around 0. white: whether all of `w` is known to
    have about the same spread, so that a sampler has no mass to adapt.
    """

    name: str
    dimension: int
    potential: Potential
    own: Callable[[Mapping[str, Any], Any], Any]
    random: Callable[[Mapping[str, Any], Any], Any] | None = None
    white: bool = False


def as_written(program: Program, *, from_prior: bool = False) -> Coordinates:
    """The program's own. from_prior: whether chains start from draws of the prior."""
    signature, sites = program.signature, program.sites
    random = prior_draw(signature, sites) if from_prior else None
    return Coordinates("as written", sites.dimension, potential(signature, sites), lambda leaves, w: w, random)


def without_centres(other: NonCentered, *, from_prior: bool = False) -> Coordinates:
    """Those of `noncentered(program)`."""
    random = prior_draw(other.signature, other.sites) if from_prior else None
    density = potential(other.signature, other.sites)
    return Coordinates("non-centered", other.sites.dimension, density, other.centered, random)


def whitened(base: Coordinates, at: Sequence[int], degrees: int) -> Coordinates:
    """Those in which an approximation of the posterior in `base` is standard normal.

    A draw is `centre + columns w[at] + scale exp(stretch w[at]) w`, all of them leaves with these names. at: the places
    in `w` with a column each. In a hierarchy these are the globals, and the spread of each local follows them
    (log-linearly, so that the volume of the map is known): a funnel becomes straight, be it centered or not. Without
    one they are all places, and scale and stretch are not looked at. Chains start from draws of Student's t with that
    many degrees of freedom, an even number.
    """
    import jax
    import jax.numpy as jnp

    places, whole = np.asarray(at), len(at) == base.dimension

    def along(leaves: Mapping[str, Any], name: str, w: Any) -> Any:
        # A sum in one order, where a product of matrices may have another one in another lane.
        return (leaves[name] * (w if whole else w[places])).sum(axis=1)

    def there(leaves: Mapping[str, Any], w: Any) -> Any:
        z = leaves[CENTRE] + along(leaves, COLUMNS, w)
        return z if whole else z + leaves[SCALE] * jnp.exp(along(leaves, STRETCH, w)) * w

    def density(leaves: Mapping[str, Any], w: Any) -> Any:
        value = base.potential(bare(leaves), there(leaves, w))
        return value if whole else value - along(leaves, STRETCH, w).sum()

    def bare(leaves: Mapping[str, Any]) -> dict[str, Any]:
        return {path: leaf for path, leaf in leaves.items() if path not in (CENTRE, SCALE, COLUMNS, STRETCH)}

    def random(leaves: Mapping[str, Any], key: Any) -> Any:
        normal_key, chi_key = jax.random.split(key)
        normal = jax.random.normal(normal_key, (base.dimension,))
        # Chi-squared with an even number of degrees is a sum of exponentials: nothing is rejected, no lane waits.
        chi_squared = 2 * jax.random.exponential(chi_key, (degrees // 2,)).sum()
        return normal * jnp.sqrt(degrees / chi_squared)

    return Coordinates(
        f"{base.name}, whitened",
        base.dimension,
        density,
        lambda leaves, w: base.own(bare(leaves), there(leaves, w)),
        random,
        white=True,
    )
