"""When a sweep may stop: what is asked, and when it is met."""

from __future__ import annotations

import numpy as np
import pytest

from multiverse.aggregate.estimates import Counts
from multiverse.aggregate.running import COMPLETE, SAMPLING, WORST, Bounded, Running
from multiverse.aggregate.stop_when import FEWEST_BATCHES, StopWhen, met
from multiverse.errors import PlanError

SHARE, MEDIAN = Bounded(0.9, 0.88, 0.92, 0.9), Bounded(1.0, 0.9, 1.2, 1.0)  # 0.04 and 0.3 wide


def summary(interval: str = SAMPLING, batches: int = FEWEST_BATCHES, median: Bounded = MEDIAN) -> Running:
    planned = 60 if interval == COMPLETE else 100
    counts = Counts(planned, 60, 0, 0)
    return Running("effect", counts, "median above zero", SHARE, median, interval, "", batches)


def test_all_that_is_asked_must_be_met() -> None:
    assert met(StopWhen(share=0.05), summary())
    assert not met(StopWhen(share=0.03), summary())
    assert met(StopWhen(median=0.31), summary())
    assert not met(StopWhen(share=0.05, median=0.2), summary())
    assert met(StopWhen(share=0.05, median=0.31), summary())


def test_it_says_why() -> None:
    said = met(StopWhen(share=0.05), summary())
    assert said == (
        "of 'effect' the share with the median above zero is known to 0.04 (88% to 92%), "
        "0.05 was asked (95% confidence)"
    )
    assert "whatever the missing universes say" in met(StopWhen(median=0.5), summary(WORST))


def test_few_batches_stop_nothing_but_bounds_hold_at_once() -> None:
    assert not met(StopWhen(share=0.05), summary(batches=FEWEST_BATCHES - 1))
    assert met(StopWhen(share=0.05), summary(WORST, batches=1))


def test_there_is_nothing_to_stop_when_all_is_answered() -> None:
    assert not met(StopWhen(share=0.05), summary(COMPLETE))


def test_a_median_without_bounds_is_never_narrow() -> None:
    open_ended = Bounded(1.0, -np.inf, np.inf, 1.0)
    assert not met(StopWhen(median=1e300), summary(WORST, median=open_ended))


def test_as_people_write_it() -> None:
    assert StopWhen.parse("share=0.05") == StopWhen(share=0.05)
    assert StopWhen.parse(" median = 0.1, share=0.05,estimand=effect ") == StopWhen(0.05, 0.1, "effect")
    assert StopWhen.parse(str(StopWhen(0.05, 0.1, "effect"))) == StopWhen(0.05, 0.1, "effect")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names no width"),
        ("shar=0.05", "Did you mean 'share'"),
        ("0.05", "says '0.05'"),
        ("share=0.05,share=0.1", "twice"),
        ("share=wide", "share=nan"),
        ("share=0", "above 0 and below 1"),
        ("share=1", "above 0 and below 1"),
        ("median=-1", "a number above 0"),
        ("estimand=effect", "names no width"),
    ],
)
def test_what_cannot_be_asked(text: str, said: str) -> None:
    with pytest.raises(PlanError, match=said) as caught:
        StopWhen.parse(text)
    assert "--stop-when share=0.05" in str(caught.value)


def test_all_mistakes_at_once() -> None:
    with pytest.raises(PlanError) as caught:
        StopWhen(share=2.0, median=float("inf"))
    assert "share=2.0" in str(caught.value) and "median=inf" in str(caught.value)
