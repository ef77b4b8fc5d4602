"""How long a plan will take, as a value: seconds by engine. Who makes it knows the engines (`engines/forecast.py`)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class EngineForecast(NamedTuple):
    """What one engine would cost for all of a plan that it can take.

    programs, universes: what it can take. compile: seconds on one core for all of these programs, with an empty cache.
    once: before their first universes, such as sampling anchors. universe: mean seconds of one universe on one core.
    seconds: wall time, on all workers. chosen: of how many universes `auto` would ask it first.
    """

    engine: str
    programs: int
    universes: int
    compile: float
    once: float
    universe: float
    seconds: float
    chosen: int = 0


@dataclass(frozen=True, repr=False)
class Forecast:
    """What a sweep will cost, within a factor of about three.

    engine: the one that was asked for. seconds: wall time of the whole sweep with it. workers: how many run side by
    side. engines: what each engine would cost, the one that was asked for first. gradients: seconds of one value and
    gradient of one lane, by program id; none for functions.
    """

    engine: str
    seconds: float
    workers: int
    engines: tuple[EngineForecast, ...] = ()
    gradients: Mapping[str, float] = field(default_factory=dict)

    def breaks_even(self, engine: str, against: str) -> int | None:
        """From how many universes or data sets an engine is cheaper than another one, with all that it does before.

        None where it never is, or one of them is not in the forecast.
        """
        rows = {row.engine: row for row in self.engines}
        if engine not in rows or against not in rows:
            return None
        ours, theirs = rows[engine], rows[against]
        saved = theirs.universe - ours.universe
        before = ours.compile + ours.once - theirs.compile - theirs.once
        return max(1, math.ceil(before / saved)) if saved > 0 else None

    def __repr__(self) -> str:
        from multiverse.planning.show_forecast import forecast_text

        return forecast_text(self)

    def _repr_html_(self) -> str:
        from multiverse.planning.show_forecast import forecast_html

        return forecast_html(self)
