"""The check of a simulator: it is run a few times, and looked at for what it does and does not depend on.

A model is compared with itself called plainly; a simulator gives other data each time, so there is nothing to compare.
What can be told is whether its data hang on the key, on every parameter, and on nothing that was observed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.errors import Problem
from multiverse.planning.alike import in_universe, or_forbid, said
from multiverse.planning.bind import called
from multiverse.planning.estimand import Estimand
from multiverse.planning.estimand_trial import try_estimands
from multiverse.planning.leaf_path import spoken
from multiverse.planning.linear_algebra import uses_lapack
from multiverse.planning.program import Program
from multiverse.planning.safety import POINTS, Verdict, some_universes
from multiverse.planning.tracing import QUICK_COMPILE, TRACING, compiled
from multiverse.planning.unanswerable import unanswerable

SIMULATIONS: Final = 8  # of each universe that is looked at: all of them NaN is no accident


def check_simulator(program: Program, estimands: tuple[Estimand, ...]) -> Verdict:
    """Run a simulator at draws from its prior, look at what it depends on, and try the estimands on these draws."""
    keys = some_universes(program)
    try:
        ran, lapack = _run(program, keys)
        hangs = _hangs_on(program, keys[0])
    except Exception as error:
        return Verdict(failure=unanswerable("model", [_raised(program, keys[0], error)], error))
    problems = [*_unfit(program, keys[0], hangs), *(_no_numbers(program, keys, ran) if ran.bad == ran.tried else [])]
    notes = [*_idle(program, hangs), *(_some_bad(program, ran) if 0 < ran.bad < ran.tried else [])]
    draws = {key: {name: values[i, :POINTS] for name, values in ran.values.items()} for i, key in enumerate(keys)}
    return Verdict(tuple(problems), trials=try_estimands(program, draws, estimands), lapack=lapack, notes=tuple(notes))


class _Ran(NamedTuple):
    """What came of it: parameters by name, (universe, SIMULATIONS, *shape); how many of how many are not finite."""

    values: Mapping[str, np.ndarray]
    bad: int
    tried: int


class _HangsOn(NamedTuple):
    """What simulations depend on: names of data that no key changes; observed values and parameters that are read."""

    keyless: tuple[str, ...]
    observed: tuple[str, ...]
    parameters: frozenset[str]


def _run(program: Program, keys: list[str]) -> tuple[_Ran, bool]:
    import jax
    import jax.numpy as jnp
    import numpyro

    def one(leaves: Mapping[str, Any], key: Any) -> Any:
        first, second = jax.random.split(key)
        trace = numpyro.handlers.trace(numpyro.handlers.seed(program.signature, first)).get_trace(leaves)
        values = {latent.name: trace[latent.name]["value"] for latent in program.sites.latents}
        told = program.simulate(leaves, second, values)
        return values, jnp.stack([jnp.isfinite(array).all() for array in told.values()]).all()

    def several(leaves: Mapping[str, Any], key: Any) -> Any:
        return jax.lax.map(lambda k: one(leaves, k), jax.random.split(key, SIMULATIONS))

    leaves = program.gather(keys, _dtype())
    random = jax.random.split(jax.random.key(int(program.id[:8], 16)), len(keys))
    run = compiled(jax.vmap(several), leaves, random, options=QUICK_COMPILE)
    values, finite = jax.tree.map(np.asarray, run(leaves, random))
    return _Ran(values, int((~finite).sum()), finite.size), uses_lapack(run)


def _hangs_on(program: Program, key: str) -> _HangsOn:
    """Told by the computation that JAX sees, without running it."""
    import jax
    from jax.interpreters.partial_eval import dce_jaxpr_consts

    names = sorted(program.sites.observed)
    leaves = {path: array[0] for path, array in program.gather([key], _dtype()).items()}
    values = {latent.name: np.zeros(latent.shape, _dtype()) for latent in program.sites.latents}
    with TRACING:
        closed = jax.make_jaxpr(program.simulate)(leaves, jax.random.key(0), values)
    inputs = [*(("leaf", path) for path in sorted(leaves)), ("key", ""), *(("value", name) for name in sorted(values))]

    def used(wanted: list[bool]) -> set[tuple[str, str]]:
        alive = dce_jaxpr_consts(closed.jaxpr, wanted)[2]
        return {what for what, is_used in zip(inputs, alive, strict=True) if is_used}

    by_name = {name: used([other == name for other in names]) for name in names}
    known = program.signature.fixed  # leaves that the simulator must know: it looks at these
    everything = set().union(*by_name.values())
    return _HangsOn(
        tuple(name for name in names if ("key", "") not in by_name[name]),
        tuple(name for name, path in program.observed_paths.items() if ("leaf", path) in everything or path in known),
        frozenset(name for kind, name in everything if kind == "value"),
    )


def _dtype() -> str:
    """The float dtype that is usual here: in another one a loop whose carry has a dtype of its own may not close."""
    import jax.numpy as jnp

    return str(jnp.zeros(()).dtype)


def _unfit(program: Program, key: str, hangs: _HangsOn) -> Iterator[Problem]:
    who, labels = called(program.signature.only_simulates.function), list(program.members[key].universe.items())
    for name in hangs.keyless:
        yield Problem(
            in_universe(f"{who}() gives the same {name!r} for every key", labels),
            "data that differ between two keys, as two observations would",
            f"draw what is random in {name!r} from the key, as in `jax.random.poisson(key, rate)`: numbers of "
            f"`np.random` are drawn once, when {who}() is compiled; what is not random leave out of what it returns",
        )
    for name in hangs.observed:
        path = spoken(program.observed_paths[name])
        yield Problem(
            in_universe(f"{who}() looks at the values of {path}, which it simulates", labels),
            "a simulation from the key, the parameters and the design alone",
            f"take sizes from `{path}.shape`; what the design needs of the values, such as a first count, let prepare "
            "return under another name",
        )


def _idle(program: Program, hangs: _HangsOn) -> Iterator[str]:
    names = [latent.name for latent in program.sites.latents if latent.name not in hangs.parameters]
    if names:
        who = called(program.signature.only_simulates.function)
        yield f"nothing that {who}() gives depends on {', '.join(map(repr, names))}: there the answers are the prior's"


def _some_bad(program: Program, ran: _Ran) -> Iterator[str]:
    who = called(program.signature.only_simulates.function)
    yield f"{who}() gives NaN or infinite values in {ran.bad} of {ran.tried} simulations from the prior"


def _no_numbers(program: Program, keys: list[str], ran: _Ran) -> Iterator[Problem]:
    who, labels = called(program.signature.only_simulates.function), list(program.members[keys[0]].universe.items())
    yield Problem(
        in_universe(f"{who}() gives NaN or infinite values in each of {ran.tried} simulations from the prior", labels),
        "finite numbers",
        "look for a logarithm of zero, a division by zero or a rate that overflows, or narrow the prior",
    )


def _raised(program: Program, key: str, error: Exception) -> Problem:
    who, labels = called(program.signature.only_simulates.function), list(program.members[key].universe.items())
    return Problem(
        in_universe(f"{who}() raised {said(error)}", labels),
        "a simulator that JAX can compile, and run for many parameters at once",
        f"run it by itself: `jax.jit({who})(jax.random.key(0), parameters, prepared)`{or_forbid(labels)}",
    )
