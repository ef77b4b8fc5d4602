"""Leaves that hold what was observed, of a program that only simulates: data that were simulated may stand in them."""

from __future__ import annotations

from dataclasses import replace

from multiverse.planning.leaf_path import OBSERVED, step
from multiverse.planning.only_simulates import WHOLE
from multiverse.planning.program import Program


def observed_paths(program: Program) -> dict[str, str]:
    """The path of the leaf that each observed array has among the prepared data, by name."""
    own = next(iter(program.datasets.values()))
    paths = {name: f"/{step(name)}" for name in program.sites.observed}
    return {name: path if path in own else "" for name, path in paths.items() if path in own or name == WHOLE}


def opened_simulator(program: Program) -> Program:
    """The program with what its universes observed as leaves of their data, at `OBSERVED` and the name.

    `Program.observed` reads these in place of the prepared data; the simulator looks at neither.
    """
    paths = observed_paths(program)
    datasets = {
        number: {**leaves, **{OBSERVED + name: leaves[path] for name, path in paths.items()}}
        for number, leaves in program.datasets.items()
    }
    return replace(program, id=f"{program.id}o", datasets=datasets)
