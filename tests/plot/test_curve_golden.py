"""The curve of one small multiverse, kept in tests/golden: chart, data and caption.

To write them anew after a change that was meant: MULTIVERSE_WRITE_GOLDEN=1 python -m pytest
tests/plot/test_curve_golden.py, then look at `git diff`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from multiverse.plot.figure import specification_curve

GOLDEN = Path(__file__).parents[1] / "golden"


def same(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("MULTIVERSE_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; see the top of this file"


def short(value):
    """The same spec with numbers of nine digits: sums of floats may differ in the last between machines."""
    if isinstance(value, dict):
        return {key: short(inner) for key, inner in value.items() if key != "$schema"}
    if isinstance(value, list):
        return [short(inner) for inner in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


@pytest.fixture
def figure(make):
    space = {
        "slope": ("prior", ["weak", "tight"]),
        "zeros": ("preprocessing", ["kept", "dropped", "half the limit"]),
        "geometry": ("parameterization", ["centered", "non-centered"]),
    }
    return specification_curve(make(space, red=(7,), planned=13), title_y="effect on log radon", width="89mm")


def test_chart(figure):
    same("curve.json", json.dumps(short(figure.chart.to_dict()), indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def test_data(figure):
    same("curve.csv", figure.table.to_csv(index=False, lineterminator="\n", float_format="%.9g"))


def test_caption(figure):
    same("curve.txt", figure.caption + "\n")
