"""What the store tells of the evidence of each universe: log marginal likelihoods, and what they are densities of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiverse.store.contract import Store
from multiverse.store.plan_table import PlanRecord
from multiverse.store.sql import query

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = ("key", "log_marginal", "log_marginal_mcse", "_observed", "_no_evidence")  # no decision hides them


def evidence_columns(store: Store, run: str, plan: PlanRecord) -> pd.DataFrame:
    """A row for each planned universe with `COLUMNS`; numbers of the attempt that counts, in nats, NaN where none."""
    import pandas as pd

    numbers = "select key, run, log_marginal, log_marginal_mcse from diagnostics"
    told = query(store, f"{numbers} semi join universes using (key, run, attempt)")
    planned = [(universe.key, universe.observed, universe.no_evidence) for universe in plan.universes]
    observed = pd.DataFrame(planned, columns=["key", *COLUMNS[3:]], dtype=object)
    return observed.merge(told[told["run"] == run].drop(columns="run"), on="key", how="left")[list(COLUMNS)]
