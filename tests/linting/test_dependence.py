"""What a program's answer depends on: the leaves that reach it, and the computation with all its constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.linting.answers import answers
from multiverse.linting.dependence import computation, dependence
from multiverse.linting.dependence import digest as digested
from multiverse.progress import no_progress

RAW = {"x": np.linspace(-1.0, 1.0, 8), "y": np.linspace(0.0, 2.0, 8), "unused": np.arange(8.0)}


def plan_of(model: Callable[..., Any], **decisions: mv.Decision) -> mv.Plan:
    study = mv.Study("m", data=RAW, model=model, estimands={"mu": "mu"}, space=mv.Space(decisions))
    return mv.plan(study, progress=no_progress)


def test_leaves_that_reach_the_log_joint() -> None:
    def model(data: Any, *, prior: Any, thrown: float, gated: float) -> None:
        mu = numpyro.sample("mu", prior)
        _ = jnp.exp(thrown) * data["unused"]
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(mu + jax.nn.relu(gated) * data["x"], 1.0), obs=data["y"])

    plan = plan_of(
        model,
        prior=mv.prior(weak=dist.Normal(0, 10), tight=dist.Normal(0, 1)),
        thrown=mv.prior(a=1.0, b=2.0),
        gated=mv.prior(a=1.0, b=2.0),
    )
    (program,) = plan.programs
    found = dependence(program, plan.wanted)
    assert found.live == ("/x", "/y", "mask", "option/gated", "option/prior/loc", "option/prior/scale")
    assert len(set(answers(plan).values())) == 4
    assert dependence(program, plan.wanted) == found


def within(kind: str, shift: np.ndarray) -> Callable[[Any], Any]:
    """A function that adds an array, which it holds within another computation."""
    if kind == "jit":
        return lambda x: jax.jit(lambda u: u + shift)(x)
    if kind == "scan":
        return lambda x: jax.lax.scan(lambda total, _: (total + shift, None), x, None, length=2)[0]
    if kind == "cond":
        return lambda x: jax.lax.cond(x[0] > 0, jax.jit(lambda u: u + shift), lambda u: u, x)
    if kind == "derivative":
        add = jax.custom_jvp(lambda x: x + jnp.asarray(shift))
        add.defjvp(lambda at, tangents: (add(at[0]), tangents[0]))
        return add
    return jax.checkpoint(lambda x: x + jnp.asarray(shift))


@pytest.mark.parametrize("kind", ["jit", "scan", "cond", "derivative", "checkpoint"])
def test_constants_within_a_computation_tell_options_apart(kind: str) -> None:
    one, same, other = (computation(within(kind, np.full(8, shift)), np.ones(8)) for shift in (1.0, 1.0, 2.0))
    assert one == same != other


def test_callbacks_are_never_taken_for_each_other() -> None:
    """They are opaque, and the address of a function that is gone may be that of the next one."""

    def called(shift: float) -> Callable[[Any], Any]:
        return lambda x: jax.pure_callback(lambda u: u + shift, jax.ShapeDtypeStruct((8,), jnp.float32), x)

    x = np.ones(8, np.float32)
    one, other = called(1.0), called(2.0)
    assert computation(one, x) != computation(other, x)


def test_arrays_are_told_apart_by_shape_dtype_and_bytes() -> None:
    one = np.arange(6.0)
    different = [one, one.reshape(2, 3), one.astype("float32"), one + 1.0, one[::-1]]
    assert len({digested(array) for array in different}) == len(different)
    assert digested(one[::2]) == digested(one[::2].copy())
