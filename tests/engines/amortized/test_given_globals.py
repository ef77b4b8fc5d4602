"""Many locals: drawn given the globals, weighed with them as one, and what is said of models where that cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.reparam import LocScaleReparam
from scipy import integrate, stats

import multiverse as mv
from multiverse.engines.amortized.engine import Amortized
from multiverse.engines.amortized.family import LATENTS_MAX, Family, families_of, why_not_learnt
from multiverse.engines.amortized.gate import NetworkGate
from multiverse.engines.amortized.given_globals import locals_given
from multiverse.engines.amortized.layout import layout_of
from multiverse.engines.amortized.learning import TRAINING, Goal
from multiverse.engines.amortized.training import Schedule
from multiverse.planning.plan import Plan
from multiverse.planning.tracing import QUICK_COMPILE, TRACING
from multiverse.testing_engines import answer

GROUPS, NOISE = 100, 0.7
SIZES = np.random.default_rng(1).integers(1, 5, GROUPS)
GROUP = np.repeat(np.arange(GROUPS), SIZES)
RANDOM = np.random.default_rng(2)
Y = 0.8 + 0.5 * RANDOM.normal(size=GROUPS)[GROUP] + NOISE * RANDOM.normal(size=len(GROUP))
CENTERS, WIDTHS = {"near": 1.0, "far": 5.0}, {"narrow": 0.5, "wide": 2.0}
WITHIN = 4  # Monte Carlo standard errors


def hierarchy(data, *, center, width):
    with numpyro.plate("groups", GROUPS):  # before the globals in the model: so their order has to be minded
        eta = numpyro.sample("eta", dist.Normal(0, 1))
    mu = numpyro.sample("mu", dist.Normal(0, center))
    tau = numpyro.sample("tau", dist.HalfNormal(width))
    numpyro.sample("y", dist.Normal((mu + tau * eta)[data["group"]], NOISE), obs=data["y"])


def centered(data, *, center, width):
    mu = numpyro.sample("mu", dist.Normal(0, center))
    tau = numpyro.sample("tau", dist.HalfNormal(width))
    with numpyro.plate("groups", GROUPS):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
    numpyro.sample("y", dist.Normal(theta[data["group"]], NOISE), obs=data["y"])


def quick(function: Any) -> Any:
    return jax.jit(function, compiler_options=dict(QUICK_COMPILE))


def study(model: Any, **more: Any) -> mv.Study:
    return mv.Study(
        "a hundred groups",
        data={"y": Y, "group": GROUP},
        prepare=lambda raw: raw,
        model=model,
        estimands={"mu": "mu", "tau": "tau"},
        space=mv.Space(center=mv.prior(CENTERS), width=mv.prior(WIDTHS), **more),
    )


def log_marginal(mu: float, log_tau: float, center: float, width: float) -> float:
    """Log density of the globals, on the unconstrained scale, and all data: the effects integrated out, nats."""
    tau = np.exp(log_tau)
    count = np.bincount(GROUP, minlength=GROUPS)
    mean = np.bincount(GROUP, Y, minlength=GROUPS) / count
    apart = stats.norm.logpdf(Y, mean[GROUP], NOISE).sum()
    # Rows given their mean: their density is that around it over that of a mean at itself.
    means = stats.norm.logpdf(mean, mu, np.sqrt(tau**2 + NOISE**2 / count)) - stats.norm.logpdf(
        0.0, 0.0, NOISE / np.sqrt(count)
    )
    prior = stats.norm.logpdf(mu, 0, center) + stats.halfnorm.logpdf(tau, scale=width) + log_tau
    return float(apart + means.sum() + prior)


@pytest.fixture(scope="module", params=[hierarchy, centered], ids=["effects first", "centered"])
def family(request: pytest.FixtureRequest) -> Family:
    (found,), declined = families_of(mv.plan(study(request.param)))
    assert not declined
    return found


def test_log_joint_over_the_density_of_the_locals_is_the_marginal_of_the_globals(family: Family) -> None:
    """For each draw of the locals, as they are normal given the globals: so the weights know nothing of them."""
    (opened,) = family.opened
    assert opened.hierarchy is not None
    program = opened.program
    key = next(iter(program.members))
    universe = program.members[key].universe
    g = np.array([[0.9, np.log(0.4)], [0.5, np.log(0.7)], [1.2, np.log(0.2)]])[[0, 0, 1, 2]]
    with jax.enable_x64(True), TRACING:
        leaves = {path: leaf[0] for path, leaf in program.gather([key], "float64").items()}
        of_locals = locals_given(opened.hierarchy, opened.globals_first, chunk=2)

        def see(leaves: Any, g: Any) -> Any:
            given = of_locals(leaves, g, jax.random.key(3))
            z = opened.in_order(given.z)
            found = -jax.vmap(lambda z: opened.potential(leaves, z))(z) - given.log_density
            return given, z, found, -jax.vmap(lambda g: opened.learnt_potential(leaves, g))(g)

        given, z, found, by_laplace = quick(see)(leaves, g)
    labels = CENTERS[universe["center"]], WIDTHS[universe["width"]]
    expected = [log_marginal(mu, log_tau, *labels) for mu, log_tau in g]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    np.testing.assert_allclose(by_laplace, expected, rtol=1e-9)
    np.testing.assert_allclose(np.asarray(z)[:, opened.learnt], g)
    assert not np.asarray(given.short).any() and not np.allclose(z[0], z[1])


def test_locals_given_the_globals_are_draws_of_their_posterior(family: Family) -> None:
    """Normal with a known mean and sd in each group; 400 draws, so the worst of 100 z-scores is below 5."""
    (opened,) = family.opened
    assert opened.hierarchy is not None
    program, mu, tau, many = opened.program, 0.9, 0.4, 400
    with jax.enable_x64(True), TRACING:
        leaves = {path: leaf[0] for path, leaf in program.gather(list(program.members)[:1], "float64").items()}
        g = np.tile([mu, np.log(tau)], (many, 1))
        given = quick(locals_given(opened.hierarchy, opened.globals_first, chunk=100))(leaves, g, jax.random.key(4))
    effects = mu + tau * np.asarray(given.z)[:, 2:]  # both models have standard ones in the coordinates of a family
    precision = 1 / tau**2 + SIZES / NOISE**2
    mean = (mu / tau**2 + np.bincount(GROUP, Y) / NOISE**2) / precision
    scores = (effects.mean(axis=0) - mean) * np.sqrt(precision * many)
    assert np.abs(scores).max() < 5 and 0.7 < scores.std() < 1.3
    np.testing.assert_allclose(effects.var(axis=0) * precision, 1.0, atol=5 * np.sqrt(2 / many))


def test_a_network_of_many_locals_learns_their_globals_and_is_told_of_groups(family: Family) -> None:
    layout = layout_of(family, whitened=True)
    assert family.dimension == GROUPS + 2 and layout.dimension == 2
    assert (layout.groups, layout.index) == (GROUPS, ("/group",))
    assert layout.rows == len(Y) and layout.covariates == ((),)


def test_locals_that_cannot_be_drawn_given_globals_are_declined_with_the_reason() -> None:
    def no_plate(data):
        level = numpyro.sample("level", dist.Normal(0, 1).expand([LATENTS_MAX + 1]).to_event(1))
        numpyro.sample("y", dist.Normal(level, 1), obs=data["y"])

    def too_many_globals(data):
        slopes = numpyro.sample("slopes", dist.Normal(0, 1).expand([LATENTS_MAX + 1]).to_event(1))
        with numpyro.plate("groups", 5):
            effect = numpyro.sample("effect", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(slopes + effect.sum(), 1), obs=data["y"])

    def tied(data):
        """A walk: each local hangs on its neighbours, and all of them together on the globals."""
        scale = numpyro.sample("scale", dist.HalfNormal(1))
        with numpyro.plate("steps", 300):
            step = numpyro.sample("step", dist.Normal(0, 1))
        numpyro.sample("y", dist.Normal(scale * step.cumsum(), 1), obs=data["walk"])

    reasons = []
    for model, first in ((no_plate, "level"), (too_many_globals, "slopes"), (tied, "scale")):
        planned = mv.plan(
            mv.Study(
                model.__name__,
                data={"y": np.zeros(LATENTS_MAX + 1), "walk": np.zeros(300)},
                prepare=lambda raw: raw,
                model=model,
                estimands={"first": first_of(first)},
                space=mv.Space(),
            )
        )
        reasons.append(why_not_learnt(planned.programs[0]))
    assert all("a network learns 64 at most" in why for why in reasons)
    assert "no latent site of the model is inside a plate" in reasons[0]
    assert "65 of them are outside plates" in reasons[1]
    assert "300 numbers of the sites inside plates hang together" in reasons[2]


def first_of(name: str) -> Any:
    return lambda draws, data: draws[name].reshape(draws[name].shape[0], -1)[:, 0]


@pytest.mark.slow
@pytest.mark.parametrize("model", [hierarchy, centered], ids=["effects first", "centered"])
def test_a_hundred_groups_are_answered_as_quadrature_does(model: Any, small_engine: Amortized) -> None:
    """All universes green with weights worth most of the draws: posterior means, sds and the evidence."""
    more = {"geometry": mv.parameterization({"c": {}, "n": {"theta": LocScaleReparam(0)}})} if model is centered else {}
    planned: Plan = mv.plan(study(model, **more))
    answers = answer(replace(small_engine, draws=1000, whiten="auto"), planned)
    found = {outcome.key: outcome for _, outcomes in answers for outcome in outcomes if outcome.final}
    assert len(found) == len(planned.universes) == (8 if more else 4)
    assert sum(batch.purpose == TRAINING for batch, _ in answers) == 2
    for key, outcome in found.items():
        assert outcome.ok, outcome.message
        universe = planned.universes[key]
        exact = quadrature(CENTERS[universe["center"]], WIDTHS[universe["width"]])
        for name in ("mu", "tau"):
            numbers, (mean, sd) = outcome.estimates[name], exact[name]
            assert abs(numbers["mean"] - mean) < WITHIN * numbers["mcse_mean"] and numbers["mcse_mean"] < sd / 10
            assert numbers["sd"] == pytest.approx(sd, rel=WITHIN / np.sqrt(2 * numbers["ess_tail"]))
        diagnostics = outcome.diagnostics
        assert abs(diagnostics["log_marginal"] - exact["log"]) < WITHIN * diagnostics["log_marginal_mcse"]
        assert diagnostics["khat"] < 0.5 and diagnostics["importance_ess"] > 400


@pytest.mark.slow
def test_universes_that_are_red_are_sampled_from_draws_of_globals_and_locals() -> None:
    """After 20 steps of training, and with a gate that no weights pass."""
    engine = Amortized(
        draws=500,
        training=Schedule(batch=64, segment=20, steps=20),
        goal=Goal(green=2.0),
        couplings=2,
        width=32,
        tuning=None,
        gate=NetworkGate(ess_min=500),
    )
    results = mv.run(study(hierarchy), engine=engine)
    found = results.sql("select * from universes join estimates using (key, ok)")
    assert len(found) == 8 and found.ok.all() and found.escalated.str.contains("importance ESS").all()
    for row in found.itertuples():
        mean, sd = quadrature(CENTERS[row.center], WIDTHS[row.width])[row.estimand]
        assert abs(row.mean - mean) < WITHIN * row.mcse_mean < sd / 2


def quadrature(center: float, width: float) -> dict[str, Any]:
    """Means and sds of both globals, and the logarithm of the evidence, on a grid far finer than the posterior."""
    mu, log_tau = np.linspace(0.2, 1.4, 201), np.linspace(np.log(0.05), np.log(1.5), 201)
    log = np.array([[log_marginal(m, t, center, width) for t in log_tau] for m in mu])
    weights = np.exp(log - log.max())

    def whole(values: Any) -> float:
        return float(integrate.simpson(integrate.simpson(values * weights, x=log_tau), x=mu))

    total, found = whole(1.0), dict[str, Any]()
    for name, values in (("mu", mu[:, None]), ("tau", np.exp(log_tau)[None])):
        mean = whole(values) / total
        found[name] = mean, np.sqrt(whole((values - mean) ** 2) / total)
    return {**found, "log": np.log(total) + log.max()}
