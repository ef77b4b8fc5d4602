from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.aggregate.collapse import AVERAGED, collapse
from multiverse.aggregate.estimates import DecisionInfo

SPACE = {
    "prior": ("prior", ["weak", "tight"]),
    "geometry": ("parameterization", ["centered", "non-centered", "half"]),
}


def test_parameterizations_are_averaged_with_the_error_of_an_average(make):
    estimates = make(
        SPACE, [1.0, 2.0, 3.0, 10.0, 11.0, 15.0], sd=[1, 2, 3, 1, 1, 1], mcse=[0.3, 0.4, 1.2, 0.1, 0.1, 0.1]
    )
    out = collapse(estimates.table, estimates.decisions)
    assert list(out["prior"]) == ["weak", "tight"]
    assert list(out["mean"]) == [2.0, 12.0]
    assert out["sd"].iloc[0] == pytest.approx(np.sqrt((1 + 4 + 9) / 3))
    assert out["mcse_mean"].iloc[0] == pytest.approx(1.3 / 3)  # sqrt(.09 + .16 + 1.44) = 1.3
    assert list(out["ess"]) == [1200.0, 1200.0]
    assert list(out[AVERAGED]) == [3, 3]
    assert list(out["reference"]) == [True, False]


def test_a_red_parameterization_leaves_the_others(make):
    estimates = make(SPACE, [1.0, 2.0, 300.0, 10.0, 11.0, 15.0], red=(2,))
    out = collapse(estimates.green, estimates.decisions)
    assert list(out["mean"]) == [1.5, 12.0]
    assert list(out[AVERAGED]) == [2, 3]


def test_inactive_options_keep_universes_apart(make):
    estimates = make(SPACE, np.arange(6.0))
    table = estimates.table.copy()
    table["prior"] = np.array(["weak", "weak", "weak", None, None, None], dtype=object)
    assert len(collapse(table, estimates.decisions)) == 2


def test_an_average_tells_no_more_than_its_weakest_member(make):
    kinds = ["credible", "confidence", "credible", "credible", "none", "confidence"]
    estimates = make(SPACE, [1.0, 2.0, 3.0, 10.0, 11.0, 15.0], interval=kinds)
    out = collapse(estimates.table, estimates.decisions)
    assert list(out["interval"]) == ["confidence", "none"]
    assert list(out["mean"]) == [2.0, 12.0]
    assert list(out["median"]) == [2.0, 12.0]
    told = out[["sd", "q2_5", "q25", "q75", "q97_5", "p_positive"]].notna()
    assert told.iloc[0].all() and not told.iloc[1].any()
    assert (out["mcse_mean"] == 0).all()


def test_without_parameterizations_nothing_changes(make):
    estimates = make({"prior": ("prior", ["weak", "tight"])}, [3.0, -1.0], mcse=0.2)
    out = collapse(estimates.table, estimates.decisions)
    shared = [c for c in out.columns if c in estimates.table.columns]
    assert out[shared].equals(estimates.table[shared])


def test_only_parameterizations_and_no_rows(make):
    estimates = make({"geometry": ("parameterization", ["a", "b"])}, [1.0, 3.0])
    assert list(collapse(estimates.table, estimates.decisions)["mean"]) == [2.0]
    assert collapse(estimates.table.iloc[:0], estimates.decisions).empty


@settings(deadline=None)
@given(st.permutations(range(6)), st.lists(st.floats(-5, 5), min_size=6, max_size=6))
def test_the_order_of_rows_does_not_matter(order, means):
    table = pd.DataFrame(
        {
            "key": list("abcdef"),
            "prior": ["w"] * 3 + ["t"] * 3,
            "reference": False,
            "interval": "credible",
            "mean": means,
            "sd": 1.0,
        }
        | {name: 0.0 for name in ("median", "q2_5", "q25", "q75", "q97_5", "p_positive", "mcse_mean", "ess")}
    )
    decisions = {"prior": DecisionInfo("prior", ("w", "t"), "w")}
    one = collapse(table, decisions).set_index("prior")["mean"]
    other = collapse(table.iloc[list(order)], decisions).set_index("prior")["mean"]
    assert np.allclose(one.sort_index(), other.sort_index(), rtol=1e-12)
