"""A log joint that float32 cannot hold is warned of."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from multiverse.engines.engine import Batch
from multiverse.engines.outcome import Outcome
from multiverse.planning.plan import Plan
from multiverse.progress import no_progress
from multiverse.sweep import FLOAT32_LOG_JOINT_MAX, run


@dataclass(frozen=True)
class Large:
    """The exact engine, with a log joint of this size in universes that keep all rows."""

    inner: Any
    log_joint: float
    dtype: str = "float32"
    name: str = "large"

    def init(self, plan: Plan, before: Sequence[Outcome] = ()) -> Any:
        return self.inner.init(plan)

    def ask(self, state: Any) -> Sequence[Batch]:
        batches: Sequence[Batch] = self.inner.ask(state)
        return batches

    def fit(self, batch: Batch, given: Mapping[str, Any]) -> tuple[Outcome, ...]:
        members = batch.program.members
        return tuple(
            replace(o, diagnostics={"log_density_mean": self.log_joint if members[o.key].rows_kept == 24 else -30.0})
            for o in self.inner.fit(batch, given)
        )

    def tell(self, state: Any, batch: Batch, outcomes: Sequence[Outcome]) -> Any:
        return self.inner.tell(state, batch, outcomes)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_log_joint_too_large_for_float32_is_warned_of_once(
    twelve: Plan, exact_engines: ModuleType, sign: int
) -> None:
    engine = Large(exact_engines.OneRound(), sign * 1.5 * FLOAT32_LOG_JOINT_MAX)
    with pytest.warns(UserWarning, match=r"log joint of 6 of 12 universes.*\n?.*dtype='float64'") as warned:
        run(twelve, engine=engine, progress=no_progress)
    assert len(warned) == 1
    assert warned[0].filename == __file__


@pytest.mark.parametrize(
    ("log_joint", "dtype"),
    [(0.9 * FLOAT32_LOG_JOINT_MAX, "float32"), (-np.inf, "float32"), (np.nan, "float32"), (-1e6, "float64")],
)
def test_other_log_joints_are_not(twelve: Plan, exact_engines: ModuleType, log_joint: float, dtype: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(twelve, engine=Large(exact_engines.OneRound(), log_joint, dtype), progress=no_progress)
