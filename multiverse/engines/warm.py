"""NUTS that starts warm: from Laplace's approximation of each universe, in coordinates whitened by it.

Chains start at draws of a Student-t around the mode and move in coordinates in which the approximation is a standard
normal. So warm-up has little left to find: step size and (diagonal) mass are still adapted, from near where they end.
The chains' starts are wider than the approximation, not than any posterior that could be: R-hat cannot see a mode that
no start of the search led to, just as for a Laplace fit. A universe with several modes is not started warm.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from multiverse.engines.engine import Batch
from multiverse.engines.ladder import FITTING, LADDER, SAMPLING, Rung, rung_of
from multiverse.engines.nuts import NUTS
from multiverse.engines.outcome import Outcome
from multiverse.engines.proposal import NoProposal
from multiverse.engines.warm_fit import DEGREES, Fit, columns_at, fit_batch
from multiverse.planning.coordinates import CENTRE, COLUMNS, SCALE, STRETCH, Coordinates, as_written, whitened
from multiverse.planning.program import Program

COLD: Final = Rung("cold", reasons=(*SAMPLING, *FITTING))  # NUTS as it is, with `cold_warmup`


@dataclass(frozen=True)
class WarmNUTS(NUTS):
    """The settings of warm NUTS: those of NUTS, and how it goes on where a warm start is of no use.

    warmup: of the first attempt, which starts warm. cold_warmup: of all others, which start as `start` says. ladder:
    how a universe is tried again whose warm start failed, or whose posterior has no mode to start from: cold, then on
    the rungs of NUTS; `()` for not at all.
    """

    warmup: int = 75
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

    def _coordinates(self, program: Program, rung: Rung | None) -> Coordinates:
        if rung is not None:
            return super()._coordinates(program, rung)
        return whitened(as_written(program), columns_at(program), DEGREES)

    def _on(self, rung: Rung) -> NUTS:
        return replace(super()._on(rung), warmup=self.cold_warmup * rung.warmup)


def _not_started(batch: Batch, key: str, end: NoProposal) -> Outcome:
    diagnostics = {"block": float(batch.block)}
    return Outcome(key, end.reason, end.message, diagnostics=diagnostics, attempt=batch.attempt)
