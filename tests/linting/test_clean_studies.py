"""The studies of this repository are clean, but for one, in which the lint found what its author had not seen."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

import multiverse as mv
from multiverse.linting.checks import CHECKS
from multiverse.linting.lint import lint
from multiverse.loading import load_study
from multiverse.progress import no_progress

ROOT = Path(__file__).parents[2]
EXPERIMENTS = ROOT / "experiments"
SPECIFICATIONS = EXPERIMENTS / "benchmarks" / "thousand_specifications"
REGRESSIONS = EXPERIMENTS / "benchmarks" / "thousand_regressions"
RUNS = re.compile(r"^(?:plan = mv\.plan|results = mv\.run)", re.MULTILINE)
BLOCK = re.compile(r"^```python(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def assert_clean(study: mv.Study) -> None:
    found = lint(mv.plan(study, progress=no_progress), progress=no_progress)
    assert not found and not found.not_made, repr(found)
    assert found.checked == tuple(check.name for check in CHECKS)


def module(monkeypatch: pytest.MonkeyPatch, path: Path) -> ModuleType:
    """A file as a module, under a name of its own; modules beside it can be imported."""
    monkeypatch.syspath_prepend(path.parent)
    name = f"clean_{path.parent.name}_{path.stem}"
    at = importlib.util.spec_from_file_location(name, path)
    assert at is not None and at.loader is not None
    made = importlib.util.module_from_spec(at)
    monkeypatch.setitem(sys.modules, name, made)
    at.loader.exec_module(made)
    return made


def page(path: Path, folder: Path) -> mv.Study:
    """The study of a page: its Python up to the line that plans or runs it, as a file."""
    text = "".join(block["text"] for block in BLOCK.finditer(path.read_text()))
    file = folder / f"page_{path.stem.replace('-', '_')}.py"
    file.write_text(RUNS.split(text)[0])
    return load_study(file).study


def test_a_normal_mean(normal_mean: ModuleType) -> None:
    # Without the prior that is far from the data on purpose, and the noise that is too small for them.
    assert_clean(normal_mean.study(normal_mean.space(priors=("wide", "unit", "narrow"), noises=("three",))))


def test_estimators_of_proposition_99() -> None:
    assert_clean(load_study(EXPERIMENTS / "proposition99" / "study.py").study)


@pytest.mark.slow
def test_a_thousand_specifications_that_statsmodels_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_clean(module(monkeypatch, SPECIFICATIONS / "by_statsmodels.py").study)


@pytest.mark.slow
def test_a_thousand_specifications_that_jax_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_clean(module(monkeypatch, SPECIFICATIONS / "by_jax.py").study)


@pytest.mark.slow
def test_a_thousand_regressions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_clean(module(monkeypatch, REGRESSIONS / "study.py").study(drop_seeds=(0, 1)))


@pytest.mark.slow
def test_eight_schools(monkeypatch: pytest.MonkeyPatch) -> None:
    schools = module(monkeypatch, ROOT / "tests" / "statistical" / "test_eight_schools.py")
    assert_clean(
        mv.Study(
            name="eight schools",
            data={"effect": schools.EFFECT, "error": schools.ERROR},
            model=schools.model,
            estimands={"mu": "mu", "first": schools.school(0)},
            space=schools.SPACE,
        )
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("README.md", marks=pytest.mark.slow),
        "docs/how-to/analyse-with-any-function.md",
        pytest.param("docs/how-to/choose-parameterizations.md", marks=pytest.mark.slow),
    ],
)
def test_the_study_of_a_page(name: str, tmp_path: Path) -> None:
    assert_clean(page(ROOT / name, tmp_path))


@pytest.mark.slow
def test_the_study_of_the_tutorial(tmp_path: Path) -> None:
    made = (ROOT / "docs" / "tutorial.md").read_text()
    for title, text in re.findall(r'^```\w+ title="([^"]+)"\n(.*?)^```$', made, re.MULTILINE | re.DOTALL):
        (tmp_path / title).write_text(text)
    shutil.copy(ROOT / "multiverse" / "template" / "sleep.csv", tmp_path)
    assert_clean(load_study(tmp_path / "first.py").study)


@pytest.mark.slow
def test_the_study_that_init_writes() -> None:
    assert_clean(load_study(ROOT / "multiverse" / "template" / "study.py").study)


@pytest.mark.slow
def test_the_study_of_radon_and_the_slip_that_it_had() -> None:
    """Homes without radon are below 3 sd whatever stands for zero, so that does not matter where such are dropped."""
    study = load_study(EXPERIMENTS / "radon" / "study.py").study
    assert_clean(study)
    before = mv.Space(study.space.decisions).forbid(
        "there are no zeros left to drop",
        lambda zeros, outliers: zeros == "dropped" and outliers == "beyond 3 sd dropped",
    )
    plan = mv.plan(replace(study, space=before), progress=no_progress)
    found = lint(plan, progress=no_progress)
    assert len(plan) == 320
    assert [(f.check, len(f.universes)) for f in found] == [("decision without effect under an option", 64)]
    assert "'zeros' changes nothing where 'outliers' is 'beyond 3 sd dropped'" in found.findings[0].what
    assert set(found.findings[0].universes) == set(plan.twins) and not found.not_made
