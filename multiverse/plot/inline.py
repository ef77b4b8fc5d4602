"""A table as data inside a chart: short numbers, no NaN, and no limit on rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    import altair as alt

DIGITS = 6  # significant digits: a thousandth of a point on paper, and the same text on every machine


def inline(table: pd.DataFrame) -> alt.InlineData:
    """The rows as Altair inline data, which the limit of 5,000 rows does not concern; NaN becomes null."""
    import altair as alt

    columns = {name: [_short(value) for value in table[name].tolist()] for name in table.columns}
    return alt.InlineData(values=[dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)])


def _short(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return float(f"{value:.{DIGITS}g}") if value == value else None
