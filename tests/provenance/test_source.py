"""Where a study is written, and the text of all that it is made of."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import multiverse as mv
from multiverse.loading import load_study
from multiverse.provenance import own_modules as modules_of_a_study
from multiverse.provenance import source
from multiverse.provenance.own_modules import file_of, home_of, packages_of, written_in
from multiverse.provenance.source import source_section

HELPERS = """import numpy as np

SCALE = 2.0


def scaled(x):
    return SCALE * np.asarray(x)
"""
STUDY = """import json

import helpers
import numpy as np
import numpyro
import numpyro.distributions as dist
from helpers import scaled

import multiverse as mv


def load():
    return {"y": np.ones(3)}


def tidy(raw, *, rows):
    return {"y": scaled(raw["y"][rows:])}


def centred(data):
    return {"y": data["y"] - 1}


def model(data, *, likelihood):
    mu = numpyro.sample("mu", dist.Normal())
    numpyro.sample("y", likelihood(mu), obs=data["y"])


def normal(mu):
    return dist.Normal(mu, 1.0)


first, radon = 1, mv.Study(
    "radon",
    data=load,
    prepare=[tidy, centred],
    model=model,
    estimands={"mu": "mu", "double": lambda draws: 2 * draws["mu"], "half": lambda d: d["mu"] / 2},
    space=mv.Space(
        rows=mv.preprocessing({"all": 0, "some": 1}),
        likelihood=mv.likelihood(normal=normal, wide=lambda mu: dist.Normal(mu, 3.0)),
    ).forbid("too few", lambda rows, likelihood: (rows, likelihood) == ("some", "wide")),
)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A study file and a module beside it; forgotten afterwards."""
    (tmp_path / "helpers.py").write_text(HELPERS)
    (tmp_path / "radon_study.py").write_text(STUDY)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def test_a_study_file_can_be_loaded_again_from_what_is_written(folder: Path) -> None:
    study = load_study(f"{folder / 'radon_study.py'}:radon").study
    told = source_section(study)
    assert (told["written in"], told["file"], told["variable"]) == ("a file", str(folder / "radon_study.py"), "radon")
    assert told["text"] == STUDY and told["text: helpers.py"] == HELPERS
    assert load_study(f"{told['file']}:{told['variable']}").study.name == "radon"


def test_each_function_has_its_text(folder: Path) -> None:
    told = source_section(load_study(f"{folder / 'radon_study.py'}:radon").study)
    functions = {name: text for name, text in told.items() if f"{name}: where" in told}
    assert functions == {
        "data": 'def load():\n    return {"y": np.ones(3)}',
        "prepare 1": 'def tidy(raw, *, rows):\n    return {"y": scaled(raw["y"][rows:])}',
        "prepare 2": 'def centred(data):\n    return {"y": data["y"] - 1}',
        "model": STUDY[STUDY.index("def model") : STUDY.index("\n\n\ndef normal")],
        "estimand double": 'lambda draws: 2 * draws["mu"]',
        "estimand half": 'lambda d: d["mu"] / 2',
        "rule 1": 'lambda rows, likelihood: (rows, likelihood) == ("some", "wide")',
        "option likelihood = normal": "def normal(mu):\n    return dist.Normal(mu, 1.0)",
        "option likelihood = wide": "lambda mu: dist.Normal(mu, 3.0)",
    }
    assert told["estimand mu"] == "'mu'"
    line = STUDY[: STUDY.index("def model")].count("\n") + 1
    assert told["model: where"] == f"model in {folder / 'radon_study.py'}, line {line}"


def test_the_modules_and_packages_of_a_study(folder: Path) -> None:
    study = load_study(f"{folder / 'radon_study.py'}:radon").study
    modules = written_in(study)
    assert [module.__name__ for module in modules] == ["radon_study", "helpers"]
    assert packages_of(modules) == ["multiverse", "numpy", "numpyro"]  # json is Python's own


def test_a_script_is_named_and_not_taken_for_a_file_to_load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load_study(f"{folder / 'radon_study.py'}:radon").study
    script = ModuleType("__main__")
    script.__dict__.update(__file__=str(folder / "radon_study.py"), radon=study)
    monkeypatch.setattr(modules_of_a_study, "_loaded", lambda: [script])
    told = source_section(study)
    assert (told["written in"], told["script"]) == ("a script", str(folder / "radon_study.py"))
    assert "file" not in told and told["text"] == STUDY


def test_a_study_that_a_script_imports_is_that_of_its_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load_study(f"{folder / 'radon_study.py'}:radon").study
    script = ModuleType("__main__")
    script.__dict__.update(__file__=str(folder / "run_all.py"), mine=study)
    monkeypatch.setitem(sys.modules, "__main__", script)
    home = home_of(study)
    assert home is not None and (home.module.__name__, home.variable) == ("radon_study", "radon")


def test_a_study_that_nothing_holds_is_found_by_its_functions(folder: Path) -> None:
    study = replace(load_study(f"{folder / 'radon_study.py'}:radon").study, name="another")
    told = source_section(study)
    assert told["written in"] == "functions: no module holds the study in a variable"
    assert "file" not in told and told["prepare 2"] == 'def centred(data):\n    return {"y": data["y"] - 1}'
    assert told[f"text: {folder / 'helpers.py'}"] == HELPERS


def test_a_notebook_has_the_text_of_its_cells() -> None:
    cell = 'def model(data):\n    """Of a cell."""\n'
    names: dict[str, object] = {"__name__": "__main__"}
    linecache.cache["<cell 3>"] = (len(cell), None, cell.splitlines(keepends=True), "<cell 3>")
    exec(compile(cell, "<cell 3>", "exec"), names)
    told = source_section(mv.Study("cells", data={"y": np.ones(2)}, model=names["model"], estimands={}))  # type: ignore[arg-type]
    assert told["written in"] == "a notebook or a console"
    assert told["model"] == cell.rstrip() and told["model: where"] == "model in <cell 3>, line 1"
    assert "text" not in told


class Doubling:
    def __call__(self, draws: dict[str, np.ndarray]) -> np.ndarray:
        return 2 * draws["mu"]


def loaded(size: int) -> dict[str, np.ndarray]:
    return {"y": np.ones(size)}


def test_what_is_called_need_not_be_a_function() -> None:
    estimands = {"object": Doubling(), "installed": np.mean}
    told = source_section(mv.Study("odd", data=partial(loaded, 3), model=loaded, estimands=estimands))
    assert told["data"] == 'def loaded(size: int) -> dict[str, np.ndarray]:\n    return {"y": np.ones(size)}'
    assert str(told["estimand object"]).startswith("def __call__(self, draws")
    assert told["estimand installed"] == "numpy.mean"


def test_a_function_that_is_not_as_it_is_written_any_more_has_no_text(folder: Path) -> None:
    study = load_study(f"{folder / 'radon_study.py'}:radon").study
    (folder / "radon_study.py").write_text(STUDY.replace("- 1}", "- 2}"))
    told = source_section(study)
    assert told["prepare 2"] is None and told["prepare 1"] is not None


def test_the_whole_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load_study(f"{folder / 'radon_study.py'}:radon").study
    whole = source_section(study)
    monkeypatch.setattr(source, "SOURCE_MOST", 1000)
    told = source_section(study)
    assert list(told) == list(whole)
    cut = str(told["text"])
    kept, _, note = cut.partition("\n[cut: ")
    assert STUDY.startswith(kept) and len(kept) < 1000
    assert note == f"{len(STUDY) - len(kept):,} more characters]"
    assert sum(len(str(value or "").partition("\n[cut: ")[0]) for value in told.values()) <= 1000


def test_files_of_modules() -> None:
    here = sys.modules[__name__]
    assert file_of(here) == Path(__file__).resolve()
    assert file_of(ModuleType("made")) is None
