from __future__ import annotations

import pytest

from multiverse.errors import ResultError
from multiverse.plot.curve_data import curve_data
from multiverse.plot.layout import GAP, PADDING, layout, millimetres
from multiverse.plot.text_width import text_width

LONG = {
    f"{'a rather long name of a decision ' if i % 2 else 'd'}{i}": (
        "prior",
        [
            f"{'an option with much too long a label to be printed ' if j % 2 else 'o'}{j}"
            for j in range(4 if i < 4 else 3)
        ],
    )
    for i in range(12)
}


@pytest.mark.parametrize(
    ("said", "mm"), [("89mm", 89), ("183 mm", 183), ("120", 120), (89, 89), (183.5, 183.5), (" 89.5mm ", 89.5)]
)
def test_widths(said, mm):
    assert millimetres(said) == mm


@pytest.mark.parametrize("said", ["wide", "89cm", "-89mm", 8, 5000, "", float("nan"), None, True])
def test_what_is_no_width_is_told_with_the_mend(said):
    with pytest.raises(ResultError) as error:
        millimetres(said)
    assert "89mm (one column of a journal)" in str(error.value)


@pytest.mark.parametrize("width", [70, 89, 120, 183, 400])
@pytest.mark.parametrize("space", [None, LONG])
def test_columns_fill_the_width_and_texts_fit_their_column(make, width, space):
    data = curve_data(make(space, most=500))
    plan = layout(data, width)
    assert plan.labels + plan.main + plan.margin + 2 * GAP + 2 * PADDING == pytest.approx(width / 25.4 * 72)
    assert plan.main > 0.3 * plan.width
    assert plan.small >= 5.5
    beside = {row.y for row in plan.rows if row.is_name} & {row.y for row in plan.rows if not row.is_name}
    for row in plan.rows:
        room = plan.labels + (0 if beside or not row.is_name else GAP + plan.main)
        assert text_width(row.text, plan.font, bold=row.is_name) <= room
    lines = sorted(row.y for row in plan.rows if not (beside and row.is_name))
    assert min(b - a for a, b in zip(lines, lines[1:], strict=False)) >= plan.row - 1e-9
    assert lines[-1] + plan.row / 2 <= plan.height + 1e-9
    assert len(plan.options) == len(data.options)
