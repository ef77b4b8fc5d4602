"""The TOML of multiversum: small files in its documented form, and what of a space it holds."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import multiverse as mv
from multiverse.errors import SpaceError
from multiverse.interchange.from_toml import from_toml
from multiverse.interchange.to_toml import to_toml
from multiverse.space.condition import When
from multiverse.space.space import Space

# After docs/index.md of jansim/multiversum 0.7.2.
PENGUINS = """
seed = 80539
stop_on_error = false

[dimensions]
classifier = ["logistic", "random_forest"]
features = [["bill"], ["bill", "flipper"]]
folds = [5, 10]
scaled = [true, false]
"""

# After the docstring of `multiversum.Config` 0.7.2 and its tests of constraints.
FIZZ = """
[dimensions]
fizz = ["A", "B", "C"]
buzz = ["always", "only with B", "not with C"]

[[constraints.buzz]]
value = "only with B"
allowed_if = { fizz = "B" }

[[constraints.buzz]]
value = "not with C"
forbidden_if = { fizz = "C" }
"""


def test_values_become_options_that_are_called_by_them() -> None:
    space = from_toml(PENGUINS, kinds={"scaled": "preprocessing"})
    assert len(space) == 16
    assert space.decisions["features"].labels == ('["bill"]', '["bill", "flipper"]')
    assert space.decisions["folds"].labels == ("5", "10") and space.decisions["scaled"].labels == ("true", "false")
    assert space.values(space.reference) == {"classifier": "logistic", "features": ["bill"], "folds": 5, "scaled": True}
    assert [d.kind for d in space.decisions.values()] == ["decision", "decision", "decision", "preprocessing"]


def test_constraints_are_what_options_ask() -> None:
    space = from_toml(FIZZ)
    assert [tuple(u.labels) for u in space] == [  # the grid that multiversum's own tests expect
        ("A", "always"), ("A", "not with C"),
        ("B", "always"), ("B", "only with B"), ("B", "not with C"),
        ("C", "always"),
    ]  # fmt: skip
    _, only, never = space.decisions["buzz"].options
    assert only.requires == When({"fizz": "B"}) and never.incompatible_with == When({"fizz": "C"})


def test_a_file_is_read_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "multiverse.toml"
    file.write_text(FIZZ)
    assert len(from_toml(file)) == len(from_toml(str(file))) == 6


def test_texts_that_look_like_numbers_keep_their_own_labels() -> None:
    space = from_toml('[dimensions]\nx = ["1", 1, " ", "a"]\n')
    assert space.decisions["x"].labels == ('"1"', "1", '" "', "a")
    assert [o.value for o in space.decisions["x"].options] == ["1", 1, " ", "a"]


def test_an_option_that_excludes_itself_is_ruled_out() -> None:
    space = from_toml(FIZZ + '[[constraints.fizz]]\nvalue = "A"\nforbidden_if = { fizz = "A" }\n'.replace("A", "C"))
    assert len(space) == 5 and "[constraints] of the text rule it out everywhere" in space.rules[0].why


def radon(**changes: Any) -> Space:
    made = mv.Space(
        counties=mv.preprocessing({"all": 1, "five homes or more": 5}, why={"all": "none is left out"}),
        zeros=mv.preprocessing({"0.1": 0.1, "0.3": 0.3}),
        family=mv.likelihood(normal=print, student=len, cauchy=max, reference="student"),
        tail=mv.prior(light=30.0, heavy=4.0, plausibility={"light": 2, "heavy": 1}),
    )
    return made.only_when("tail", {"family": ["student", "cauchy"]}).forbid(
        "five homes leave no zeros to log", lambda counties, zeros: (counties, zeros) == ("five homes or more", "0.3")
    )


def test_it_writes_values_and_where_there_are_none_labels() -> None:
    told = tomllib.loads(to_toml(radon()))
    assert told["dimensions"] == {
        "counties": [1, 5],
        "zeros": [0.1, 0.3],
        "family": ["normal", "student", "cauchy"],
        "tail": [30.0, 4.0],
    }
    assert told["constraints"] == {
        "zeros": [{"value": 0.3, "allowed_if": {"counties": 1}}],
        "tail": [{"value": 4.0, "forbidden_if": {"family": "normal"}}],  # there the reference stands for "not there"
    }


def test_the_space_that_was_written_gives_its_values() -> None:
    space = radon()
    again = from_toml(to_toml(space), values=space)
    assert [o.value for o in again.decisions["family"].options] == [print, len, max]
    assert again.decisions["family"].reference == "student" and again.decisions["counties"].options[0].why
    assert again.decisions["tail"].shares == space.decisions["tail"].shares
    assert [str(rule) for rule in again.rules] == [str(rule) for rule in space.rules]


def test_a_value_that_nobody_gives_is_a_mistake_by_its_name() -> None:
    with pytest.raises(SpaceError, match="values of 'family' are Python objects.*'student' was len") as raised:
        from_toml(to_toml(radon()), values={"family": {"normal": print, "cauchy": max}})
    assert "`values={'family': {'student': ...}}`" in str(raised.value)


def test_values_and_kinds_of_nothing_are_mistakes() -> None:
    with pytest.raises(SpaceError) as raised:
        from_toml(FIZZ, values={"fiz": {}, "buzz": {"alway": 1}}, kinds={"fuzz": "prior"})
    text = str(raised.value)
    assert len(raised.value.problems) == 3
    assert "Did you mean 'fizz'?" in text and "Did you mean 'always'?" in text


def test_equal_values_are_written_as_labels() -> None:
    """1, 1.0 and true are one to multiversum, and NaN is not even itself."""
    space = mv.Space(a=mv.prior(one=1, yes=True, uno=1.0), b=mv.prior(gap=float("nan"), none=None, no=(1, 2)))
    told = tomllib.loads(to_toml(space))
    assert told["dimensions"] == {"a": ["one", "yes", "uno"], "b": ["gap", "none", [1, 2]]}
    again = from_toml(to_toml(space))
    assert [repr(o.value) for o in again.decisions["a"].options] == ["1", "True", "1.0"]
    assert [repr(o.value) for o in again.decisions["b"].options] == ["nan", "None", "(1, 2)"]


def test_three_decisions_at_once_are_refused_by_name() -> None:
    space = mv.Space(**{name: mv.prior(x=1, y=2) for name in "abc"})
    space = space.forbid("too much", {"a": "y", "b": "y", "c": "y"})
    with pytest.raises(SpaceError) as raised:
        to_toml(space)
    assert "forbid('too much') looks at a, b and c together." in str(raised.value)
    assert len(from_toml(to_toml(space.forbid("two", {"a": "y", "b": "y"})))) == 6  # the pair says it already


def test_a_union_is_refused_by_name() -> None:
    union = mv.Space(a=mv.prior(x=1)) | mv.Space(a=mv.prior(x=1), b=mv.prior(y=2, z=3))
    with pytest.raises(SpaceError, match="this is a union of 2 spaces"):
        to_toml(union)


def test_a_function_of_too_much_is_refused_by_name() -> None:
    many = {str(i): i for i in range(150)}
    space = mv.Space(a=mv.prior(many), b=mv.prior(many)).forbid("odd", lambda a, b: (int(a) ^ int(b)) % 3 == 1)
    with pytest.raises(SpaceError, match=r"the rule of forbid\('odd'\) is a function of a, b, true for more"):
        to_toml(space)


def test_links_need_one_entry_an_option() -> None:
    many = {str(i): i for i in range(100)}
    space = mv.Space(a=mv.prior(many), b=mv.prior(many)).link("a", "b")
    told = tomllib.loads(to_toml(space))
    assert len(told["constraints"]["b"]) == 100 and told["constraints"]["b"][7]["allowed_if"] == {"a": 7}
    assert from_toml(to_toml(space)).links == (("a", "b"),)


def test_what_somebody_adds_to_a_written_file_counts() -> None:
    text = to_toml(radon()).replace("[1, 5]", "[1, 5, 9]")
    text = text.replace(
        "\n#: multiverse", "\n[[constraints.tail]]\nvalue = 4.0\nforbidden_if = { counties = 9 }\n\n#: multiverse"
    )
    space = from_toml(text, values=radon())
    assert space.decisions["counties"].labels == ("all", "five homes or more", "9")
    assert space.rules[-1].why == "heavy of tail does not go with 9 of counties"


def test_what_somebody_removes_from_a_written_file_is_missed() -> None:
    text = to_toml(radon()).replace(
        "value = 0.3\nallowed_if = { counties = 1 }", "value = 0.1\nallowed_if = { counties = 1 }"
    )
    with pytest.raises(SpaceError) as raised:
        from_toml(text, values=radon())
    assert "'0.3' of 'zeros' and 'five homes or more' of 'counties' may go together" in str(raised.value)


def test_without_its_notes_a_written_file_is_what_multiversum_sees() -> None:
    text = "\n".join(line for line in to_toml(radon()).split("\n") if not line.startswith("#"))
    assert len(from_toml(text)) == len(radon())
