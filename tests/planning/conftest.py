"""A small regression study to vary, and planning without its last and slowest step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest

import multiverse as mv
from multiverse.errors import Problem
from multiverse.planning.bind import bind
from multiverse.planning.group import programs_of
from multiverse.planning.identify import identify
from multiverse.planning.padding import table_length
from multiverse.planning.program import Program
from multiverse.planning.unanswerable import problems_of
from multiverse.planning.walk import Walked, walk
from multiverse.progress import no_progress
from multiverse.study import Study

ROWS = 24


class Grouped(NamedTuple):
    """Planning up to the check of programs against the model called plainly."""

    walked: Walked
    programs: list[Program]
    problems: list[Problem]


def _grouped(study: Study) -> Grouped:
    binding, problems = bind(study)
    known = identify(study, binding)
    walked = walk(study, binding, known, no_progress)
    found = [programs_of(family, table_length(known.raw)) for family in walked.families]
    mistakes = [p for grouping in found for p in [*grouping.problems, *problems_of(grouping.failures)]]
    told = [*problems, *mistakes, *known.problems, *problems_of(walked.failures)]
    return Grouped(walked, [program for grouping in found for program in grouping.programs], told)


@pytest.fixture(scope="session")
def grouped() -> Callable[[Study], Grouped]:
    return _grouped


def _raw() -> dict[str, np.ndarray]:
    source = np.random.default_rng(7)
    x = source.normal(size=ROWS)
    return {"x": x, "y": 0.5 + 0.8 * x + 0.3 * source.standard_t(4, size=ROWS)}


def keep_rows(raw, *, rows):
    """Keep the first rows; a number that is an option's value, so it is structure to nobody."""
    return {name: column[:rows] for name, column in raw.items()}


def line(data, *, slope):
    level = numpyro.sample("level", dist.Normal(0, 5))
    b = numpyro.sample("slope", slope)
    noise = numpyro.sample("noise", dist.HalfNormal(1))
    with mv.rows(data):
        numpyro.sample("y", dist.Normal(level + b * data["x"], noise), obs=data["y"])


def _small(**changes: Any) -> Study:
    given: dict[str, Any] = {
        "name": "small",
        "data": _raw(),
        "prepare": keep_rows,
        "model": line,
        "estimands": {"effect": "slope"},
        "space": mv.Space(
            rows=mv.preprocessing({"all": ROWS, "some": ROWS - 4}),
            slope=mv.prior(weak=dist.Normal(0, 10), sceptical=dist.Normal(0, 0.5)),
        ),
    }
    return Study(**given | changes)


@pytest.fixture(scope="session")
def small() -> Callable[..., Study]:
    """A study of 24 rows with a slope; keyword arguments replace its parts."""
    return _small


@pytest.fixture(scope="session")
def raw() -> dict[str, np.ndarray]:
    return _raw()


@pytest.fixture(scope="session")
def planned_small() -> mv.Plan:
    """The plan of the small study as it is."""
    from multiverse.planning.build import plan

    return plan(_small())


@pytest.fixture(scope="session")
def told() -> Callable[[list[Problem]], str]:
    """All that problems say, as one text."""
    return lambda problems: "\n".join(map(str, problems))
