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

from multiverse.engines.compiled import Once
from multiverse.engines.engine import Batch, make_batch
from multiverse.engines.gate import Gate
from multiverse.engines.judge import judge
from multiverse.engines.nuts_block import block_function
from multiverse.engines.outcome import Outcome
from multiverse.identity.keys import rng_words
from multiverse.planning.plan import Plan
from multiverse.planning.tracing import compiled

LANES_SMALL, LANES_LARGE = 16, 64  # measured on CPUs: 16 lanes waste least, 64 amortise best; docs/adr/0002
LANES_ACCELERATOR = 1024  # an accelerator is idle below some thousand lanes
ROUNDS_FOR_LARGE = 4  # use large blocks where every worker still gets this many

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

    def init(self, plan: Plan) -> Plan:
        """NUTS asks once: its state is the plan of what is still to do."""
        return plan

    def ask(self, state: Plan) -> Sequence[Batch]:
        """Blocks of universes, in a random order stratified by program.

        Whatever has finished is then an honest sample of the whole. Keys are hashes: their order is random.
        """
        placed: list[tuple[float, str, Batch]] = []
        todo = state.todo
        for program in state.programs:
            block = self._block(len(program.members))
            keys = sorted(todo & program.members.keys())
            parts = [keys[i : i + block] for i in range(0, len(keys), block)]
            for i, part in enumerate(parts):
                batch = make_batch(self, program, part, state.wanted, block=block)
                placed.append(((i + 0.5) / len(parts), program.id, batch))
        return [batch for _, _, batch in sorted(placed, key=lambda p: p[:2])]

    def tell(self, state: Plan, batch: Batch, outcomes: Sequence[Outcome]) -> Plan:
        """The plan without what has been answered."""
        return state.without(batch.keys)

    def fit(self, batch: Batch, given: Mapping[str, pa.Table]) -> tuple[Outcome, ...]:
        """Sample a block of universes and judge each. Compiles on first use of the program on this device."""
        import jax

        with jax.enable_x64(self.dtype == "float64"):
            filled = [*batch.keys, *[batch.keys[0]] * (batch.block - len(batch))]  # short blocks have other bits
            words = np.array([rng_words(self.seed, key, batch.attempt) for key in filled], np.uint32)
            arguments = words, batch.program.gather(filled, self.dtype)
            run = self._compiled(batch, arguments)
            began = time.perf_counter()
            lanes = jax.tree.map(lambda a: np.asarray(a), run(*arguments))
        lanes = jax.tree.map(lambda a: a.reshape(batch.block, self.chains, *a.shape[1:])[: len(batch)], lanes)
        outcomes = judge(batch, lanes, self)
        seconds = (time.perf_counter() - began) / len(batch)
        return tuple(replace(outcome, seconds=seconds) for outcome in outcomes)

    def _compiled(self, batch: Batch, arguments: tuple[Any, ...]) -> Any:
        import jax

        sites = sites_to_see(batch)
        device = cast(Any, jax.config).jax_default_device or jax.local_devices()[0]
        # Everything that is compiled in: settings that only judge are left out.
        kernel = (self.chains, self.warmup, self.draws, self.target_accept, self.max_tree_depth, self.dense_mass)
        key = batch.program.id, kernel, self.dtype, batch.block, sites, str(device)

        return _PROGRAMS.get(key, lambda: compiled(block_function(batch.program, self, sites), *arguments))

    def _block(self, share: int) -> int:
        """How many universes a block holds, by the share of the program in the whole plan."""
        import jax

        devices = jax.local_devices()
        if devices[0].platform != "cpu":
            lanes = LANES_ACCELERATOR
        else:
            lanes = LANES_LARGE if share * self.chains >= ROUNDS_FOR_LARGE * LANES_LARGE * 2 else LANES_SMALL
        return max(1, lanes // self.chains)


def sites_to_see(batch: Batch) -> tuple[str, ...]:
    """The sites whose draws leave the compiled program: all latents, and what estimands or the user ask for."""
    sites = batch.program.sites
    asked = batch.wanted.sites | set(batch.wanted.kept(batch.program))
    return tuple(sorted({latent.name for latent in sites.latents} | (asked & set(sites.deterministic))))
