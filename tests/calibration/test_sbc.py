from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from multiverse.calibrating.calibrate import SIMULATIONS
from multiverse.calibration.ecdf_bands import p_value
from multiverse.calibration.sbc import FALSE_ALARM, sbc
from multiverse.calibration.simulations import WHOLE, Simulations, adjusted, holm
from multiverse.errors import ResultError


def test_an_exact_posterior_is_uniform(simulated):
    found = sbc(simulated())
    assert found.ok
    assert found.table[["decision", "option", "n"]].to_numpy().tolist() == [
        [WHOLE, WHOLE, 300],
        ["noise", "small", 150],
        ["noise", "large", 150],
    ]
    assert "none of 3 bands left" in str(found)
    assert "nothing of the data at hand" in str(found)


def test_a_right_engine_is_called_wrong_as_rarely_as_promised(simulated):
    wrong = sum(not sbc(simulated(60, seed=seed)).ok for seed in range(60))
    assert wrong < 60 * FALSE_ALARM + 4 * math.sqrt(60 * FALSE_ALARM * (1 - FALSE_ALARM))


@pytest.mark.parametrize(
    ("broken", "verdict"),
    [
        ({"narrow": 0.8}, "too narrow"),
        ({"narrow": 1.3}, "too wide"),
        ({"shift": -0.3}, "too low"),
        ({"shift": 0.3}, "too high"),
    ],
)
def test_a_broken_posterior_is_found_and_named(simulated, broken, verdict):
    found = sbc(simulated(1000, **broken))
    assert not found.ok
    assert found.outside["verdict"].tolist()[0] == verdict


def test_the_usual_number_of_simulations_finds_an_sd_a_fifth_too_small():
    """The power that `SIMULATIONS` names: at the level of the stricter of two bands, with as many for options."""
    z = np.random.default_rng(0).normal(size=(100, SIMULATIONS))
    found = np.mean([p_value(norm.cdf(values / 0.8)) <= FALSE_ALARM / 4 for values in z])
    assert abs(found - 0.9) < 4 * math.sqrt(0.9 * 0.1 / 100)


def test_an_option_that_is_broken_is_the_one_that_is_named(simulated):
    found = sbc(simulated(1000, narrow=0.6, only="large"))
    outside = set(zip(found.outside["decision"], found.outside["option"], strict=True))
    assert ("noise", "large") in outside
    assert ("noise", "small") not in outside


def test_red_answers_are_counted_and_stand_beside(simulated):
    found = sbc(simulated(300, red=0.3, seed=2))
    assert found.table["n"].iloc[0] == found.told.green < 300
    assert np.isfinite(found.table["p_with_red"]).all()
    assert f"{found.told.red} of 300 fail the gate (khat {found.told.red})" in str(found)
    every = sbc(simulated(300, red=1.1))
    assert not every.ok
    assert "nothing can be judged" in str(every)


def test_answers_are_kept_apart(simulated):
    raw, corrected = simulated(400, narrow=0.7, answers="network"), simulated(400, answers="corrected")
    both = replace(raw, table=pd.concat([raw.table, corrected.table], ignore_index=True))
    assert both.answers == ("network", "corrected")
    assert sbc(both).ok
    assert not sbc(both, "network").ok
    with pytest.raises(ResultError, match="Did you mean 'network'"):
        sbc(both, "netwrk")


def test_truths_that_are_no_number_are_told(simulated):
    some = simulated(100)
    table = some.table.copy()
    table.loc[:4, ["truth", "place"]] = np.nan
    found = sbc(Simulations(table, some.decisions, some.quantities, {"the model observes nothing": 2}))
    assert found.table["n"].iloc[0] == 95
    assert "truths that are no number, and not placed: 5" in str(found)
    assert "not simulated: 2 universes, as the model observes nothing" in str(found)


def test_a_table_without_a_column_is_refused(simulated):
    some = simulated(10)
    with pytest.raises(ResultError, match="no column 'place'"):
        replace(some, table=some.table.drop(columns="place"))


def test_holm():
    assert holm(np.array([0.01, 0.04, np.nan, 0.03])) == pytest.approx([0.03, 0.06, np.nan, 0.06], nan_ok=True)
    whole = np.array([True, False, False])
    assert adjusted(np.array([0.01, 0.02, 0.9]), whole) == pytest.approx([0.02, 0.08, 1.0])
    assert adjusted(np.array([0.01, np.nan, np.nan]), whole)[0] == pytest.approx(0.01)
