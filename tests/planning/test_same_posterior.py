"""Which universes have one posterior, and what a plan says of them."""

from __future__ import annotations

import multiverse as mv
from multiverse.planning.same_posterior import posterior_notes, posteriors

WAYS = {"centered": {}, "half": {"level": 0.5}, "non-centered": {"level": 0}}


def grouped(space: mv.Space) -> list[int]:
    universes = {str(i): universe for i, universe in enumerate(space)}
    groups = posteriors(space, universes)
    assert sorted(key for keys in groups for key in keys) == sorted(universes)
    return [len(keys) for keys in groups]


def notes(space: mv.Space) -> list[str]:
    return list(posterior_notes(space, {str(i): universe for i, universe in enumerate(space)}))


def test_universes_that_differ_in_parameterization_only_are_together() -> None:
    priors = mv.prior(weak=10.0, tight=1.0)
    space = mv.Space(prior=priors, geometry=mv.parameterization(WAYS), scale=mv.parameterization(log=1, plain=0))
    assert grouped(space) == [6, 6]
    (note,) = notes(space)
    assert note.startswith("12 universes have 2 posteriors: those that differ only in 'geometry' and 'scale' share one")


def test_others_have_a_posterior_of_their_own() -> None:
    assert grouped(mv.Space(prior=mv.prior(weak=10.0, tight=1.0))) == [1, 1]
    assert notes(mv.Space(prior=mv.prior(weak=10.0, tight=1.0))) == []
    assert notes(mv.Space(prior=mv.prior(weak=10.0, tight=1.0), way=mv.parameterization(only={}))) == []


def test_a_decision_that_does_not_apply_is_no_difference() -> None:
    space = mv.Space(
        family=mv.likelihood(normal=0, student=1),
        tail=mv.prior(light=30.0, heavy=4.0),
        geometry=mv.parameterization(WAYS),
    ).only_when("tail", lambda family: family == "student")
    assert grouped(space) == [3, 3, 3]
