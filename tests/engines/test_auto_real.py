"""Auto with the engines that it really asks: who answers what, and the same bits in a rerun."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from multiverse.engines.auto.audit import Audit
from multiverse.engines.auto.engine import Auto
from multiverse.engines.by_name import made_again
from multiverse.engines.engine import flat_settings, settings_of
from multiverse.engines.gate import WeightsGate
from multiverse.engines.laplace.engine import Laplace
from multiverse.executors.executor import Executor
from multiverse.planning.build import plan as make_plan
from multiverse.planning.plan import Plan
from multiverse.progress import no_progress
from multiverse.rerun.source import engine_of
from multiverse.results import Results
from multiverse.store.end_state import end_state
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run

KHAT = -1.5  # k-hat of these normal posteriors is -1.9 to -1.3: some pass
NO_PRICES = Audit(share=0.1)


@pytest.fixture(scope="module")
def fifty(normal_mean: ModuleType) -> Plan:
    return make_plan(normal_mean.study())


@pytest.fixture(scope="module")
def engine(normal_mean: ModuleType) -> Auto:
    laplace = Laplace(gate=WeightsGate(khat_max=KHAT))
    return Auto(
        laplace=laplace,
        reweight=None,
        amortized=None,
        warm_nuts=None,
        nuts=normal_mean.QUICK,
        audit=NO_PRICES,
        by_price=False,
    )


@pytest.fixture(scope="module")
def results(engine: Auto, fifty: Plan) -> Results:
    return run(fifty, engine=engine, store=MemoryStore(), progress=no_progress)


@pytest.mark.slow
def test_every_universe_is_right(results: Results, normal_mean: ModuleType) -> None:
    """Within 6 Monte Carlo standard errors, for 50 means."""
    table = results.table()
    assert set(table["engine"]) == {"laplace", "nuts"} and table["ok"].all()
    for row in table.to_dict("records"):
        assert abs(row["mean"] - normal_mean.exact(row).mean) < 6 * row["mcse_mean"]


def test_rows_say_why(results: Results) -> None:
    rows = results.sql(
        "select u.engine, u.escalated, d.audit_z, d.khat from universes u join diagnostics d using (key, run, attempt)"
    )
    by_laplace = rows[rows["engine"] == "laplace"]
    assert by_laplace["escalated"].isna().all() and (by_laplace["khat"] < KHAT).all()
    by_nuts = rows[rows["engine"] == "nuts"]
    audited = by_nuts["audit_z"].notna()
    assert audited.any() and (by_nuts["audit_z"][audited] < 5).all()
    assert by_nuts["escalated"][audited].str.startswith("laplace: audited, ").all()
    assert by_nuts["escalated"][~audited].str.startswith("laplace: Pareto k-hat is -1.").all()


def test_draws_of_two_engines_stand_in_one_array(results: Results, engine: Auto) -> None:
    draws = results.draws()["mu"]
    assert draws.shape == (50, max(engine.nuts.chains, engine.audit.chains), 1000)  # NaN where one has fewer
    means = draws.mean(("chain", "draw")).values  # those of Laplace bear equal weights: a resample
    np.testing.assert_allclose(means, results.table()["mean"], atol=0.2)


@pytest.mark.slow
def test_a_universe_is_rerun_by_the_engine_that_answered_it(results: Results, fifty: Plan) -> None:
    rows = results.sql("select key, engine, audit_z from universes join diagnostics using (key, run, engine)")
    some = rows.groupby(["engine", rows["audit_z"].notna()]).first()["key"]
    assert len(some) == 3  # by Laplace, by NUTS since it was red, by NUTS as an audit
    for (engine, _), key in some.items():
        again = results.rerun(key, fifty, progress=no_progress)
        assert again.same, again.comparison.changed
        assert again.setup.engine == engine
    assert results.verify(fifty, n=9, progress=no_progress).ok


def test_the_record_of_the_run(results: Results, engine: Auto, fifty: Plan) -> None:
    sections = results.record.sections
    assert sections["routes"] == {fifty.programs[0].id: "laplace, nuts"}
    assert sections["settings"]["laplace.gate.khat_max"] == str(KHAT)
    thresholds = sections["thresholds"]
    assert "chosen for this run" in thresholds["laplace.gate.khat_max: source"]
    assert {"nuts.gate.rhat_max", "nested.gate.khat_max", "audit.share", "audit.z_max"} <= thresholds.keys()
    assert all(thresholds[f"{name}: source"] for name in thresholds if not name.endswith(": source"))
    assert engine_of(results.record) == engine


def test_settings_can_be_made_again() -> None:
    for engine in (Auto(), Auto(nested=None, seed=3, audit=Audit(share=0))):
        assert made_again(Auto, flat_settings(settings_of(engine))) == engine


@pytest.mark.slow
def test_all_engines_in_a_run_that_is_stopped(engine: Auto, fifty: Plan) -> None:
    whole, usual = MemoryStore(), Auto()
    strict = Laplace(gate=WeightsGate(khat_max=KHAT - 0.15))  # so that a family is left that is worth reweighting
    every = replace(engine, laplace=strict, reweight=usual.reweight, warm_nuts=usual.warm_nuts, nuts=usual.nuts)
    results = run(fifty, store=whole, engine=every, progress=no_progress)
    assert {"laplace", "reweight", "nuts"} <= set(results.table()["engine"])
    parts = len(whole.names("part"))
    for stopped in range(1, parts, 2):
        store, left = MemoryStore(), [stopped]
        with pytest.raises(RuntimeError, match="stopped"):
            run(fifty, store=store, engine=every, executor=Stops(left), progress=no_progress)
        run(fifty, store=store, engine=every, progress=no_progress)
        assert end_state(store).equals(end_state(whole))
    assert results.verify(fifty, n=20, progress=no_progress).ok


class Stops(Executor):
    """An executor that stops after so many batches."""

    def __init__(self, left: list[int]) -> None:
        self.left = left

    def map(self, work: Any, batches: Any) -> Any:
        for batch in batches:
            if self.left[0] == 0:
                raise RuntimeError("the machine stopped")
            self.left[0] -= 1
            yield batch, work(batch)
