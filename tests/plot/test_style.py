from __future__ import annotations

from itertools import combinations

import pytest

from multiverse.plot.style import ABOVE, BELOW, HOLDS, HUES


def linear(colour):
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def lightness(colour):
    """L* of CIE 1976 from sRGB, by the definition."""
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def test_lightness_of_white_and_middle_grey():
    assert lightness("#FFFFFF") == pytest.approx(100)
    assert lightness("#777777") == pytest.approx(50, abs=0.5)


def test_solid_colours_differ_in_print_without_colour():
    for one, other in combinations(HUES, 2):
        assert abs(lightness(one.solid) - lightness(other.solid)) >= 14


@pytest.mark.parametrize("hue", HUES)
def test_marks_stand_out_from_their_intervals(hue):
    steps = [lightness(c) for c in (hue.outline, hue.solid, hue.half, hue.whole, "#FFFFFF")]
    assert steps == sorted(steps)
    assert min(b - a for a, b in zip(steps, steps[1:], strict=False)) >= 6


def test_blue_and_orange_differ_for_the_red_green_blind():
    """Protanopia and deuteranopia as blue against yellow: the blue channel against the mean of the others keeps its
    sign."""
    for hue, sign in ((BELOW, 1), (ABOVE, -1), (HOLDS, 0)):
        red, green, blue = linear(hue.solid)
        difference = blue - (red + green) / 2
        assert sign * difference > 0.1 or (sign == 0 and abs(difference) < 0.01)
