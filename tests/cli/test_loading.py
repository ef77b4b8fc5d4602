"""Study files: what is found in them, and what is said where nothing is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from multiverse.errors import MultiverseError, SpaceError
from multiverse.identity.fingerprint import fingerprint
from multiverse.loading import StudyFileError, is_study_file, load_study

STUDY = "import multiverse as mv\n{} = mv.Study(name='a', data=1, model=print, estimands={{}})\n"


def write(folder: Path, text: str, name: str = "my_study.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refused(place: Path | str) -> str:
    with pytest.raises(StudyFileError) as raised:
        load_study(place)
    return str(raised.value)


def test_the_variable_study_is_loaded_and_another_by_its_name(tmp_path: Path) -> None:
    path = write(tmp_path, STUDY.format("study") + "other = mv.Study(name='b', data=1, model=print, estimands={})\n")
    assert load_study(path).study.name == "a"
    assert load_study(f"{path}:other").study.name == "b"
    assert load_study(path).engine is None


def test_modules_beside_it_import_and_its_functions_have_a_fingerprint(tmp_path: Path) -> None:
    write(tmp_path, "def half(x):\n    return x / 2\n", "helper_beside.py")
    text = "from helper_beside import half\ndef model(data): return half(data)\n" + STUDY.format("study")
    file = load_study(write(tmp_path, text.replace("model=print", "model=model")))
    before = fingerprint(file.study.model)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in ("helper_beside.py", "my_study.py"):
        (moved / name).write_text((tmp_path / name).read_text())
    for name in ("helper_beside", "my_study"):
        del sys.modules[name]
    sys.path.remove(str(tmp_path))
    assert fingerprint(load_study(moved / "my_study.py").study.model) == before


def test_a_changed_file_is_loaded_anew(tmp_path: Path) -> None:
    path = write(tmp_path, STUDY.format("study"))
    first = load_study(path)
    path.write_text(STUDY.format("study").replace("'a'", "'longer name'"))
    assert load_study(path).study.name == "longer name"
    assert first.study.name == "a"


def test_files_of_one_name_in_two_folders_do_not_meet(tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    one, two = (
        write(tmp_path, STUDY.format("study")),
        write(tmp_path / "two", STUDY.format("study").replace("'a'", "'b'")),
    )
    assert [load_study(path).study.name for path in (one, two, one)] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("name", "folder"),
    [("radon", "radon"), ("two words/and a slash", "two-words-and-a-slash"), ("..", "study"), ("größe", "größe")],
)
def test_its_store_is_beside_it_and_called_like_the_study(tmp_path: Path, name: str, folder: str) -> None:
    path = write(tmp_path, STUDY.format("study").replace("'a'", repr(name)))
    assert load_study(path).store == tmp_path / "runs" / folder


def test_the_folder_is_the_real_one_wherever_it_is_called_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, STUDY.format("study"))
    monkeypatch.chdir(tmp_path)
    assert load_study("my_study.py").store == tmp_path / "runs" / "a"


@pytest.mark.parametrize(
    ("place", "is_file"),
    [("study.py", True), ("a/study.py:main", True), ("runs/radon", False), ("runs/study.py.d", False), ("x:y", False)],
)
def test_a_study_file_is_told_from_a_store(place: str, is_file: bool) -> None:
    assert is_study_file(place) is is_file


def test_no_such_file_names_the_near_miss(tmp_path: Path) -> None:
    write(tmp_path, "")
    assert "Did you mean 'my_study.py'?" in refused(tmp_path / "my_stduy.py")
    assert "Did you mean" in refused(tmp_path)
    assert "multiverse init" in refused(tmp_path / "nowhere" / "x.py")
    assert "is not a Python file" in refused(write(tmp_path, "{}", "notebook.ipynb"))


def test_no_study_names_the_near_miss(tmp_path: Path) -> None:
    assert "Did you mean 'studdy'?" in refused(write(tmp_path, STUDY.format("studdy")))
    assert "my_study.py:radon" in refused(write(tmp_path, STUDY.format("radon")))
    two = refused(write(tmp_path, STUDY.format("one") + STUDY.format("two")))
    assert "2 studies called 'one', 'two'" in two
    assert "my_study.py:one`, or `my_study.py:two" in two
    assert "Write `study = mv.Study(" in refused(write(tmp_path, "x = 1\n"))
    assert "is a function, not a study" in refused(write(tmp_path, "def study(): ...\n"))
    assert "is the class study" in refused(write(tmp_path, "class study: ...\n"))
    assert "has no variable `nope`" in refused(f"{write(tmp_path, STUDY.format('study'))}:nope")


def test_an_engine_must_be_one(tmp_path: Path) -> None:
    path = write(tmp_path, STUDY.format("study") + "engine = 'nuts'\n")
    assert "`engine` in my_study.py is a str" in refused(path)
    path.write_text(STUDY.format("study") + "engine = mv.NUTS(chains=2)  # two\n")
    assert load_study(path).engine.chains == 2


def test_what_it_raises_is_told_with_its_own_lines_only(tmp_path: Path) -> None:
    write(tmp_path, "def make(n):\n    return 1 / n\n", "makes_it.py")
    said = refused(
        write(tmp_path, "import json\nimport makes_it\njson.loads('1', parse_int=lambda _: makes_it.make(0))\n")
    )
    assert said.splitlines()[1:7] == [
        "    my_study.py, line 3",
        "        json.loads('1', parse_int=lambda _: makes_it.make(0))",
        "    my_study.py, line 3, in <lambda>",
        "        json.loads('1', parse_int=lambda _: makes_it.make(0))",
        "    makes_it.py, line 2, in make",
        "        return 1 / n",
    ]
    assert "ZeroDivisionError: division by zero" in said
    assert "json/" not in said and "importlib" not in said
    assert "my_study" not in sys.modules


def test_other_ways_of_not_loading(tmp_path: Path) -> None:
    assert "'(' was never closed" in refused(write(tmp_path, "x = (1\n"))
    assert "pip install no_such_thing" in refused(write(tmp_path, "import no_such_thing.part\n"))
    assert "__main__" in refused(write(tmp_path, "import sys\nsys.exit(2)\n"))
    assert "would hide" in refused(write(tmp_path, "", "numpy.py"))
    assert "would hide" in refused(write(tmp_path, "", "statistics.py"))
    assert load_study(write(tmp_path, STUDY.format("study"), "test.py")).study.name == "a"


def test_a_mistake_in_a_declaration_is_told_as_it_is_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, "import multiverse as mv\nspace = mv.Space(\n    prior=3,\n)\n")
    with pytest.raises(SpaceError) as raised:
        load_study(path)
    assert isinstance(raised.value, MultiverseError)
    assert raised.value.__notes__ == ["my_study.py, line 2: space = mv.Space("]
