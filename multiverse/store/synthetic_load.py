"""Made-up outcomes by the hundred thousand, vectorised: for testing, and for measuring, a store under load."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa

from multiverse.engines.outcome import ESTIMAND, DrawsName, Interval, Reason
from multiverse.store.contract import Store, Table
from multiverse.store.draws_columns import draws_column, shape_column
from multiverse.store.part import DIAGNOSTIC, ESTIMATE, PURPOSE, READS, SCHEMA
from multiverse.store.plan_table import (
    PlanHeader,
    PlannedDecision,
    PlannedOption,
    PlannedUniverse,
    PlanRecord,
    encode_plan,
)
from multiverse.store.records import RunRecord, encode_record, encode_run
from multiverse.store.same_as import SAME_AS
from multiverse.store.schema import DIAGNOSTICS
from multiverse.store.synthetic import WHEN

OPTIONS: Final = {"data": 5, "filter": 5, "scale": 5, "prior": 5, "slope": 5, "tail": 4, "family": 4, "geometry": 2}
CHAINS: Final = 4
RED: Final = 0.05  # share of universes that are red, for R-hat


@dataclass(frozen=True)
class Load:
    """A sweep of so many universes in parts of `batch`, each with `draws` draws of one estimand (0: none are kept).

    What a part holds hangs on its place alone, so that any process may write it, and writes the same.
    """

    universes: int
    batch: int = 256
    draws: int = 0
    run: str = "main"

    @cached_property
    def keys(self) -> list[str]:
        """The universe's keys, in the order of the plan."""
        return [hashlib.blake2b(i.to_bytes(8, "big"), digest_size=16).hexdigest() for i in range(self.universes)]

    @property
    def parts(self) -> int:
        """How many parts there are, when all are written."""
        return -(-self.universes // self.batch)

    def name(self, part: int) -> str:
        """The name of a part, 0 to `parts` - 1."""
        return f"{self.run}-{part:06d}"

    def plan(self) -> PlanRecord:
        """The planned space: the first so many combinations of `OPTIONS`."""
        decisions = tuple(
            PlannedDecision(
                name, "preprocessing", tuple(PlannedOption(f"{name} {i}", reference=i == 0) for i in range(n))
            )
            for name, n in OPTIONS.items()
        )
        rest, labels = np.arange(self.universes), {}
        for name, n in OPTIONS.items():
            labels[name] = [f"{name} {i}" for i in (rest % n).tolist()]
            rest = rest // n
        rows = zip(self.keys, zip(*labels.values(), strict=True), strict=True)
        universes = tuple(
            PlannedUniverse(key, dict(zip(OPTIONS, row, strict=True)), f"program {row[-2]}", i == 0, 1000)
            for i, (key, row) in enumerate(rows)
        )
        return PlanRecord(PlanHeader("load", ("effect",), decisions, WHEN), universes)

    def begin(self, store: Store) -> None:
        """Put the study, the plan and the run, as a sweep does before its first batch."""
        plan = self.plan()
        name = plan.name()
        record = RunRecord(self.run, f"id-{self.run}", name, 1, WHEN, {"settings": {"engine": '"nuts"'}})
        store.put("study", "load", encode_record({"study": {"name": "load", "model": "3f2a"}}))
        store.put("plan", name, encode_plan(plan))
        store.put("run", record.name(), encode_run(record))

    def write(self, store: Store, part: int) -> None:
        """Put one part."""
        store.put("part", self.name(part), self.table(part))

    def table(self, part: int) -> Table:
        """One part, with the columns of `part.encode`."""
        first = part * self.batch
        keys = self.keys[first : first + self.batch]
        rng, count = np.random.default_rng([self.universes, part]), len(keys)
        mean, sd = rng.normal(0.3, 0.2, count), rng.gamma(20.0, 0.005, count)
        red = rng.random(count) < RED
        draws = (mean[:, None] + sd[:, None] * rng.standard_normal((count, CHAINS * self.draws))).astype(np.float32)
        finished = WHEN + timedelta(seconds=part)
        columns: dict[str, Any] = {
            "key": keys,
            "run": [self.run] * count,
            "engine": ["nuts"] * count,
            "batch": [self.name(part)] * count,
            READS: [[]] * count,
            PURPOSE: [None] * count,
            "program": [f"program {part % 4}"] * count,
            "rows_kept": [1000] * count,
            "reason": [Reason.rhat.name if is_red else None for is_red in red],
            "message": ["R-hat 1.05 for 'effect'" if is_red else None for is_red in red],
            "traceback": [None] * count,
            "attempt": [1] * count,
            "final": [True] * count,
            "escalated": [None] * count,
            "seconds": rng.gamma(5.0, 0.01, count),
            "finished": [finished.replace(tzinfo=None)] * count,
            "host": ["here"] * count,
            SAME_AS: [None] * count,
            "estimand": _lists(["effect"] * count),
            "interval": _lists([Interval.credible.value] * count),
        }
        statistics = {
            "mean": mean,
            "sd": sd,
            **{name: mean + z * sd for name, z in _NORMAL.items()},
            "p_positive": 1 / (1 + np.exp(-1.702 * mean / sd)),
            "mcse_mean": sd / 30,
            "ess": rng.uniform(400, 900, count),
            "ess_tail": rng.uniform(400, 900, count),
            "rhat": np.where(red, 1.05, rng.uniform(1.0, 1.01, count)),
        }
        columns |= {ESTIMATE + name: _lists(values) for name, values in statistics.items()}
        columns |= {DIAGNOSTIC + name: rng.uniform(0, 1, count) for name in DIAGNOSTICS}
        arrays = {field.name: pa.array(columns[field.name], field.type) for field in SCHEMA}
        if self.draws:
            name, size = str(DrawsName(ESTIMAND, "effect")), CHAINS * self.draws
            arrays[draws_column(name)] = _lists(draws.ravel(), size)
            arrays[shape_column(name)] = _lists(np.tile(np.array([CHAINS, self.draws], np.int32), count), 2)
        return pa.table(arrays)


_NORMAL: Final = {"q2_5": -1.96, "q25": -0.674, "median": 0.0, "q75": 0.674, "q97_5": 1.96}  # quantiles of the normal


def _lists(values: Any, size: int = 1) -> Any:
    """Lists of `size` values each."""
    numbers = pa.array(values)
    return pa.ListArray.from_arrays(pa.array(np.arange(0, len(numbers) + 1, size, dtype=np.int32)), numbers)
