from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiverse.plot.layout import nice_reach, nice_step
from multiverse.plot.value_axis import TICKS, tick_format, ticks, value_span


def rows(*triples):
    return pd.DataFrame(triples, columns=["q2_5", "q97_5", "ok"]).assign(median=lambda t: (t.q2_5 + t.q97_5) / 2)


def test_the_axis_holds_the_green_intervals_and_a_near_threshold():
    low, high = value_span(rows((1.0, 2.0, True), (1.5, 3.0, True)), 0.0)
    assert low < 0 < 3 < high  # zero is one from an axis of length two
    low, high = value_span(rows((101.0, 102.0, True)), 0.0)
    assert 100 < low < 101  # and here it is far


def test_a_red_universe_far_away_widens_the_axis_by_half_at_most():
    green = (0.0, 1.0, True)
    assert value_span(rows(green, (-900.0, 900.0, False)), 0.5) == pytest.approx((-0.56, 1.56))
    assert value_span(rows(green, (-0.1, 0.5, False)), 0.5) == pytest.approx((-0.133, 1.033))


def test_without_green_universes_outliers_do_not_rule():
    many = [(0.0, 1.0, False)] * 99 + [(0.0, 1e9, False)]
    assert value_span(rows(*many), 0.0)[1] < 2


@pytest.mark.parametrize("value", [3.0, -3.0, 0.0, 1.3e-5, 4e8])
def test_no_width_at_all(value):
    for twice in (value, value * (1 + 1e-15)):  # numbers alone may differ by rounding
        low, high = value_span(rows((value, value, True), (twice, twice, True)), value)
        assert low < value < high
        assert high - low == pytest.approx(0.106 * (abs(value) or 1.0))
    assert len({format(place, "g") for place in ticks((low, high))}) == len(ticks((low, high)))


@given(st.floats(-1e6, 1e6), st.floats(1e-4, 1e6))
def test_ticks_are_few_round_and_inside(low, size):
    span = (low, low + size)
    places = ticks(span)
    assert 2 <= len(places) <= TICKS + 1
    assert all(span[0] - 1e-6 * size <= p <= span[1] + 1e-6 * size for p in places)


def test_formats():
    assert tick_format([0.0, 0.2, 0.4]) == ",.1f"
    assert tick_format([0.0, 0.05]) == ",.2f"
    assert tick_format([100000.0, 105000.0]) == ",.0f"
    assert tick_format([0.0, 2e-5]) == "~e"
    assert tick_format([0.0, 1e8]) == "~e"


@given(st.lists(st.floats(-1e6, 1e6).filter(lambda v: v == 0 or abs(v) > 1e-9), min_size=1))
def test_the_reach_of_shifts_is_round_and_holds_them(values):
    import numpy as np

    reach = nice_reach(np.array(values))
    largest = max(map(abs, values))
    assert reach >= largest * (1 - 1e-9)
    assert reach <= 1.6 * largest or largest == 0
    assert len(f"{reach:.2e}".rstrip("0")) <= 8


def test_nice_steps():
    assert nice_step(0.18, (1, 2, 5, 10)) == 0.2
    assert nice_step(0.2, (1, 2, 5, 10)) == 0.2
    assert nice_step(6.0, (1, 2, 5, 10)) == 10.0
