"""Arguments that do nothing in one function while the decision does something in another."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist

import multiverse as mv
from multiverse.linting.idle_arguments import idle_arguments
from multiverse.progress import no_progress

RAW = {"y": np.linspace(-1.0, 2.0, 12)}


def shift(raw: Any, *, used: float, equal: float, never: float, both: float) -> Any:
    return {"y": raw["y"] + used + both + (equal - equal)}


def model(data: Any, *, used: float, equal: float, never: float, both: float) -> None:
    mu = numpyro.sample("mu", dist.Normal(both, equal * never))
    _ = mu * used  # computed, and thrown away
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(mu, 1.0), obs=data["y"])


def estimate(data: Any, *, used: float, equal: float, never: float, both: float) -> float:
    return float(np.mean(data["y"])) * equal * never * both


SPACE = mv.Space({name: mv.decision(name, {"1": 1.0, "2": 2.5}) for name in ("used", "equal", "never", "both")})
TAKES = {  # who takes what and why it does nothing there
    ("shift() takes 'equal'", "the prepared data are equal for all its options"),
    ("shift() takes 'never'", "the prepared data are equal for all its options"),
}


def told(study: mv.Study) -> set[tuple[str, str]]:
    findings = list(idle_arguments(mv.plan(study, progress=no_progress)))
    return {tuple(f.what.removesuffix(".").split(", which changes nothing there: ")) for f in findings}  # type: ignore[misc]


def test_in_preprocessing_and_in_a_model() -> None:
    study = mv.Study("idle", data=RAW, prepare=shift, model=model, estimands={"mu": "mu"}, space=SPACE)
    assert told(study) == TAKES | {("model() takes 'used'", "its log joint does not depend on it")}


def test_in_preprocessing_and_in_a_function() -> None:
    study = mv.Study("idle", data=RAW, prepare=shift, estimate=estimate, space=SPACE)
    assert told(study) == TAKES | {("estimate() takes 'used'", "what it returns does not depend on it")}


def test_a_decision_that_changes_nothing_anywhere_is_told_elsewhere() -> None:
    def keep(raw: Any, *, ghost: float) -> Any:
        return raw

    def mean(data: Any, *, ghost: float) -> float:
        return float(np.mean(data["y"]))

    study = mv.Study("ghost", data=RAW, prepare=keep, estimate=mean, space=mv.Space(ghost=mv.prior(a=1.0, b=2.0)))
    assert told(study) == set()


def test_a_finding_names_universes_and_the_mend() -> None:
    study = mv.Study("idle", data=RAW, prepare=shift, estimate=estimate, space=SPACE)
    first, *_ = idle_arguments(mv.plan(study, progress=no_progress))
    assert first.mend == "take 'used' out of the arguments of estimate(), or let it have an effect there"
    assert first.named == "used=1; used=2" and len(first.universes) == 16
