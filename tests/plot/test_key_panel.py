from __future__ import annotations

import pytest

from multiverse.plot.curve_data import curve_data
from multiverse.plot.key_panel import SYMBOL, entries, place
from multiverse.plot.text_width import text_width

BARS = "50% and 95% credible intervals"


def words(data):
    return [entry.words for entry in entries(data, data.universes)]


def test_only_what_occurs_has_an_entry(make):
    assert words(curve_data(make(centre=100.0))) == ["95% interval", "above zero", BARS]
    assert words(curve_data(make(red=(2,), centre=-100.0)))[-1] == "fails the gate"
    assert "holds 5" in words(curve_data(make(centre=5.0), threshold=5.0))


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (["confidence"], ["95% interval", "below zero", "50% and 95% confidence intervals"]),
        (["none"], ["estimate", "below zero"]),
        (
            ["confidence", "none"],
            ["95% interval or number", "below zero", "50% and 95% confidence intervals", "confidence", "number"],
        ),
        (
            ["credible", "confidence"],
            ["95% interval", "below zero", "50% and 95% intervals", "credible", "confidence"],
        ),
    ],
)
def test_the_kinds_of_interval_are_named(make, interval, expected):
    assert words(curve_data(make(centre=-100.0, interval=interval))) == expected


@pytest.mark.parametrize("interval", [["credible"], ["credible", "confidence", "none"]])
@pytest.mark.parametrize("room", [150.0, 248.0, 514.0])
def test_entries_do_not_touch_and_stay_inside(make, room, interval):
    data = curve_data(make(red=(2,), interval=interval), threshold=-0.123)
    placed = place(entries(data, data.universes), room, 6.0)
    for one, other in zip(placed, placed[1:], strict=False):
        end = one.x + text_width(one.words, 6.0) + (0 if one.mark == "none" else SYMBOL)
        assert end <= room
        assert other.line == one.line + 1 or other.x > end
