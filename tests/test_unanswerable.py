"""Universes that cannot be answered are red with a reason; all the others are answered."""

from __future__ import annotations

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.errors import PlanError
from multiverse.planning.build import plan
from multiverse.progress import no_progress

QUICK = mv.Laplace(draws=200, starts=2)  # compiles in a third of the time of NUTS
RAW = {"y": np.random.default_rng(5).normal(1.0, 1.0, 20)}


def prepare(raw, *, rows):
    if rows == "none":
        return {"y": raw["y"][:0]}
    if rows == "broken":
        raise LookupError("no such rows")
    return raw if rows == "all" else {"y": np.where(np.arange(20) == 3, np.nan, raw["y"])}


def model(data, *, family):
    level = numpyro.sample("level", dist.Normal(0, 5))
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(level, scale_of(family)), obs=data["y"])


def scale_of(family):
    if isinstance(family, str):
        raise TypeError("a family without a scale")
    return family


def effect(draws, data, *, family):
    if family == WIDE:
        raise ZeroDivisionError("nobody is treated")
    return draws["level"]


WIDE = 3.0
SPACE = mv.Space(
    rows=mv.preprocessing({"all": "all", "none": "none", "broken": "broken", "missing": "missing"}),
    family=mv.likelihood(normal=1.0, wide=WIDE, unheard_of="unheard of"),  # the numbers are one program
)
STUDY = mv.Study("broken in part", data=RAW, prepare=prepare, model=model, estimands={"effect": effect}, space=SPACE)


@pytest.fixture(scope="module")
def planned():
    return plan(STUDY, progress=no_progress)


@pytest.fixture(scope="module")
def results(planned, tmp_path_factory):
    return mv.run(planned, store=tmp_path_factory.mktemp("store"), engine=QUICK, progress=no_progress)


def test_the_plan_says_what_will_be_red_and_the_mend(planned):
    assert len(planned) == 12 and len(planned.failures) == 10
    notes = "\n".join(planned.notes)
    assert "10 of 12 universes cannot be answered and will be red (9 in prepare and 1 in model):" in notes
    assert "prepare() raised LookupError: no such rows at test_unanswerable.py:" in notes
    assert "data['y'] is empty" in notes and "data['y'] is NaN in 1 of its 20 values" in notes
    assert "the model raised TypeError: a family without a scale" in notes
    assert "the estimand 'effect' raised ZeroDivisionError: nobody is treated" in notes
    assert "space.forbid(" in notes


def test_each_has_a_typed_reason_and_the_rest_is_answered(results):
    assert results.status() == {"planned": 12, "answered": 12, "green": 1, "red": 11}
    told = results.failures().set_index(["rows", "family"])
    reasons = told["reason"].to_dict()
    assert {
        reasons[rows, family] for rows in ("none", "broken", "missing") for family in SPACE.decisions["family"].labels
    } == {"prepare"}
    assert reasons["all", "unheard_of"] == "model"
    assert reasons["all", "wide"] == "estimand"
    assert "in prepare\n" in told.loc[("broken", "normal"), "traceback"]
    assert "LookupError: no such rows" in told.loc[("broken", "normal"), "traceback"]
    assert "in scale_of\n" in told.loc[("all", "unheard_of"), "traceback"]
    assert "nobody is treated" in told.loc[("all", "wide"), "traceback"]
    assert told["mend"].notna().all()
    assert results.sql("select count(*) as n from planned where not answered")["n"].tolist() == [0]


def test_they_are_not_answered_again(results, planned):
    before = results.store.names("part")
    again = mv.run(planned, store=results.store, engine=QUICK, progress=no_progress)
    assert again.store.names("part") == before


def test_strict_planning_stops_and_tells_all_of_them():
    with pytest.raises(PlanError) as caught:
        plan(STUDY, strict=True, progress=no_progress)
    assert len(caught.value.problems) == 5


def test_where_nothing_can_be_answered_the_plan_stops():
    space = mv.Space(rows=mv.preprocessing(none="none", broken="broken"), family=SPACE.decisions["family"])
    study = mv.Study("broken", data=RAW, prepare=prepare, model=model, estimands={"effect": effect}, space=space)
    with pytest.raises(PlanError) as caught:
        plan(study, progress=no_progress)
    assert len(caught.value.problems) == 2
