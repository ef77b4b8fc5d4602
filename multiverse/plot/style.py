"""Colours, font and sizes that all figures share."""

from __future__ import annotations

from typing import NamedTuple

FONT = "Liberation Sans"  # bundled with vl-convert, metric-compatible with Arial; fonts/README.md
MM_PER_INCH, POINTS_PER_INCH = 25.4, 72.0
DARK, PALE_LINE = "#222222", "#8A8A8A"


class Hue(NamedTuple):
    """One colour in four strengths: outline of hollow marks, solid marks, 50% and 95% intervals."""

    outline: str
    solid: str
    half: str
    whole: str


# Blue, grey, orange: told apart with every kind of colour blindness (Okabe and Ito 2008, jfly.uni-koeln.de/color), and
# in print without colour by lightness: the solid ones are 14 or more apart in L* (CIE 1976), tests/plot/test_style.py
BELOW = Hue("#06305F", "#0A4A8F", "#6A99CC", "#BBD0E8")
HOLDS = Hue("#5E5E5E", "#A8A8A8", "#CCCCCC", "#E6E6E6")
ABOVE = Hue("#7E3500", "#D55E00", "#EFA877", "#FADCC6")
HUES = (BELOW, HOLDS, ABOVE)

# The points of a figure that shows several kinds of interval; one that shows a single kind has circles
SHAPES = {"credible": "circle", "confidence": "square", "none": "triangle-up"}
