from __future__ import annotations

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.reparam import LocScaleReparam
from scipy.stats import norm

import multiverse as mv
from multiverse.calibrating.answer import UNANSWERED, Answer, tabulated
from multiverse.calibrating.calibrate import calibrate
from multiverse.calibrating.calibration import Calibration
from multiverse.calibration.simulations import WHOLE
from multiverse.errors import PlanError, ResultError
from multiverse.progress import no_progress

DRAWS = 400


def exact(normal_mean, simulated, key):
    """Mean and sd of the posterior of mu given the data set, in closed form."""
    universe, program = simulated.plan.universes[key], simulated.plan.program_of[key]
    y = program.leaves(key)["observed: y"][: program.members[key].rows_kept]
    mean, sd = normal_mean.PRIORS[universe["prior"]]
    noise = normal_mean.NOISES[universe["noise"]]
    precision = sd**-2 + len(y) * noise**-2
    return (mean * sd**-2 + y.sum() * noise**-2) / precision, precision**-0.5, y, noise


def answers(normal_mean, simulated, *, narrow=1.0, name="exact"):
    for place, key in enumerate(simulated.origins):
        mean, sd, y, noise = exact(normal_mean, simulated, key)
        mu = np.random.default_rng(place).normal(mean, narrow * sd, DRAWS)
        likelihood = norm.logpdf(y[:, None], mu, noise).sum(axis=0)
        log_weights = None if narrow == 1 else norm.logpdf(mu, mean, sd) - norm.logpdf(mu, mean, narrow * sd)
        draws = {"mu": mu, "log likelihood": likelihood}
        yield Answer(key, draws, name)
        if narrow != 1:
            yield Answer(key, draws, f"{name}, corrected", log_weights=log_weights)


def test_exact_answers_pass_every_check(normal_mean, simulated):
    found = Calibration(tabulated(simulated, answers(normal_mean, simulated)), "normal mean")
    assert found.ok
    assert "none of" in repr(found)
    whole = found.recovery().table.query("decision == @WHOLE")
    assert whole["quantity"].tolist() == ["mu"]  # a log likelihood is not recovered
    assert found.recovery().table["contraction"].between(0, 1).all()
    assert WHOLE in found.sbc().table["option"].tolist()


def test_answers_before_and_after_their_correction_are_kept_apart(normal_mean, simulated):
    found = Calibration(tabulated(simulated, answers(normal_mean, simulated, narrow=1.6, name="network")), "x")
    assert found.simulations.answers == ("network", "network, corrected")
    assert not found.sbc("network").ok
    assert found.sbc("network").outside["verdict"].tolist()[0] == "too wide"
    assert found.ok
    assert (found.table.query("answers == 'network, corrected'")["ess"] < DRAWS).all()


def test_an_engine_that_returns_the_prior_is_found_by_the_likelihood(normal_mean, simulated):
    """Its places of mu are uniform; those of the log likelihood are not (Modrák et al. 2023)."""

    def prior():
        for place, key in enumerate(simulated.origins):
            _, _, y, noise = exact(normal_mean, simulated, key)
            at = normal_mean.PRIORS[simulated.plan.universes[key]["prior"]]
            mu = np.random.default_rng(10_000 + place).normal(*at, DRAWS)
            likelihood = norm.logpdf(y[:, None], mu, noise).sum(axis=0)
            yield Answer(key, {"mu": mu, "log likelihood": likelihood}, "prior")

    found = Calibration(tabulated(simulated, prior()), "x").sbc()
    assert not found.ok
    assert set(found.outside["quantity"]) == {"log likelihood"}


def test_what_was_not_answered_is_counted(normal_mean, simulated):
    some = list(answers(normal_mean, simulated))[:150]
    told = Calibration(tabulated(simulated, some), "x").sbc().told
    assert (told.simulations, told.green, told.reasons) == (200, 150, {UNANSWERED: 50})


def test_an_engine_answers_as_in_any_run(planned):
    """Laplace is exact here; a gate that nothing passes makes all red, and nothing is judged."""
    found = calibrate(planned, engine="laplace", simulations=80, seed=1, progress=no_progress)
    assert found.ok
    assert found.simulations.answers == ("laplace",)
    assert set(found.table["engine"]) == {"laplace"}
    assert (found.table["ess"] > 500).all()
    strict = mv.Laplace(gate=mv.WeightsGate(ess_min=1e9))
    red = calibrate(planned, engine=strict, simulations=40, seed=1, progress=no_progress)
    assert not red.ok
    assert red.sbc().told.reasons == {"ess": 40}
    assert np.isfinite(red.sbc().table["p_with_red"].iloc[0])
    with pytest.raises(ResultError, match="none of 40 simulated data sets"):
        red.figure("sbc")


@pytest.mark.slow
@pytest.mark.parametrize("engine", [mv.NUTS(warmup=300, draws=300), mv.Auto()])
def test_every_engine_is_calibrated(planned, engine):
    found = calibrate(planned, engine=engine, simulations=160, seed=2, progress=no_progress)
    assert found.ok
    assert found.sbc().told.green >= 150


SE = np.array([1.5, 1.0, 1.6, 1.1, 0.9, 1.1])


def schools(data):
    mu = numpyro.sample("mu", dist.Normal(0, 2))
    tau = numpyro.sample("tau", dist.HalfNormal(1))
    with numpyro.plate("school", len(SE)):
        theta = numpyro.sample("theta", dist.Normal(mu, tau))
        numpyro.sample("y", dist.Normal(theta, data["se"]), obs=data["y"])


@pytest.mark.slow
def test_a_hierarchy_is_calibrated_in_both_geometries():
    """Seeds 2 to 14 pass. The truths of seed 1 are a false alarm: theta[2] is off for NUTS (p 0.0002) as for nested."""
    space = mv.Space(geometry=mv.parameterization({"centered": {}, "non-centered": {"theta": LocScaleReparam(0)}}))
    study = mv.Study("schools", data={"y": SE, "se": SE}, model=schools, estimands={"mu": "mu"}, space=space)
    found = calibrate(study, engine="nested", simulations=300, seed=3, progress=no_progress)
    assert found.ok
    quantities = found.simulations.quantities
    assert quantities == ("mu", "tau", *(f"theta[{i}]" for i in range(6)), "log likelihood")  # and no theta_decentered
    told = found.sbc().table.query("decision == @WHOLE")
    assert told["n"].nunique() == 1
    assert told["n"].iloc[0] > 200


def test_mistakes_are_told_before_anything_is_simulated(planned, normal_mean):
    with pytest.raises(PlanError, match="Did you mean 'laplace'"):
        calibrate(planned, engine="laplase", progress=no_progress)
    with pytest.raises(PlanError, match="function"):
        calibrate(planned, engine="function", progress=no_progress)


@pytest.mark.slow
def test_figures(normal_mean, simulated, tmp_path):
    found = Calibration(tabulated(simulated, answers(normal_mean, simulated)), "normal mean")
    for check, first in (("sbc", "Simulation-based"), ("coverage", "Coverage of"), ("recovery", "Recovery of")):
        figure = found.figure(check, width="89mm")
        assert figure.caption.startswith(first)
        assert "nothing of the data at hand" in figure.caption
        assert figure.chart.to_dict()["vconcat"]
    path, data, _ = figure.save(tmp_path / "recovery.svg")
    assert 'width="89mm"' in path.read_text(encoding="utf-8")
    assert len(data.read_text(encoding="utf-8").splitlines()) == len(figure.table) + 1
    with pytest.raises(ResultError, match="Did you mean 'sbc'"):
        found.figure("sb")
