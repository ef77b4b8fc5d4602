"""The reweighting engine: its contract, closed forms, what anchors cannot reach, and sweeps that go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
import pytest
from scipy.stats import multivariate_normal, norm, truncnorm

import multiverse as mv
from multiverse.engines.engine import Batch, Engine
from multiverse.engines.gate import Gate, WeightsGate
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.reweight.engine import Reweight
from multiverse.errors import PlanError
from multiverse.planning.build import plan
from multiverse.planning.plan import Plan
from multiverse.store.end_state import end_state
from multiverse.store.folder import FolderStore
from multiverse.testing import EngineSuite
from multiverse.testing_engines import Answers, answer

ENGINE = Reweight(nuts=NUTS(warmup=200))  # for one program: the tests here share what is compiled
WITHIN = 4  # Monte Carlo standard errors; of some 300 comparisons one in fifty sets of seeds has a larger one
PADDED = ["two", "five", "eight"]  # rows dropped: one program
KEEP = ["mu", "twice", "residual"]  # by all: what is seen is compiled in


def planned_of(normal_mean: ModuleType, *at: Any) -> Plan:
    return plan(normal_mean.study(normal_mean.space(*at))).keeping(KEEP)


@pytest.fixture(scope="module")
def thirty(normal_mean: ModuleType) -> Plan:
    """Five priors, two noises and three data sets, in one program."""
    return planned_of(normal_mean, 5, 2, PADDED)


@pytest.fixture(scope="module")
def answered(thirty: Plan) -> mv.Results:
    return mv.run(thirty, engine=ENGINE, keep=KEEP)


def rows_of(results: mv.Results) -> pd.DataFrame:
    """Labels, estimates and diagnostics of the attempt that counts, by universe."""
    parts = [results.sql(f"select * from {view}") for view in ("universes", "estimates", "diagnostics")]
    universes, estimates, diagnostics = parts
    rows = universes.merge(estimates[["key", *estimates.columns.difference(universes.columns)]], on="key")
    other = diagnostics[["key", "attempt", *diagnostics.columns.difference(rows.columns)]]
    return rows.merge(other, on=["key", "attempt"])


@pytest.fixture(scope="module")
def twelve_here(normal_mean: ModuleType) -> Plan:
    return planned_of(normal_mean, 3, 2, PADDED[:2])


@pytest.fixture(scope="module")
def answers_here(twelve_here: Plan) -> Answers:
    return answer(ENGINE, twelve_here)


class TestContract(EngineSuite):
    @pytest.fixture
    def engine(self) -> Engine[Any]:
        return ENGINE

    @pytest.fixture
    def planned(self, twelve_here: Plan) -> Plan:
        return twelve_here

    @pytest.fixture
    def answers(self, answers_here: Answers) -> Answers:
        return answers_here


def test_a_conjugate_normal_is_answered_exactly(normal_mean: ModuleType, answered: mv.Results) -> None:
    rows = rows_of(answered)
    assert len(rows) == 30 and rows.ok.all() and rows.final.all()
    for _, row in rows.iterrows():
        exact = normal_mean.exact(row)
        assert abs(row["mean"] - exact.mean) < WITHIN * row.mcse_mean
        assert row.mcse_mean < exact.sd / 7
        assert row.sd == pytest.approx(exact.sd, rel=WITHIN / np.sqrt(2 * row.ess_tail))
        for name, p in (("q2_5", 0.025), ("median", 0.5), ("q97_5", 0.975)):
            error = np.sqrt(p * (1 - p) / row.ess_tail)
            assert norm(*exact).cdf(row[name]) == pytest.approx(p, abs=WITHIN * error)


def test_most_universes_are_answered_by_weights(answered: mv.Results) -> None:
    rows = rows_of(answered)
    assert rows.anchors.notna().sum() >= 22 and rows.anchors.max() <= 8
    assert set(rows.engine) == {"reweight"}
    first = rows[(rows.attempt == 1) & rows.anchors.isna()]
    assert "wide" in set(first.prior)


def test_differences_of_log_ratios_are_bayes_factors(normal_mean: ModuleType, answered: mv.Results) -> None:
    """Between universes that observe the same rows; which these are, a number says."""
    rows = rows_of(answered)
    assert rows.log_marginal.isna().all()
    assert (rows.groupby("dropped").log_ratio_of.nunique() == 1).all() and rows.log_ratio_of.nunique() == len(PADDED)
    exact = []
    for _, row in rows.iterrows():
        y = normal_mean.Y[normal_mean.DROPPED[row.dropped] :]
        mean, sd = normal_mean.PRIORS[row.prior]
        covariance = normal_mean.NOISES[row.noise] ** 2 * np.eye(len(y)) + sd**2
        exact.append(multivariate_normal(np.full(len(y), mean), covariance).logpdf(y))
    off = rows.log_ratio - np.array(exact)  # the same number for all, but for their errors
    reference = int(np.nanargmin(rows.log_ratio_mcse))
    assert rows.log_ratio_mcse[reference] < 1e-9  # to itself
    apart, known = (off - off[reference]).abs(), rows.log_ratio.notna()
    assert known.sum() >= 24  # the others share too few draws with the first anchor
    assert (apart < WITHIN * rows.log_ratio_mcse + 1e-9)[known].all()
    assert rows.log_ratio_mcse.median() < 0.1


def test_what_is_kept_are_draws_of_the_posterior(normal_mean: ModuleType, answered: mv.Results) -> None:
    draws = answered.draws(["mu", "twice", "log_prior"])
    rows = rows_of(answered).set_index("key")
    weighed = [key for key in draws["universe"].values if not np.isnan(rows.anchors[str(key)])]
    for key in weighed:
        one, row = draws.sel(universe=key), rows.loc[str(key)]
        mu = one["mu"].values[np.isfinite(one["mu"].values)]
        assert mu.size == ENGINE.draws
        assert abs(mu.mean() - row["mean"]) < WITHIN * row.mcse_mean
        np.testing.assert_allclose(one["twice"].values.ravel()[: mu.size], 2 * mu, rtol=1e-6)
        mean, sd = normal_mean.PRIORS[row.prior]
        np.testing.assert_allclose(one["log_prior"].values.ravel()[: mu.size], norm(mean, sd).logpdf(mu), rtol=1e-6)


def test_padded_rows_are_cut_off(thirty: Plan, answered: mv.Results) -> None:
    """A deterministic site with a value a row, in a universe that was weighed."""
    rows = rows_of(answered)
    key = rows[rows.anchors.notna() & (rows.dropped == "five")].key.iloc[0]
    residual = answered.draws("residual", keys=[key])["residual"]
    assert residual.shape[-1] == 24 - 5


def test_a_universe_has_the_same_bits_in_any_company(thirty: Plan) -> None:
    """From the same anchors."""
    state = ENGINE.init(thirty)
    (anchors,) = ENGINE.ask(state)
    sampled = ENGINE.fit(anchors, {})
    state = ENGINE.tell(state, anchors, [outcome.light() for outcome in sampled])
    asked = ENGINE.ask(state)
    together = {o.key: o for batch in asked for o in ENGINE.fit(batch, {anchors.id: sampled})}
    batch = asked[0]
    for key in batch.keys[::5]:
        (alone,) = ENGINE.fit(replace(batch, keys=(key,)), {anchors.id: sampled})
        assert str(alone.estimates) == str(together[key].estimates)
        assert str(alone.diagnostics) == str(together[key].diagnostics)
        for name, draws in alone.draws.items():
            np.testing.assert_array_equal(draws, together[key].draws[name])


def test_wide_universes_are_not_answered_from_narrow_anchors(normal_mean: ModuleType, tmp_path: Path) -> None:
    """The trap of a wider space: its anchors are there, and could not have visited the tails of the new priors."""
    narrow = planned_of(normal_mean, ["narrow"], 2, PADDED)
    first = mv.run(narrow, store=tmp_path / "store", engine=ENGINE, keep=KEEP)
    assert rows_of(first).ok.all()
    batches = set(rows_of(first).batch)
    whole = rows_of(mv.run(planned_of(normal_mean, 5, 2, PADDED), store=tmp_path / "store", engine=ENGINE, keep=KEEP))
    assert whole.ok.all() and batches < set(whole.batch)
    wide = whole[whole.prior.isin(["wide", "unit", "below"])]
    assert (wide.attempt > 1).all()  # red at first
    for _, row in whole.iterrows():
        assert abs(row["mean"] - normal_mean.exact(row).mean) < WITHIN * row.mcse_mean
    tried = FolderStore(tmp_path / "store").scan("part").to_pandas()
    assert set(tried[tried.reason.notna()].reason) <= {"reach", "khat", "ess"}
    missed = tried[tried.reason == "reach"].message
    assert len(missed) >= len(wide) and missed.str.contains("of its prior lies where anchors were not drawn to").all()


class Dying(mv.Local):
    """Runs so many batches, and then dies."""

    left = 0

    def map(self, work: Any, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        for batch in batches:
            if Dying.left == 0:
                raise KeyboardInterrupt
            Dying.left -= 1
            yield batch, work(batch)


@pytest.mark.parametrize("batches", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_killed_sweep_ends_like_one_that_was_not(thirty: Plan, tmp_path: Path, batches: int) -> None:
    """Its anchors are used again, and the same ones follow."""
    whole, killed = FolderStore(tmp_path / "whole"), FolderStore(tmp_path / "killed")
    mv.run(thirty, store=whole, engine=ENGINE, keep=KEEP)
    Dying.left = batches
    with pytest.raises(KeyboardInterrupt):
        mv.run(thirty, store=killed, engine=ENGINE, keep=KEEP, executor=Dying())
    before = len(killed.names("part"))
    results = mv.run(thirty, store=killed, engine=ENGINE, keep=KEEP)
    assert before == batches and results.status()["green"] == 30
    assert end_state(killed).equals(end_state(whole))


class InParts(mv.Local):
    """Fits each universe of a batch apart, from as little of its program as is sent, and publishes them together."""

    def map(self, work: Any, batches: Sequence[Batch]) -> Iterator[tuple[Batch, tuple[Outcome, ...]]]:
        for batch in batches:
            parts = [replace(batch, keys=(key,), program=batch.program.only([key])) for key in batch.keys]
            yield batch, work.publish(batch, [outcome for part in parts for outcome in work.fit(part)])


def test_fitted_in_parts_it_ends_as_if_it_were_not(thirty: Plan, tmp_path: Path) -> None:
    """Ratios of marginal likelihoods between the anchors of a batch are told once they are together."""
    whole, parts = FolderStore(tmp_path / "whole"), FolderStore(tmp_path / "parts")
    mv.run(thirty, store=whole, engine=ENGINE, keep=KEEP)
    mv.run(thirty, store=parts, engine=ENGINE, keep=KEEP, executor=InParts())
    assert end_state(parts).equals(end_state(whole))
    table = end_state(whole).to_pandas()
    assert table[table.purpose == "anchor"]["diagnostic:log_ratio"].notna().sum() > 1


def test_answers_are_had_again(answered: mv.Results) -> None:
    """Those that were weighed, from the anchors in the store, and those that were sampled."""
    assert answered.verify(n=6).ok
    rows = rows_of(answered)
    assert answered.rerun(rows[rows.anchors.notna()].key.iloc[0]).same


def bounded(data: Mapping[str, Any], *, prior: Any) -> None:
    level = numpyro.sample("level", prior)
    numpyro.sample("y", dist.Normal(level, 1.0), obs=data["y"])


ENDS = {"from 0 to 2": (0.0, 2.0), "from 0 to 4": (0.0, 4.0), "from 3 to 5": (3.0, 5.0), "from 1 to 3": (1.0, 3.0)}


def test_supports_that_do_not_match_are_seen() -> None:
    """What an anchor has outside a support weighs nothing; what no anchor can reach is red, and sampled next."""
    y = np.random.default_rng(0).normal(2.0, 1.0, 5)
    study = mv.Study(
        name="bounded",
        data={"y": y},
        model=bounded,
        estimands={"level": "level"},
        space=mv.Space(prior=mv.prior({name: dist.Uniform(*at) for name, at in ENDS.items()})),
    )
    planned = plan(study)
    by_label = {str(universe["prior"]): key for key, universe in planned.universes.items()}
    low, high = ENDS["from 0 to 4"]
    posterior = truncnorm((low - y.mean()) * 5**0.5, (high - y.mean()) * 5**0.5, y.mean(), 5**-0.5)
    level = posterior.rvs(ENGINE.draws, random_state=1)
    handed = {
        "site/level": level,
        "log_prior": np.full(len(level), -np.log(high - low)),
        "log_likelihood": norm(y[:, None], 1.0).logpdf(level).sum(axis=0),
        "log_prior_low": np.array(-np.log(high - low)),
        "place": np.array(0.0),
    }
    anchor = Outcome(by_label["from 0 to 4"], handed=handed)
    (program,) = planned.programs
    reads = Batch("b", program, tuple(by_label.values()), planned.wanted, reads=("a",), beside={"a": program})
    found = dict(zip(by_label, ENGINE.fit(reads, {"a": (anchor,)}), strict=True))
    assert found["from 3 to 5"].reason is Reason.reach
    assert "its priors allow level = 5, and those of no anchor do" in found["from 3 to 5"].message
    for name in ("from 0 to 2", "from 1 to 3"):
        assert found[name].ok, found[name].message
        low, high = ENDS[name]
        mean = truncnorm((low - y.mean()) * 5**0.5, (high - y.mean()) * 5**0.5, y.mean(), 5**-0.5).mean()
        estimates = found[name].estimates["level"]
        assert abs(estimates["mean"] - mean) < WITHIN * estimates["mcse_mean"]
        kept = found[name].draws["estimand/level"]
        assert low <= kept.min() and kept.max() <= high


SHUT = Gate(ess_per_chain=1e6)


def test_a_family_that_cannot_be_sampled_is_red(thirty: Plan) -> None:
    shut = Reweight(nuts=replace(ENGINE.nuts, gate=SHUT))
    few = thirty.without(thirty.keys[8:])
    answers = answer(shut, few)
    final = {outcome.key: outcome for _, outcomes in answers for outcome in outcomes if outcome.final}
    assert final.keys() == set(few.todo) and {outcome.reason for outcome in final.values()} == {Reason.reach}
    assert "could be sampled" in next(iter(final.values())).message
    assert sum(batch.purpose == "anchor" for batch, _ in answers) == 2


def test_anchors_are_no_more_than_wanted(thirty: Plan) -> None:
    """What is left red then is final, and has its numbers."""
    strict = Reweight(nuts=ENGINE.nuts, anchors_max=2, gate=WeightsGate(ess_min=900))
    answers = answer(strict, thirty)
    assert sum(len(batch) for batch, _ in answers if batch.purpose == "anchor") == 2
    final = [outcome for _, outcomes in answers for outcome in outcomes if outcome.final]
    assert len(final) == 30
    red = [outcome for outcome in final if not outcome.ok]
    assert red and all(outcome.estimates["mu"]["mean"] for outcome in red if outcome.reason is Reason.ess)


@pytest.mark.parametrize("wrong", [{"anchors_max": 0}, {"draws": 0}, {"draws": 1001}, {"draws": 4000}])
def test_settings_that_answer_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(PlanError, match=next(iter(wrong))):
        Reweight(**wrong)  # type: ignore[arg-type]


def test_a_price_is_told_of_models_only(thirty: Plan) -> None:
    (program,) = thirty.programs
    cheap, dear = (ENGINE.price(program, gradient) for gradient in (1e-6, 1e-4))
    assert cheap is not None and dear is not None
    assert cheap.once < dear.once and cheap.universe < dear.universe and cheap.compile == dear.compile
    assert ENGINE.price(replace(program, kind="plain"), 1e-6) is None


def heights(data: Mapping[str, Any], *, spread: Any, family: Any, scale: float) -> None:
    level = numpyro.sample("level", dist.Normal(0.0, scale))
    noise = numpyro.sample("noise", spread)
    numpyro.sample("y", family(level, noise), obs=data["y"])


def student(level: Any, noise: Any) -> Any:
    return dist.StudentT(4.0, level, noise)


VALUES = np.random.default_rng(3).standard_t(4, 20) + 1.0
SCALES = {"1": 1.0, "2": 2.0, "4": 4.0, "8": 8.0}


def quadrature(spread: Any, family: Any, scale: float) -> tuple[float, float]:
    """The posterior mean of the level and the log marginal likelihood, on a grid."""
    level, noise = (np.linspace(*at) for at in ((-6.0, 8.0, 701), (0.02, 8.0, 800)))
    grid = level[:, None], noise[None, :]
    log_joint = norm(0, scale).logpdf(grid[0]) + np.asarray(spread.log_prob(grid[1]), float)
    log_joint = log_joint + np.asarray(family(grid[0][..., None], grid[1][..., None]).log_prob(VALUES), float).sum(-1)
    density = np.exp(log_joint - log_joint.max())
    area = (level[1] - level[0]) * (noise[1] - noise[0])
    mean = float((density * grid[0]).sum() / density.sum())
    return mean, float(log_joint.max() + np.log(density.sum() * area))


@pytest.mark.slow  # compiles four programs, two of them for NUTS
def test_anchors_answer_across_programs() -> None:
    """Likelihoods and supports of other kinds: densities are compared on the scale of the model."""
    spreads = {"half normal": dist.HalfNormal(2.0), "uniform": dist.Uniform(0.0, 8.0)}
    families = {"normal": dist.Normal, "student": student}
    study = mv.Study(
        name="heights",
        data={"y": VALUES},
        model=heights,
        estimands={"level": "level"},
        space=mv.Space(spread=mv.prior(spreads), family=mv.likelihood(families), scale=mv.prior(SCALES)),
    )
    planned = plan(study)
    assert len(planned.programs) == 4
    rows = rows_of(mv.run(planned, engine=Reweight()))
    assert rows.ok.all() and rows.log_ratio_of.nunique() == 1
    sampled = rows[rows.anchors.isna()].program
    assert 0 < sampled.nunique() < rows.program.nunique() == 4
    known = []
    for _, row in rows.iterrows():
        mean, log_marginal = quadrature(spreads[row.spread], families[row.family], SCALES[row.scale])
        assert abs(row["mean"] - mean) < WITHIN * row.mcse_mean
        known.append(row.log_ratio - log_marginal)
    off, errors = np.array(known), rows.log_ratio_mcse.to_numpy()
    assert (np.abs(off - off[errors.argmin()]) < WITHIN * errors + 1e-3).all()  # the grid's error


def test_a_small_family_that_nuts_cannot_sample_comes_to_an_end(normal_mean: ModuleType) -> None:
    """Fewer universes than may fail in vain: each is sampled once, then all are red for good."""
    few = planned_of(normal_mean, 3, 1, PADDED[:1])
    state, seen = ENGINE.init(few), []
    while batches := ENGINE.ask(state):
        for batch in batches:
            seen.append(batch.purpose)
            red = tuple(Outcome(key, Reason.rhat, "red", attempt=batch.attempt, final=False) for key in batch.keys)
            state = ENGINE.tell(state, batch, red)
        assert len(seen) < 10
    assert set(seen[:-1]) == {"anchor"} and seen[-1] == "last"
