"""Outcomes of every kind of interval, from a part of the store to the text and the figure a user sees."""

from __future__ import annotations

import numpy as np
import pytest

from multiverse.engines.estimates import from_numbers, from_standard_errors, summarise
from multiverse.engines.outcome import Interval, Outcome, Reason
from multiverse.results import load
from multiverse.store import synthetic
from multiverse.store.memory import MemoryStore
from multiverse.store.part import encode

KINDS = {
    Interval.credible: lambda x: summarise(np.random.default_rng(1).normal(x, 0.5, (1, 2, 200))),
    Interval.confidence: lambda x: from_standard_errors([x], [0.5], [10]),
    Interval.none: lambda x: from_numbers([x]),
}


def results(*kinds: Interval, without_numbers: int = 3):
    """Twelve universes with an effect of these kinds in turn, one of them red and without numbers."""
    store = MemoryStore()
    outcomes = []
    for i, universe in enumerate(synthetic.fill(store).universes):
        kind = kinds[i % len(kinds)]
        if i == without_numbers:
            outcomes.append(Outcome(universe.key, Reason.error, "raised", attempt=9))
            continue
        effect = {name: float(values[0]) for name, values in KINDS[kind](i / 10 - 0.7).items()}
        outcomes.append(Outcome(universe.key, estimates={"effect": effect}, intervals={"effect": kind}, attempt=9))
    told = {"engine": "function", "batch": "b", "program": "p", "rows_kept": {}, "host": "h"}
    store.put("part", "b", encode(outcomes, run="main", finished=synthetic.WHEN, **told))
    return load(store)


@pytest.mark.parametrize(
    ("kinds", "said", "hidden"),
    [
        pytest.param((Interval.credible,), "95% credible intervals", True, marks=pytest.mark.slow),
        pytest.param((Interval.confidence,), "95% confidence intervals", True, marks=pytest.mark.slow),
        ((Interval.none,), "numbers alone, without intervals", False),
        (tuple(Interval), "95% intervals (3 credible, 4 confidence; 4 without)", True),
    ],
)
def test_everything_after_the_engine_works_alike(kinds, said, hidden):
    found = results(*kinds)
    assert str(found.estimates("effect").kinds) == said
    table = found.table("effect").set_index("key")["interval"]
    assert table.isna().sum() == 1  # nothing is known of the one that raised
    counts = found.estimates("effect").counts
    assert (counts.green, counts.red, counts.blank) == (11, 1, 1)
    summary, uncertainty = found.summary("effect"), found.uncertainty("effect")
    # four Monte Carlo errors of a median of 400 draws with sd 0.5, 1.25 times that of the mean
    assert summary.low == pytest.approx(-0.7, abs=0.13) and summary.high == pytest.approx(0.4, abs=0.13)
    assert np.isfinite(uncertainty.hidden) == np.isfinite(summary.p_positive) == hidden
    # means of 400 draws with sd 0.5 are off by 0.025, so the variance of eleven of them by 2 x 0.35 x 0.025 / sqrt(11)
    assert uncertainty.between_all == pytest.approx(np.var(np.delete(np.arange(12), 3) / 10), abs=4 * 0.0053)
    assert said in str(found.agreement("effect"))
    assert found.attribution("effect").kinds == found.estimates("effect").kinds
    figure = found.curve("effect")
    assert len(figure.table) == 11
    assert "<svg" in figure.svg()
    assert ("no bars" in figure.caption) == (not hidden)
