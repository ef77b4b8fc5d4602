"""What the answer of a program depends on: the computation that JAX sees, without what does not reach the answer."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import numpy as np

from multiverse.planning.density import potential
from multiverse.planning.function_programs import traceable
from multiverse.planning.plan import Wanted
from multiverse.planning.program import Program
from multiverse.planning.tracing import TRACING

ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of functions that jaxprs hold beside their own text


@dataclass(frozen=True)
class Dependence:
    """The computation of a program's answer.

    text: equal for the same computation. live: the paths of the leaves that reach the answer, sorted.
    """

    text: str
    live: tuple[str, ...]


def dependence(program: Program, wanted: Wanted) -> Dependence:
    """What the answer of a traced program depends on: of a model the log joint and what its estimands look at, of a
    simulator its prior, what it simulates and what was observed.

    Nothing is computed: the model runs once or twice on abstract values, in some milliseconds.
    Raises what the model or function raises; ValueError for a program that JAX does not trace.
    """
    import jax

    if program.kind == "plain":
        raise ValueError("a function that is called universe by universe has no computation that JAX could show")
    leaves = program.leaves(next(iter(program.members)))
    abstract: Any = jax.ShapeDtypeStruct
    # A simulator is traced as it will run: a loop of its own dtypes may not close in others.
    with nullcontext() if program.kind == "simulator" else jax.enable_x64(True), TRACING:
        given = {path: abstract(leaf.shape, leaf.dtype) for path, leaf in leaves.items()}
        text, used = computation(_answer(program, wanted), given, abstract((program.sites.dimension,), np.float64))
    names = [latent.name for latent in program.sites.latents]
    live = tuple(path for path, reaches in zip(sorted(leaves), used, strict=False) if reaches)
    return Dependence(f"{names}|{text}", live)


def computation(function: Callable[..., Any], *arguments: Any) -> tuple[str, list[bool]]:
    """The text of what a function computes, constants by content; and which leaves of the arguments it uses.

    arguments: trees of arrays, or of shapes. What does not reach the result is in neither.
    """
    import jax
    from jax.interpreters.partial_eval import dce_jaxpr_consts

    closed = jax.make_jaxpr(function)(*arguments)
    alive, kept, used = dce_jaxpr_consts(closed.jaxpr, [True] * len(closed.jaxpr.outvars))
    text = str(alive)
    constants = [*(value for value, keep in zip(closed.consts, kept, strict=True) if keep), *_within(alive)]
    # What a callback computes JAX does not see, so one is like no other: not even its address tells it for good.
    shown = f"{ADDRESS.sub('', text)}{uuid4() if 'callback' in text else ''}"
    return f"{shown}|{[digest(np.asarray(value)) for value in constants]}", used


def _within(part: Any) -> Iterator[Any]:
    """The constants that computations within a computation hold, such as those of `jax.jit`: the text hides them."""
    from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

    if isinstance(part, ClosedJaxpr):
        yield from part.consts
        part = part.jaxpr
    if isinstance(part, Jaxpr):
        for step in part.eqns:
            yield from (atom.val for atom in step.invars if isinstance(atom, Literal) and np.ndim(atom.val))
            yield from _within(step.params)
    elif isinstance(part, Mapping):
        yield from _within(list(part.values()))
    elif isinstance(part, list | tuple):
        for each in part:
            yield from _within(each)


def digest(array: np.ndarray) -> str:
    """A text that is equal for arrays of the same shape, dtype and bytes."""
    head = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.blake2b(head + np.ascontiguousarray(array).tobytes(), digest_size=16).hexdigest()


def _answer(program: Program, wanted: Wanted) -> Any:
    """`(leaves, z) -> all that the answer is made of`."""
    if program.kind == "traced":
        answers = traceable(program, [estimand.name for estimand in wanted.estimands])
        return lambda leaves, z: answers(leaves)
    import jax
    from numpyro.infer.util import constrain_fn

    density = potential(program.signature, program.sites)
    looked_at = sorted(wanted.sites & ({s.name for s in program.sites.latents} | program.sites.deterministic.keys()))

    def answer(leaves: Mapping[str, Any], z: Any) -> Any:
        sites = constrain_fn(program.signature, (leaves,), {}, program.sites.unravel(z), return_deterministic=True)
        if program.kind == "simulator":
            told = program.simulate(leaves, jax.random.key(0), sites)
            return density(leaves, z), told, program.observed(leaves)
        return density(leaves, z), [sites[name] for name in looked_at]

    return answer
