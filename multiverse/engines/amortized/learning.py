"""Where a training stands, as its segments were told: which come next, and when a network has learnt enough."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from multiverse.engines.amortized.family import Family
from multiverse.engines.amortized.training import Schedule
from multiverse.engines.outcome import Outcome
from multiverse.errors import PlanError, Problem
from multiverse.identity.keys import batch_id
from multiverse.planning.program import Program

TOLD_AS: Final = 1  # counts what universes are told as: a network learnt under another number is trained anew
TRAINING: Final = "training"  # purpose of a batch that trains a network; it answers one universe on the way
DECLINED: Final = "declined"  # purpose of a batch of universes that no network can learn

# What a segment's outcome says of the network, among its diagnostics.
STEPS: Final = "training_steps"
SIMULATIONS: Final = "training_simulations"
LOSS: Final = "training_loss"
HELD_OUT_GREEN: Final = "held_out_green"
HELD_OUT_ESS: Final = "held_out_ess"
CALIBRATION: Final = "calibration_p"


@dataclass(frozen=True)
class Goal:
    """When a network has learnt enough, before the last of its steps. Both count on simulations that it never saw.

    green: share of held-out simulations whose weights can be relied on (k-hat). ess: median importance ESS of them, as
    a share of their draws. patience: segments without a better loss after which training ends too. seconds: of
    training, after which no segment is begun; what was learnt then hangs on the machine.
    """

    green: float = 0.95
    ess: float = 0.6
    patience: int = 4
    seconds: float | None = None

    def __post_init__(self) -> None:
        if not self.patience >= 1:
            raise PlanError(Problem(f"the goal of training has patience={self.patience!r}.", "at least 1", "Goal()"))

    def reached(self, learning: Learning, schedule: Schedule) -> bool:
        """Whether training ends here."""
        last = learning.outcomes[-1] if learning.outcomes else None
        if last is None:
            return False
        numbers = last.diagnostics
        enough = numbers.get(HELD_OUT_GREEN, 0.0) >= self.green and numbers.get(HELD_OUT_ESS, 0.0) >= self.ess
        losses = [outcome.diagnostics.get(LOSS, float("inf")) for outcome in learning.outcomes]
        stuck = len(losses) > self.patience and min(losses[-self.patience :]) >= min(losses[: -self.patience])
        spent = sum(outcome.seconds for outcome in learning.outcomes)
        late = self.seconds is not None and spent >= self.seconds
        return enough or stuck or late or numbers.get(STEPS, 0.0) >= schedule.steps or STEPS not in numbers


@dataclass(frozen=True)
class Learning:
    """The training of a family's network. content: a hash of all that it learns from. segments: ids, in order."""

    family: Family
    content: str
    segments: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    @property
    def next_id(self) -> str:
        """The id of the next segment's batch."""
        return self.segment_id(len(self.segments) + 1)

    @functools.cached_property
    def beside(self) -> Mapping[str, Program]:
        """The programs of the family, by id."""
        return {program.id: program for program in self.family.programs}

    @property
    def carrier(self) -> str:
        """The universe that a segment answers on its way: always the same one."""
        return min(self.family.programs[0].members)

    @property
    def network(self) -> tuple[str, ...]:
        """The last segment that handed a network on; where there is none the last one, which says why."""
        good = [batch for batch, told in zip(self.segments, self.outcomes, strict=True) if STEPS in told.diagnostics]
        return tuple((good or self.segments)[-1:])

    def segment_id(self, number: int) -> str:
        """The id of a segment's batch, from 1: the same in any run that learns the same."""
        return batch_id(f"amortized {TRAINING}", {"content": self.content}, number, [], [])

    def waits_for(self, batch: str) -> bool:
        """Whether a batch is the next segment."""
        return batch == self.next_id

    def said(self, schedule: Schedule) -> str:
        """How far it is, in words."""
        numbers = self.outcomes[-1].diagnostics
        green = f", {numbers[HELD_OUT_GREEN]:.0%} of held-out green" if HELD_OUT_GREEN in numbers else ""
        return f"training: step {numbers.get(STEPS, 0):,.0f} of {schedule.steps:,}, loss {numbers[LOSS]:.3g}{green}"

    def told(self, batch: str, outcome: Outcome) -> Learning:
        """The training after a segment."""
        return replace(self, segments=(*self.segments, batch), outcomes=(*self.outcomes, outcome.light()))


def content_of(family: Family, settings: Mapping[str, Any]) -> str:
    """A hash of what a network is trained on: the universes of its programs, whose keys hold their data, and how."""
    digest = hashlib.sha256(repr((TOLD_AS, sorted(settings.items()))).encode())
    for program in family.programs:
        digest.update(program.id.encode())
        for key in sorted(program.members):
            digest.update(key.encode())
    return digest.hexdigest()[:32]
