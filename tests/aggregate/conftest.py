from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from multiverse.aggregate.estimates import DecisionInfo, Estimates

Z75, Z97_5 = 0.6744897501960817, 1.959963984540054  # standard normal quantiles


UNKNOWN = ["sd", "q2_5", "q25", "q75", "q97_5", "p_positive", "ess"]  # of a number alone


def normal_estimates(
    decisions, value, *, sd=1.0, mcse=0.0, keep=None, red=(), planned=None, interval="credible"
) -> Estimates:
    """Normal posteriors over a product of decisions {name: (kind, labels)}.

    value: (rows of codes) -> means, or the means; keep: rows of the product kept, a mask; inactive: a code of -1 is
    set by the caller through `value` of shape (rows,) and `keep`; red: positions of rows that fail the gate; interval:
    its kind, of all or of each row, where `none` leaves mean and median only.
    """
    sizes = [len(labels) for _, labels in decisions.values()]
    codes = (
        np.stack(np.unravel_index(np.arange(int(np.prod(sizes))), sizes), axis=1) if sizes else np.zeros((1, 0), int)
    )
    if keep is not None:
        codes = codes[np.asarray([keep(*row) for row in codes])]
    mean = np.asarray(value(*codes.T), dtype=float) if callable(value) else np.asarray(value, dtype=float)
    mean = np.broadcast_to(mean, len(codes)).copy()
    sd = np.broadcast_to(np.asarray(sd, dtype=float), len(mean))
    table = pd.DataFrame(
        {
            "key": [f"{i:032x}" for i in range(len(mean))],
            **{
                name: np.array(labels, dtype=object)[codes[:, j]]
                for j, (name, (_, labels)) in enumerate(decisions.items())
            },
            "reference": (codes == 0).all(axis=1),
            "ok": True,
            "reason": None,
            "interval": np.broadcast_to(np.asarray(interval, dtype=object), len(mean)),
            "mean": mean,
            "sd": sd,
            "median": mean,
            "q2_5": mean - Z97_5 * sd,
            "q25": mean - Z75 * sd,
            "q75": mean + Z75 * sd,
            "q97_5": mean + Z97_5 * sd,
            "p_positive": (mean > 0).astype(float),
            "mcse_mean": np.broadcast_to(np.asarray(mcse, dtype=float), len(mean)),
            "ess": 400.0,
        }
    )
    table.loc[list(red), "ok"] = False
    table.loc[list(red), "reason"] = "r-hat too large"
    table.loc[table["interval"] == "none", [*UNKNOWN, "mcse_mean"]] = np.nan
    infos = {name: DecisionInfo(kind, tuple(labels), labels[0]) for name, (kind, labels) in decisions.items()}
    return Estimates("effect", table, infos, len(table) if planned is None else planned)


@pytest.fixture(scope="session")
def make() -> Callable[..., Estimates]:
    return normal_estimates
