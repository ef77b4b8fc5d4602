"""What is said of answers that no density vouches for, in every table, figure and command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from click.testing import CliRunner

import multiverse as mv
from multiverse.aggregate.verified import UNVERIFIED, remark, unverified
from multiverse.cli.main import main
from multiverse.engines.by_name import ENGINES, check_engine, usual_engine
from multiverse.engines.engine import Batch
from multiverse.engines.estimates import summarise
from multiverse.engines.one_shot import OneShot, batches, begin
from multiverse.engines.outcome import ESTIMAND, DrawsName, Outcome
from multiverse.errors import PlanError, ResultError
from multiverse.identity.keys import rng_words
from multiverse.planning.plan import Plan
from multiverse.progress import no_progress

DRAWS = 200
PARAMETERS = {"contacts": (-0.7, 0.5), "days": (1.5, 0.3)}  # the logarithms' means and standard deviations


@dataclass(frozen=True)
class PriorAlone:
    """Learns nothing of the data: answers with draws from the prior of the epidemic."""

    name: ClassVar[str] = "amortized"
    takes: ClassVar[tuple[str, ...]] = ("model", "simulate")
    dtype: ClassVar[str] = "float32"

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> OneShot:
        return begin(plan, before)

    def ask(self, state: OneShot) -> Sequence[Batch]:
        return batches(self, state, lambda program: 1, 8)

    def fit(self, batch: Batch, given: Any) -> tuple[Outcome, ...]:
        return tuple(self._answer(batch, key) for key in batch.keys)

    def tell(self, state: OneShot, batch: Batch, outcomes: Sequence[Outcome]) -> OneShot:
        return state.told(batch)

    def _answer(self, batch: Batch, key: str) -> Outcome:
        source = np.random.default_rng(rng_words(0, key, batch.attempt))
        draws = {name: np.exp(source.normal(*of, 2 * DRAWS)) for name, of in PARAMETERS.items()}
        (estimand,) = batch.wanted.estimands
        values = estimand(draws, batch.program.data(key), {}).reshape(2, DRAWS)
        told = {name: float(number[0]) for name, number in summarise(values[None]).items()}
        return Outcome(
            key,
            draws={str(DrawsName(ESTIMAND, estimand.name)): values.astype(np.float32)},
            estimates={estimand.name: told},
            diagnostics={"density_known": 0.0},
            attempt=batch.attempt,
        )


@pytest.fixture(scope="module")
def store(tmp_path_factory, only_simulate):
    return tmp_path_factory.mktemp("unverified") / "epidemic"


@pytest.fixture(scope="module")
def results(store, only_simulate):
    return mv.run(only_simulate.epidemic, engine=PriorAlone(), store=store, progress=no_progress)


@pytest.fixture(scope="module")
def verified(normal_mean, exact_engines):
    return mv.run(normal_mean.study(normal_mean.space(2, 1, 1)), engine=exact_engines.OneRound(), progress=no_progress)


def test_only_calibration_is_remarked_on():
    assert unverified("calibration").startswith("Unverified by density: ")
    assert remark("calibration") == "; unverified by density"
    assert [unverified(word) + remark(word) for word in ("", "density")] == ["", ""]


def test_every_row_says_it(results, verified):
    for view in ("universes", "estimates"):
        assert set(results.sql(f"select verified_by from {view}")["verified_by"]) == {"calibration"}
        assert set(verified.sql(f"select verified_by from {view}")["verified_by"]) == {"density"}
    assert set(results.sql("select density_known from diagnostics")["density_known"]) == {0.0}
    assert verified.sql("select density_known from diagnostics")["density_known"].isna().all()
    assert set(results.table()["verified_by"]) == {"calibration"}
    assert "verified_by" not in verified.table()


def test_every_aggregate_says_it(results, verified):
    for ask in ("summary", "uncertainty", "attribution", "interactions", "agreement", "flips"):
        assert UNVERIFIED in repr(getattr(results, ask)()), ask
        assert UNVERIFIED not in repr(getattr(verified, ask)()), ask
    for table in (results.summary(), results.running(), results.compare(results)):
        assert unverified("calibration") in repr(table)
    assert UNVERIFIED in repr(results)
    assert UNVERIFIED in results._repr_html_()
    assert UNVERIFIED not in repr(verified)


def test_the_figure_says_it(results, verified):
    assert unverified("calibration") in results.curve().caption
    assert UNVERIFIED.capitalize() not in verified.curve().caption


def test_what_needs_a_likelihood_is_refused(results):
    with pytest.raises(ResultError, match="a simulator tells no likelihood"):
        results.estimates(weigh="evidence")
    with pytest.raises(ResultError):
        results.power_scaling()


@pytest.mark.usefixtures("results")
@pytest.mark.parametrize("command", [["status"], ["show"], ["curve", "-o", "curve.svg"]])
def test_commands_say_it(command, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, *rest = command
    told = CliRunner().invoke(main, [first, str(store), *rest])
    assert told.exit_code == 0, told.output
    said = " ".join(told.output.split()) + "".join(file.read_text() for file in tmp_path.glob("*.txt"))
    assert "nverified by density" in said


STUDY = """
import jax
import numpy as np
import numpyro.distributions as dist

import multiverse as mv


def simulate(key, parameters, data, *, noise):
    return {"y": parameters["level"] + noise * jax.random.normal(key, data["y"].shape)}


study = mv.Study(
    "levels",
    data={"y": np.linspace(0.0, 1.0, 9)},
    prior={"level": dist.Normal(0, 5)},
    simulate=simulate,
    estimands={"level": "level"},
    space=mv.Space(noise=mv.likelihood(small=0.5, large=2.0)),
)
"""


def test_plan_and_run_of_a_study_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(ENGINES, "amortized", PriorAlone)
    monkeypatch.setitem(PARAMETERS, "level", (0.0, 1.0))
    (tmp_path / "levels.py").write_text(STUDY)
    planned = CliRunner().invoke(main, ["plan", "levels.py"])
    assert planned.exit_code == 0, planned.output
    assert "2 universes in 1 program" in planned.output
    assert "the study only simulates" in planned.output
    ran = CliRunner().invoke(main, ["run", "levels.py"])
    assert ran.exit_code == 0, ran.output
    assert "Unverified by density" in ran.output
    refused = CliRunner().invoke(main, ["plan", "levels.py", "--engine", "laplace"])
    assert refused.exit_code == 2
    assert "needs a density" in refused.output


def test_engines_are_asked_for_what_they_take(only_simulate, normal_mean):
    simulates, model = only_simulate.epidemic, normal_mean.study()
    function = mv.Study("mean", data=[1.0], estimate=lambda data: 1.0)
    assert [usual_engine(study) for study in (simulates, model, function)] == ["amortized", "auto", "function"]
    for engine in (mv.NUTS(), mv.Laplace(), mv.NestedLaplace(), mv.Reweight(), mv.Auto(), mv.Function()):
        with pytest.raises(PlanError, match="needs a density, and the study 'epidemic' has none"):
            check_engine(simulates, engine)
    for study in (simulates, model):
        check_engine(study, PriorAlone())
    for study, engine in ((function, PriorAlone()), (function, mv.NUTS()), (model, mv.Function())):
        with pytest.raises(PlanError, match="cannot run"):
            check_engine(study, engine)
