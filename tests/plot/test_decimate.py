from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from multiverse.plot.decimate import RED_MOST, drawn


def universes(n, seed, red=0.05):
    rng = np.random.default_rng(seed)
    median = np.sort(rng.normal(size=n))
    sd = rng.uniform(0.1, 1, n)
    table = {"rank": np.arange(1, n + 1), "median": median, "q2_5": median - sd, "q97_5": median + sd}
    return pd.DataFrame(table | {"ok": rng.random(n) >= red, "reference": np.arange(n) == rng.integers(n)})


def test_few_universes_are_all_drawn():
    table = universes(2000, 1)
    assert drawn(table) is table


@given(st.integers(2001, 6000), st.integers(0, 99), st.floats(0, 0.5))
def test_many_are_thinned_evenly_and_the_telling_ones_kept(n, seed, red):
    table = universes(n, seed, red)
    rows = drawn(table)
    assert 2000 <= len(rows) <= 2000 + RED_MOST + 5
    assert rows["rank"].is_monotonic_increasing
    assert rows["reference"].any()
    assert {1, n} <= set(rows["rank"])
    assert rows["q2_5"].min() == table["q2_5"].min()
    assert rows["q97_5"].max() == table["q97_5"].max()
    assert (~rows["ok"]).sum() >= min(RED_MOST, (~table["ok"]).sum())
    assert np.diff(rows["rank"]).max() <= int(np.ceil(n / 1999)) + 1


def test_numbers_without_intervals_are_thinned_too():
    table = universes(5000, 1)
    table.loc[:, ["q2_5", "q97_5"]] = np.nan
    table.loc[[100, 4000], ["q2_5", "q97_5"]] = [[-99.0, 1.0], [0.0, 99.0]]
    rows = drawn(table)
    assert {1, 101, 4001, 5000} <= set(rows["rank"])
    assert len(rows) <= 2000 + RED_MOST + 5
