"""The axis of values: how far it reaches, where its ticks stand, how wide their labels are."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from multiverse.plot.curve_data import ROUNDING, ends
from multiverse.plot.layout import nice_step
from multiverse.plot.text_width import text_width

Span = tuple[float, float]
TICKS = 8  # at most this many steps between ticks
TOO_LONG, TOO_SHORT = 1e7, 1e-3  # values and steps beyond have labels in powers of ten
TAIL = 0.02  # without green universes, this share of red ones may lie outside at either end


def value_span(universes: pd.DataFrame, threshold: float) -> Span:
    """Lowest and highest value of the axis: all green intervals, red ones as far as they are near, the threshold if
    near.

    Red universes can lie anywhere: their intervals widen the axis by at most half of what green ones take, at either
    end. The threshold is on the axis if that makes it at most twice as long. Without green universes, nearly all red
    ones are.
    """
    reach, ok = ends(universes), universes["ok"]
    green, red = reach[ok], reach[~ok]
    if len(green):
        low, high = float(green["q2_5"].min()), float(green["q97_5"].max())
    else:
        low, high = float(red["q2_5"].quantile(TAIL)), float(red["q97_5"].quantile(1 - TAIL))
    size = high - low
    if size <= ROUNDING * max(abs(low), abs(high)):  # one value: a tenth of it around it
        size = (max(abs(low), abs(high)) or 1.0) * 0.1
        low, high = low - size / 2, high + size / 2
    if len(green) and len(red):
        low = max(min(low, float(red["q2_5"].min())), low - size / 2)
        high = min(max(high, float(red["q97_5"].max())), high + size / 2)
    if low - size <= threshold <= high + size:
        low, high = min(low, threshold), max(high, threshold)
    edge = 0.03 * (high - low)
    return low - edge, high + edge


def ticks(span: Span) -> list[float]:
    """Round values within the span, at most TICKS + 1 of them, evenly spaced."""
    step = nice_step((span[1] - span[0]) / TICKS, (1, 2, 5, 10))
    first, last = math.ceil(span[0] / step), math.floor(span[1] / step)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


def tick_format(values: list[float]) -> str:
    """The d3 format of the labels: decimals as the step needs them, or powers of ten."""
    step = float(np.diff(values).min()) if len(values) > 1 else 1.0
    if max(map(abs, values), default=0.0) >= TOO_LONG or step < TOO_SHORT:
        return "~e"
    return f",.{max(0, -math.floor(math.log10(step) + 1e-9))}f"


def labels_width(span: Span, size: float) -> float:
    """Width in points of the widest label of the axis."""
    values = ticks(span)
    python = tick_format(values).replace("~e", ".1e")
    return max((text_width(format(value, python), size) for value in values), default=0.0)
