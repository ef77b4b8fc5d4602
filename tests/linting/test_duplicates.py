"""Planted repeats are all found, with the right counts; what only looks like one is not."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from numpyro.infer.reparam import LocScaleReparam

import multiverse as mv
from multiverse.linting.checks import CHECKS
from multiverse.linting.duplicates import NAMES, _written, duplicates
from multiverse.linting.finding import Finding
from multiverse.linting.lint import linted
from multiverse.progress import no_progress

SOURCE = np.random.default_rng(3)
RAW = {"x": SOURCE.normal(size=20), "y": SOURCE.normal(size=20)}


def found(plan: mv.Plan) -> dict[str, Finding]:
    """The finding of each kind; at most one of each is planted."""
    findings = list(duplicates(plan))
    assert len({finding.check for finding in findings}) == len(findings)
    return {finding.check: finding for finding in findings}


# ------------------------------------------------------------------------------------------------ a planted study
def prepare(raw: Any, *, drop: str, beyond: float, season: str) -> Any:
    keep = np.abs(raw["x"]) < (beyond if drop == "outliers" else np.inf)
    return {name: column[keep] for name, column in raw.items()}


def model(data: Any, *, slope: Any, family: str, tail: float) -> None:
    b = numpyro.sample("slope", slope)
    noise = numpyro.sample("noise", dist.HalfNormal(2.0))
    mean = b * data["x"]
    with mv.rows(data):
        numpyro.sample(
            "y", dist.StudentT(tail, mean, noise) if family == "student" else dist.Normal(mean, noise), obs=data["y"]
        )


@pytest.fixture(scope="module")
def planted() -> mv.Plan:
    """2 drop × 2 beyond × 2 season × 3 slope × 2 family × 2 tail = 96 universes, of which 27 are different."""
    study = mv.Study(
        "planted",
        data=RAW,
        prepare=prepare,
        model=model,
        estimands={"slope": "slope"},
        space=mv.Space(
            drop=mv.preprocessing(nobody="nobody", outliers="outliers"),
            beyond=mv.preprocessing({"1 sd": 1.0, "1.5 sd": 1.5}),
            season=mv.preprocessing(all="all", dry="dry"),
            slope=mv.prior(weak=dist.Normal(0, 10), sceptical=dist.Normal(0, 0.5), none=dist.Normal(0, 0.01)),
            family=mv.likelihood(normal="normal", student="student"),
            tail=mv.prior(light=30.0, heavy=4.0),
        ),
    )
    return mv.plan(study, progress=no_progress)


def test_each_planted_defect_is_found_with_its_count(planted: mv.Plan) -> None:
    told = {(f.what.partition(":")[0], len(f.universes)) for f in duplicates(planted)}
    assert told == {
        ("the decision 'season' changes nothing", 48),  # of 96, half
        ("the decision 'beyond' changes nothing where 'drop' is 'nobody'", 12),  # of the 48 left, half of those 24
        ("the decision 'tail' changes nothing where 'family' is 'normal'", 9),  # 3 data sets × 3 priors
    }
    assert len(planted) - (48 + 12 + 9) == 3 * 3 * 3


def test_a_finding_says_why_what_is_run_twice_and_how_to_mend_it(planted: mv.Plan) -> None:
    by_start = {f.what.split("'")[1]: f for f in duplicates(planted)}
    season, beyond, tail = by_start["season"], by_start["beyond"], by_start["tail"]
    assert "the prepared data are equal. So 48 universes of 96 repeat others. They are run once" in season.what
    assert "the log joint of model() does not depend on it" in tail.what
    assert "run by itself, so that their answers differ by Monte Carlo error" in tail.what
    assert season.mend == "let prepare() use 'season', or leave it out of the space"
    assert beyond.mend.startswith('`space.only_when("beyond", {"drop": "outliers"})`')
    assert "(the same with season=all)" in season.named and "and 46 more" in season.named
    assert set(season.universes) <= set(planted.keys) and len(planted.twins) == 48 + 12


def test_the_mends_mend(planted: mv.Plan) -> None:
    study = planted.study
    decisions = {name: decision for name, decision in study.space.decisions.items() if name != "season"}
    space = mv.Space(decisions)
    space = space.only_when("beyond", {"drop": "outliers"}).only_when("tail", {"family": "student"})  # as told
    mended = mv.Study(
        "mended",
        data=RAW,
        prepare=lambda raw, *, drop, beyond: prepare(raw, drop=drop, beyond=beyond or np.inf, season="all"),
        model=model,
        estimands={"slope": "slope"},
        space=space,
    )
    plan = mv.plan(mended, progress=no_progress)
    assert len(plan) == 27
    assert list(duplicates(plan)) == []


def test_the_text_of_a_lint(planted: mv.Plan, golden: Any) -> None:
    structure = [check for check in CHECKS if check.name in ("duplicates", "idle arguments")]
    shown = linted(planted, structure, no_progress)
    golden("lint.txt", f"{shown!r}\n")
    html = shown._repr_html_()
    assert html.count("<tr>") == 1 + len(shown) and "&#x27;season&#x27;" in html


# ------------------------------------------------------------------------------------------------ functions
def test_432_of_1728_universes_are_exact_duplicates() -> None:
    """A published multiverse has 1,728 universes, of which 432 are there twice; a decision is idle where another says.

    Here the constant that is added before taking logs does nothing where no logs are taken.
    """

    def transform(raw: Any, *, form: str, offset: float, first: int, last: int) -> Any:
        y = np.log(np.abs(raw["y"]) + offset) if form == "log" else raw["y"]
        rows = slice(first, len(y) - last)
        return {"x": raw["x"][rows], "y": y[rows]}

    def estimate(data: Any, *, power: float, centre: str, trim: int, weight: float) -> float:
        x = np.sort(np.abs(data["x"]) ** power)[trim:]
        centred = float(x.mean() if centre == "mean" else np.median(x))
        return weight * centred + float(data["y"].mean())

    study = mv.Study(
        "hurricanes",
        data=RAW,
        prepare=transform,
        estimate=estimate,
        space=mv.Space(
            form=mv.preprocessing(linear="linear", log="log"),
            offset=mv.preprocessing({"1": 1.0, "0.5": 0.5}),
            first=mv.preprocessing({"none": 0, "one": 1, "two": 2}),
            last=mv.preprocessing({"none": 0, "one": 1, "two": 2}),
            power=mv.likelihood({"1": 1.0, "2": 2.0, "3": 3.0}),
            centre=mv.likelihood(mean="mean", median="median"),
            trim=mv.preprocessing({"none": 0, "one": 1}),
            weight=mv.prior({"1": 1.0, "2": 2.0, "3": 3.0, "4": 4.0}),
        ),
    )
    plan = mv.plan(study, progress=no_progress)
    assert len(plan) == 1728 and len(plan.twins) == 432
    (only,) = duplicates(plan)
    assert len(only.universes) == 432 and set(only.universes) == set(plan.twins)
    assert only.check == NAMES["idle"]
    assert only.what == (
        "the decision 'offset' changes nothing where 'form' is 'linear': the prepared data are equal. "
        "So 432 universes of 1,728 repeat others. They are run once, and shared."
    )
    assert only.mend.startswith('`space.only_when("offset", {"form": "log"})`; elsewhere transform() is given')


def slope(data: Any, *, weight: float, ghost: float, unread: int) -> Any:
    return (data["x"] * data["y"]).sum() / (data["x"] ** 2).sum() * weight + 0.0 * data["y"][0] + (ghost - ghost > 1)


def called_plainly(data: Any, *, weight: float, unread: int) -> float:
    return float(data["x"].mean()) * weight


@pytest.mark.parametrize("estimate", [slope, called_plainly])
def test_arguments_that_a_function_does_not_use(estimate: Any) -> None:
    space = mv.Space(
        weight=mv.prior({str(w): float(w) for w in range(1, 5)}), unread=mv.decision("seed", {"1": 1, "2": 2})
    )
    if estimate is slope:
        space = mv.Space(space.decisions, ghost=mv.prior(a=1.0, b=2.0))
    plan = mv.plan(mv.Study("function", data=RAW, estimate=estimate, space=space), progress=no_progress)
    told = {finding.what.split("'")[1]: len(finding.universes) for finding in duplicates(plan)}
    assert told == {"unread": len(plan) // 2}  # 'ghost' is computed with: that it cancels is not seen


# ------------------------------------------------------------------------------------------------ models
def plan_of(model: Any, space: mv.Space, estimands: Any = None, prepare: Any = None, data: Any = RAW) -> mv.Plan:
    study = mv.Study("m", data=data, prepare=prepare, model=model, estimands=estimands or {"mu": "mu"}, space=space)
    return mv.plan(study, progress=no_progress)


def test_options_that_make_the_same_model() -> None:
    def level(data: Any, *, family: str, geometry: Any = None) -> None:
        mu = numpyro.sample("mu", dist.Normal(0.0, 1.0))
        heavy = family == "student"
        with mv.rows(data):
            numpyro.sample("y", dist.StudentT(4.0, mu, 1.0) if heavy else dist.Normal(mu, 1.0), obs=data["y"])

    space = mv.Space(
        family=mv.likelihood(normal="normal", gaussian="gaussian", student="student"),
        centring=mv.parameterization({"as written": {}, "centred": {"mu": LocScaleReparam(1)}}),
    ).only_when("centring", {"family": "student"})
    options, geometry = (found(plan_of(level, space))[NAMES[cause]] for cause in ("options", "decision"))
    assert "the options 'normal' and 'gaussian' of 'family' are the same" in options.what
    assert options.mend == "leave 'gaussian' out of 'family', or give it an effect"
    assert "the decision 'centring' changes nothing: the reparameterized model is the one" in geometry.what


def test_an_option_that_only_an_estimand_shows_is_no_repeat() -> None:
    def scaled(data: Any, *, unit: float, kept: float) -> None:
        mu = numpyro.sample("mu", dist.Normal(0.0, 1.0))
        numpyro.deterministic("in units", mu * unit)
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(mu, 1.0), obs=data["y"])

    def first_row(raw: Any, *, first: float) -> Any:
        return raw | {"first": np.full(len(raw["y"]), first)}

    space = mv.Space(
        unit=mv.decision("unit", {"m": 1.0, "km": 1e-3}),
        kept=mv.decision("kept", {"a": 1.0, "b": 2.0}),
        first=mv.preprocessing({"1": 1.0, "2": 2.0}),
    )
    shown = {
        "site": "in units",
        "option": lambda draws, *, kept: draws["mu"] * kept,
        "data": lambda draws, data: draws["mu"] * data["first"][0],
    }
    assert list(duplicates(plan_of(scaled, space, shown, first_row))) == []
    hidden = {"site": "mu", "data": lambda draws, data: draws["mu"]}
    told = [finding.what for finding in duplicates(plan_of(scaled, space, hidden, first_row))]
    assert [what.split("'")[1] for what in told] == ["unit", "kept", "first"]
    assert "no data change that scaled() looks at" in told[2]


def test_data_that_agree_by_chance_are_told_without_a_circle_of_rules() -> None:
    def cut(raw: Any, *, drop: str, beyond: float) -> Any:
        keep = np.abs(raw["x"]) < (beyond if drop == "outliers" else np.inf)
        return {"y": raw["y"][keep]}

    def level(data: Any) -> None:
        mu = numpyro.sample("mu", dist.Normal(0.0, 1.0))
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(mu, 1.0), obs=data["y"])

    space = mv.Space(
        drop=mv.preprocessing(nobody="nobody", outliers="outliers"),
        beyond=mv.preprocessing({"1 sd": 1.0, "9 sd": 9.0, "1.5 sd": 1.5}),
    )
    plan = plan_of(level, space, prepare=cut)
    first, second = duplicates(plan)
    assert first.mend.startswith('`space.only_when("beyond", {"drop": "outliers"})`')
    assert second.mend == '`space.forbid("the same as \'nobody\'", {"beyond": "9 sd", "drop": "outliers"})`'
    assert (len(first.universes), len(second.universes), len(plan.twins)) == (2, 1, 3)


def test_a_plan_whose_universes_cannot_all_be_answered() -> None:
    def some(raw: Any, *, rows: str) -> Any:
        if rows == "none":
            raise LookupError("no such rows")
        return raw

    def level(data: Any, *, ghost: float) -> None:
        mu = numpyro.sample("mu", dist.Normal(0.0, 1.0))
        with mv.rows(data):
            numpyro.sample("y", dist.Normal(mu, 1.0), obs=data["y"])

    space = mv.Space(rows=mv.preprocessing(all="all", none="none"), ghost=mv.prior(a=1.0, b=2.0))
    (only,) = duplicates(plan_of(level, space, prepare=some))
    assert "the decision 'ghost' changes nothing" in only.what and len(only.universes) == 1


@pytest.mark.parametrize("labels", [['the "usual" one', "it's", "two\nlines"], ["plain"]])
def test_labels_in_a_mend_are_python_whatever_they_are(labels: list[str]) -> None:
    assert ast.literal_eval(_written(labels)) == (labels if len(labels) > 1 else labels[0])
