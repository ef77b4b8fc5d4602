from __future__ import annotations

import pytest

from multiverse.plot.curve_data import curve_data
from multiverse.plot.key_panel import SYMBOL, entries, place
from multiverse.plot.text_width import text_width


def words(data):
    return [entry.words for entry in entries(data, data.universes)]


def test_only_what_occurs_has_an_entry(make):
    assert words(curve_data(make(centre=100.0))) == ["95% interval", "above zero", "50% and 95% intervals"]
    assert words(curve_data(make(red=(2,), centre=-100.0)))[-1] == "fails the gate"
    assert "holds 5" in words(curve_data(make(centre=5.0), threshold=5.0))


@pytest.mark.parametrize("room", [150.0, 248.0, 514.0])
def test_entries_do_not_touch_and_stay_inside(make, room):
    data = curve_data(make(red=(2,)), threshold=-0.123)
    placed = place(entries(data, data.universes), room, 6.0)
    for one, other in zip(placed, placed[1:], strict=False):
        end = one.x + text_width(one.words, 6.0) + (0 if one.mark == "none" else SYMBOL)
        assert end <= room
        assert other.line == one.line + 1 or other.x > end
