"""A network in a process: its family, its shape, and the programs compiled for it, once each."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from multiverse.engines.amortized.answer import Drawn, compile_answer
from multiverse.engines.amortized.checkpoint import Checkpoint, begin, from_arrays, to_arrays
from multiverse.engines.amortized.constants import Constants
from multiverse.engines.amortized.distance import compile_summaries
from multiverse.engines.amortized.family import Family
from multiverse.engines.amortized.network import Flow, Shape, Weights
from multiverse.engines.amortized.real_universes import REAL, inputs_of, log_joint_of, real_universes
from multiverse.engines.amortized.simulations import Subject, simulated, subject_of
from multiverse.engines.amortized.training import Schedule, Trainer
from multiverse.engines.amortized.unlabelled import Unlabelled, unlabelled_loss
from multiverse.engines.programs import Programs
from multiverse.planning.tracing import QUICK_COMPILE, compiled, here

MEMBERS_UNVERIFIED: Final = 3  # networks, where nothing but their disagreement says what they do not know
CONSTANT: Final = "constant:"  # begins the names of constants among what a segment hands on


class Size(NamedTuple):
    """What a network is made of, beside its family: see `Amortized`."""

    couplings: int
    kind: str
    width: int
    members: int | None
    whiten: str


@dataclass(frozen=True, eq=False)
class Learner:
    """A network that is trained or asked. Everything here is the same in any process for the same family and seed."""

    subject: Subject
    flow: Flow
    trainer: Trainer
    seed: int
    programs: Programs
    looks: bool = False  # whether its training looks at real universes

    @functools.cached_property
    def arguments(self) -> dict[str, Any]:
        """What its training is called with."""
        import jax

        if not self.looks:
            return self.subject.arguments
        with jax.enable_x64(False):
            return {**self.subject.arguments, REAL: real_universes(self.subject)}

    def begin(self) -> Checkpoint:
        """The network before its first step."""
        return begin(self.flow, self.seed)

    def handed(self, checkpoint: Checkpoint) -> dict[str, np.ndarray]:
        """All that another process needs to go on, as arrays by name."""
        constants = {f"{CONSTANT}{name}": value for name, value in self.subject.constants.items()}
        return {**to_arrays(checkpoint), **constants}

    def taken(self, arrays: Mapping[str, np.ndarray]) -> Checkpoint:
        """The checkpoint that was handed on. Raises ValueError for one of another network."""
        return from_arrays(self.flow, {name: a for name, a in arrays.items() if not name.startswith(CONSTANT)})

    def segment(self, checkpoint: Checkpoint) -> tuple[Checkpoint, np.ndarray]:
        """One more segment of training, and its losses (step, members)."""
        import jax

        with jax.enable_x64(False):
            return self.trainer.segment(self.arguments, checkpoint, self.seed)

    def looked_at(self, steps: int) -> int:
        """How many simulations so many steps of its training look at, some of them again where these are reused."""
        schedule = self.trainer.schedule
        fresh = sum(self.subject.shares(schedule.batch))
        return steps * (fresh if schedule.simulations is None else min(schedule.batch, schedule.simulations))

    def draw(
        self,
        weights: Weights,
        place: int,
        sites: tuple[str, ...],
        leaves: Mapping[str, np.ndarray],
        words: np.ndarray,
        draws: int,
        told: Mapping[str, np.ndarray] | None = None,
    ) -> Drawn:
        """Draws for a block of universes of the program at a place; NumPy arrays. Leaves decide the precision.

        told: leaves that the network is told in place of those of all these universes; without an axis of universes.
        """
        import jax

        universes = len(words)
        dtypes = tuple(sorted((path, str(leaf.dtype)) for path, leaf in leaves.items()))
        instead = {
            path: np.repeat(leaf[None], universes, axis=0).astype(leaves[path].dtype)
            for path, leaf in (told or {}).items()
        }
        key = "answer", place, sites, universes, draws, dtypes, tuple(sorted(instead)), str(here())
        run = self.programs.get(
            key, lambda: compile_answer(self.subject, self.flow, place, sites, leaves, draws, instead)
        )
        drawn = run(dict(self.subject.constants), dict(weights), dict(leaves), words, instead)
        found: Drawn = jax.tree.map(np.asarray, drawn)
        return found

    def summaries(self, place: int, leaves: Mapping[str, np.ndarray], words: np.ndarray) -> np.ndarray:
        """Of a block of universes, see `distance`: (universe, 1 + simulated, summary)."""
        import jax

        with jax.enable_x64(False):
            key = "summaries", place, len(words), str(here())
            run = self.programs.get(key, lambda: compile_summaries(self.subject, place, leaves))
            return np.asarray(run(dict(self.subject.constants), dict(leaves), words))

    def held_out(self, place: int, count: int, words: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Leaves of random universes of a program with simulated data that no training sees, in float32.

        And the latents that these were simulated from, (simulation, dimension).
        """
        import jax

        with jax.enable_x64(False):
            space = self.subject.arguments["spaces"][place]

            def many(space: Any, words: Any) -> Any:
                keys = jax.random.split(jax.random.wrap_key_data(words, impl="threefry2x32"), count)
                return jax.vmap(lambda key: simulated(self.subject.family, place, space, key))(keys)

            key = "held out", place, count, str(here())
            run = self.programs.get(key, lambda: compiled(many, space, words, options=QUICK_COMPILE))
            leaves, z = run(space, words)
            return {path: np.asarray(leaf) for path, leaf in leaves.items()}, np.asarray(z)


def make_learner(
    family: Family,
    size: Size,
    schedule: Schedule,
    unlabelled: Sequence[Unlabelled],
    seed: int,
    constants: Constants | None = None,
) -> Learner:
    """A network before it is trained.

    unlabelled: what real universes add to the loss. constants: the scales that were measured when its training began.
    """
    import jax

    with jax.enable_x64(False):
        subject = subject_of(family, seed, whiten=size.whiten, constants=constants)
    layout = subject.layout
    flow = Flow(
        Shape(
            layout.dimension,
            layout.plain,
            layout.row,
            couplings=size.couplings,
            kind=size.kind,
            width=size.width,
            members=size.members or (MEMBERS_UNVERIFIED if family.programs[0].kind == "simulator" else 1),
        )
    )
    more = None
    if unlabelled:
        more = unlabelled_loss(flow, unlabelled, log_joint_of(subject), inputs_of, subject.shares)
    trainer = Trainer(flow, schedule, subject.sample(schedule.batch), more)
    return Learner(subject, flow, trainer, seed, Programs(), bool(unlabelled))
