"""A model run forwards: parameters drawn from the prior, data from the likelihood, under a universe's own design.

Rows, covariates and masks are those of the universe; the observed sites of the user's NumPyro model are sampled where
they were observed. An opened program takes its observed values as leaves too, so data that were simulated and data that
were seen are numbers of one program, and whatever works with a program works with both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from multiverse.planning.alike import said
from multiverse.planning.leaf_path import OBSERVED as OBSERVED
from multiverse.planning.model_trace import Sites
from multiverse.planning.observed import observed_in, seeded_trace
from multiverse.planning.observed_data import by_observed, look_at
from multiverse.planning.only_simulates import OnlySimulates
from multiverse.planning.program import Program, Signature
from multiverse.planning.tracing import TRACING
from multiverse.planning.whole_sites import whole


class Simulated(NamedTuple):
    """One simulation: latents on the unconstrained scale, (dimension,), and the value of each observed site."""

    z: Any
    observed: dict[str, Any]


class Seen(NamedTuple):
    """The value of an observed site, and which of it counts: a mask of its shape without the axes of one event."""

    value: Any
    mask: Any


class OpenSignature(Signature):
    """A signature whose observed values are leaves, `"observed: SITE"`; the model's own are not looked at."""

    def __call__(self, leaves: Mapping[str, Any]) -> Any:
        """Run the user's model on leaves by path, observing what these say."""
        import numpyro

        given = {path.removeprefix(OBSERVED): leaf for path, leaf in leaves.items() if path.startswith(OBSERVED)}
        own = {path: leaf for path, leaf in leaves.items() if not path.startswith(OBSERVED)}
        return numpyro.handlers.condition(super().__call__, data=given)(own)


def why_not_simulated(program: Program, *, powers: bool = False) -> str:
    """Why data cannot be simulated from a program, in words; empty where they can.

    powers: whether a density that is raised to a power (`numpyro.handlers.scale`) may be simulated without it.
    """
    if program.kind == "simulator":
        return ""
    if program.kind != "model":
        return "an `estimate` function has no prior to draw parameters from"
    try:
        looker = look_at(program)
    except Exception as error:
        return f"what the model observes cannot be told: {said(error)}"
    if isinstance(looker, str):
        return looker
    if looker.scaled and not powers:
        return looker.scaled
    if not looker.heads:
        return "the model observes nothing"
    if censored := [head for head in looker.heads if "Censored" in head]:
        name = censored[0].rpartition(" in ")[0]
        return f"the site {name!r} is censored: when a value would have been cut off is not in the model"
    try:
        copied = _copied(program)
    except Exception as error:  # of a distribution that cannot be sampled, for one
        return f"the model cannot be run forwards: {said(error)}"
    if copied:
        return (
            f"data that are simulated hang on what was observed at {copied!r}: in a scan that carries observed values "
            "on, these would stay the real ones"
        )
    return ""


def _copied(program: Program) -> str:
    """An observed site whose real values are in simulated data, too; empty where there is none. Nothing is computed."""
    import jax
    from jax.interpreters.partial_eval import dce_jaxpr_consts

    abstract: Any = jax.ShapeDtypeStruct
    given = {
        path: abstract(leaf.shape, leaf.dtype) for path, leaf in program.leaves(next(iter(program.members))).items()
    }
    seen = {f"{OBSERVED}{name}": abstract(shape, np.float64) for name, shape in program.sites.observed.items()}
    with jax.enable_x64(True), TRACING:
        closed = jax.make_jaxpr(simulator(_open(program), program.sites))({**given, **seen}, jax.random.key(0))
    _, _, used = dce_jaxpr_consts(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
    paths = [path for path, is_used in zip(sorted({**given, **seen}), used, strict=False) if is_used]
    return next((path.removeprefix(OBSERVED) for path in paths if path.startswith(OBSERVED)), "")


def _open(program: Program) -> OpenSignature:
    return OpenSignature(**{field.name: getattr(program.signature, field.name) for field in fields(Signature)})


def simulator(signature: Signature, sites: Sites) -> Callable[[Mapping[str, Any], Any], Simulated]:
    """`(leaves, key) -> Simulated`: latents from the prior, data from the likelihood. Traceable; hold TRACING.

    sites: those of the signature. Not finite where a latent lies at the end of its support, as rounding can put it.
    """
    import jax
    import jax.numpy as jnp
    import numpyro
    from numpyro.distributions import biject_to

    only_simulates = isinstance(signature.model, OnlySimulates)

    def one(leaves: Mapping[str, Any], key: Any) -> Simulated:
        key, own = jax.random.split(key) if only_simulates else (key, key)
        free = numpyro.handlers.seed(numpyro.handlers.uncondition(whole(signature)), key)
        trace = numpyro.handlers.trace(free).get_trace(leaves)
        drawn = [trace[latent.name] for latent in sites.latents]
        z = jnp.concatenate([jnp.ravel(biject_to(site["fn"].support).inv(site["value"])) for site in drawn])
        if only_simulates:
            return Simulated(z, signature.simulate(leaves, own, {site["name"]: site["value"] for site in drawn}))
        return Simulated(z, {name: trace[name]["value"] for name in sites.observed})

    return one


def seen_by(program: Program) -> Callable[[Mapping[str, Any]], dict[str, Seen]]:
    """`leaves -> {site: Seen}`: what a program, opened or not, observes. Traceable; hold TRACING."""
    import jax
    import jax.numpy as jnp

    def one(leaves: Mapping[str, Any]) -> dict[str, Seen]:
        if program.kind == "simulator":
            told = program.observed(leaves)
            return {name: Seen(value, jnp.ones(value.shape, bool)) for name, value in told.items()}
        trace = seeded_trace(program, leaves, jax.random.key(0))  # masks hang on no latent; XLA leaves the rest out
        return {site.name: Seen(site.value, site.mask) for site in observed_in(trace, program)}

    return one


def opened(program: Program) -> Program:
    """The program with what its universes observe as leaves of their data; its members are the same universes.

    Raises ValueError where data cannot be simulated from it.
    """
    members, datasets, original = dict(program.members), {}, {}
    for number, (keys, values) in enumerate(_observed(program)):
        prepared = program.members[keys[0]].prepared
        datasets[number] = {**program.datasets[prepared], **values}
        original[number] = program.original[prepared]
        members |= {key: program.members[key]._replace(prepared=number) for key in keys}
    return replace(
        program, id=f"{program.id}o", signature=_open(program), members=members, datasets=datasets, original=original
    )


def made_of(program: Program) -> frozenset[str]:
    """The paths of the leaves that a program's observed values are made of."""
    if program.kind == "simulator":
        return frozenset(program.observed_paths.values())
    looker = look_at(program)
    return frozenset() if isinstance(looker, str) else frozenset(looker.live)


def _observed(program: Program) -> list[tuple[list[str], dict[str, np.ndarray]]]:
    """Universes that observe the same with the same design, and what that is, by leaf."""
    if program.kind == "simulator":
        return _as_simulated(program)
    looker = look_at(program)
    if isinstance(looker, str):
        raise ValueError(looker)
    names = [head.rpartition(" in ")[0] for head in looker.heads]
    found = []
    for keys, told in by_observed(program, looker):
        found.append((keys, _values(dict(zip(names, told[::3], strict=True)))))
    return found


def _as_simulated(program: Program) -> list[tuple[list[str], dict[str, np.ndarray]]]:
    """The same of a program that only simulates: what a data set observes is in it, by name."""
    import jax

    together: dict[int, list[str]] = {}
    for key, member in program.members.items():
        together.setdefault(member.prepared, []).append(key)
    with jax.enable_x64(True), TRACING:
        return [(keys, _values(program.observed(program.leaves(keys[0])))) for keys in together.values()]


def _values(by_name: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {f"{OBSERVED}{name}": _leaf(np.asarray(value)) for name, value in by_name.items()}


def _leaf(value: np.ndarray) -> np.ndarray:
    kind = {"f": np.float64, "i": np.int32, "u": np.int32}.get(value.dtype.kind, value.dtype)
    return np.ascontiguousarray(value, kind).reshape(value.shape)


def traced(function: Callable[..., Any], *arguments: Any) -> Any:
    """The shapes that a function of this file gives for such arguments; nothing is computed."""
    import jax

    with TRACING:
        return jax.eval_shape(function, *arguments)
