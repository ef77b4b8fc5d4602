"""`multiverse space`: a study's decisions, shown or written for other programs."""

from __future__ import annotations

import tomllib
from pathlib import Path

import yaml

SEED = "#: multiverse = 1"


def test_it_shows_the_space_of_a_study(multiverse, study):
    done = multiverse("space", study)
    assert done.exit_code == 0 and done.stdout.startswith("Space of 4 universes\n  rows")


def test_it_writes_both_formats_by_the_name_of_the_file(multiverse, study, tmp_path):
    for name, load in (("out.toml", tomllib.loads), ("out.yaml", yaml.safe_load), ("out.yml", yaml.safe_load)):
        done = multiverse("space", study, "-o", tmp_path / name)
        assert done.exit_code == 0 and done.stdout.endswith(f"{name}: 4 universes of 2 decisions\n")
        assert SEED in (text := (tmp_path / name).read_text()) and load(text)
    assert yaml.safe_load((tmp_path / "out.yaml").read_text())["name"] == "small one"


def test_it_prints_what_it_would_write(multiverse, study, tmp_path):
    multiverse("space", study, "-o", tmp_path / "out.toml")
    assert multiverse("space", study, "--to", "toml").stdout == (tmp_path / "out.toml").read_text()


def test_a_file_is_shown_and_written_in_the_other_format_without_its_values(multiverse, study, tmp_path):
    multiverse("space", study, "-o", tmp_path / "one.toml")
    assert multiverse("space", tmp_path / "one.toml").stdout == multiverse("space", study).stdout
    multiverse("space", tmp_path / "one.toml", "-o", tmp_path / "two.yaml")
    multiverse("space", tmp_path / "two.yaml", "-o", tmp_path / "three.toml")
    assert (tmp_path / "three.toml").read_text() == (tmp_path / "one.toml").read_text()


def test_nothing_is_overwritten(multiverse, study, tmp_path):
    (tmp_path / "out.toml").write_text("mine")
    done = multiverse("space", study, "-o", tmp_path / "out.toml")
    assert done.exit_code == 2 and "is there; nothing was written" in done.stderr and "out-2.toml" in done.stderr
    assert (tmp_path / "out.toml").read_text() == "mine"


def test_a_name_that_says_nothing_and_a_folder_that_is_not_there(multiverse, study, tmp_path):
    done = multiverse("space", study, "-o", tmp_path / "out.txt")
    assert done.exit_code == 2 and "does not say what it is to be" in done.stderr
    done = multiverse("space", study, "-o", tmp_path / "no" / "out.toml")
    assert done.exit_code == 2 and "mkdir -p" in done.stderr


def test_what_a_format_cannot_say_is_told_and_not_written(multiverse, tmp_path):
    study = tmp_path / "three.py"
    study.write_text(
        "import multiverse as mv\n"
        "space = mv.Space(**{n: mv.prior(x=1, y=2) for n in 'abc'})\n"
        "space = space.forbid('too much', {'a': 'y', 'b': 'y', 'c': 'y'})\n"
        "study = mv.Study('s', data=1, estimate=lambda data, *, a, b, c: a, space=space)\n"
    )
    done = multiverse("space", study, "-o", tmp_path / "out.toml")
    assert done.exit_code == 2 and done.stderr.startswith("This format has no words for the space.")
    assert not (tmp_path / "out.toml").exists()


def test_a_broken_file(multiverse, tmp_path: Path):
    (tmp_path / "bad.yaml").write_text("decisions:\n  a: {label: A}\n")
    done = multiverse("space", tmp_path / "bad.yaml")
    assert done.exit_code == 2 and done.stderr.startswith("This file cannot be used.\nbad.yaml, line 2, decisions.a:")
