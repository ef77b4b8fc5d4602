"""A table as data inside a chart: short numbers, the same text on every machine, and no limit on rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import altair as alt

DIGITS = 6  # significant digits: a thousandth of a point on paper, and the same text on every machine


def inline(table: pd.DataFrame) -> alt.InlineData:
    """The rows as inline data, which Altair's limit of 5,000 rows does not concern; a missing number becomes null.

    They travel as one CSV text: Altair copies and checks a list of records again and again (8 s for 20,000 rows).
    """
    import altair as alt

    flags = [name for name in table.columns if table[name].dtype.kind == "b"]
    table = table.astype(dict.fromkeys(flags, int))  # "False" in a CSV is true to Vega
    table = table.replace("", " ")  # an empty text in a CSV is null to Vega, which writes "null"
    kinds = {str(name): "number" if table[name].dtype.kind in "iuf" else "string" for name in table.columns}
    text = table.to_csv(index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")
    return alt.InlineData(values=text, format=alt.CsvDataFormat(type="csv", parse=kinds))
