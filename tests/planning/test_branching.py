"""A leaf on which the model branches in Python moves to the structure, and the plan says so."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.planning.branching import trace_batched
from multiverse.planning.build import plan

SCALES = mv.prior({"one": 1.0, "two": 2.0, "three": 3.0})


def if_large(data, *, slope, scale):
    """Two models in one: above 1 there is another site."""
    b = numpyro.sample("slope", slope)
    extra = numpyro.sample("extra", dist.Normal(0, scale)) if scale > 1 else 0.0
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(b * data["x"] + extra, 1), obs=data["y"])


def if_within_if(data, *, slope, scale, shift):
    """`shift` is branched on only where `scale` is large: one universe does not show all that must be known."""
    b = numpyro.sample("slope", slope)
    if scale > 1.5:
        b = b + (1.0 if shift > 0 else -1.0)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(b * data["x"], scale), obs=data["y"])


def with_numpy(data, *, slope, scale):
    b = numpyro.sample("slope", slope)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(b * np.log(data["x"]), scale), obs=data["y"])


def with_a_shape(data, *, slope, scale):
    b = numpyro.sample("slope", dist.Normal(0, 1).expand([int(data["groups"])]).to_event(1))
    with mv.rows(data, n=len(data["y"])):
        numpyro.sample("y", dist.Normal(b[0] * data["x"], scale), obs=data["y"])


def prepare(raw, *, rows):
    return {"x": np.exp(raw["x"][:rows]), "y": raw["y"][:rows], "groups": jnp.array(3)}


def space(**more):
    return mv.Space(rows=mv.preprocessing(all=24, some=20), slope=mv.prior(a=dist.Normal(0, 1)), scale=SCALES, **more)


def members(programs) -> list[tuple[dict[str, object], int]]:
    return [(dict(program.signature.fixed), len(program.members)) for program in programs]


def test_an_option_in_an_if_moves_to_the_structure(small, grouped):
    found = grouped(small(prepare=prepare, model=if_large, space=space()))
    assert found.problems == []
    by_value = sorted(found.programs, key=lambda program: program.why)
    assert members(by_value) == [({"option/scale": value}, 2) for value in (1.0, 2.0, 3.0)]
    sites = [[latent.name for latent in program.sites.latents] for program in by_value]
    assert sites == [["slope"], ["slope", "extra"], ["slope", "extra"]]
    assert [program.why for program in by_value] == ["scale = 1.0", "scale = 2.0", "scale = 3.0"]
    assert all(program.padding.length == 24 for program in found.programs)
    assert all("option/scale" not in program.paths for program in found.programs)


def test_the_plan_says_so(small):
    study = small(
        prepare=prepare, model=if_large, space=mv.Space(space().decisions | {"scale": mv.prior(one=1.0, two=2.0)})
    )
    planned = plan(study)
    assert planned.notes == (
        "the model needs scale as a plain value (it branches on it, or uses NumPy on it), so each value has a program "
        "of its own",
    )


def test_a_branch_within_a_branch_is_found_where_it_is_taken(small, grouped):
    shift = mv.prior(up=1.0, down=-1.0)
    found = grouped(small(prepare=prepare, model=if_within_if, space=space(shift=shift)))
    assert found.problems == []
    fixed = [(tuple(program.signature.fixed.values()), len(program.members)) for program in found.programs]
    assert sorted(fixed) == [((1.0,), 4), ((2.0, -1.0), 2), ((2.0, 1.0), 2), ((3.0, -1.0), 2), ((3.0, 1.0), 2)]


def test_what_must_be_known_does_not_depend_on_the_company(small, grouped):
    shift = mv.prior(up=1.0, down=-1.0)
    whole = grouped(small(prepare=prepare, model=if_within_if, space=space(shift=shift)))
    ids = {key: program.id for program in whole.programs for key in program.members}
    for label, value in {"one": 1.0, "three": 3.0}.items():
        few = mv.Space(dict(space(shift=shift).decisions) | {"scale": mv.prior({label: value})})
        part = grouped(small(prepare=prepare, model=if_within_if, space=few))
        assert {key: program.id for program in part.programs for key in program.members}.items() <= ids.items()


def test_a_column_given_to_numpy_is_known_and_each_data_set_has_its_program(small, grouped):
    found = grouped(small(prepare=prepare, model=with_numpy, space=space()))
    assert found.problems == []
    assert [(list(p.signature.fixed), len(p.members)) for p in found.programs] == [(["/x"], 3), (["/x"], 3)]
    assert {p.why for p in found.programs} == {f"data['x'] = array of float64, shape ({n},)" for n in (24, 20)}
    assert {p.unpadded_because for p in found.programs} <= {"the model needs data['x'] as plain numbers", ""}


def test_a_number_that_makes_a_shape_is_known(small, grouped):
    found = grouped(small(prepare=prepare, model=with_a_shape, space=space()))
    assert found.problems == []
    assert members(found.programs) == [({"/groups": 3}, 6)]


@pytest.mark.parametrize(
    "model",
    [
        lambda at: 1 / at["b"] if at["b"] else 0,
        lambda at: math.log(at["b"]),
        lambda at: jnp.zeros(int(at["b"])),
        lambda at: {2.0: "two"}[at["b"]],
        lambda at: np.asarray(at["b"]) + 1,
        lambda at: list(range(int(at["b"]))),
        lambda at: np.arange(4)[np.arange(4) > at["b"]],
        lambda at: f"{at['b']:.1f}",
    ],
)
def test_only_what_must_be_known_is_fixed(model):
    def sampling(at):
        numpyro.sample("a", dist.Normal(at["a"], 1))
        model(at)
        return at["c"] + 1

    leaves = {name: np.array(2.0) for name in "abc"}
    traced = trace_batched(sampling, leaves)
    assert traced.fixed == {"b": 2.0}
    assert [latent.name for latent in traced.trace.sites.latents] == ["a"]


def test_a_model_that_fails_whatever_is_known_raises_its_own_error():
    def failing(at):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        trace_batched(failing, {"a": np.array(1.0)})


def test_a_branch_on_a_site_is_a_mistake_with_a_mend(small, grouped):
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        numpyro.sample("y", dist.Normal(b if b > 0 else -b, 1), obs=data["y"])

    one = mv.Space(slope=mv.prior(a=dist.Normal(0, 1)))
    (problem,) = grouped(small(prepare=None, model=model, space=one)).problems
    assert problem.what.startswith(
        "the model branches in Python on the value of a site, or uses NumPy on it at test_bran"
    )
    assert problem.what.endswith("""`numpyro.sample("y", dist.Normal(b if b > 0 else -b, 1), obs=data["y"])`.""")
    assert "jnp.where(condition, a, b)" in problem.mend
