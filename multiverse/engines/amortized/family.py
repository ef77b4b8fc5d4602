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

from multiverse.engines.amortized.given_globals import hierarchy_of, marginal
from multiverse.engines.compiled import Once
from multiverse.planning.density import Potential, potential
from multiverse.planning.hierarchy import Hierarchy, NoHierarchy, split
from multiverse.planning.model_trace import Sites
from multiverse.planning.noncentered import NonCentered, noncentered
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program, Signature
from multiverse.planning.simulate import Simulated, made_of, opened, simulator, why_not_simulated

LATENTS_MAX: Final = 64  # that a network learns: its head has their square, k-hat of more passes 0.7 (docs/adr/0019)

_WHY = Once()


@dataclass(frozen=True)
class Opened:
    """A program of a family: with its observed values as leaves, and its latents in the family's coordinates.

    program: opened. signature, sites: in the coordinates of the family. other: how these differ from its own. outcome:
    paths of leaves that the observed values are made of; a simulated data set has others. hierarchy: where there are
    many latents, of which the network learns the globals; its sites are those here, globals first.
    """

    program: Program
    signature: Signature
    sites: Sites
    other: NonCentered | None
    outcome: frozenset[str]
    hierarchy: Hierarchy | None = None

    @functools.cached_property
    def learnt(self) -> np.ndarray:
        """The places in a flat draw of what the network learns."""
        return np.arange(self.sites.dimension) if self.hierarchy is None else self._order[: self.hierarchy.globals]

    def in_order(self, z: Any) -> Any:
        """A flat draw (..., dimension) with globals first as one in the order of the sites."""
        return z[..., np.argsort(self._order)]

    @property
    def globals_first(self) -> Potential:
        """`potential` of flat draws with globals first. Raises ValueError where there is no hierarchy."""
        if self.hierarchy is None:
            raise ValueError("this program's latents are all learnt")
        return potential(self.signature, self.hierarchy.sites)

    @property
    def learnt_potential(self) -> Potential:
        """`potential` of what the network learns: of globals that of their marginal, by Laplace's approximation."""
        return self.potential if self.hierarchy is None else marginal(self.hierarchy, self.globals_first)

    @functools.cached_property
    def _order(self) -> np.ndarray:
        """The places in a flat draw of the numbers of one with globals first."""
        ends = np.cumsum([0, *(int(np.prod(latent.free_shape)) for latent in self.sites.latents)])
        places = {s.name: np.arange(a, b) for s, a, b in zip(self.sites.latents, ends[:-1], ends[1:], strict=True)}
        first = self.sites if self.hierarchy is None else self.hierarchy.sites
        return np.concatenate([places[latent.name] for latent in first.latents])

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
    own = found if other is None else other
    hierarchy = hierarchy_of(program) if program.sites.dimension > LATENTS_MAX else None
    if isinstance(hierarchy, NoHierarchy):
        raise ValueError(hierarchy.why)
    return Opened(found, own.signature, own.sites, other, outcome, hierarchy)


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

    @property
    def many(self) -> bool:
        """Whether there are too many latents to learn: then the globals are, and locals are drawn given these."""
        return self.dimension > LATENTS_MAX

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


def families(programs: Iterable[Program], *, tuned: bool = True) -> tuple[list[Family], dict[str, str]]:
    """The families of some programs; and by program id, why others are in none. tuned: see `why_not_learnt`."""
    declined: dict[str, str] = {}
    together: dict[str, list[Program]] = {}
    for program in sorted(programs, key=lambda program: program.id):
        if why := why_not_learnt(program, tuned=tuned):
            declined[program.id] = why
        else:
            together.setdefault(_name(program), []).append(program)
    return [Family(name, tuple(some)) for name, some in sorted(together.items())], declined


def why_not_learnt(program: Program, *, tuned: bool = True) -> str:
    """Why no network can learn a program, in words; empty where one can.

    tuned: whether networks are tuned on the universes. A density raised to a power is none that could be simulated;
    simulations without the power bring the network near, and tuning to the posterior with it.
    """
    why: str = _WHY.get((program.id, tuned), lambda: _why_not_learnt(program, tuned=tuned))  # `auto` asks in each round
    return why


def _why_not_learnt(program: Program, *, tuned: bool) -> str:
    if why := why_not_simulated(program, powers=tuned):
        return f"data cannot be simulated from the model: {why}"
    if (many := program.sites.dimension) > LATENTS_MAX:
        return _why_not_given_globals(program, f"the model has {many} latent numbers, a network learns {LATENTS_MAX}")
    return ""


def _why_not_given_globals(program: Program, many: str) -> str:
    """Why the locals of a program cannot be left out of what is learnt, to be drawn given the globals."""
    if program.kind != "model":
        return f"{many} at most; without a density, locals cannot be drawn given globals"
    cut = split(program.sites)
    if not isinstance(cut, NoHierarchy) and cut[1] > LATENTS_MAX:
        return f"{many} at most, and {cut[1]} of them are outside plates"
    found = cut if isinstance(cut, NoHierarchy) else hierarchy_of(program)
    if isinstance(found, NoHierarchy):
        return f"{many} at most, and locals cannot be drawn given globals: {found.why}"
    return ""


def families_of(plan: Plan, *, tuned: bool = True) -> tuple[list[Family], dict[str, str]]:
    """The same of all programs of a plan."""
    return families(plan.programs, tuned=tuned)


def _name(program: Program) -> str:
    other = noncentered(program)
    sites = program.sites if other is None else other.sites
    free = ", ".join(f"{latent.name}{list(latent.free_shape)}" for latent in sites.latents)
    inside = [latent.name for latent in sites.latents if latent.is_local]
    given = f" | given globals: {', '.join(inside)}" if sites.dimension > LATENTS_MAX else ""
    return f"{free}{given} | {', '.join(f'{name}{list(shape)}' for name, shape in sorted(sites.observed.items()))}"


def stacked(parts: Iterable[Mapping[str, np.ndarray]], dtype: str = "float32") -> dict[str, np.ndarray]:
    """Leaves of several data sets or options, one after the other along a first axis; floats in `dtype`."""
    some = list(parts)
    found = {path: np.stack([part[path] for part in some]) for path in sorted(some[0])}
    return {path: leaf.astype(dtype) if leaf.dtype.kind == "f" else leaf for path, leaf in found.items()}
