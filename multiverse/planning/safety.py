"""The check that makes batching honest: the program's log joint equals the user's model called plainly.

For a few universes of each program, at points from the prior and from where chains start, the log joint and its
gradient, computed as the engine will (stacked, padded, cast), are compared with those of the user's model given that
universe's own data and option values. One comparison covers stacking, padding and casting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from multiverse.errors import Problem
from multiverse.planning.density import potential
from multiverse.planning.estimand import Estimand
from multiverse.planning.program import Program
from multiverse.planning.tracing import TRACING, compiled

SAFETY_RTOL = 1e-6  # in float64, sums in another order agree to about 1e-12; a wrong row or cast moves the 3rd digit
SAFETY_UNIVERSES = 2  # a program: the one that keeps fewest rows, and a random one
START_RADIUS = 2.0  # Stan and NumPyro start chains uniformly within (-2, 2) on the unconstrained scale
POINTS = 3  # prior, start, start
QUICK_COMPILE = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}  # it runs once


class Evaluated(NamedTuple):
    """Points of one universe and what the program says there."""

    z: np.ndarray  # (POINTS, dimension)
    value: np.ndarray  # (POINTS,)
    gradient: np.ndarray  # (POINTS, dimension)
    draws: Mapping[str, np.ndarray]  # by site, (POINTS, *site shape)


class Verdict(NamedTuple):
    """What the check found: mistakes, and why the program may not be padded ("" when it may)."""

    problems: tuple[Problem, ...]
    padding_breaks: str
    needed: frozenset[str]


def check(program: Program, estimands: tuple[Estimand, ...]) -> Verdict:
    """Compare a program with the model called plainly, and try the estimands on the points."""
    import jax

    keys = _some(program)
    with jax.enable_x64(True):
        found = _evaluate(program, keys)
        for key, batched in found.items():
            value, gradient = _plain(program, key, batched.z)
            if _same(batched.value, value) and _same(batched.gradient, gradient):
                continue
            where = _shown(program, key)
            if program.padding is not None:
                with TRACING:
                    return Verdict((), _guilty(program, key, batched.z[0]), frozenset())
            return Verdict((_differs(where, batched.value, value),), "", frozenset())
    problems, needed = _try_estimands(program, found, estimands)
    return Verdict(tuple(problems), "", needed)


def _some(program: Program) -> list[str]:
    """The universe that drops most rows, and another one that the program's id picks."""
    keys = sorted(program.members, key=lambda key: (program.members[key].rows_kept, key))
    other = keys[1 + int(program.id, 16) % (len(keys) - 1)] if len(keys) > 1 else keys[0]
    return sorted({keys[0], other})[:SAFETY_UNIVERSES]


def _evaluate(program: Program, keys: list[str]) -> dict[str, Evaluated]:
    import jax
    import jax.numpy as jnp
    import numpyro
    from numpyro.distributions import biject_to

    density = potential(program.signature, program.sites)
    names = [*(s.name for s in program.sites.latents), *program.sites.deterministic]

    def from_prior(leaves: Mapping[str, Any], key: Any) -> Any:
        trace = numpyro.handlers.trace(numpyro.handlers.seed(program.signature, key)).get_trace(leaves)
        free = (
            biject_to(trace[s.name]["fn"].support).inv(trace[s.name]["value"]).reshape(-1)
            for s in program.sites.latents
        )
        return jnp.concatenate([jnp.zeros(0), *free])

    def draw(leaves: Mapping[str, Any], z: Any) -> dict[str, Any]:
        from numpyro.infer.util import constrain_fn

        values = constrain_fn(program.signature, (leaves,), {}, program.sites.unravel(z), return_deterministic=True)
        return {name: values[name] for name in names}

    def one(leaves: Mapping[str, Any], key: Any) -> Any:
        start, prior = jax.random.split(key)
        starts = jax.random.uniform(
            start, (POINTS - 1, program.sites.dimension), minval=-START_RADIUS, maxval=START_RADIUS
        )
        z = jnp.concatenate([from_prior(leaves, prior)[None], starts])
        # A loop over the points, so that the gradient is compiled once.
        value, gradient = jax.lax.map(jax.value_and_grad(lambda at: density(leaves, at)), z)
        return z, value, gradient, jax.lax.map(lambda at: draw(leaves, at), z)

    leaves = program.gather(keys, "float64")
    # XLA's own generator: threefry would be most of the compilation, and these points need no quality.
    seeds = jax.random.split(jax.random.key(int(program.id[:8], 16), impl="rbg"), len(keys))
    run = compiled(jax.vmap(one), leaves, seeds, options=QUICK_COMPILE)
    out = jax.tree.map(np.asarray, run(leaves, seeds))
    return {key: Evaluated(*jax.tree.map(lambda a, i=i: a[i], out)) for i, key in enumerate(keys)}


def _plain(program: Program, key: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The log joint of the user's model as the user would call it, value and gradient at each point."""
    import jax
    import numpyro
    from numpyro.infer.util import potential_energy

    signature = program.signature
    data, options = program.data(key), program.option_values(key)
    given = {name: options[name] for name in signature.options}
    model = signature.model
    if signature.reparam:
        model = numpyro.handlers.reparam(model, config=dict(signature.reparam))

    def density(at: Any) -> Any:
        return potential_energy(model, (data,), given, program.sites.unravel(at))

    # Compiled with the universe's own values as constants: call by call, each operation would compile by itself.
    over_points = compiled(lambda at: jax.lax.map(jax.value_and_grad(density), at), z, options=QUICK_COMPILE)
    value, gradient = over_points(z)
    return np.asarray(value), np.asarray(gradient)


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    scale = np.nanmax(np.abs(np.where(np.isfinite(b), b, 0.0)), initial=1.0)
    return bool(np.allclose(a, b, rtol=SAFETY_RTOL, atol=SAFETY_RTOL * scale, equal_nan=True))


def _guilty(program: Program, key: str, z: np.ndarray) -> str:
    """The site whose log density changes when rows are padded, as a sentence."""
    from numpyro.infer.util import compute_log_probs, constrain_fn

    member = program.members[key]
    padded = program.leaves(key)
    bare = program.original[member.prepared].leaves
    bare = {path: bare.get(path, leaf) for path, leaf in padded.items() if path in bare or path.startswith("option")}
    names = {latent.name for latent in program.sites.latents}
    given = constrain_fn(program.signature, (bare,), {}, program.sites.unravel(z))
    with_rows, without = (
        compute_log_probs(program.signature, (leaves,), {}, {n: given[n] for n in names})[0]
        for leaves in (padded, bare)
    )
    for name in without:
        if not _same(np.asarray(with_rows[name]), np.asarray(without[name])):
            return (
                f"padding changes the log density of the site {name!r}: it depends on rows other than through mv.rows"
            )
    return "padding changes the gradient of the log joint"


def _differs(where: str, batched: np.ndarray, plain: np.ndarray) -> Problem:
    at = int(np.argmax(~np.isclose(batched, plain, rtol=SAFETY_RTOL, equal_nan=True)))
    return Problem(
        f"the batched log joint is {-batched[at]:.6g} where the model called plainly gives {-plain[at]:.6g} ({where}).",
        "a model that is a pure function of its data and options",
        "look for global state, numpy random numbers or a cache inside the model",
    )


def _try_estimands(
    program: Program, found: Mapping[str, Evaluated], estimands: tuple[Estimand, ...]
) -> tuple[list[Problem], frozenset[str]]:
    problems: list[Problem] = []
    needed: set[str] = set()
    for estimand in estimands:
        for key, batched in found.items():
            # Seven draws, a number that is unlikely to be the length of a site: (draw,) must not be met by chance.
            draws = {name: np.concatenate([a, a, a[:1]]) for name, a in batched.draws.items()}
            try:
                needed |= estimand.sites(draws, program.data(key), program.option_values(key))
            except Exception as error:
                problems.append(estimand.problem(error, _shown(program, key)))
                break
    return problems, frozenset(needed)


def _shown(program: Program, key: str) -> str:
    return ", ".join(f"{n}={label!r}" for n, label in program.members[key].universe.items() if label is not None)
