"""Locals and globals of a program, and which locals hang together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpyro
import numpyro.distributions as dist
import pytest
from hypothesis import given
from hypothesis import strategies as st

import multiverse as mv
from multiverse.planning.build import plan
from multiverse.planning.hierarchy import Hierarchy, NoHierarchy, find_hierarchy, pack
from multiverse.planning.program import Program

ROWS = {
    "y": np.linspace(-1, 1, 12),
    "one": np.arange(12) % 4,
    "two": np.arange(12) // 4,
    "x": np.linspace(0, 3, 12) ** 2,
}


def program(model: Callable[..., Any]) -> Program:
    space = mv.Space(scale=mv.prior(one=1.0))
    study = mv.Study(
        name="some",
        data=ROWS,
        model=model,
        estimands={"mu": lambda draws: draws["mu"].reshape(len(draws["mu"]), -1)[:, 0]},
        space=space,
    )
    return plan(study).programs[0]


def independent(data: Mapping[str, Any], *, scale: float) -> None:
    with numpyro.plate("groups", 4):
        level = numpyro.sample("level", dist.Normal(0, 1))
    mu = numpyro.sample("mu", dist.Normal(0, scale))
    numpyro.sample("y", dist.StudentT(4.0, mu + level[data["one"]]), obs=data["y"])


def pairs(data: Mapping[str, Any], *, scale: float) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, scale))
    with numpyro.plate("groups", 4):
        level = numpyro.sample("level", dist.Normal(mu, 1))
        slope = numpyro.sample("slope", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(level[data["one"]] + slope[data["one"]] * data["x"], 1), obs=data["y"])


def crossed(data: Mapping[str, Any], *, scale: float) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, scale))
    with numpyro.plate("rows", 4):
        one = numpyro.sample("one", dist.Normal(mu, 1))
    with numpyro.plate("columns", 3):
        two = numpyro.sample("two", dist.Normal(0, 1))
    numpyro.sample("y", dist.Normal(one[data["one"]] + two[data["two"]], 1), obs=data["y"])


def flat(data: Mapping[str, Any], *, scale: float) -> None:
    numpyro.sample("y", dist.Normal(numpyro.sample("mu", dist.Normal(0, scale)), 1), obs=data["y"])


def all_inside(data: Mapping[str, Any], *, scale: float) -> None:
    with numpyro.plate("rows", 12):
        numpyro.sample("y", dist.Normal(numpyro.sample("mu", dist.Normal(0, scale)), 1), obs=data["y"])


@pytest.mark.parametrize(
    ("model", "blocks"),
    [
        (independent, [[0], [1], [2], [3]]),
        (pairs, [[0, 4], [1, 5], [2, 6], [3, 7]]),
        (crossed, [[0, 1, 2, 3, 4, 5, 6]]),
    ],
)
def test_locals_that_hang_together_are_one_block(model: Callable[..., Any], blocks: list[list[int]]) -> None:
    found = find_hierarchy(program(model))
    assert isinstance(found, Hierarchy)
    assert found.globals == 1 and found.sites.latents[0].name == "mu"  # first, wherever the model has it
    assert found.blocks.tolist() == blocks


@pytest.mark.parametrize(("model", "why"), [(flat, "there are no locals"), (all_inside, "there are no globals")])
def test_a_model_without_two_levels_has_no_hierarchy(model: Callable[..., Any], why: str) -> None:
    found = find_hierarchy(program(model))
    assert isinstance(found, NoHierarchy) and found.why.partition(why)[1]


@given(st.lists(st.integers(1, 7), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_packing_keeps_parts_together_and_every_place_once(sizes: list[int], random: Any) -> None:
    places = list(range(sum(sizes)))
    random.shuffle(places)
    ends = np.cumsum(sizes)
    parts = [np.array(sorted(places[end - size : end])) for size, end in zip(sizes, ends, strict=True)]
    blocks = pack(parts)
    assert blocks.shape[1] == max(sizes)
    assert sorted(place for place in blocks.ravel() if place < len(places)) == sorted(places)
    of = {place: number for number, block in enumerate(blocks) for place in block}
    assert all(len({of[place] for place in part}) == 1 for part in parts)


def cut(data: Mapping[str, Any], *, rows: int) -> dict[str, Any]:
    """Without rows of the second kind, nothing ties the groups that it would have tied."""
    return {**data, "x": np.where(np.arange(12) < rows, data["x"], 0.0)}


def tied_by_data(data: Mapping[str, Any]) -> None:
    mu = numpyro.sample("mu", dist.Normal(0, 1))
    with numpyro.plate("groups", 4):
        level = numpyro.sample("level", dist.Normal(mu, 1))
    tied = level[data["one"]] + data["x"] * level[(data["one"] + 1) % 4]
    numpyro.sample("y", dist.Normal(tied, 1), obs=data["y"])


def test_a_part_of_a_program_has_the_hierarchy_of_the_whole() -> None:
    """Which locals hang together may hang on the data; a worker is sent a part of them only."""
    space = mv.Space(rows=mv.preprocessing({"none": 0, "some": 8, "all": 12}))
    study = mv.Study(name="tied", data=ROWS, prepare=cut, model=tied_by_data, estimands={"mu": "mu"}, space=space)
    (whole,) = plan(study).programs
    found = find_hierarchy(whole)
    assert isinstance(found, Hierarchy) and found.blocks.shape == (1, 4)
    for key in whole.members:
        part = find_hierarchy(whole.only([key]))
        assert isinstance(part, Hierarchy)
        np.testing.assert_array_equal(part.blocks, found.blocks)
