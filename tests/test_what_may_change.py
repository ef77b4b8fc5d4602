"""What may change between two calls of one run, and what is refused by name."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from multiverse.engines.laplace.engine import Laplace
from multiverse.errors import FingerprintError, PlanError, StoreError
from multiverse.planning.plan import Plan
from multiverse.progress import no_progress
from multiverse.results import Results
from multiverse.store.memory import MemoryStore
from multiverse.sweep import run

QUICK = Laplace(draws=100, starts=2)  # compiles in a third of the time of NUTS


def test_changed_settings_are_refused_by_name(twelve: Plan, normal_mean: ModuleType, exact_engines: ModuleType) -> None:
    store, engine = MemoryStore(), exact_engines.OneRound()
    run(twelve, store=store, engine=engine, progress=no_progress)
    with pytest.raises(StoreError, match="draws: was 50, is 60") as refused:
        run(twelve, store=store, engine=exact_engines.OneRound(draws=60), progress=no_progress)
    assert "run='longer'" in str(refused.value)
    with pytest.raises(StoreError, match="seed: was 0, is 3"):
        run(twelve, store=store, engine=engine, seed=3, progress=no_progress)
    with pytest.raises(StoreError, match="keep: was 'estimands', is 'all'"):
        run(twelve, store=store, engine=engine, keep="all", progress=no_progress)
    with pytest.raises(StoreError, match="engine: was 'one_round', is 'nuts'"):
        run(twelve, store=store, engine=normal_mean.QUICK, progress=no_progress)
    assert len(store.names("run")) == 1


def test_a_changed_gate_is_a_changed_setting(twelve: Plan, normal_mean: ModuleType) -> None:
    store = MemoryStore()
    nobody = twelve.without(twelve.keys)
    run(nobody, store=store, engine=normal_mean.QUICK, progress=no_progress)
    stricter = replace(normal_mean.QUICK, gate=replace(normal_mean.OPEN, rhat_max=1.05))
    with pytest.raises(StoreError, match=r"gate\.rhat_max: was inf, is 1\.05"):
        run(nobody, store=store, engine=stricter, progress=no_progress)


def test_two_runs_with_other_settings_share_a_store(twelve: Plan, exact_engines: ModuleType) -> None:
    store, engine = MemoryStore(), exact_engines.OneRound()
    first = run(twelve, store=store, engine=engine, progress=no_progress)
    second = run(twelve, store=store, engine=engine, seed=1, run="again", progress=no_progress)
    assert first.status() == second.status()
    assert len(first.sql("select * from universes")) == 24
    assert not np.array_equal(first.draws()["mu"].values, second.draws()["mu"].values)
    assert len(first.table()) == len(second.table()) == 12
    with pytest.raises(StoreError, match="same settings as the run 'main'"):
        run(twelve, store=store, engine=engine, run="third", progress=no_progress)


def test_another_run_keeps_other_draws(twelve: Plan) -> None:
    few, store = twelve.without(twelve.keys[2:]), MemoryStore()
    run(few, store=store, engine=QUICK, progress=no_progress)
    more = run(few, store=store, engine=QUICK, keep=["twice"], run="more", progress=no_progress)
    kept = more.draws(["mu", "twice"])
    np.testing.assert_array_equal(kept["twice"], 2 * kept["mu"])
    np.testing.assert_array_equal(Results(store, "main").draws()["mu"], kept["mu"])


@pytest.mark.parametrize("part", ["prepare", "model", "data"])
def test_a_changed_study_is_refused_and_named(normal_mean: ModuleType, exact_engines: ModuleType, part: str) -> None:
    def halved(raw: Mapping[str, np.ndarray], *, dropped: int) -> dict[str, np.ndarray]:
        return {"y": raw["y"][dropped:] / 2}

    def doubled(data: Mapping[str, Any], *, prior: Any, noise: float) -> None:
        normal_mean.model({"y": data["y"] * 2}, prior=prior, noise=noise)

    changes = {"prepare": halved, "model": doubled, "data": {"y": normal_mean.Y + 1}}
    space = normal_mean.space(1, 1, 1)
    store = MemoryStore()
    run(normal_mean.study(space), store=store, engine=exact_engines.OneRound(), progress=no_progress)
    with pytest.raises(StoreError, match=rf"another {part}\."):
        changed = normal_mean.study(space, **{part: changes[part]})
        run(changed, store=store, engine=exact_engines.OneRound(), progress=no_progress)


def test_options_may_come_and_go_and_only_new_universes_are_answered(
    normal_mean: ModuleType, exact_engines: ModuleType, fitted: list[str]
) -> None:
    store, engine = MemoryStore(), exact_engines.OneRound()

    def answered(priors: int) -> tuple[Results, int]:
        fitted.clear()
        results = run(
            normal_mean.study(normal_mean.space(priors, 2, 1)), store=store, engine=engine, progress=no_progress
        )
        return results, len(fitted)

    assert answered(2)[1] == 1  # 4 universes, a batch of 4
    wider, batches = answered(4)
    assert (batches, wider.status()["answered"]) == (1, 8)
    narrower, batches = answered(2)
    assert (batches, narrower.status()["planned"], len(narrower.table())) == (0, 4, 4)
    again, batches = answered(4)
    assert (batches, again.status()["answered"], len(again.table())) == (0, 8, 8)


def test_a_new_label_is_no_new_universe(normal_mean: ModuleType, exact_engines: ModuleType, fitted: list[str]) -> None:
    store, engine, space = MemoryStore(), exact_engines.TwoRounds(), normal_mean.space(2, 1, 1)
    run(normal_mean.study(space), store=store, engine=engine, progress=no_progress)
    fitted.clear()
    normal_mean.PRIORS["very wide"] = normal_mean.PRIORS["wide"]
    try:
        renamed = normal_mean.study(normal_mean.space(["very wide", "unit"], 1, 1))
        results = run(renamed, store=store, engine=engine, progress=no_progress)
    finally:
        del normal_mean.PRIORS["very wide"]
    assert not fitted
    assert set(results.table()["prior"]) == {"very wide", "unit"}


def doubled(draws: Mapping[str, Any]) -> Any:
    return 2 * draws["mu"]


def plain(draws: Mapping[str, Any]) -> Any:
    return draws["mu"]


@pytest.mark.slow
def test_an_estimand_whose_sites_were_not_kept_says_what_must_run_again(normal_mean: ModuleType) -> None:
    store, space, engine = MemoryStore(), normal_mean.space(2, 1, 1), QUICK

    def answer(estimands: Mapping[str, Any], name: str = "main") -> Results:
        return run(
            normal_mean.study(space, estimands=estimands), store=store, engine=engine, run=name, progress=no_progress
        )

    answer({"mu": plain, "double": doubled})
    with pytest.raises(StoreError, match="answered 2 universes without 'other', and kept no draws of 'mu'") as refused:
        answer({"mu": plain, "other": doubled})
    assert "run='with other' and keep='all'" in str(refused.value)
    with pytest.raises(StoreError, match="2 universes for another estimand 'double': it has changed"):
        answer({"double": lambda draws: 3 * draws["mu"]})
    assert len(store.names("run")) == 1
    fewer = answer({"double": doubled})
    assert fewer.estimands == ("double",)
    assert answer({"double": doubled, "mu": plain}).table("mu")["mean"].notna().all()
    beside = answer({"mu": plain, "other": doubled}, "with other")
    np.testing.assert_array_equal(beside.table("other")["mean"], fewer.table("double")["mean"])
    assert len(store.names("part")) == 2


def test_an_estimand_without_identity_is_an_error(normal_mean: ModuleType, exact_engines: ModuleType) -> None:
    mystery = threading.Lock()
    study = normal_mean.study(normal_mean.space(1, 1, 1), estimands={"mu": lambda draws: (draws["mu"], mystery)[0]})
    with pytest.raises((FingerprintError, PlanError), match="lock"):
        run(study, engine=exact_engines.OneRound(), progress=no_progress)
