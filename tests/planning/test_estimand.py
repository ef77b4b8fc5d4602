"""Estimands: one number a draw, from sites by name or functions, and what is said when they are something else."""

from __future__ import annotations

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.planning import safety
from multiverse.planning.estimand import Estimand, estimands_of, signature_problems
from multiverse.planning.estimand_trial import try_estimands

DRAWS = {"slope": np.arange(7.0), "level": np.ones((7, 3)), "matrix": np.ones((7, 2, 2)), "n": np.arange(7)}
DATA = {"x": np.ones(4)}


def problem(ask, *, takes=(), values=None) -> str:
    estimand = Estimand("effect", ask, tuple(takes))
    given = DRAWS, DATA, values or {}
    with pytest.raises(Exception) as caught:
        estimand.sites(*given)
    return str(estimand.problem(caught.value, *given))


@pytest.mark.parametrize(
    ("ask", "answer", "sites"),
    [
        ("slope", np.arange(7.0), {"slope"}),
        (lambda draws: draws["slope"] + 1, np.arange(7.0) + 1, {"slope"}),
        (lambda draws, data: draws["level"].mean(axis=1) * data["x"].sum(), np.full(7, 4.0), {"level"}),
        (lambda draws, data: draws["slope"] > 2, np.arange(7) > 2, {"slope"}),
        (lambda draws, data: draws["n"], np.arange(7), {"n"}),
        (lambda draws, data: draws.get("nothing", draws["slope"]), np.arange(7.0), {"slope"}),
        (lambda draws, data: draws["slope"] if "level" in draws else None, np.arange(7.0), {"slope", "level"}),
    ],
)
def test_one_number_a_draw_and_the_sites_it_comes_from(ask, answer, sites):
    estimand = Estimand("effect", ask)
    np.testing.assert_array_equal(estimand(DRAWS, DATA, {}), answer)
    assert estimand(DRAWS, DATA, {}).dtype.kind == "f"
    assert estimand.sites(DRAWS, DATA, {}) == sites


def test_who_looks_at_all_sites_needs_them_all():
    assert Estimand("effect", lambda draws: sum(v.sum() for v in draws.values()) * draws["slope"]).sites(
        DRAWS, DATA, {}
    ) == set(DRAWS)


def test_decisions_come_by_keyword_as_values():
    estimand = Estimand("effect", lambda draws, data, *, scale: draws["slope"] * scale, ("scale",))
    np.testing.assert_array_equal(estimand(DRAWS, DATA, {"scale": 2.0, "other": 1}), 2 * np.arange(7.0))


def test_a_site_that_is_not_there_with_its_near_miss():
    assert problem("sloppe") == (
        "the estimand 'effect' asks for the site 'sloppe', which the model does not have.\n"
        "  expected: one of its sites: slope, level, matrix, n\n"
        "  mend: Did you mean 'slope'?  Write `{'effect': 'slope'}`"
    )
    assert problem(lambda draws: draws["levl"]).endswith("mend: Did you mean 'level'?  Write `draws['level']`")


def test_a_key_of_the_data_that_is_not_there_is_no_site():
    text = problem(lambda draws, data: draws["slope"] * data["xx"])
    assert text.startswith("the estimand 'effect' raised KeyError: 'xx' at test_estimand.py:")
    assert "own prepared data (x)\n  mend: Did you mean 'x'?" in text


@pytest.mark.parametrize(
    ("ask", "what", "mend"),
    [
        ("level", "gives an array of shape (7, 3)", "lambda draws, data: draws['level'][:, 0]}`"),
        (lambda draws: draws["matrix"], "gives an array of shape (7, 2, 2)", "mean(axis=(1, 2))"),
        (lambda draws: draws["slope"].mean(), "gives a single number", "and not `draws['slope'].mean()`"),
        (lambda draws: None, "gives None", "end the function with `return`"),
        (lambda draws: ["a"] * 7, "gives a list that does not hold numbers", "end the function with `return`"),
        (lambda draws: draws["slope"][1:], "gives an array of shape (6,)", "whose only axis"),
        (lambda draws: draws["slope"] + 0j, "gives an array of complex128", "whose only axis"),
    ],
)
def test_what_is_not_one_number_a_draw(ask, what, mend):
    text = problem(ask)
    assert text.startswith(f"the estimand 'effect' {what} for 7 draws, not one number a draw.\n")
    assert mend in text


def test_an_estimand_that_raises_comes_with_draws_to_try_it_on():
    text = problem(lambda draws: draws["slope"] / {}["a"])
    assert '"slope": np.zeros((7,)), "level": np.zeros((7, 3))' in text


def test_what_cannot_be_called_as_an_estimand(small):
    estimands = {"fine": "slope", "none": lambda: 1, "three": lambda a, b, c: 1, "number": 3}
    study = small(estimands=estimands)
    texts = [p.what for p in signature_problems(study)]
    assert texts == [
        "the estimand 'none', <lambda>(), takes 0 positional arguments.",
        "the estimand 'three', <lambda>(), takes 3 positional arguments.",
        "the estimand 'number' is 3, an int.",
    ]
    from multiverse.planning.bind import bind

    assert [e.name for e in estimands_of(study, bind(study)[0])] == ["fine"]
    assert [p.what for p in signature_problems(small(estimands={}))] == ["the study has no estimands."]


def two_links(data, *, slope, link):
    b = numpyro.sample("slope", slope)
    with mv.rows(data):
        mu = numpyro.deterministic("mu", b * data["x"] * link)
        numpyro.sample("y", dist.Normal(mu, 1), obs=data["y"])


LINKS = mv.likelihood({str(i): float(i) for i in range(1, 13)})


@pytest.fixture(scope="module")
def twelve(small, grouped):
    """One program of 24 universes, and a few draws in it."""
    space = mv.Space(rows=mv.preprocessing({"all": 24, "23": 23}), slope=mv.prior(a=dist.Normal(0, 1)), link=LINKS)
    (program,) = grouped(small(model=two_links, space=space)).programs
    rows = np.ones((3, program.padding.length))
    return program, {next(iter(program.members)): {"slope": np.zeros(3), "mu": rows}}


@pytest.mark.parametrize("bad", range(1, 13))
def test_an_estimand_that_is_wrong_for_one_option_only_is_found(twelve, bad):
    """All options that it takes are tried, though they share one program."""

    def ask(draws, data, *, link):
        return draws["slope"][:, None] if link == bad else draws["slope"]

    trial = try_estimands(*twelve, (Estimand("effect", ask, ("link",)),))["effect"]
    problem = trial.problem
    assert 0 < trial.failed < trial.tried
    assert f"link='{bad}'" in problem.what


@pytest.mark.parametrize("bad", [23, 24])
def test_an_estimand_that_is_wrong_for_one_data_set_only_is_found(twelve, bad):
    def ask(draws, data):
        if len(data["y"]) == bad:
            raise ZeroDivisionError("nobody left")
        return draws["slope"]

    problem = try_estimands(*twelve, (Estimand("effect", ask),))["effect"].problem
    assert problem.what.startswith("the estimand 'effect' raised ZeroDivisionError: nobody left at test_estimand.py:")
    assert f"rows='{'all' if bad == 24 else bad}'" in problem.what


def test_estimands_see_their_own_rows_only(twelve):
    """Data and sites with rows are unpadded together."""
    fitted = Estimand("fitted", lambda draws, data: (draws["mu"] * data["y"]).mean(axis=1))
    trials = try_estimands(*twelve, (fitted, Estimand("effect", "slope")))
    assert {name: trial.problem for name, trial in trials.items()} == {"fitted": None, "effect": None}
    assert {name: trial.needed for name, trial in trials.items()} == {"fitted": {"mu"}, "effect": {"slope"}}


def test_an_estimand_cannot_change_the_data(twelve):
    def ask(draws, data):
        data["y"] -= 1.0
        return draws["slope"]

    problem = try_estimands(*twelve, (Estimand("effect", ask),))["effect"].problem
    assert "read-only" in problem.what


def test_only_the_sites_that_estimands_look_at_leave_a_program(small, grouped):
    found = grouped(
        small(model=two_links, space=mv.Space(slope=mv.prior(a=dist.Normal(0, 1)), link=LINKS), prepare=None)
    )
    (program,) = found.programs
    assert safety.check(program, (Estimand("effect", "slope"),)).trials["effect"].needed == {"slope"}
