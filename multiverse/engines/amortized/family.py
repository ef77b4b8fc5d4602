"""Which programs one network answers: those with the same latents, in coordinates that suit a network.

A parameterization is a map between coordinates of one posterior, so a single one is learnt, non-centered where there is
a hierarchy, and draws are mapped to those of each program, exactly. Programs with other latents, or that observe other
sites, are another family with a network of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from multiverse.planning.density import Potential, potential
from multiverse.planning.model_trace import Sites
from multiverse.planning.noncentered import NonCentered, noncentered
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program, Signature
from multiverse.planning.simulate import Simulated, made_of, opened, simulator, why_not_simulated

LATENTS_MAX: Final = 64  # the head of a network has their square, and k-hat of so many passes 0.7 (docs/adr/0019)


@dataclass(frozen=True)
class Opened:
    """A program of a family: with its observed values as leaves, and its latents in the family's coordinates.

    program: opened. signature, sites: in the coordinates of the family. other: how these differ from its own. outcome:
    paths of leaves that the observed values are made of; a simulated data set has others.
    """

    program: Program
    signature: Signature
    sites: Sites
    other: NonCentered | None
    outcome: frozenset[str]

    @property
    def simulate(self) -> Callable[[Mapping[str, Any], Any], Simulated]:
        """`(leaves, key) -> Simulated`, in the coordinates of the family."""
        return simulator(self.signature, self.sites)

    @property
    def potential(self) -> Potential:
        """`(leaves, z (dimension,)) -> ()`: minus the log joint in the coordinates of the family, in nats."""
        return potential(self.signature, self.sites)

    def own(self, leaves: Mapping[str, Any], z: Any) -> Any:
        """A flat draw in the coordinates of the family, `(dimension,)`, as one in those of the program."""
        return z if self.other is None else self.other.centered(leaves, z)


def open_program(program: Program) -> Opened:
    """A program as its family has it. Raises ValueError where data cannot be simulated from it."""
    found, outcome = opened(program), made_of(program)
    other = noncentered(found)
    if other is None:
        return Opened(found, found.signature, found.sites, None, outcome)
    return Opened(found, other.signature, other.sites, other, outcome)


@dataclass(frozen=True)
class Family:
    """Programs that one network answers, in the order of their ids.

    latents: what tells families apart: name and unconstrained shape of each latent, and the observed sites.
    """

    latents: str
    programs: tuple[Program, ...]

    @functools.cached_property
    def dimension(self) -> int:
        """How many unconstrained numbers a draw has."""
        return self.programs[0].sites.dimension

    @functools.cached_property
    def opened(self) -> tuple[Opened, ...]:
        """Its programs, opened."""
        return tuple(open_program(program) for program in self.programs)

    def of(self, key: str) -> int:
        """The place of the program that a universe belongs to. Raises KeyError for a stranger."""
        for place, program in enumerate(self.programs):
            if key in program.members:
                return place
        raise KeyError(key)


def families(programs: Iterable[Program]) -> tuple[list[Family], dict[str, str]]:
    """The families of some programs; and by program id, why others are in none."""
    declined: dict[str, str] = {}
    together: dict[str, list[Program]] = {}
    for program in sorted(programs, key=lambda program: program.id):
        if why := why_not_learnt(program):
            declined[program.id] = why
        else:
            together.setdefault(_name(program), []).append(program)
    return [Family(name, tuple(some)) for name, some in sorted(together.items())], declined


def why_not_learnt(program: Program) -> str:
    """Why no network can learn a program, in words; empty where one can."""
    if why := why_not_simulated(program):
        return f"data cannot be simulated from the model: {why}"
    if (many := program.sites.dimension) > LATENTS_MAX:
        return f"the model has {many} latent numbers; a network learns {LATENTS_MAX} at most"
    return ""


def families_of(plan: Plan) -> tuple[list[Family], dict[str, str]]:
    """The same of all programs of a plan."""
    return families(plan.programs)


def _name(program: Program) -> str:
    other = noncentered(program)
    sites = program.sites if other is None else other.sites
    free = ", ".join(f"{latent.name}{list(latent.free_shape)}" for latent in sites.latents)
    return f"{free} | {', '.join(f'{name}{list(shape)}' for name, shape in sorted(sites.observed.items()))}"


def stacked(parts: Iterable[Mapping[str, np.ndarray]], dtype: str = "float32") -> dict[str, np.ndarray]:
    """Leaves of several data sets or options, one after the other along a first axis; floats in `dtype`."""
    some = list(parts)
    found = {path: np.stack([part[path] for part in some]) for path in sorted(some[0])}
    return {path: leaf.astype(dtype) if leaf.dtype.kind == "f" else leaf for path, leaf in found.items()}
