"""Which engine a command takes, and whose settings its options are."""

from __future__ import annotations

import json

import pytest

import multiverse as mv
from multiverse.cli.engine_options import chosen_engine
from multiverse.cli.recorded_settings import rungs_of, settings_that_matter
from multiverse.engines.auto.audit import Audit
from multiverse.engines.auto.engine import Auto
from multiverse.errors import PlanError
from multiverse.run_record import _settings
from multiverse.store.records import RunRecord
from multiverse.store.synthetic import WHEN


def test_options_of_auto_are_those_of_its_nuts() -> None:
    given = {"draws": 2000, "target_accept": 0.95, "ladder": (), "seed": 3, "audit": 0.5, "chains": None}
    engine = chosen_engine(None, "auto", given, "auto")
    assert (engine.nuts.draws, engine.nuts.target_accept, engine.nuts.ladder) == (2000, 0.95, ())
    assert (engine.seed, engine.nuts.seed, engine.audit) == (3, 3, Audit(share=0.5))
    assert engine.laplace == mv.Laplace(seed=3) and engine.nuts.chains == mv.NUTS().chains


def test_what_the_study_file_says_of_auto_is_kept() -> None:
    advised = Auto(laplace=mv.Laplace(draws=300), nuts=mv.NUTS(chains=2), audit=Audit(share=1, z_max=6))
    engine = chosen_engine(advised, None, {"audit": 0.0, "warmup": 900}, "auto")
    assert (engine.laplace.draws, engine.nuts.chains, engine.nuts.warmup) == (300, 2, 900)
    assert engine.audit == Audit(share=0, z_max=6)


@pytest.mark.parametrize(
    ("engine", "setting", "option", "has"),
    [
        ("laplace", {"chains": 2}, "--chains", "nuts"),
        ("nuts", {"audit": 0.1}, "--audit", "auto"),
        ("nested", {"ladder": ()}, "--no-ladder", "nuts"),
        ("function", {"target_accept": 0.9}, "--target-accept", "nuts"),
    ],
)
def test_an_option_that_an_engine_does_not_have_names_those_that_do(
    engine: str, setting: dict[str, object], option: str, has: str
) -> None:
    with pytest.raises(PlanError) as raised:
        chosen_engine(None, engine, setting, "auto")
    (problem,) = raised.value.problems
    assert problem.what == f"the engine {engine!r} has no setting {next(iter(setting))!r}."
    assert problem.mend.startswith(f"leave out `{option}`, or take an engine that has it: --engine ")
    assert has in problem.mend.split("--engine ")[1].split(" or ")


def test_an_audit_of_more_than_all_is_refused() -> None:
    with pytest.raises(PlanError, match="a number from 0 to 1"):
        chosen_engine(None, "auto", {"audit": 1.5}, "auto")


def recorded(engine: object, twelve: mv.Plan) -> RunRecord:
    return RunRecord("main", "id", "plan", 1, WHEN, {"settings": _settings(engine, twelve.wanted)})


def test_of_autos_settings_those_that_are_not_usual_are_told(twelve: mv.Plan) -> None:
    usual = settings_that_matter(recorded(Auto(seed=4), twelve))
    assert usual.items() >= {"engine": "auto", "seed": 4, "keep": "estimands", "audit.share": Audit().share}.items()
    assert not any(name.startswith(("nuts", "laplace")) for name in usual)
    own = Auto(nuts=mv.NUTS(draws=70, gate=mv.Gate(rhat_max=1.1), ladder=()), laplace=None)
    told = settings_that_matter(recorded(own, twelve))
    changed = {"nuts.draws": 70, "nuts.gate.rhat_max": 1.1, "nuts.ladder": "off", "laplace": None}
    assert told.items() >= changed.items()
    assert not any(name in told for name in ("nuts.chains", "nuts.gate.ess_per_chain"))
    assert rungs_of(recorded(own, twelve)) == []
    assert rungs_of(recorded(Auto(), twelve)) == [rung.name for rung in mv.NUTS().ladder]
    assert json.dumps(told)
