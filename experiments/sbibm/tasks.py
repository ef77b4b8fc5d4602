"""The tasks of the benchmark as studies: its ten observations are ten universes, which one network answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import gaussian_linear
import numpy as np
import observations
import two_moons

import multiverse as mv


class Task(NamedTuple):
    """What a task is made of. published: its name in the benchmark. analysis: what the study has beside its data."""

    published: str
    dimension: int
    prior: Mapping[str, Any]
    simulate: Callable[..., Mapping[str, Any]]
    reference: Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
    analysis: Mapping[str, Any]

    def observed(self, wheel: Path | None) -> np.ndarray:
        """The ten data sets, (10, dimension of the data): out of the benchmark's wheel, or our own."""
        return observations.published(self.published, wheel) if wheel else observations.own(self.prior, self.simulate)


def _simulated(task: Any) -> dict[str, Any]:
    return {"prior": task.PRIOR, "simulate": task.simulate}


def _task(published: str, task: Any, analysis: Mapping[str, Any]) -> Task:
    return Task(published, task.DIMENSION, task.PRIOR, task.simulate, task.reference, analysis)


TASKS: Final = {
    "two_moons": _task("two_moons", two_moons, _simulated(two_moons)),
    "gaussian_linear": _task("gaussian_linear", gaussian_linear, _simulated(gaussian_linear)),
    "gaussian_linear_model": _task("gaussian_linear", gaussian_linear, {"model": gaussian_linear.model}),
}


def chosen(raw: Mapping[str, np.ndarray], *, observation: int) -> dict[str, np.ndarray]:
    return {"x": raw["x"][observation]}


def coordinate(j: int) -> Callable[[Mapping[str, Any], Any], Any]:
    return lambda draws, data: draws["theta"][:, j]


def study(name: str, observed: np.ndarray) -> mv.Study:
    """A task at some of its data sets, (observation, dimension of the data)."""
    task = TASKS[name]
    return mv.Study(
        name=name,
        data={"x": observed},
        prepare=chosen,
        estimands={f"theta {j}": coordinate(j) for j in range(task.dimension)},
        space=mv.Space(observation=mv.preprocessing({str(i + 1): i for i in range(len(observed))})),
        **task.analysis,
    )
