"""Broken files of both formats; the whole text of each error is in tests/golden/broken_files, and a person read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import multiverse as mv
from multiverse.errors import MultiverseError
from multiverse.interchange.from_astra import from_astra
from multiverse.interchange.from_toml import from_toml
from multiverse.interchange.to_toml import to_toml

HERE = mv.Space(
    counties=mv.preprocessing({"all": 1, "five homes or more": 5}),
    zeros=mv.preprocessing({"0.1": 0.1, "0.3": 0.3}),
    family=mv.likelihood(normal=print, student=len),
    tail=mv.prior(light=30.0, heavy=4.0),
)
WRITTEN = to_toml(
    HERE.only_when("tail", {"family": "student"}).forbid(
        "five homes leave no zeros to log", {"counties": "five homes or more", "zeros": "0.3"}
    )
)


def changed(*changes: tuple[str, str]) -> Callable[[], mv.Space]:
    text = WRITTEN
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return lambda: from_toml(text, values=HERE)


TOML = """
seeds = 3
[dimensions]
scaler = ["Standard", "MinMax", "Standard"]
folds = [1, 1.0]
model = "svm"
size = []
depth = [1, 2]
"two words" = ["x"]
[constraints]
depht = []
[[constraints.depth]]
value = 1
allowed_if = { model = "svm" }
forbidden_if = { depth = 2 }
[[constraints.depth]]
value = 3
allowed_if = { depth = 1 }
[[constraints.depth]]
value = 1
alowed_if = { sizes = 1 }
"""

ASTRA = """
decisions:
  scaling:
    label: 3
    lable: Scaling
    default: standart
    when: scaling.none
    options:
      none: {label: yes}
      standard: {label: Z scores, requires: [modl.svm, model, model.svn], insights: [unknown]}
      ranks: {label: Ranks, excluded: true}
  model:
    label: Model
    rationale: [a, b]
    options:
      svm: {label: SVM, incompatible_with: {scaling: none}}
      forest: {label: Forest, excluded_reason: slow}
  empty: {label: Nothing}
analyses:
  inner:
    decisions:
      own: {from: ../scalin}
"""

BROKEN = {
    "toml_with_many_mistakes": lambda: from_toml(TOML),
    "toml_that_is_none": lambda: from_toml("[dimensions]\nx = [1, 2\ny = 3\n"),
    "toml_without_dimensions": lambda: from_toml("[dimension]\nx = [1, 2]\n"),
    "toml_with_names_that_are_none": lambda: from_toml(
        '[dimensions]\n"two words" = [1]\nclass = [1]\nX = [1]\nx = [1]\n'
    ),
    "toml_that_contradicts_itself": lambda: from_toml(
        "[dimensions]\na = [1, 2]\nb = [1, 2]\n[constraints]\n"
        "b = [{ value = 1, allowed_if = { a = 1 } }, { value = 1, allowed_if = { a = 2 } }]\n"
    ),
    "toml_of_another_time": changed(("multiverse = 1", "multiverse = 9")),
    "notes_that_are_no_toml": changed(('kind = "prior"', "kind = prior")),
    "notes_of_what_is_not_there": changed(
        ("#: [decisions.tail]", "#: [decisions.tial]"),
        ("#: [decisions.zeros]", "#: [decisions.zeros.options]\n#: 0 = { why = 'so' }\n#: [decisions.zeros]"),
        ('"five homes or more" = {', '"six homes or more" = {'),
        ('kind = "likelihood"', 'kindd = "likelihood"'),
    ),
    "rules_in_notes_that_are_none": changed(
        ('forbid = "five', 'forbids = "five'), ('when = { family = ["student"] }', 'when = { family = "student" }')
    ),
    "notes_that_the_file_denies": changed(
        ('allowed_if = { family = "student" }', 'forbidden_if = { family = "student" }')
    ),
    "values_that_nobody_gives": lambda: from_toml(WRITTEN, values={"family": {"norml": 1}, "famly": {}}),
    "a_file_that_is_not_there": lambda: from_toml("multivers.toml"),
    "astra_with_many_mistakes": lambda: from_astra(ASTRA),
    "astra_that_is_no_yaml": lambda: from_astra("decisions:\n  a: {label: A\n  b: 1\n"),
    "astra_with_a_key_twice": lambda: from_astra("decisions:\n  a: {}\n  b: {}\n  a: {}\n"),
    "astra_without_decisions": lambda: from_astra("name: x\ninputs: []\n"),
    "astra_that_excludes_everything": lambda: from_astra(
        "decisions:\n  a:\n    label: A\n    options: {x: {label: X, excluded: true, excluded_reason: no good}}\n"
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_said_of_a_broken_file(name, golden, monkeypatch, tmp_path):
    (tmp_path / "multiverse.toml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MultiverseError) as caught:
        BROKEN[name]()
    golden(f"broken_files/{name}.txt", f"{type(caught.value).__name__}: {caught.value}\n")


def test_the_file_that_the_others_break_is_sound():
    assert len(from_toml(WRITTEN, values=HERE)) == 9


def test_each_golden_text_belongs_to_a_file():
    files = (Path(__file__).parents[1] / "golden" / "broken_files").glob("*.txt")
    assert sorted(f.stem for f in files) == sorted(BROKEN)
