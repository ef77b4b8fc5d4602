"""The universes of a program as arrays from which a compiled step can draw one at random.

Between two options whose values are numbers, any value between may be drawn, so that the network learns the space and
not its points: what is inside may be asked for later without training again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.amortized.family import Opened, stacked
from multiverse.planning.simulate import OBSERVED

BETWEEN: Final = 0.5  # share of simulations under values between two options; the others are universes of the space
LOG_RANGE: Final = 3.0  # positive numbers that span more than this factor are drawn, and told, by their logarithm


class Space(NamedTuple):
    """data: leaves of the distinct data sets, (data set, ...). options: by decision, leaves of its options, (option,
    ...). members: (universe, 1 + decision), the number of its data set and of its options. by_log: which leaves of
    options are drawn by their logarithm.
    """

    data: dict[str, Any]
    options: dict[str, dict[str, Any]]
    members: Any
    by_log: dict[str, dict[str, Any]]


def space_of(opened: Opened) -> Space:
    """The universes of a program: its members, in the order of their keys."""
    program = opened.program
    numbers = sorted(program.datasets)
    place = {number: i for i, number in enumerate(numbers)}
    names = sorted(program.signature.options)
    labels = {name: sorted({member.universe[name] for member in program.members.values()}, key=str) for name in names}
    members = [
        [place[member.prepared], *(labels[name].index(member.universe[name]) for name in names)]
        for _, member in sorted(program.members.items())
    ]
    fixed = program.signature.fixed
    options = {}
    for name in names:
        leaves = stacked([program.choices[name, label] for label in labels[name]])
        if kept := {path: leaf for path, leaf in leaves.items() if path not in fixed}:
            options[name] = kept
    data = {path: leaf for path, leaf in stacked([program.datasets[i] for i in numbers]).items() if path not in fixed}
    by_log = {name: {path: np.asarray(is_log(leaf)) for path, leaf in its.items()} for name, its in options.items()}
    columns = [0, *(1 + names.index(name) for name in options)]
    return Space(data, options, np.array(members, np.int32)[:, columns], by_log)


def is_log(values: np.ndarray) -> bool:
    """Whether numbers are told apart better by their logarithm."""
    return bool(values.dtype.kind == "f" and (values > 0).all() and values.max() > LOG_RANGE * values.min())


def draw_universe(space: Space, key: Any, between: float = BETWEEN) -> dict[str, Any]:
    """The leaves of a random universe, of its own data set; or with probability `between` of one between two."""
    import jax
    import jax.numpy as jnp

    pick, share, mixed = jax.random.split(key, 3)
    ours, theirs = jax.random.randint(pick, (2,), 0, len(space.members))
    own, other = space.members[ours], space.members[theirs]
    leaves = {path: leaf[own[0]] for path, leaf in space.data.items()}
    weights = jax.random.uniform(share, (max(len(space.options), 1),)) * (jax.random.uniform(mixed) < between)
    for number, (name, its) in enumerate(space.options.items()):
        for path, leaf in its.items():
            a, b, weight = leaf[own[1 + number]], leaf[other[1 + number]], weights[number]
            if not jnp.issubdtype(leaf.dtype, jnp.floating):
                leaves[path] = a
                continue
            line = a + weight * (b - a)
            # Where the logarithm is not taken it may not be a number: it is computed of 1 instead.
            by_log = space.by_log[name][path]
            safe_a, safe_b = jnp.where(by_log, a, 1.0), jnp.where(by_log, b, 1.0)
            curve = jnp.exp(jnp.log(safe_a) + weight * (jnp.log(safe_b) - jnp.log(safe_a)))
            leaves[path] = jnp.where(by_log & (weight > 0), curve, jnp.where(weight > 0, line, a))
    return leaves


def universe_at(space: Space, number: Any) -> dict[str, Any]:
    """The leaves of the universe at this place in the order of the keys. Traceable."""
    own = space.members[number]
    leaves = {path: leaf[own[0]] for path, leaf in space.data.items()}
    for i, its in enumerate(space.options.values(), 1):
        leaves |= {path: leaf[own[i]] for path, leaf in its.items()}
    return leaves


def without_observed(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves without those that hold observed values."""
    return {path: leaf for path, leaf in leaves.items() if not path.startswith(OBSERVED)}
