"""The curve of one small multiverse, kept in tests/golden: chart, data and caption.

To write them anew after a change that was meant: MULTIVERSE_WRITE_GOLDEN=1 python -m pytest
tests/plot/test_curve_golden.py, then look at `git diff`.
"""

from __future__ import annotations

import pytest

from multiverse.plot.figure import specification_curve


@pytest.fixture
def figure(make):
    space = {
        "slope": ("prior", ["weak", "tight"]),
        "zeros": ("preprocessing", ["kept", "dropped", "half the limit"]),
        "geometry": ("parameterization", ["centered", "non-centered"]),
    }
    return specification_curve(make(space, red=(7,), planned=13), title_y="effect on log radon", width="89mm")


def test_chart(figure, same, chart_text):
    same("curve.json", chart_text(figure.chart))


def test_data(figure, same):
    same("curve.csv", figure.table.to_csv(index=False, lineterminator="\n", float_format="%.9g"))


def test_caption(figure, same):
    same("curve.txt", figure.caption + "\n")
