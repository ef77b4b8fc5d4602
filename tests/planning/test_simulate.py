"""Models run forwards: moments of closed forms, opened programs against the model itself, and what is declined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.contrib.control_flow import scan

import multiverse as mv
from multiverse.planning.density import potential
from multiverse.planning.leaf_path import OBSERVED
from multiverse.planning.program import Program
from multiverse.planning.simulate import Simulated, made_of, opened, seen_by, simulator, traced, why_not_simulated
from multiverse.planning.tracing import QUICK_COMPILE, compiled

WITHIN = 4.5  # Monte Carlo standard errors; of some 200 comparisons one in a thousand sets of keys has a larger one
MANY = 4000  # simulations

Make = Callable[..., list[Program]]


@pytest.fixture(scope="module")
def programs(grouped: Any, small: Any) -> Make:
    """The programs of the small study with another model, without the check that compiles them."""

    def made(model: Any, **changes: Any) -> list[Program]:
        found = grouped(small(model=model, **changes))
        assert not found.problems, found.problems
        return list(found.programs)

    return made


def single(leaves: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {path: jnp.asarray(leaf, np.float32 if leaf.dtype.kind == "f" else None) for path, leaf in leaves.items()}


def simulated(program: Program, key: str | None = None, count: int = 1) -> Simulated:
    """Simulations of one universe of a program that is opened here, (count, ...)."""
    of = opened(program)
    leaves = single(of.leaves(key or next(iter(of.members))))
    one = simulator(of.signature, of.sites)
    keys = jax.random.split(jax.random.key(3), count)
    found: Simulated = compiled(jax.vmap(lambda key: one(leaves, key)), keys, options=QUICK_COMPILE)(keys)
    return found


def by_labels(program: Program, **labels: str) -> str:
    (key,) = [k for k, m in program.members.items() if all(m.universe[name] == it for name, it in labels.items())]
    return key


def line(data, *, slope):
    b = numpyro.sample("slope", slope)
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(b * data["x"], 0.5), obs=data["y"])


def test_simulations_have_the_moments_of_the_prior_predictive_under_options_and_masks(programs: Make) -> None:
    (program,) = programs(line)
    for rows, prior, sd in (("all", "weak", 10.0), ("some", "sceptical", 0.5)):
        key = by_labels(program, rows=rows, slope=prior)
        drawn = simulated(program, key, MANY)
        x = program.leaves(key)["/x"]
        y = np.asarray(drawn.observed["y"], np.float64)
        assert drawn.z.shape == (MANY, 1) and y.shape == (MANY, len(x))
        assert np.std(drawn.z) == pytest.approx(sd, rel=WITHIN / np.sqrt(2 * MANY))
        expected = np.outer(x, x) * sd**2 + 0.25 * np.eye(len(x))
        variances = np.diag(expected)
        assert (abs(y.mean(axis=0)) < WITHIN * np.sqrt(variances / MANY)).all()
        errors = np.sqrt((expected**2 + np.outer(variances, variances)) / MANY)
        assert (abs(np.cov(y.T) - expected) < WITHIN * errors).all()
        # Rows that this universe leaves out are simulated too, and do not count.
        seen = seen_by(opened(program))(single(opened(program).leaves(key)))["y"]
        assert int(seen.mask.sum()) == program.members[key].rows_kept == {"all": 24, "some": 20}[rows]


@pytest.mark.parametrize("rows", ["all", "some"])
def test_an_opened_program_has_the_log_joint_of_its_own(programs: Make, rows: str) -> None:
    (program,) = programs(line)
    of = opened(program)
    key, z = by_labels(program, rows=rows, slope="weak"), jnp.array([0.7])
    own = potential(program.signature, program.sites)(single(program.leaves(key)), z)
    assert potential(of.signature, of.sites)(single(of.leaves(key)), z) == own
    assert of.members.keys() == program.members.keys() and of.id != program.id
    assert of.data(key)["y"].shape == program.data(key)["y"].shape


def test_with_simulated_data_it_is_that_of_the_model_called_on_them(programs: Make) -> None:
    (program,) = programs(line)
    key = by_labels(program, rows="all", slope="sceptical")
    of, y = opened(program), np.linspace(-1, 2, 24)
    found = -potential(of.signature, of.sites)(single({**of.leaves(key), f"{OBSERVED}y": y}), jnp.array([0.7]))
    x = program.data(key)["x"]
    exact = dist.Normal(0, 0.5).log_prob(0.7) + dist.Normal(0.7 * x, 0.5).log_prob(y).sum()
    assert float(found) == pytest.approx(float(exact), rel=1e-5)


def test_what_is_observed_through_a_transformation_is_on_its_scale(programs: Make) -> None:
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(b * data["x"], 1), obs=jnp.log(jnp.square(data["y"])))

    (program,) = programs(model)
    key, of = next(iter(program.members)), opened(program)
    np.testing.assert_allclose(of.leaves(key)[f"{OBSERVED}y"], np.log(np.square(program.leaves(key)["/y"])))
    assert {"/y"} <= made_of(program) and "/x" not in made_of(program)
    assert np.asarray(simulated(program).observed["y"]).min() < 0


def test_observed_values_that_an_option_decides_make_data_sets_of_their_own(programs: Make) -> None:
    def model(data, *, slope, shift):
        b = numpyro.sample("slope", slope)
        numpyro.sample("y", dist.Normal(b * data["x"], 1), obs=data["y"] + shift)

    space = mv.Space(slope=mv.prior(weak=dist.Normal(0, 10)), shift=mv.preprocessing({"none": 0.0, "two": 2.0}))
    (program,) = programs(model, prepare=lambda raw: raw, space=space)
    of = opened(program)
    values = {member.universe["shift"]: of.leaves(key)[f"{OBSERVED}y"] for key, member in of.members.items()}
    np.testing.assert_allclose(values["two"], values["none"] + 2)


def mixture(b: Any) -> Any:
    return dist.MixtureSameFamily(dist.Categorical(jnp.array([0.3, 0.7])), dist.Normal(jnp.stack([b, b + 9]), 1))


@pytest.mark.parametrize(
    ("family", "values"),
    [
        (lambda b: dist.Poisson(jnp.exp(b)), "counts"),
        (lambda b: dist.Bernoulli(logits=b), "truth"),
        (lambda b: dist.ZeroInflatedPoisson(0.3, jnp.exp(b)), "counts"),
        (mixture, "y"),
        (lambda b: dist.MultivariateNormal(b * jnp.ones(24), jnp.eye(24)), "y"),
    ],
)
@pytest.mark.parametrize("plate", [True, False])
def test_a_site_is_as_wide_as_what_it_observes(programs: Make, family: Any, values: str, plate: bool) -> None:
    """Also where NumPyro broadcasts the values against one distribution."""

    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        if plate and family(b).event_dim == 0:
            with mv.rows(data):
                numpyro.sample("y", family(b), obs=data[values])
        else:
            numpyro.sample("y", family(b), obs=data[values])

    raw = {"y": np.linspace(-1, 1, 24), "counts": np.arange(24) % 4, "truth": np.arange(24) % 2 == 0}
    one_prior = mv.Space(rows=mv.preprocessing(all=24), slope=mv.prior(a=dist.Normal(0, 1)))
    (program,) = programs(model, data=raw, space=one_prior)
    assert why_not_simulated(program) == ""
    of = opened(program)
    drawn = traced(simulator(of.signature, of.sites), single(of.leaves(next(iter(of.members)))), jax.random.key(0))
    assert drawn.observed["y"].shape == (24,)
    assert (drawn.observed["y"].dtype.kind == "f") == (values == "y")


def test_counts_have_the_mean_of_the_prior_predictive(programs: Make) -> None:
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        numpyro.sample("y", dist.Poisson(jnp.exp(b)), obs=data["y"])

    one_prior = mv.Space(rows=mv.preprocessing(all=24), slope=mv.prior(a=dist.Normal(0, 0.5)))
    (program,) = programs(model, data={"y": np.arange(24) % 4}, space=one_prior)
    y = np.asarray(simulated(program, count=MANY).observed["y"]).astype(np.float64)
    assert (y == np.round(y)).all()
    mean, spread = np.exp(0.125), np.exp(0.25) * (np.exp(0.25) - 1)  # of a log-normal
    assert abs(y[:, 0].mean() - mean) < WITHIN * np.sqrt((mean + spread) / MANY)
    error = np.sqrt(np.var((y[:, 0] - mean) * (y[:, 1] - mean)) / MANY)
    assert abs(np.mean((y[:, 0] - mean) * (y[:, 1] - mean)) - spread) < WITHIN * error  # rows share the rate


def test_several_sites_are_simulated_together_and_one_may_hang_on_another(programs: Make) -> None:
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        first = numpyro.sample("first", dist.Normal(b, 0.1), obs=data["y"][0])
        numpyro.sample("others", dist.Normal(first, 0.1), obs=data["y"][1:])

    program = programs(model)[0]
    drawn = simulated(program, count=500)
    assert drawn.observed["first"].shape == (500,) and drawn.observed["others"].shape[0] == 500
    apart = np.asarray(drawn.observed["others"]) - np.asarray(drawn.observed["first"])[:, None]
    assert abs(apart).max() < 1  # of the simulated first value, not of the real one


def test_a_prior_that_hangs_on_the_data_stays_where_the_data_put_it(programs: Make) -> None:
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)
        level = numpyro.sample("level", dist.Normal(50 + data["y"].mean(), 0.1))
        numpyro.sample("y", dist.Normal(level + b, 0.1), obs=data["y"])

    for program in programs(model)[:1]:
        of, key = opened(program), next(iter(program.members))
        z = jnp.array([0.2, 50.0])
        own = potential(program.signature, program.sites)(single(program.leaves(key)), z)
        assert potential(of.signature, of.sites)(single(of.leaves(key)), z) == own
        level = np.asarray(simulated(program, key, 200).z)[:, [s.name for s in program.sites.latents].index("level")]
        assert abs(level - 50 - program.leaves(key)["/y"].mean()).max() < 1


def test_a_chain_of_latents_in_a_scan_is_simulated(programs: Make) -> None:
    def model(data, *, slope):
        b = numpyro.sample("slope", slope)

        def step(before, y):
            state = numpyro.sample("state", dist.Normal(before, 0.1))
            numpyro.sample("y", dist.Normal(state + b, 0.1), obs=y)
            return state, None

        scan(step, 0.0, data["y"])

    program = programs(model)[0]
    assert why_not_simulated(program) == ""
    drawn = simulated(program, count=200)
    b, states = np.asarray(drawn.z)[:, :1], np.asarray(drawn.z)[:, 1:]
    assert abs(np.asarray(drawn.observed["y"]) - states - b).max() < 1


class Unsampled(dist.Normal):
    def sample(self, key, sample_shape=()):
        raise NotImplementedError("nobody wrote it")


def declined() -> dict[str, tuple[Any, str]]:
    def factor(data, b):
        numpyro.factor("penalty", -(b**2))
        numpyro.sample("y", dist.Normal(b, 1), obs=data["y"])

    def masked_prior(data, b):
        flat = numpyro.sample("flat", dist.Normal(0, 1).mask(False))
        numpyro.sample("y", dist.Normal(b + flat, 1), obs=data["y"])

    def scaled(data, b):
        with numpyro.handlers.scale(scale=0.5):
            numpyro.sample("y", dist.Normal(b, 1), obs=data["y"])

    def censored(data, b):
        late = jnp.zeros(data["y"].shape)
        numpyro.sample("y", dist.RightCensoredDistribution(dist.Normal(b, 1), late), obs=data["y"])

    def nothing(data, b):
        pass

    def carried(data, b):
        def step(before, y):
            return numpyro.sample("y", dist.Normal(b * before, 1), obs=y), None

        scan(step, 0.0, data["y"])

    def hanging(data, b):
        numpyro.sample("y", dist.Normal(0, 1), obs=data["y"] - b)

    def unsampled(data, b):
        numpyro.sample("y", Unsampled(b * data["x"], 1.0), obs=data["y"])

    return {
        "factor": (factor, "numpyro.factor 'penalty'"),
        "masked prior": (masked_prior, "the prior of 'flat' is masked"),
        "scaled": (scaled, "the density of 'y' is scaled"),
        "censored": (censored, "the site 'y' is censored"),
        "nothing observed": (nothing, "observes nothing"),
        "carried on": (carried, "hang on what was observed at 'y'"),
        "decided by latents": (hanging, "latent sites decide what is observed"),
        "not sampled": (unsampled, "cannot be run forwards: NotImplementedError: nobody wrote it"),
    }


@pytest.mark.parametrize("name", declined())
def test_what_cannot_be_simulated_is_declined_with_the_reason(programs: Make, name: str) -> None:
    body, why = declined()[name]

    def model(data, *, slope):
        body(data, numpyro.sample("slope", slope))

    assert why in why_not_simulated(programs(model)[0])
