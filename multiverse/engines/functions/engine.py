"""Analyses that are not NumPyro models: a person's function, called for each universe or compiled for many."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np

from multiverse.engines.engine import Batch
from multiverse.engines.functions.answered import judge_answers
from multiverse.engines.functions.processes import call_all
from multiverse.engines.gate import Gate
from multiverse.engines.one_shot import OneShot, batches, begin
from multiverse.engines.outcome import Outcome, Reason
from multiverse.engines.price import Price
from multiverse.engines.programs import Programs
from multiverse.planning.answer import Answer, answers_of
from multiverse.planning.function_programs import plain_call, traceable
from multiverse.planning.plan import Plan
from multiverse.planning.program import Program
from multiverse.planning.tracing import compiled

BLOCK = 64  # universes of one compiled call: enough to hide its dispatch, few enough that data stay in the cache
UNIVERSES_A_BATCH = 64  # at most, so that a killed run loses little: a part of the store holds one batch

COMPILE_SECONDS = 0.5  # trace and compile one small function for a block, measured 0.2 to 1
TRACED_SECONDS = 1e-3  # of one universe of a compiled function; measured 0.01 to 1 ms, and never the price that counts
START_SECONDS = 3.0  # until a process that calls a function has imported what it needs

_PROGRAMS = Programs()
_REASONS: Mapping[str, Reason] = {"raised": Reason.error, "time": Reason.time, "crash": Reason.crash}


@dataclass(frozen=True)
class Function:
    """The settings of the engine for `Study(estimate=...)`. All of them are in the run's id.

    seed: of the generators of random numbers that functions ask for by the keyword `rng`. gate: what draws of two and
    more chains must pass; numbers and standard errors need only be finite.
    """

    seed: int = 0
    gate: Gate = field(default_factory=Gate)
    name: ClassVar[str] = "function"
    one_shot: ClassVar[bool] = True
    takes: ClassVar[tuple[str, ...]] = ("estimate",)
    dtype: ClassVar[str] = "float64"

    def price(self, program: Program, gradient: float) -> Price | None:
        """What a program costs: what its function took when it was tried while planning. None for a model."""
        if program.kind not in ("traced", "plain"):
            return None
        if program.kind == "traced":
            return Price(COMPILE_SECONDS, 0.0, TRACED_SECONDS)
        return Price(0.0, START_SECONDS, program.seconds)

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> OneShot:
        """Every universe is asked once; one that was tried before gets the next attempt."""
        return begin(plan, before)

    def ask(self, state: OneShot) -> Sequence[Batch]:
        """All batches, in a random order stratified by program."""
        return batches(self, state, _block, UNIVERSES_A_BATCH)

    def tell(self, state: OneShot, batch: Batch, outcomes: Sequence[Outcome]) -> OneShot:
        """The state without what has been answered."""
        return state.told(batch)

    def fit(self, batch: Batch, given: Mapping[str, tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        """Call or run the function for each universe of a batch."""
        return tuple(self._traced(batch) if batch.program.kind == "traced" else self._called(batch))

    def _called(self, batch: Batch) -> Iterator[Outcome]:
        names = [estimand.name for estimand in batch.wanted.estimands]
        calls = [plain_call(batch.program, key, self.seed, batch.attempt) for key in batch.keys]
        answered = list(call_all(calls, partial(_numbers, names=names), seconds=batch.wanted.time_limit))
        answers = {key: a.value for key, a in zip(batch.keys, answered, strict=True) if not a.failure}
        judged = judge_answers(answers, names, self.gate, batch)
        for key, a in zip(batch.keys, answered, strict=True):
            if a.failure:
                yield Outcome(
                    key, _REASONS[a.failure], a.message, a.traceback, seconds=a.seconds, attempt=batch.attempt
                )
            else:
                yield replace(judged[key], seconds=a.seconds)

    def _traced(self, batch: Batch) -> Iterator[Outcome]:
        import jax

        names = [estimand.name for estimand in batch.wanted.estimands]
        answers: dict[str, dict[str, Answer]] = {}
        seconds = 0.0
        for at in range(0, len(batch), batch.block):
            mine = batch.keys[at : at + batch.block]
            # A short block is filled up with copies: another shape would be compiled differently, with other bits.
            keys = [*mine, *[mine[0]] * (batch.block - len(mine))]
            with jax.enable_x64(True):
                leaves = batch.program.gather(keys, "float64")
                known = batch.program.id, tuple(names), batch.block
                run = _PROGRAMS.get(known, partial(compiled, jax.vmap(traceable(batch.program, names)), leaves))
                began = time.perf_counter()
                out: dict[str, Answer] = jax.tree.map(np.asarray, run(leaves))
            seconds += (time.perf_counter() - began) / len(batch)
            answers |= {key: jax.tree.map(lambda a, i=i: a[i], out) for i, key in enumerate(mine)}
        judged = judge_answers(answers, names, self.gate, batch)
        for key in batch.keys:
            yield replace(judged[key], seconds=seconds)


def _block(program: Program) -> int:
    """How many universes are computed by one compiled call; 1 where each is a call of its own."""
    return BLOCK if program.kind == "traced" else 1


def _numbers(out: Any, names: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
    """Answers as NumPy arrays in float64, which travel between processes."""
    found = answers_of(out, names)
    return {name: {part: np.asarray(v, dtype=np.float64) for part, v in a.items()} for name, a in found.items()}
