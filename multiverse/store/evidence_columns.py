"""What the store tells of the evidence of each universe: log marginal likelihoods, and what they are densities of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiverse.store.contract import Store
from multiverse.store.plan_table import PlanRecord
from multiverse.store.sql import query

if TYPE_CHECKING:
    import pandas as pd

# No decision hides these: they are columns of the view `diagnostics`, or begin with an underscore.
COLUMNS: Final = ("key", "log_marginal", "log_marginal_mcse", "_observed", "_no_evidence", "_relative")
RATIO: Final = ("log_ratio", "log_ratio_mcse", "log_ratio_of")  # of engines that know ratios alone
_TOLD: Final = ("key", "run", *COLUMNS[1:3], *RATIO)


def evidence_columns(store: Store, run: str, plan: PlanRecord) -> pd.DataFrame:
    """A row for each planned universe with `COLUMNS`; numbers of the attempt that counts, in nats, NaN where none.

    _observed: equal for those that may be compared. _relative: whether `log_marginal` is known up to a constant, which
    those share that have the same `_observed`: engines that weigh draws of anchors tell ratios to one of them.
    """
    import pandas as pd

    some = f"columns('^({'|'.join(_TOLD)})$')"
    told = query(store, f"select {some} from diagnostics semi join universes using (key, run, attempt)")
    told = told[told["run"] == run].reindex(columns=list(_TOLD))
    planned = [(universe.key, universe.observed, universe.no_evidence) for universe in plan.universes]
    observed = pd.DataFrame(planned, columns=["key", "_observed", "_no_evidence"], dtype=object)
    both = observed.merge(told, on="key", how="left")
    both["_relative"] = both["log_marginal"].isna() & both["log_ratio"].notna() & both["_observed"].notna()
    ratio = both["_relative"]
    anchored = both["_observed"].astype(str) + " against " + both["log_ratio_of"].astype(str)
    both["_observed"] = both["_observed"].mask(ratio, anchored)
    for name, of in zip(COLUMNS[1:3], RATIO, strict=False):
        both[name] = both[name].astype(float).mask(ratio, both[of].astype(float))
    return both[list(COLUMNS)]
