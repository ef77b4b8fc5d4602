"""A program: what XLA compiles once, and the universes that share it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from multiverse.planning.leaf_path import OBSERVED, step
from multiverse.planning.model_trace import Sites
from multiverse.planning.only_simulates import OnlySimulates
from multiverse.planning.padding import MASK, Padding
from multiverse.planning.prepare import Prepared
from multiverse.planning.structure import Leaves, Structure
from multiverse.row_plate import padded_rows
from multiverse.space.universe import Universe

Kind = Literal["model", "simulator", "traced", "plain"]
"""A NumPyro model, a prior and a simulator, an `estimate` function that JAX traces, or one that is called universe by
universe."""

PROBES: Final = 3  # data sets: of more, the structure of a hierarchy was never seen to differ


class Member(NamedTuple):
    """One universe of a program: its key, its options, the number of its data set, and how many rows that keeps."""

    key: str
    universe: Universe
    prepared: int
    rows_kept: int


class Arguments(NamedTuple):
    """What a model is called with: prepared data, and option values by name."""

    data: Any
    options: dict[str, Any]


@dataclass(frozen=True)
class Signature:
    """The model with its structure filled in: everything a compiled program depends on but its leaves.

    data: structure of the prepared data. options: structure of each option value that the model takes. reparam:
    NumPyro reparameterizers by site. fixed: leaves that became structure since the model branches on them.
    """

    model: Callable[..., Any]
    data: Structure
    options: Mapping[str, Structure]
    reparam: Mapping[str, Any]
    fixed: Mapping[str, Any]

    def __call__(self, leaves: Mapping[str, Any]) -> Any:
        """Run the user's model on leaves by path (arrays or tracers); a NumPyro model of one argument."""
        import numpyro

        model = self.model
        if self.reparam:
            model = numpyro.handlers.reparam(model, config=dict(self.reparam))
        given = self.arguments(leaves)
        with padded_rows({**self.fixed, **leaves}.get(MASK)):
            return model(given.data, **given.options)

    def arguments(self, leaves: Mapping[str, Any]) -> Arguments:
        """What the model is called with: the prepared data and the option values that these leaves make."""
        at = {**self.fixed, **leaves}
        return Arguments(self.data.rebuild(at), {name: s.rebuild(at) for name, s in self.options.items()})

    @property
    def only_simulates(self) -> OnlySimulates:
        """The prior and the simulator of a program of kind "simulator". Raises ValueError for any other."""
        if not isinstance(self.model, OnlySimulates):
            raise ValueError("only a study with `simulate` has a simulator of its own")
        return self.model

    def simulate(self, leaves: Mapping[str, Any], key: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        """Data as a universe might have observed them, by name, as floats, in the shapes of the observed; traceable.

        Of a study that only simulates. leaves: of one universe. values: parameters on their own scale, by name. The
        user's function runs: hold TRACING.
        """
        import jax.numpy as jnp

        given = self.arguments(leaves)
        told = self.only_simulates.simulated(key, values, given.data, given.options)
        return {name: jnp.asarray(value, float) for name, value in told.items()}


@dataclass(frozen=True)
class Program:
    """Universes that differ in numbers only.

    id: equal for the same structure, in any plan and process. why: the structural options, for people. sites: the
    latent, deterministic and observed sites. members: by universe key. padding: None where rows are not padded;
    `unpadded_because` says why, where that costs programs. datasets: leaves of the (padded) data by number. choices:
    leaves of option values by decision and label. original: unpadded prepared data by number, for estimands. values:
    option values by decision and label, for estimands. kind: what the analysis is. seconds: what one universe of an
    `estimate` function took when it was tried.
    """

    id: str
    why: str
    signature: Signature
    sites: Sites
    members: Mapping[str, Member]
    padding: Padding | None
    unpadded_because: str
    datasets: Mapping[int, Leaves] = field(repr=False)
    choices: Mapping[tuple[str, str | None], Leaves] = field(repr=False)
    original: Mapping[int, Prepared] = field(repr=False)
    values: Mapping[tuple[str, str | None], Any] = field(repr=False)
    kind: Kind = "model"
    seconds: float = 0.0

    @functools.cached_property
    def paths(self) -> tuple[str, ...]:
        """The leaves that are batched, sorted."""
        return tuple(sorted(self.leaves(next(iter(self.members)))))

    @functools.cached_property
    def probes(self) -> tuple[str, ...]:
        """The universes that a program is looked at with: the first one of each of its first `PROBES` data sets."""
        by_data = {member.prepared: key for key, member in sorted(self.members.items(), reverse=True)}
        return tuple(key for _, key in sorted(by_data.items())[:PROBES])

    def only(self, keys: Iterable[str]) -> Program:
        """The same program with the data of these members alone, and its probes: enough to fit them, small to send.

        What is found out of a program hangs on its probes, so it is the same for a part of it.
        """
        members = {key: self.members[key] for key in dict.fromkeys([*keys, *self.probes])}
        numbers = sorted({member.prepared for member in members.values()})
        return replace(
            self,
            members=members,
            datasets={number: self.datasets[number] for number in numbers if number in self.datasets},
            original={number: self.original[number] for number in numbers if number in self.original},
        )

    def leaves(self, key: str) -> Leaves:
        """The leaves of one universe."""
        member = self.members[key]
        at = dict(self.datasets[member.prepared])
        for name in self.signature.options:
            at |= self.choices[name, member.universe[name]]
        return {path: leaf for path, leaf in at.items() if path not in self.signature.fixed}

    def gather(self, keys: Sequence[str], dtype: str) -> Leaves:
        """The leaves of several universes, stacked, `(universe, ...)`; floats in `dtype`."""
        members = [self.members[key] for key in keys]
        numbers = list(dict.fromkeys(member.prepared for member in members))
        place = np.array([numbers.index(member.prepared) for member in members])  # (universe,)
        stacked: Leaves = {}
        for path in self.datasets[numbers[0]]:  # cast once a data set, not once a universe
            stacked[path] = _cast(np.stack([self.datasets[number][path] for number in numbers]), dtype)[place]
        for name in self.signature.options:
            each = [self.choices[name, member.universe[name]] for member in members]
            stacked |= {path: _cast(np.stack([leaves[path] for leaves in each]), dtype) for path in each[0]}
        return {path: stacked[path] for path in self.paths}

    @property
    def observed_paths(self) -> dict[str, str]:
        """The path of the prepared data that holds each observed array, by name; of a program that only simulates."""
        own = next(iter(self.datasets.values()))
        return {name: path if (path := f"/{step(name)}") in own else "" for name in self.sites.observed}

    def simulate(self, leaves: Mapping[str, Any], key: Any, values: Mapping[str, Any]) -> dict[str, Any]:
        """Data as a universe might have observed them; see `Signature.simulate`."""
        return self.signature.simulate(leaves, key, values)

    def observed(self, leaves: Mapping[str, Any]) -> dict[str, Any]:
        """What a universe of a program that only simulates did observe, by name, as floats; traceable.

        Leaves whose paths are `OBSERVED` and a name stand in for these, where there are any.
        """
        import jax.numpy as jnp

        own = self.signature.only_simulates.observed(self.signature.arguments(leaves).data)
        return {name: jnp.asarray(leaves.get(OBSERVED + name, own[name]), float) for name in self.sites.observed}

    def option_values(self, key: str) -> dict[str, Any]:
        """The option values of a universe by decision, None where a decision does not apply."""
        return {name: self.values[name, label] for name, label in self.members[key].universe.items()}

    def data(self, key: str) -> Any:
        """The universe's own prepared data, unpadded."""
        return self.original[self.members[key].prepared].data


def _cast(array: np.ndarray, dtype: str) -> np.ndarray:
    return array.astype(dtype) if array.dtype.kind == "f" else array
