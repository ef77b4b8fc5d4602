"""Padding: the ladder, and that padded data give the same log density and gradient as the data without it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import multiverse as mv
from multiverse.planning.build import plan
from multiverse.planning.density import potential
from multiverse.planning.padding import MASK, Padding, rung, table_length
from multiverse.planning.program import Program
from multiverse.planning.tracing import QUICK_COMPILE, compiled

LENGTHS = st.integers(1, 5000)


@given(LENGTHS, LENGTHS | st.none())
def test_a_rung_holds_its_rows_and_wastes_less_than_half(rows, raw):
    length = rung(rows, raw)
    assert rows <= length < 2 * rows + 1


@given(LENGTHS, st.integers(0, 100))
def test_all_that_drop_less_than_half_share_one_length(raw, percent):
    rows = raw - raw * percent // 200
    assert rung(rows, raw) == (raw if 2 * rows > raw + 1 or rows == raw else rung(rows, raw))
    assert rung(raw, raw) == raw


@given(LENGTHS, LENGTHS, LENGTHS | st.none())
def test_more_rows_are_never_on_a_lower_rung(one, other, raw):
    low, high = sorted((one, other))
    assert rung(low, raw) <= rung(high, raw)


@given(LENGTHS | st.none())
def test_there_are_few_rungs(raw):
    assert len({rung(rows, raw) for rows in range(1, 5001)}) <= 2 * 13 + 1


def test_the_rungs_of_the_radon_table():
    assert [rung(n, 919) for n in (919, 918, 461, 460, 230, 1, 920)] == [919, 919, 919, 460, 230, 1, 1838]
    assert [rung(n, None) for n in (1, 2, 3, 5, 100)] == [1, 2, 4, 8, 128]


def test_a_kept_row_is_copied_and_the_mask_tells():
    leaves = {"/y": np.array([3.0, 4.0]), "/names": np.zeros(5)}
    padded = Padding(4, frozenset(["/y"]))(leaves, 2)
    assert padded["/y"].tolist() == [3.0, 4.0, 3.0, 3.0]
    assert padded[MASK].tolist() == [True, True, False, False]
    assert padded["/names"].shape == (5,)


@pytest.mark.parametrize(
    ("raw", "rows"),
    [
        ({"x": np.zeros(7), "y": np.zeros((7, 2)), "n": 3}, 7),
        ({"x": np.zeros(7), "u": np.zeros(3), "names": ["a"]}, 7),
        ({"homes": pd.DataFrame({"x": [1, 2, 3]}), "counties": pd.DataFrame({"u": [1]})}, 3),
        ((np.zeros((5, 2)), np.zeros(5)), 5),
        (pd.DataFrame({"x": [1, 2, 3]}), 3),
        (np.zeros((4, 2)), 4),
        (np.float64(3.0), None),
        ({}, None),
        ("a path", None),
        (None, None),
    ],
)
def test_the_length_of_the_raw_table(raw, rows):
    assert table_length(raw) == rows


def normal_of_log(data, *, slope):
    """A covariate under `log`: padded with zeros, its gradient would be NaN."""
    level = numpyro.sample("level", dist.Normal(0, 5))
    b = numpyro.sample("slope", slope)
    noise = numpyro.sample("noise", dist.HalfNormal(1))
    power = numpyro.sample("power", dist.HalfNormal(1))
    with mv.rows(data):
        x = numpyro.deterministic("x", jnp.log(data["x"]) * data["x"] ** power)
        numpyro.sample("y", dist.Normal(level + b * x, noise), obs=data["y"])


def two_axes(data, *, slope):
    """Rows as the second axis from the right, with another plate inside, and a vector at each row beside it."""
    b = numpyro.sample("slope", slope)
    with mv.rows(data, n=len(data["x"]), dim=-2), numpyro.plate("twice", 2):
        numpyro.sample("pair", dist.Normal(b * data["x"][:, None], 1.0), obs=data["pair"])
    with mv.rows(data, n=len(data["x"]), name="again"):
        numpyro.sample("vector", dist.MultivariateNormal(b * jnp.ones(2), jnp.eye(2)), obs=data["pair"])


def positive(raw, *, rows):
    x = np.exp(raw["x"][:rows])
    return {"x": x, "y": raw["y"][:rows], "pair": np.stack([x, raw["y"][:rows]], axis=1), "u": np.arange(3.0)}


ROWS = {"all": 24, "some": 19, "few": 7}


@pytest.mark.parametrize("model", [normal_of_log, two_axes])
def test_padded_equals_unpadded_in_value_and_gradient(small, grouped, model):
    def prepare(raw, *, rows):
        data = positive(raw, rows=rows)
        return data if model is two_axes else {name: data[name] for name in ("x", "y")}

    space = mv.Space(rows=mv.preprocessing(ROWS), slope=mv.prior(weak=dist.Normal(0, 10), tight=dist.Normal(0, 0.5)))
    found = grouped(small(prepare=prepare, model=model, space=space))
    assert found.problems == []
    assert {p.padding.length: len(p.members) for p in found.programs} == {24: 4, 12: 2}
    with jax.enable_x64(True):
        for program in found.programs:
            by_rows = {member.rows_kept: key for key, member in program.members.items()}
            for rows, key in by_rows.items():
                bare = unpadded(program, key)
                assert bare["/x"].shape[0] == rows
                padded, plain = log_joint(program, program.leaves(key)), log_joint(program, bare)
                np.testing.assert_allclose(padded[0], plain[0], rtol=1e-12)
                np.testing.assert_allclose(padded[1], plain[1], rtol=1e-11, atol=1e-11)
                assert np.isfinite(padded[1]).all()


def log_joint(program: Program, leaves: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Value and gradient at three points."""
    density = potential(program.signature, program.sites)
    z = np.random.default_rng(0).normal(size=(3, program.sites.dimension))
    run = compiled(
        lambda leaves, z: jax.lax.map(jax.value_and_grad(lambda at: density(leaves, at)), z),
        leaves,
        z,
        options=QUICK_COMPILE,
    )
    return jax.tree.map(np.asarray, run(leaves, z))


def unpadded(program: Program, key: str) -> dict[str, np.ndarray]:
    own = program.original[program.members[key].prepared].leaves
    return {path: own.get(path, leaf) for path, leaf in program.leaves(key).items() if path != MASK}


def test_log_of_a_padded_covariate_keeps_its_padding(small):
    study = small(
        prepare=lambda raw, *, rows: {"x": np.exp(raw["x"][:rows]), "y": raw["y"][:rows]},
        model=normal_of_log,
        space=mv.Space(rows=mv.preprocessing(all=24, some=19), slope=mv.prior(weak=dist.Normal(0, 10))),
        estimands={"effect": "slope", "last": lambda draws, data: draws["x"][:, -1] + data["x"][-1]},
    )
    planned = plan(study)
    assert [program.padding.length for program in planned.programs] == [24]
    assert planned.notes == ()
    assert planned.wanted.sites == {"slope", "x"}


def latent_in_rows(data, *, slope):
    b = numpyro.sample("slope", slope)
    with mv.rows(data):
        true = numpyro.sample("true", dist.Normal(data["x"], 1))
        numpyro.sample("y", dist.Normal(b * true, 1), obs=data["y"])


def latent_of_the_length_of_the_rows(data, *, slope):
    """Not in mv.rows, so only its shape tells that it cannot be padded."""
    b = numpyro.sample("slope", slope)
    true = numpyro.sample("true", dist.Normal(data["x"], 1).to_event(1))
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(b * true, 1), obs=data["y"])


def two_lengths(data, *, slope):
    b = numpyro.sample("slope", slope)
    with mv.rows(data, n=len(data["y"])):
        numpyro.sample("y", dist.Normal(b * data["x"], 1), obs=data["y"])
    with mv.rows(data, n=len(data["u"]), name="counties"):
        numpyro.sample("u", dist.Normal(b, 1), obs=data["u"])


def no_rows(data, *, slope):
    b = numpyro.sample("slope", slope)
    numpyro.sample("y", dist.Normal(b * data["x"], 1), obs=data["y"])


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (latent_in_rows, "the latent site 'true' lies inside mv.rows"),
        (latent_of_the_length_of_the_rows, "padding changes the shape of the latent site 'true'"),
        (two_lengths, "mv.rows is used with several lengths: 3, 24"),
        (no_rows, "the model does not say which of its sites stand for rows: use `with mv.rows(data):`"),
    ],
)
def test_what_turns_padding_off(small, grouped, model, why):
    prepare = positive if model is two_lengths else None
    study = small(
        prepare=prepare or (lambda raw, *, rows: {"x": raw["x"][:rows], "y": raw["y"][:rows]}),
        model=model,
        space=mv.Space(rows=mv.preprocessing(all=24, some=19), slope=mv.prior(weak=dist.Normal(0, 10))),
    )
    found = grouped(study)
    assert found.problems == []
    assert {program.unpadded_because for program in found.programs} == {why}
    assert [program.padding for program in found.programs] == [None, None]
    for program, rows in zip(found.programs, (24, 19), strict=True):
        (member,) = program.members.values()
        assert member.rows_kept == rows
        if "latent" in model.__name__:  # sites have the shapes of this program's own data, not of the longest
            assert {s.name: s.shape for s in program.sites.latents}["true"] == (rows,)


def test_without_several_lengths_there_is_nothing_to_say(small, grouped):
    space = mv.Space(slope=mv.prior(weak=dist.Normal(0, 10)))
    (program,) = grouped(small(prepare=None, model=no_rows, space=space)).programs
    assert program.padding is None and program.unpadded_because == ""


def centred(data, *, slope):
    """A mean over rows, which padding would change."""
    b = numpyro.sample("slope", slope)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(b * (data["x"] - data["x"].mean()), 1), obs=data["y"])


def test_a_mean_over_rows_turns_padding_off_and_the_note_names_the_site(small):
    study = small(
        model=centred, space=mv.Space(rows=mv.preprocessing(all=24, some=19), slope=mv.prior(weak=dist.Normal(0, 10)))
    )
    planned = plan(study)
    assert [program.padding for program in planned.programs] == [None, None]
    (note,) = planned.notes
    assert note == (
        "rows are not padded, so each number of rows has a program of its own: padding changes the log density of the "
        "site 'y', which depends on rows other than by mv.rows"
    )
    assert f"note: {note}" in repr(planned)


def test_an_array_that_has_the_length_of_the_rows_by_chance(small, grouped):
    """85 counties and 85 rows: in the next data set the counties are still 85, so they are no rows."""

    def prepare(raw, *, rows):
        return {"x": raw["x"][:rows], "y": raw["y"][:rows], "u": np.arange(20.0), "county": np.arange(rows) % 20}

    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        with numpyro.plate("counties", len(data["u"])):
            level = numpyro.sample("level", dist.Normal(data["u"], 1))
        with mv.rows(data, n=len(data["y"])):
            numpyro.sample("y", dist.Normal(level[data["county"]] + b * data["x"], 1), obs=data["y"])

    rows = mv.preprocessing({"twenty": 20, "eighteen": 18})
    slope = mv.prior(weak=dist.Normal(0, 10))
    found = grouped(small(prepare=prepare, model=model, space=mv.Space(rows=rows, slope=slope)))
    assert found.problems == []
    (program,) = found.programs
    assert program.padding == Padding(24, frozenset(["/x", "/y", "/county"]))
    assert sorted(member.rows_kept for member in program.members.values()) == [18, 20]
    assert program.leaves(next(iter(program.members)))["/u"].shape == (20,)

    # With one data set only, nothing tells them apart but the latent site, whose shape padding would change.
    alone = mv.Space(rows=mv.preprocessing({"twenty": 20}), slope=slope)
    (program,) = grouped(small(prepare=prepare, model=model, space=alone)).programs
    assert program.padding is None
    assert program.unpadded_because == "padding changes the shape of the latent site 'level'"


def test_other_arrays_of_several_lengths_make_several_programs(small, grouped):
    """Dropping small counties shortens the table of counties too."""

    def prepare(raw, *, rows):
        return {"x": raw["x"][:rows], "y": raw["y"][:rows], "u": np.arange(rows // 4, dtype=float)}

    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        with mv.rows(data, n=len(data["y"])):
            numpyro.sample("y", dist.Normal(b * data["x"] + data["u"].sum(), 1), obs=data["y"])

    rows = mv.preprocessing({"all": 24, "22": 22, "21": 21})
    found = grouped(small(prepare=prepare, model=model, space=mv.Space(rows=rows, slope=mv.prior(a=dist.Normal(0, 1)))))
    assert sorted((p.padding.length, len(p.members)) for p in found.programs) == [(24, 1), (24, 2)]
    for program in found.programs:
        program.gather(list(program.members), "float32")


def test_ambiguous_rows_ask_for_n(small, grouped):
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(b, 1), obs=data["y"])

    space = mv.Space(rows=mv.preprocessing(all=24), slope=mv.prior(a=dist.Normal(0, 1)))
    (problem,) = grouped(small(prepare=positive, model=model, space=space)).problems
    assert problem.what.startswith(
        "mv.rows(data) cannot tell how many rows there are: data['pair'] has 24, data['u'] has 3"
    )
    assert problem.mend == "say which array holds the rows, as in `mv.rows(data, n=len(data['pair']))`"


def test_rows_called_plainly_are_a_plate():
    data = {"y": np.zeros(3)}
    with numpyro.handlers.trace() as trace, numpyro.handlers.seed(rng_seed=0), mv.rows(data) as index:
        numpyro.sample("a", dist.Normal(0, 1))
    assert trace["a"]["value"].shape == (3,) and index.tolist() == [0, 1, 2]
    assert trace["a"]["cond_indep_stack"][0].name == "rows"


@pytest.mark.parametrize(
    "data",
    [
        "a dict",
        "a table",
        "a function",
    ],
)
def test_raw_data_of_any_kind(small, grouped, raw, data):
    given = {"a dict": raw, "a table": pd.DataFrame(raw), "a function": lambda: pd.DataFrame(raw)}[data]

    def prepare(raw, *, rows):
        return raw[:rows] if hasattr(raw, "iloc") else {name: column[:rows] for name, column in raw.items()}

    (program,) = grouped(small(data=given, prepare=prepare)).programs
    assert program.padding.length == 24 and len(program.members) == 4
