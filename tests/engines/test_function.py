"""Analyses that are any Python function: called one by one in processes, or compiled where JAX can trace them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

import multiverse as mv
from multiverse.engines.functions.engine import Function
from multiverse.engines.functions.processes import call_all
from multiverse.engines.outcome import Interval
from multiverse.errors import PlanError
from multiverse.planning.build import plan
from multiverse.planning.function_programs import Call
from multiverse.progress import no_progress
from multiverse.testing import OneShotEngineSuite

SOURCE = np.random.default_rng(3)
ROWS = 60
TABLE = pd.DataFrame({"x": SOURCE.normal(size=ROWS), "z": SOURCE.normal(size=ROWS), "group": ["a", "b"] * (ROWS // 2)})
TABLE["y"] = 1.0 + 0.5 * TABLE.x - 0.3 * TABLE.z + SOURCE.normal(size=ROWS)


def prepare(raw, *, cut):
    return raw[raw.y.abs() < cut]


def least_squares(data, *, shift, robust):
    fit = sm.OLS(data.y + shift, sm.add_constant(data[["x", "z"]])).fit(cov_type="HC3" if robust else "nonrobust")
    return mv.Estimate(fit.params["x"], fit.bse["x"], fit.df_resid)


SPACE = mv.Space(
    cut=mv.preprocessing({"all": 1e9, "tame": 2.0}),
    shift=mv.decision("data", {"none": 0.0, "one": 1.0}),
    robust=mv.decision("estimator", {"classic": False, "HC3": True}),
)


def study(**changes):
    given = {"name": "least squares", "data": TABLE, "prepare": prepare, "estimate": least_squares, "space": SPACE}
    return mv.Study(**{**given, "estimands": "slope", **changes})


def run(made: mv.Study, **settings):
    return mv.run(plan(made, progress=no_progress), progress=no_progress, **settings)


@pytest.fixture(scope="module")
def planned():
    """Draws, as the suite compares the draws of universes."""

    def estimate(data, *, shift, robust, rng):
        return rng.normal(data.y.mean() + shift, 1.0 + robust, (4, 200))

    return plan(study(estimate=estimate), progress=no_progress)


class TestFunctionIsAnEngine(OneShotEngineSuite):
    @pytest.fixture
    def planned(self, planned):
        return planned

    @pytest.fixture
    def engine(self):
        return Function()


def test_a_function_gives_what_it_gives_when_called():
    results = run(study())
    table = results.table("slope").set_index("key")
    assert len(table) == 8 and table["ok"].all() and set(table["interval"]) == {"confidence"}
    assert set(table["engine"]) == {"function"}
    for universe in results.plan.universes:
        labels = universe.labels
        data = prepare(TABLE, cut=SPACE.decisions["cut"].option(labels["cut"]).value)
        fit = least_squares(data, shift=0.0, robust=labels["robust"] == "HC3")  # a shift moves the intercept only
        row = table.loc[universe.key]
        t = stats.t(fit.df, fit.value, fit.se)
        np.testing.assert_allclose(
            [row["mean"], row["sd"], row["median"], row["q2_5"], row["q97_5"], row["p_positive"]],
            [fit.value, fit.se, fit.value, t.ppf(0.025), t.ppf(0.975), t.sf(0)],
            rtol=1e-9,
        )


def by_hand(data, *, shift, robust):
    """Least squares in JAX: the same numbers as statsmodels, and it can be traced."""
    x = jnp.stack([jnp.ones(len(data["x"])), jnp.asarray(data["x"]), jnp.asarray(data["z"])], axis=1)
    y = jnp.asarray(data["y"]) + shift
    inverse = jnp.linalg.inv(x.T @ x)
    beta = inverse @ x.T @ y
    residual, df = y - x @ beta, x.shape[0] - 3
    if robust:
        leverage = jnp.sum((x @ inverse) * x, axis=1)
        scores = x * (residual / (1 - leverage))[:, None]
        covariance = inverse @ scores.T @ scores @ inverse
    else:
        covariance = inverse * (residual @ residual) / df
    return mv.Estimate(beta[1], jnp.sqrt(covariance[1, 1]), df)


def test_what_jax_can_trace_is_compiled_for_many_universes_and_gives_the_same():
    shifts = {f"{shift:g}": shift for shift in np.linspace(0, 1, 9)}
    robust = mv.decision("estimator", {"HC3": True})
    space = mv.Space(cut=SPACE.decisions["cut"], shift=mv.decision("data", shifts), robust=robust)
    traced = plan(study(estimate=by_hand, space=space), progress=no_progress)
    assert [program.kind for program in traced.programs] == ["traced"] * 2  # two shapes of data
    called = plan(study(space=space), progress=no_progress)
    assert [program.kind for program in called.programs] == ["plain"]
    ours, theirs = (
        mv.run(p, progress=no_progress).table().set_index(["cut", "shift", "robust"]).sort_index()
        for p in (traced, called)
    )
    for name in ("mean", "sd", "q2_5", "q97_5", "p_positive"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-6)


def test_few_universes_of_a_shape_are_not_worth_compiling():
    assert [p.kind for p in plan(study(estimate=by_hand), progress=no_progress).programs] == ["plain"]


def test_every_kind_of_answer_has_its_own_kind_of_interval():
    def estimate(data, *, shift, rng):
        mean, n = float(data["y"].mean()), len(data["y"])
        return {
            "number": mean,
            "normal": mv.Estimate(mean, data["y"].std() / n**0.5),
            "draws": rng.normal(mean, 1.0, 400),
            "chains": rng.normal(mean, 1.0, (4, 250)),
        }

    names = ["number", "normal", "draws", "chains"]
    results = run(
        study(estimate=estimate, prepare=None, estimands=names, space=mv.Space(shift=SPACE.decisions["shift"]))
    )
    rows = results.sql("select * from estimates order by estimand, shift").set_index("estimand")
    assert {name: rows.loc[name, "interval"].iloc[0] for name in names} == {
        "number": Interval.none,
        "normal": Interval.confidence,
        "draws": Interval.credible,
        "chains": Interval.credible,
    }
    assert rows.loc["number", ["sd", "q2_5", "p_positive"]].isna().all(axis=None)
    mean = float(TABLE.y.mean())
    np.testing.assert_allclose(rows.loc["normal", "q97_5"], mean + stats.norm.ppf(0.975) * TABLE.y.std() / ROWS**0.5)
    # 1,000 independent draws: the mean is off by 1/sqrt(1000), and four of these are never exceeded
    np.testing.assert_allclose(rows.loc["chains", "mean"], mean, atol=4 / 1000**0.5)
    assert rows.loc["draws", "rhat"].isna().all() and rows.loc["chains", "rhat"].notna().all()
    assert dict(results.draws(["chains"]).sizes) == {"universe": 2, "chain": 4, "draw": 250}
    assert rows.loc["chains", "mean"].nunique() == 2  # each universe has random numbers of its own


def test_the_same_universe_has_the_same_random_numbers_in_another_space():
    def estimate(data, *, shift, rng):
        return rng.normal(size=50) + shift

    small = mv.Space(shift=SPACE.decisions["shift"])
    large = mv.Space(shift=mv.decision("data", {"two": 2.0, "one": 1.0, "none": 0.0}))
    a, b = (
        run(study(estimate=estimate, prepare=None, space=space)).table().set_index("shift")["mean"]
        for space in (small, large)
    )
    assert a["none"] == b["none"] and a["one"] == b["one"]


def test_chains_that_disagree_are_red():
    def estimate(data, *, shift, rng):
        return rng.normal(size=(4, 250)) + shift * np.arange(4)[:, None]

    results = run(study(estimate=estimate, prepare=None, space=mv.Space(shift=SPACE.decisions["shift"])))
    assert dict(zip(results.table()["shift"], results.table()["ok"], strict=True)) == {"none": True, "one": False}
    assert results.failures()["reason"].tolist() == ["rhat"]


def test_a_universe_that_raises_hangs_or_kills_its_process_takes_nobody_with_it():
    def estimate(data, *, how):
        if how == "raises":
            raise ZeroDivisionError("no rows in this group")
        if how == "hangs":
            time.sleep(600)
        if how == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        return {
            "nothing": np.nan,
            "negative": mv.Estimate(1.0, -1.0),
            "saturated": mv.Estimate(1.0, 0.5, 0),
        }.get(how, 1.0)

    hows = ("fine", "raises", "hangs", "dies", "nothing", "negative", "saturated", "fine too")
    space = mv.Space(how=mv.decision("data", {how: how for how in hows}))
    planned = plan(study(estimate=estimate, prepare=None, space=space), progress=no_progress)
    results = mv.run(planned, progress=no_progress, time_limit=8.0)
    reasons = results.failures().set_index("how")
    assert reasons["reason"].to_dict() == {
        "raises": "error",
        "hangs": "time",
        "dies": "crash",
        "nothing": "estimand",
        "negative": "estimand",
        "saturated": "estimand",
    }
    assert "no rows in this group" in reasons.loc["raises", "traceback"]
    assert reasons.loc["negative", "message"] == "the estimand 'slope' has se = -1"
    assert results.status() == {"planned": 8, "answered": 8, "green": 2, "red": 6}


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (None, "returned None, which is no estimate"),
        ((1.0, 0.5), "returned tuple (1.0, 0.5), which is no estimate"),
        ({"slpoe": 1.0}, "returned 'slpoe', where the estimands are 'slope'. Did you mean 'slope'?"),
        (mv.Estimate(1.0, df=3), "returned degrees of freedom without a standard error"),
        (np.zeros((2, 3, 4)), "returned an array of shape (2, 3, 4)"),
        (TABLE, "returned a DataFrame, which is no estimate"),
        (mv.Estimate("1"), "returned an Estimate whose value is str '1', not a number"),
    ],
)
def test_what_is_no_estimate_is_told_while_planning(returned, said):
    with pytest.raises(PlanError) as caught:
        plan(study(estimate=lambda data: returned, prepare=None, space=mv.Space()), progress=no_progress)
    (problem,) = caught.value.problems
    assert said in problem.what
    assert "mv.Estimate(value, se, df)" in problem.expected


def test_an_engine_for_models_is_refused():
    with pytest.raises(PlanError, match="the engine 'nuts' cannot run an `estimate` function"):
        run(study(), engine="nuts")


def test_data_of_any_kind_reach_the_function():
    class Panel:
        def __init__(self, table):
            self.table = table

    def estimate(data, *, shift):
        return data["panel"].table["y"].mean() + (data["name"] == "radon") * shift

    made = study(
        estimate=estimate,
        prepare=lambda raw: {"panel": Panel(raw), "name": "radon"},
        space=mv.Space(shift=SPACE.decisions["shift"]),
    )
    table = run(made).table().set_index("shift")
    np.testing.assert_allclose(table["mean"].loc[["none", "one"]], TABLE.y.mean() + np.array([0.0, 1.0]))


def test_a_function_that_changes_its_data_spoils_nothing():
    def estimate(data, *, shift):
        data["y"] += shift
        return float(np.mean(data["y"]))

    raw = {"y": np.arange(4.0), "names": ["a"]}  # text beside numbers: nothing to trace
    made = study(data=raw, estimate=estimate, prepare=None, space=mv.Space(shift=SPACE.decisions["shift"]))
    table = run(made).table().set_index("shift")
    assert table.loc["none", "mean"] == 1.5 and table.loc["one", "mean"] == 2.5
    assert raw["y"].tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_processes_answer_says_which_call_failed():
    def work(data, *, by):
        return data / by if by else data // by

    answers = list(call_all([Call(work, 6, {"by": by}) for by in (1, 0, 3)], float))
    assert [a.value for a in answers] == [6.0, None, 2.0]
    assert [a.failure for a in answers] == ["", "raised", ""]
    assert "ZeroDivisionError" in answers[1].message


def test_a_process_computes_on_one_core():
    def work(data):
        threads = len(os.listdir("/proc/self/task"))
        np.ones((300, 300)) @ np.ones((300, 300))
        return len(os.listdir("/proc/self/task")) - threads

    (answer,) = call_all([Call(work, None, {})], float)
    assert answer.value == 0.0
    (told,) = call_all([Call(lambda data: float(os.environ["OPENBLAS_NUM_THREADS"]), None, {})], float)
    assert told.value == 1.0


SCRIPT = """
import os, sys, time
import multiverse as mv

def estimate(data, *, i):
    open(f"{data}/{os.getpid()}", "w").close()
    if i != "0":
        time.sleep(600)
    return 1.0

space = mv.Space(i=mv.decision("data", {str(i): str(i) for i in range(8)}))
mv.run(mv.Study("sleepers", data=sys.argv[1], estimate=estimate, space=space))
"""


@pytest.mark.slow
def test_processes_do_not_outlive_a_script_that_is_killed(tmp_path):
    """And a script needs no `if __name__ == '__main__'`: it runs once."""
    script, seen = tmp_path / "script.py", tmp_path / "seen"
    script.write_text(textwrap.dedent(SCRIPT))
    seen.mkdir()
    process = subprocess.Popen([sys.executable, str(script), str(seen)], stderr=subprocess.DEVNULL)
    patience = time.monotonic() + 120
    workers: set[int] = set()
    while len(workers) < 2 and time.monotonic() < patience and process.poll() is None:
        workers = {int(path.name) for path in seen.iterdir()} - {process.pid}
        time.sleep(0.1)
    assert workers, "no process of the pool began"
    process.kill()
    process.wait()
    while any(map(_runs, workers)) and time.monotonic() < patience:
        time.sleep(0.1)
    assert not any(map(_runs, workers))


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
