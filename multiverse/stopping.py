"""When a sweep has seen enough: its running summary, kept in memory from the outcomes as they come."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np

from multiverse.aggregate.running import running
from multiverse.aggregate.running_sample import MISSING
from multiverse.aggregate.stop_when import StopWhen, met
from multiverse.engines.one_shot import asked_once
from multiverse.engines.outcome import Interval, Outcome
from multiverse.errors import PlanError, Problem, near_miss
from multiverse.store.contract import Store
from multiverse.store.records import latest, read_runs
from multiverse.store.running_rows import NUMBERS, running_rows

_CHANGE: Final = ("batch", "source", "ok", "interval", *NUMBERS)  # columns that outcomes change
LOOK_AGAIN: Final = 1.1  # times as many batches as at the last look: some 80 looks at a sweep of 10^6 universes


def check_stop(when: StopWhen | None, estimands: Sequence[str]) -> None:
    """Raise PlanError where it names an estimand that the study has not."""
    if when is not None and when.estimand not in (None, *estimands):
        raise PlanError(
            Problem(
                f"stop_when names the estimand {when.estimand!r}, which the study has not.",
                f"one of {', '.join(estimands)}",
                f"{near_miss(str(when.estimand), estimands)}Name one of these, or leave it out for the first one",
            )
        )


class Stopping:
    """Is fed the outcomes of a sweep, and says why it may stop.

    What the store holds is read once. todo: universes that this sweep answers, with others that get their answers; red
    ones that are tried again are open until it has, and then only bounds are honest: they were not drawn at random.
    """

    def __init__(self, when: StopWhen, store: Store, run: str, engine: Any, todo: Collection[str]):
        importlib.import_module("scipy.stats")  # now: during the first look workers would go on meanwhile
        rows = running_rows(store, latest(read_runs(store))[run])
        self._when, self._estimand = when, when.estimand or rows.estimands[0]
        self._table = rows.of(self._estimand)
        self._place = {key: i for i, key in enumerate(rows.keys)}
        at = [self._place[key] for key in todo]
        again = self._table["batch"].to_numpy()[at] != MISSING
        self._one_shot = asked_once(engine) and not again.any()
        self._columns = {name: self._table[name].to_numpy(copy=True) for name in _CHANGE}
        self._columns["batch"][at] = MISSING
        self._next_batch = int(self._columns["batch"].max(initial=0)) + 1
        self._batches, self._look_at = 0, 0.0

    def why(self) -> str:
        """Why the sweep may stop now; empty where it goes on, and between looks, which cost time."""
        if self._batches < self._look_at:
            return ""
        self._look_at = self._batches * LOOK_AGAIN
        summary = running(self._estimand, self._table.assign(**self._columns), one_shot=self._one_shot)
        return met(self._when, summary)

    def after(self, outcomes: Sequence[Outcome], following: Mapping[str, Sequence[str]]) -> str:
        """Why the sweep may stop after the outcomes of one more batch; following: who gets the answers of whom."""
        self._add(outcomes, following)
        return self.why()

    def _add(self, outcomes: Sequence[Outcome], following: Mapping[str, Sequence[str]]) -> None:
        columns = self._columns
        for outcome in outcomes:
            at = [self._place[key] for key in (outcome.key, *following.get(outcome.key, ())) if key in self._place]
            if not outcome.final or not at:
                continue
            numbers = outcome.estimates.get(self._estimand, {})
            columns["batch"][at], columns["ok"][at] = self._next_batch, outcome.ok
            columns["source"][at] = at[0]
            columns["interval"][at] = str(outcome.intervals.get(self._estimand, Interval.credible))
            for name in NUMBERS:
                columns[name][at] = numbers.get(name, np.nan)
        self._next_batch += 1
        self._batches += 1
