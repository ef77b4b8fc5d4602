"""The settings of many short chains."""

from __future__ import annotations

from dataclasses import dataclass, field

from multiverse.engines.diagnostics import MIN_DRAWS
from multiverse.engines.gate import Gate
from multiverse.engines.nuts.engine import LANES, LANES_ACCELERATOR, NUTS
from multiverse.engines.nuts.ladder import TARGET_ACCEPT
from multiverse.engines.short_chains.gate import ShortChainsGate
from multiverse.errors import PlanError, Problem
from multiverse.planning.machines import Machines


@dataclass(frozen=True)
class ShortChains:
    """Many short chains of NUTS from draws of an approximation, judged by nested R-hat. All settings are in a run's id.

    On a CPU each chain costs a warm-up: `chains=2, draws=250` took 0.6 of the time on eight schools, and was as often
    green from draws near the posterior, less often from draws far away (9 of 16 universes, not 15).

    superchains: each begins at a draw of its own. chains: of each superchain, all from that draw. warmup: transitions
    that look for a step size; draws: of each chain, after it. target_accept, max_tree_depth: as in NUTS. dtype:
    "float32" or "float64". gate: what a universe must pass to be green.
    Raises PlanError for numbers with which nothing could be told.
    """

    superchains: int = 4
    chains: int = 4
    # Measured on 16 universes of eight schools, from draws near the posterior: 16 were green, after 60 transitions 14.
    # With a target_accept of 0.9 it were 7, the others for a few divergences, and none after a warm-up of 25.
    warmup: int = 100
    draws: int = 200
    target_accept: float = TARGET_ACCEPT
    max_tree_depth: int = 10
    dtype: str = "float32"
    gate: ShortChainsGate = field(default_factory=ShortChainsGate)

    def __post_init__(self) -> None:
        least = {"superchains": 2, "chains": 1, "warmup": 1, "draws": MIN_DRAWS}
        problems = [
            Problem(
                f"short chains have {name}={getattr(self, name)!r}.",
                f"a whole number, at least {at}",
                f"ShortChains({name}={type(self).__dataclass_fields__[name].default})",
            )
            for name, at in least.items()
            if not (isinstance(getattr(self, name), int) and getattr(self, name) >= at)
        ]
        if not 0 < self.target_accept < 1:
            problems.append(
                Problem(
                    f"short chains have target_accept={self.target_accept!r}.",
                    "a probability between 0 and 1",
                    "ShortChains(target_accept=0.95)",
                )
            )
        if problems:
            raise PlanError(problems)

    @property
    def lanes(self) -> int:
        """How many chains a universe has in all."""
        return self.superchains * self.chains

    def block(self, machines: Machines) -> int:
        """How many universes a compiled block holds: as many lanes as one of NUTS."""
        lanes = LANES if machines.devices == "cpu" else LANES_ACCELERATOR
        return max(1, lanes // self.lanes)

    def nuts(self, gate: Gate, *, chains: int) -> NUTS:
        """These settings as those of NUTS with so many chains."""
        return NUTS(
            chains=chains,
            warmup=self.warmup,
            draws=self.draws,
            target_accept=self.target_accept,
            max_tree_depth=self.max_tree_depth,
            dtype=self.dtype,
            gate=gate,
            ladder=(),
        )
