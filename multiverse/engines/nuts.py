"""NumPyro's NUTS, vectorised over universes and chains, in blocks of one fixed shape.

Source: Hoffman & Gelman 2014, JMLR 15; the kernel, adaptation and defaults are NumPyro's (Phan et al. 2019).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast

import numpy as np
import pyarrow as pa

from multiverse.cores import cores
from multiverse.engines.compiled import Once
from multiverse.engines.engine import Batch, make_batch
from multiverse.engines.gate import Gate
from multiverse.engines.judge import judge
from multiverse.engines.nuts_block import block_function
from multiverse.engines.outcome import Outcome
from multiverse.identity.keys import rng_words
from multiverse.planning.plan import Plan
from multiverse.planning.tracing import compiled

LANES = 16  # of a block on a CPU; measured, docs/adr/0002: 7 % from the best width for small data, best for large
LANES_ACCELERATOR = 1024  # an accelerator is idle below some thousand lanes
ROUNDS = 8  # every worker gets at least so many batches of a program, where there are enough: all end together
UNIVERSES_A_BATCH = 64  # at most, so that a killed run loses seconds: a part of the store holds one batch

_PROGRAMS = Once()


@dataclass(frozen=True)
class NUTS:
    """The settings of the NUTS engine. All of them are in the run's id.

    chains, warmup, draws: per universe; draws are those kept after warm-up, in each chain. target_accept,
    max_tree_depth, dense_mass: as in NumPyro. seed: folded into every universe's random key. dtype: "float32" or
    "float64". gate: what a universe must pass to be green.
    """

    chains: int = 4
    warmup: int = 500
    draws: int = 500
    target_accept: float = 0.8
    max_tree_depth: int = 10
    dense_mass: bool = False
    seed: int = 0
    dtype: str = "float32"
    gate: Gate = field(default_factory=Gate)
    name: ClassVar[str] = "nuts"

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> Plan:
        """NUTS asks once: its state is the plan of what is still to do."""
        return plan

    def ask(self, state: Plan) -> Sequence[Batch]:
        """Blocks of universes, in a random order stratified by program.

        Whatever has finished is then an honest sample of the whole. Keys are hashes: their order is random.
        """
        placed: list[tuple[float, str, Batch]] = []
        todo = state.todo
        block = self._block()
        for program in state.programs:
            size = _batch_size(len(program.members), block)
            keys = sorted(todo & program.members.keys())
            parts = [keys[i : i + size] for i in range(0, len(keys), size)]
            for i, part in enumerate(parts):
                batch = make_batch(self, program, part, state.wanted, block=block)
                placed.append(((i + 0.5) / len(parts), program.id, batch))
        return [batch for _, _, batch in sorted(placed, key=lambda p: p[:2])]

    def tell(self, state: Plan, batch: Batch, outcomes: Sequence[Outcome]) -> Plan:
        """The plan without what has been answered."""
        return state.without(batch.keys)

    def fit(self, batch: Batch, given: Mapping[str, pa.Table]) -> tuple[Outcome, ...]:
        """Sample a batch, block by block, and judge each universe. Compiles on first use of the program on a device."""
        import jax

        with jax.enable_x64(self.dtype == "float64"):
            first = self._arguments(batch, batch.keys[: batch.block])
            run = self._compiled(batch, first)
            began = time.perf_counter()
            rest = (batch.keys[i : i + batch.block] for i in range(batch.block, len(batch), batch.block))
            blocks = [run(*first), *(run(*self._arguments(batch, keys)) for keys in rest)]
            lanes = jax.tree.map(lambda *arrays: np.concatenate([np.asarray(a) for a in arrays]), *blocks)
        lanes = jax.tree.map(lambda a: a.reshape(-1, self.chains, *a.shape[1:])[: len(batch)], lanes)
        outcomes = judge(batch, lanes, self)
        seconds = (time.perf_counter() - began) / len(batch)
        return tuple(replace(outcome, seconds=seconds) for outcome in outcomes)

    def _arguments(self, batch: Batch, keys: Sequence[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Random words and leaves of one block, filled up with its first universe: a short block has other bits."""
        filled = [*keys, *[keys[0]] * (batch.block - len(keys))]
        words = np.array([rng_words(self.seed, key, batch.attempt) for key in filled], np.uint32)
        return words, batch.program.gather(filled, self.dtype)

    def _compiled(self, batch: Batch, arguments: tuple[Any, ...]) -> Any:
        import jax

        sites = sites_to_see(batch)
        device = cast(Any, jax.config).jax_default_device or jax.local_devices()[0]
        # Everything that is compiled in: settings that only judge are left out.
        kernel = (self.chains, self.warmup, self.draws, self.target_accept, self.max_tree_depth, self.dense_mass)
        key = batch.program.id, kernel, self.dtype, batch.block, sites, str(device)

        return _PROGRAMS.get(key, lambda: compiled(block_function(batch.program, self, sites), *arguments))

    def _block(self) -> int:
        """How many universes a block holds: the same for every program and plan, so that bits depend on neither."""
        import jax

        lanes = LANES if jax.local_devices()[0].platform == "cpu" else LANES_ACCELERATOR
        return max(1, lanes // self.chains)


def _batch_size(share: int, block: int) -> int:
    """How many universes a batch holds, by the share of its program in the whole plan: whole blocks."""
    fair = min(share // (ROUNDS * cores()), UNIVERSES_A_BATCH)
    return max(block, fair // block * block)


def sites_to_see(batch: Batch) -> tuple[str, ...]:
    """The sites whose draws leave the compiled program: all latents, and what estimands or the user ask for."""
    sites = batch.program.sites
    asked = batch.wanted.sites | set(batch.wanted.kept(batch.program))
    return tuple(sorted({latent.name for latent in sites.latents} | (asked & set(sites.deterministic))))
