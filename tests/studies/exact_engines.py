"""Two engines without NUTS for the study normal_mean: they write its closed form, in one round and in two."""

from __future__ import annotations

import importlib
import os
import re
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from scipy import stats

from multiverse.engines.engine import Batch, make_batch
from multiverse.engines.nuts.climb import Climb, begin_climb
from multiverse.engines.nuts.ladder import Rung
from multiverse.engines.outcome import ESTIMAND, DrawsName, Outcome, Reason
from multiverse.engines.price import Price
from multiverse.identity.keys import rng_words
from multiverse.planning.plan import Plan

FITTED: list[str] = []  # ids of the batches that were fitted, in order


def closed_form(batch: Batch, key: str, draws: int, seed: int) -> Outcome:
    """The posterior of mu, and independent draws from it."""
    normal_mean: ModuleType = importlib.import_module("normal_mean")  # also where its source was sent to
    mean, sd = normal_mean.exact(batch.program.members[key].universe)
    at = stats.norm(mean, sd)
    quantiles = {"q2_5": 0.025, "q25": 0.25, "median": 0.5, "q75": 0.75, "q97_5": 0.975}
    numbers = {"mean": mean, "sd": sd, "p_positive": float(at.sf(0)), "mcse_mean": 0.0}
    numbers |= {name: float(at.ppf(p)) for name, p in quantiles.items()} | {"ess": float(draws)}
    values = np.random.default_rng(rng_words(seed, key, batch.attempt)).normal(mean, sd, (2, draws))
    return Outcome(
        key,
        draws={str(DrawsName(ESTIMAND, "mu")): values.astype(np.float32)},
        estimates={"mu": numbers},
        diagnostics={"log_density_mean": -float(batch.program.members[key].rows_kept)},
        attempt=batch.attempt,
    )


@dataclass(frozen=True)
class OneRound:
    """Answers all universes of a plan, four in a batch."""

    draws: int = 50
    seed: int = 0
    name: ClassVar[str] = "one_round"

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> Climb:
        return begin_climb(plan, before)

    def ask(self, state: Climb) -> Sequence[Batch]:
        return [
            make_batch(self, program, keys[i : i + 4], state.plan.wanted, block=4, attempt=attempt)
            for program in state.plan.programs
            for attempt, keys in state.attempts(program, ladder=()).items()
            for i in range(0, len(keys), 4)
        ]

    def fit(self, batch: Batch, given: Mapping[str, Any]) -> tuple[Outcome, ...]:
        FITTED.append(batch.id)
        return tuple(closed_form(batch, key, self.draws, self.seed) for key in batch.keys)

    def tell(self, state: Climb, batch: Batch, outcomes: Sequence[Outcome]) -> Climb:
        return state.told(outcomes)


@dataclass(frozen=True)
class Paused(OneRound):
    """The same, so many universes in a batch, with a pause before each: time for something to happen."""

    size: int = 1
    pause: float = 0.05
    name: ClassVar[str] = "paused"

    def ask(self, state: Climb) -> Sequence[Batch]:
        return [
            make_batch(self, program, keys[i : i + self.size], state.plan.wanted, block=self.size, attempt=attempt)
            for program in state.plan.programs
            for attempt, keys in state.attempts(program, ladder=()).items()
            for i in range(0, len(keys), self.size)
        ]

    def fit(self, batch: Batch, given: Mapping[str, Any]) -> tuple[Outcome, ...]:
        time.sleep(self.pause * len(batch))
        return super().fit(batch, given)


@dataclass(frozen=True)
class Trap(Paused):
    """The same, where some universes do something to the process that fits them. does: what, by key."""

    does: tuple[tuple[str, str], ...] = ()

    def fit(self, batch: Batch, given: Mapping[str, Any]) -> tuple[Outcome, ...]:
        for key, what in self.does:
            if key in batch.keys:
                spring(what)
        return super().fit(batch, given)


def spring(what: str) -> None:
    """Do something bad to this process."""
    if what == "exits":
        os._exit(3)
    elif what == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "hangs":
        re.match(r"(a+)+$", "a" * 60 + "b")  # in C, with Python's lock held, for longer than anybody lives
    elif what == "grows":
        held = []
        for _ in range(25):
            held.append(np.ones(2**27 // 8))  # 128 MiB
            time.sleep(0.1)


@dataclass(frozen=True)
class Scripted:
    """Answers as it is told to: a stand-in for one of the engines that `auto` asks.

    red: universes that it cannot answer; `red_attempts`: of attempts at these, so many. off: by how many posterior
    standard deviations its means are wrong. price: compile, once and universe. fails: raises instead of being red.
    """

    name: str = "nuts"
    red: tuple[str, ...] = ()
    red_attempts: int = 10
    off: float = 0.0
    costs: tuple[float, float, float] = (1.0, 0.0, 1.0)
    fails: bool = False
    deadly: tuple[str, ...] = ()
    draws: int = 50
    seed: int = 0

    def price(self, program: Any, gradient: float) -> Price:
        return Price(*self.costs)

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> Climb:
        return begin_climb(plan, before)

    def ask(self, state: Climb) -> Sequence[Batch]:
        return [
            make_batch(self, program, keys[i : i + 4], state.plan.wanted, block=4, attempt=attempt)
            for program in state.plan.programs
            for attempt, keys in state.attempts(program, _RUNGS if self.name == "nuts" else ()).items()
            for i in range(0, len(keys), 4)
        ]

    def fit(self, batch: Batch, given: Mapping[str, Any]) -> tuple[Outcome, ...]:
        FITTED.append(batch.id)
        if set(self.deadly) & set(batch.keys):
            spring("exits")
        if self.fails:
            raise ArithmeticError("singular")
        return tuple(self._answer(batch, key) for key in batch.keys)

    def _answer(self, batch: Batch, key: str) -> Outcome:
        outcome = closed_form(batch, key, self.draws, self.seed)
        numbers = dict(outcome.estimates["mu"])
        for name in ("mean", "median", "q2_5", "q25", "q75", "q97_5"):
            numbers[name] += self.off * numbers["sd"]
        numbers["mcse_mean"] = numbers["sd"] / (2 * self.draws) ** 0.5
        outcome = replace(outcome, estimates={"mu": numbers})
        tries = (batch.attempt - 1) % 2 + 1  # on its ladder
        if key not in self.red or tries > self.red_attempts:
            return outcome
        last = self.name != "nuts" or tries == 2
        return replace(outcome, reason=Reason.rhat, message="R-hat of 'mu' is 2; and more", final=last)

    def tell(self, state: Climb, batch: Batch, outcomes: Sequence[Outcome]) -> Climb:
        return state.told(outcomes)


_RUNGS = (Rung("again"),)


@dataclass(frozen=True)
class Rounds:
    """The plan, how often each universe was tried before, and what the batches told."""

    plan: Plan
    tried: Mapping[str, int]
    told: Mapping[str, float] = field(default_factory=dict)  # batch id -> the mean it reported first


@dataclass(frozen=True)
class TwoRounds:
    """Answers the first universe of each program, then the others, which read what the first one gave.

    An engine that adapts: it goes over the whole plan again, and what is in the store is told to it.
    """

    draws: int = 50
    seed: int = 0
    name: ClassVar[str] = "two_rounds"

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> Rounds:
        attempts = sorted((outcome.attempt, outcome.key) for outcome in before if outcome.key in plan.todo)
        return Rounds(plan, {key: attempt for attempt, key in attempts})

    def ask(self, state: Rounds) -> Sequence[Batch]:
        anchors = [self._batch(state, i, [min(p.members)]) for i, p in enumerate(state.plan.programs)]
        if waiting := [batch for batch in anchors if batch.id not in state.told]:
            return waiting
        rest = []
        for i, program in enumerate(state.plan.programs):
            keys = sorted(program.members)[1:]
            rest += [self._batch(state, i, [key], reads=[anchors[i].id]) for key in keys]
        return [batch for batch in rest if batch.id not in state.told]

    def fit(self, batch: Batch, given: Mapping[str, Any]) -> tuple[Outcome, ...]:
        FITTED.append(batch.id)
        (outcome,) = (closed_form(batch, key, self.draws, self.seed) for key in batch.keys)
        anchors = [outcomes[0].estimates["mu"]["mean"] for outcomes in given.values()]
        return (replace(outcome, diagnostics={"anchor": anchors[0]} if anchors else {}),)

    def tell(self, state: Rounds, batch: Batch, outcomes: Sequence[Outcome]) -> Rounds:
        return replace(state, told={**state.told, batch.id: outcomes[0].estimates["mu"]["mean"]})

    def _batch(self, state: Rounds, program: int, keys: Sequence[str], reads: Sequence[str] = ()) -> Batch:
        attempt = state.tried.get(keys[0], 0) + 1
        wanted = state.plan.wanted
        return make_batch(self, state.plan.programs[program], keys, wanted, block=1, attempt=attempt, reads=reads)
