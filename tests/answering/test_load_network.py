"""A network is found again in its store, by whatever names the study; and what is missing is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import multiverse as mv
from multiverse.answering.load import load_network
from multiverse.answering.network import Network
from multiverse.engines.amortized.learner import Learner
from multiverse.engines.outcome import Outcome, Reason
from multiverse.loading import load_study
from multiverse.planning.build import plan
from multiverse.run_record import begin_run
from multiverse.store.folder import FolderStore
from multiverse.work import SweepWork


def test_the_study_is_found_in_the_record(two_sites: Path, network: Network) -> None:
    found = mv.load_network(two_sites.parent / "runs" / "two-sites", universe={"noise": "three"}, ready=False)
    assert found.universe == {"dropped": "none", "prior": "wide", "noise": "three"}
    assert "8 universes, 1 programs, 1 steps" in repr(found)
    key = next(key for key, universe in found.plan.universes.items() if universe == found.universe)
    again = mv.load_network(two_sites.parent / "runs" / "two-sites", network.plan, universe=key[:10], ready=False)
    assert again.universe == found.universe
    data = network.like
    assert np.array_equal(network.answer(data, noise="three").draws["sum"], found.answer(data).draws["sum"])


def test_a_store_without_a_network_names_the_command(two_sites: Path, tmp_path: Path) -> None:
    for kind in ("runs", "plans", "studies"):
        from_store = two_sites.parent / "runs" / "two-sites" / kind
        if from_store.exists():
            shutil.copytree(from_store, tmp_path / "bare" / kind)
    with pytest.raises(mv.MultiverseError, match=r"has trained no network yet") as error:
        mv.load_network(tmp_path / "bare", load_study(two_sites).study)
    assert "multiverse run study.py --engine amortized" in str(error.value)


LOST = "the loss of the network is no number from step 1 of 2,000 on"


def test_a_training_that_failed_at_once_says_why(two_sites: Path, network: Network, tmp_path: Path) -> None:
    study, engine, store = load_study(two_sites).study, network.engine, FolderStore(tmp_path / "lost")
    planned = plan(study)
    begin_run(store, planned, engine, "main")
    (segment,) = engine.ask(engine.init(planned))
    failed = Outcome(segment.keys[0], Reason.not_finite, LOST, final=False)
    SweepWork(store, engine, "main", {}).publish(segment, [failed])
    with pytest.raises(mv.MultiverseError, match=f"could not be trained: {LOST}") as error:
        load_network(store, study)
    assert "this version" not in str(error.value) and "mv.Schedule(" in str(error.value)


def test_universes_of_a_training_that_failed_are_red_with_its_reason(network: Network) -> None:
    """As where another family of the study has learnt."""
    (program,) = network.plan.programs
    lost = {program.id: Outcome("the carrier", Reason.not_finite, LOST, final=False)}
    some = Network(network.plan, network._binding, network.engine, [], network.source, lost=lost)
    for answer in (some.answer(some.like), *some.answer_all(some.like)):
        assert answer.outcome.reason == Reason.not_finite
        assert answer.outcome.message == f"its network could not be trained: {LOST}"


def test_another_run_and_another_study_are_refused(two_sites: Path) -> None:
    file = load_study(two_sites)
    with pytest.raises(mv.MultiverseError, match="Did you mean 'main'"):
        mv.load_network(file.store, file.study, run="mein")
    changed = mv.Study("other", data=file.study.data.assign(y=1.5), model=file.study.model, prepare=file.study.prepare,
                       estimands=file.study.estimands, space=file.study.space)  # fmt: skip
    with pytest.raises(mv.MultiverseError, match="another data"):
        mv.load_network(file.store, changed)


def test_a_network_of_another_shape_is_refused_in_words(two_sites: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(self: Learner, arrays: object) -> None:
        raise ValueError("these 4 arrays are not those of Shape(...)")

    monkeypatch.setattr(Learner, "taken", taken)
    file = load_study(two_sites)
    with pytest.raises(mv.MultiverseError, match="none that this version of multiverse trains: these 4 arrays"):
        mv.load_network(file.store, file.study)
