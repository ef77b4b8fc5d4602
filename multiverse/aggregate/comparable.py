"""Which universes tell evidence that may be compared, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from multiverse.errors import Problem

# No decision hides these: their names are those of columns of SQL's views, or begin with an underscore.
LOG_MARGINAL, LOG_MARGINAL_MCSE = "log_marginal", "log_marginal_mcse"  # nats
OBSERVED: Final = "_observed"  # equal for universes whose evidence may be compared
WHY: Final = "_no_evidence"  # why a universe has none
RELATIVE: Final = "_relative"  # whether it is known up to a constant, which those share that may be compared
APART: Final = "other rows, another outcome, one on another scale, or ratios to other anchors"
EVIDENCE_COLUMNS: Final = (LOG_MARGINAL, LOG_MARGINAL_MCSE, OBSERVED, WHY, RELATIVE)


def refusals(table: pd.DataFrame) -> pd.Series:
    """(rows,) why the evidence of a universe compares with nothing; None where it does. Red ones have none that counts.

    table: rows of `Estimates.table` with `EVIDENCE_COLUMNS` and `engine`.
    """
    untold = "the engine '" + table["engine"].astype(str) + "' tells no marginal likelihood"
    why = pd.Series(None, index=table.index, dtype=object)
    why[table[OBSERVED].isna()] = "what it observes was not written down when it was planned"
    why = why.mask(~np.isfinite(table[LOG_MARGINAL].to_numpy(dtype=float)), untold)
    why = why.mask(table[WHY].notna(), table[WHY]).mask(~table["ok"].astype(bool), "it is red")
    return why.astype(object).where(why.notna(), None)


def comparable(table: pd.DataFrame) -> np.ndarray:
    """(rows,) the log marginal likelihoods that the green universes may be weighed by, NaN for red ones of other data.

    table: rows of `Estimates.table` with `EVIDENCE_COLUMNS`, where `incomparable` finds nothing wrong.
    """
    green = table.loc[table["ok"], OBSERVED]
    alike = table[OBSERVED].isin(green) if len(green) else table[OBSERVED].notna()
    return np.where(alike, table[LOG_MARGINAL].to_numpy(dtype=float), np.nan)


def incomparable(table: pd.DataFrame) -> Iterator[Problem]:
    """Why the green universes cannot be weighed by their evidence, if they cannot."""
    expected = "green universes that observe the same values, each with a log marginal likelihood"
    mend = "look at `results.evidence()`, or leave weigh='evidence' out"
    if absent := [name for name in ("engine", *EVIDENCE_COLUMNS) if name not in table.columns]:
        yield Problem(
            f"the table lacks columns {absent}", expected, "make it with `results.estimates(weigh='evidence')`"
        )
        return
    green = table[table["ok"].astype(bool)]
    whys = refusals(green).dropna()
    if len(whys):
        most = whys.value_counts()
        yield Problem(
            f"{len(whys):,} of {len(green):,} green universes have no evidence to weigh by: {most.index[0]}",
            expected,
            mend if "engine" not in most.index[0] else f"answer them with engine='laplace' in a run of its own; {mend}",
        )
    elif (sets := green[OBSERVED].nunique()) > 1:
        yield Problem(
            f"the {len(green):,} green universes are {sets:,} sets that cannot be compared: {APART}",
            expected,
            f"{mend}; `results.evidence()` compares within each set",
        )
