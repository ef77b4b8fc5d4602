"""Where a training stands, as its segments were told: which come next, and when a network has learnt enough."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from multiverse.engines.amortized.family import Family
from multiverse.engines.amortized.training import Schedule
from multiverse.engines.outcome import Outcome
from multiverse.errors import PlanError, Problem, near_miss
from multiverse.identity.keys import batch_id
from multiverse.planning.program import Program

TOLD_AS: Final = 1  # counts what universes are told as: a network learnt under another number is trained anew
TRAINING: Final = "training"  # purpose of a batch that trains a network; it answers one universe on the way
DECLINED: Final = "declined"  # purpose of a batch of universes that no network can learn

# What a segment's outcome says of the network, among its diagnostics.
STEPS: Final = "training_steps"
SIMULATIONS: Final = "training_simulations"
LOSS: Final = "training_loss"
HELD_OUT_LOSS: Final = "held_out_loss"
HELD_OUT_GREEN: Final = "held_out_green"
HELD_OUT_ESS: Final = "held_out_ess"
TUNED_GREEN: Final = "tuned_green"
TUNED_ESS: Final = "tuned_ess"
CALIBRATION: Final = "calibration_p"

RECENT: Final = 50  # steps whose mean is the loss of a segment; where none of them has one, the training is lost
UNIVERSES: Final = "universes"
GOALS_OF: Final = (UNIVERSES, "simulations")  # what a goal may be of


@dataclass(frozen=True)
class Goal:
    """When a network has learnt enough, before the last of its steps.

    green: share of data sets whose weights can be relied on (k-hat). ess: median importance ESS of them, as a share of
    their draws. of: whose data sets; those of the "universes" that it is to answer, if it is tuned on them, or
    "simulations" that it never saw, for data sets to come. patience: segments after which training ends too if they
    bring no better ESS of the universes, or no better loss on such simulations. seconds: of training, after which no
    segment is begun; what was learnt then hangs on the machine.
    """

    green: float = 0.95
    ess: float = 0.6
    of: str = UNIVERSES
    patience: int = 4
    seconds: float | None = None

    def __post_init__(self) -> None:
        problems = []
        if not self.patience >= 1:
            problems.append(Problem(f"the goal of training has patience={self.patience!r}.", "at least 1", "Goal()"))
        if self.of not in GOALS_OF:
            mend = f"{near_miss(self.of, GOALS_OF)}Goal(of={GOALS_OF[0]!r})"
            problems.append(Problem(f"the goal of training has of={self.of!r}.", f"one of {', '.join(GOALS_OF)}", mend))
        if problems:
            raise PlanError(problems)

    def reached(self, learning: Learning, schedule: Schedule) -> bool:
        """Whether training ends here."""
        last = learning.outcomes[-1] if learning.outcomes else None
        if last is None:
            return False
        numbers = last.diagnostics
        tuned = self.of == UNIVERSES and TUNED_GREEN in numbers
        green, ess = (TUNED_GREEN, TUNED_ESS) if tuned else (HELD_OUT_GREEN, HELD_OUT_ESS)
        enough = numbers.get(green, 0.0) >= self.green and numbers.get(ess, 0.0) >= self.ess
        worth = [self.worth(outcome) for outcome in learning.outcomes]
        ripe = sum(not tuned or o.diagnostics.get(STEPS, 0.0) > learning.untuned for o in learning.outcomes)
        stuck = len(worth) > self.patience <= ripe and max(worth[-self.patience :]) <= max(worth[: -self.patience])
        spent = sum(outcome.seconds for outcome in learning.outcomes)
        late = self.seconds is not None and spent >= self.seconds
        return enough or stuck or late or numbers.get(STEPS, 0.0) >= schedule.steps or STEPS not in numbers

    def worth(self, segment: Outcome) -> float:
        """How good the network is after a segment, larger is better: among segments of one training."""
        if self.of == UNIVERSES and TUNED_ESS in segment.diagnostics:
            return segment.diagnostics[TUNED_ESS]
        return -held_out_loss_of(segment)


@dataclass(frozen=True)
class Learning:
    """The training of a family's network. content: a hash of all that it learns from. segments: ids, in order.

    untuned: its first steps, in which universes need not be answered better yet: patience with them begins later.
    """

    family: Family
    content: str
    segments: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    untuned: int = 0

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

    def network(self, goal: Goal, schedule: Schedule) -> tuple[str, ...]:
        """The last segment that handed a network on; where there is none the last one, which says why.

        Where simulations are reused, the best one for its goal: networks after it learnt theirs by heart.
        """
        told = zip(self.segments, self.outcomes, strict=True)
        good = [(batch, goal.worth(outcome)) for batch, outcome in told if STEPS in outcome.diagnostics]
        if not good:
            return self.segments[-1:]
        best = good[-1] if schedule.simulations is None else max(reversed(good), key=lambda one: one[1])
        return (best[0],)

    def segment_id(self, number: int) -> str:
        """The id of a segment's batch, from 1: the same in any run that learns the same."""
        return batch_id(f"amortized {TRAINING}", {"content": self.content}, number, [], [])

    def waits_for(self, batch: str) -> bool:
        """Whether a batch is the next segment."""
        return batch == self.next_id

    def said(self, schedule: Schedule) -> str:
        """How far it is, in words."""
        numbers = self.outcomes[-1].diagnostics
        loss = held_out_loss_of(self.outcomes[-1])
        green = f", {numbers[HELD_OUT_GREEN]:.0%} of held-out green" if HELD_OUT_GREEN in numbers else ""
        green += f", {numbers[TUNED_GREEN]:.0%} of universes" if TUNED_GREEN in numbers else ""
        return f"training: step {numbers.get(STEPS, 0):,.0f} of {schedule.steps:,}, held-out loss {loss:.3g}{green}"

    def told(self, batch: str, outcome: Outcome) -> Learning:
        """The training after a segment."""
        return replace(self, segments=(*self.segments, batch), outcomes=(*self.outcomes, outcome.light()))


def held_out_loss_of(outcome: Outcome) -> float:
    """Of a segment: minus the log density of held-out parameters, in nats; infinite where there is none."""
    loss = outcome.diagnostics.get(HELD_OUT_LOSS, math.inf)
    return math.inf if math.isnan(loss) else loss


def diverged(losses: np.ndarray, begun: int, schedule: Schedule) -> str:
    """Why a training cannot go on, in words; empty where it can. losses: (step, member), of the steps after `begun`.

    Steps without a finite gradient are left out, so single losses that are no numbers do no harm.
    """
    lost = [finite for finite in np.isfinite(losses).T if not finite[-RECENT:].any()]
    if not lost:
        return ""
    well = min(int(np.flatnonzero(finite).max(initial=-1)) + 1 for finite in lost)  # steps
    return (
        f"the loss of the network is no number from step {begun + well + 1:,} of {schedule.steps:,} on; train it with "
        f"a smaller learning rate, as in Schedule(learning_rate={schedule.learning_rate / 4:g}), or on larger batches"
    )


def left_out(dropped: int, looked_at: int) -> str:
    """Why a training cannot go on that left out so many simulations of a segment, in words; empty where it can."""
    if dropped < looked_at:
        return ""
    return (
        f"no simulation of its model was finite: {dropped:,} of {looked_at:,} were left out; draw parameters from the "
        "priors in single precision, as training does (numbers beyond 3e38 are infinite), and look which are not finite"
    )


def content_of(family: Family, settings: Mapping[str, Any]) -> str:
    """A hash of what a network is trained on: the universes of its programs, whose keys hold their data, and how."""
    digest = hashlib.sha256(repr((TOLD_AS, sorted(settings.items()))).encode())
    for program in family.programs:
        digest.update(program.id.encode())
        for key in sorted(program.members):
            digest.update(key.encode())
    return digest.hexdigest()[:32]
