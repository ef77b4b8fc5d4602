"""NUTS that starts warm: from Laplace's approximation of each universe, in coordinates whitened by it.

Chains move in coordinates in which the approximation is a standard normal, so warm-up has the step size left to find.
Each chain starts from its own draw of a Student-t with 8 degrees of freedom around the mode, which is wider than the
approximation: chains that began apart and agree have forgotten where they began, and R-hat and ESS are gated as ever.
It is not wider than any posterior that could be: R-hat does not see a mode that no start of the search led to, just as
k-hat does not for a Laplace fit. Where the search found several modes, chains are not started warm.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from multiverse.engines.engine import Batch
from multiverse.engines.laplace.proposal import NoProposal
from multiverse.engines.nuts.engine import NUTS
from multiverse.engines.nuts.ladder import FITTING, LADDER, SAMPLING, Rung, rung_of
from multiverse.engines.outcome import Outcome
from multiverse.engines.price import Price
from multiverse.engines.warm_nuts.fit import COLUMNS_MAX, DEGREES, Fit, columns_at, fit_batch
from multiverse.planning.coordinates import CENTRE, COLUMNS, SCALE, STRETCH, Coordinates, as_written, whitened
from multiverse.planning.hierarchy import NoHierarchy, split
from multiverse.planning.program import Program

SEARCH_COMPILE_SECONDS: Final = 4.0  # of the search for modes, measured 2 (joint) to 6 (marginal); none after Laplace
SEARCH_LOOKS: Final = 40  # at a Hessian, over all starts: 4 starts x 5 to 12 steps

COLD: Final = Rung("cold", reasons=(*SAMPLING, *FITTING))  # NUTS as it is, with `cold_warmup`


@dataclass(frozen=True)
class WarmNUTS(NUTS):
    """The settings of warm NUTS: those of NUTS, and how it goes on where a warm start is of no use.

    warmup: of the first attempt, which starts warm; 50 to 150 were measured (docs/adr/0016). target_accept: higher than
    that of NUTS, since step sizes from few transitions differ from chain to chain, and a block waits for the smallest.
    dense_mass: of attempts that start cold; whitened coordinates have no mass to adapt. cold_warmup: of attempts that
    start cold, where `start` says. ladder: how a universe is tried again whose warm start failed, or whose posterior
    has no mode to start from: cold, then on the rungs of NUTS; `()` for not at all.
    """

    warmup: int = 150
    target_accept: float = 0.9
    cold_warmup: int = 500
    ladder: tuple[Rung, ...] = (COLD, *LADDER)
    name: ClassVar[str] = "warm_nuts"

    def fit(self, batch: Batch, given: Mapping[str, tuple[Outcome, ...]]) -> tuple[Outcome, ...]:
        """Fit, sample and judge a batch. Compiles on first use of the program on a device.

        A universe that takes longer than `wanted.time_limit` (compiling not counted) is an outcome without draws; one
        without a mode, or with several, is one too, unless this attempt starts cold.
        """
        if rung_of(self.ladder, batch.attempt) is not None:
            return super().fit(batch, given)
        began = time.perf_counter()
        fits = fit_batch(batch, self.seed)
        each = (time.perf_counter() - began) / len(batch)
        more = {
            key: dict(zip((CENTRE, SCALE, COLUMNS, STRETCH), fit, strict=True))
            for key, fit in fits.items()
            if isinstance(fit, Fit)
        }
        outcomes = {key: _not_started(batch, key, fit) for key, fit in fits.items() if isinstance(fit, NoProposal)}
        if more:
            started = replace(batch, keys=tuple(more))
            outcomes |= {outcome.key: outcome for outcome in self._judged(started, None, more)}
        return tuple(
            self._placed(replace(outcomes[key], seconds=outcomes[key].seconds + each), batch) for key in batch.keys
        )

    def price(self, program: Program, gradient: float) -> Price | None:
        """What a program costs where the warm start is of use; gradient: seconds of one value and gradient of one lane.

        None for what is no model.
        """
        price = super().price(program, gradient)
        found = split(program.sites)
        numbers = program.sites.dimension if isinstance(found, NoHierarchy) else found[1]
        if price is None or numbers > COLUMNS_MAX:
            return None
        fit = SEARCH_LOOKS * (1 + 2 * numbers) * gradient
        return price._replace(compile=price.compile + SEARCH_COMPILE_SECONDS, universe=price.universe + fit)

    def _coordinates(self, program: Program, rung: Rung | None) -> Coordinates:
        if rung is not None:
            return super()._coordinates(program, rung)
        return whitened(as_written(program), columns_at(program), DEGREES)

    def _on(self, rung: Rung) -> NUTS:
        return replace(super()._on(rung), warmup=self.cold_warmup * rung.warmup)


def _not_started(batch: Batch, key: str, end: NoProposal) -> Outcome:
    diagnostics = {"block": float(batch.block)}
    return Outcome(key, end.reason, end.message, diagnostics=diagnostics, attempt=batch.attempt)
