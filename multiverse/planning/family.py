"""Families: universes that share the structure of data and options; the shapes of their arrays split them further."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from multiverse.planning.prepare import Prepared
from multiverse.planning.program import Signature
from multiverse.planning.structure import Leaves, Structure, signature
from multiverse.space.universe import Universe


@dataclass(frozen=True, eq=False)
class Choice:
    """An option value taken apart: its value, fingerprint, structure and leaves."""

    value: Any
    identity: str
    structure: Structure
    leaves: Leaves

    @functools.cached_property
    def text(self) -> str:
        """What must be equal for two options to share a program."""
        return f"{self.structure.text}/{signature(self.leaves)}"


Choices = Mapping[tuple[str, str | None], Choice]


class Candidate(NamedTuple):
    """A universe that looks for its program."""

    key: str
    universe: Universe
    prepared: Prepared


@dataclass(frozen=True, eq=False)
class Family:
    """Universes that share the structure of data and options.

    model: the user's. data, options: structures. reparam: reparameterizers by site. why: the structural options, for
    people. text: equal for the same family, in any plan and process. choices: all options. members: filled while the
    space is walked.
    """

    model: Callable[..., Any]
    data: Structure
    options: Mapping[str, Structure]
    reparam: Mapping[str, Any]
    why: str
    text: str
    choices: Choices
    members: list[Candidate] = field(default_factory=list)

    def signature(self, fixed: Mapping[str, Any]) -> Signature:
        """The model with the structure of the family filled in, and with these leaves known."""
        return Signature(self.model, self.data, self.options, self.reparam, fixed)

    def without_reparam(self) -> Family:
        """The same family of the model as it is written."""
        return replace(self, reparam={})

    def option_leaves(self, universe: Universe) -> Leaves:
        """The leaves of the option values that the model takes."""
        return {path: leaf for n in self.options for path, leaf in self.choices[n, universe[n]].leaves.items()}

    def leaves(self, candidate: Candidate) -> Leaves:
        """All leaves of a universe, its data not padded."""
        return candidate.prepared.leaves | self.option_leaves(candidate.universe)
