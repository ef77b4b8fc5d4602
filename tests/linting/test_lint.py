"""A lint is a value: counted, printed, empty where nothing was found; a check that raises is told, not hidden."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

import multiverse as mv
from multiverse.linting.checks import CHECKS, Check
from multiverse.linting.finding import Finding, finding, named
from multiverse.linting.lint import lint, linted
from multiverse.linting.show import remark
from multiverse.progress import no_progress


@pytest.fixture(scope="module")
def plan(normal_mean: ModuleType) -> mv.Plan:
    sound = normal_mean.space(priors=("wide", "unit", "narrow"), noises=("three",))
    return mv.plan(normal_mean.study(sound), progress=no_progress)


def odd(plan: mv.Plan) -> Iterator[Finding]:
    yield finding(plan, "odd", "something <odd>.", list(plan.keys)[3:0:-1], "mend it", show=["dropped"])


def breaks(plan: mv.Plan) -> Iterator[Finding]:
    raise ArithmeticError("no such <number>\nand more")


def test_nothing_found_says_what_was_looked_for(plan: mv.Plan) -> None:
    found = lint(plan, quick=True, progress=no_progress)
    assert not found and list(found) == [] and found.not_made == {}
    assert list(found.checked) == [check.name for check in CHECKS if check.quick]
    assert f"nothing found in {len(plan)} universes" in repr(found)
    assert "checked: duplicates, idle arguments, " in repr(found)
    assert remark(found, "multiverse plan study.py") == ""


def test_findings_print_in_words_and_in_html(plan: mv.Plan) -> None:
    found = linted(plan, [Check("odd", odd)], no_progress)
    (only,) = found
    assert len(found) == 1 and only.universes == plan.keys[1:4]
    text, html = repr(found), found._repr_html_()
    assert f"1 finding, on 3 of {len(plan)} universes" in text
    assert "  1. something <odd>.\n     universes: " in text and "     mend: mend it\n  checked: odd" in text
    assert "something &lt;odd&gt;." in html and "<odd>" not in html
    assert remark(found, "multiverse plan s.py").endswith("universes. To see it: multiverse plan s.py")
    assert str(only).splitlines()[-1] == "  mend: mend it"


def test_a_check_that_raises_is_told_and_does_not_stop_the_others(plan: mv.Plan) -> None:
    found = linted(plan, [Check("breaks", breaks), Check("odd", odd)], no_progress)
    assert found.not_made == {"breaks": "ArithmeticError: no such <number>"}
    assert found.checked == ("odd",) and len(found) == 1
    assert "not checked: breaks, since it raised ArithmeticError: no such <number>" in repr(found)
    assert "no such &lt;number&gt;" in found._repr_html_()


def test_universes_are_named_by_their_labels(plan: mv.Plan) -> None:
    first = plan.universes[plan.keys[0]]
    assert named(plan, plan.keys[:1]) == ", ".join(f"{name}={label}" for name, label in first.active.items())
    assert named(plan, plan.keys).endswith(f"; and {len(plan) - 2} more")
    assert named(plan, []) == ""


def test_what_is_no_plan_is_told(normal_mean: ModuleType):
    study = normal_mean.study(normal_mean.space(priors=("wide",), noises=("three",)))
    with pytest.raises(mv.MultiverseError, match="lint was given a Study, which is no plan"):
        lint(study)  # type: ignore[arg-type]
    for act in (mv.plan, mv.run):
        with pytest.raises(mv.MultiverseError, match="what is to be planned is"):
            act(study.space)
