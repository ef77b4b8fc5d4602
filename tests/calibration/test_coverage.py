from __future__ import annotations

import pytest
from scipy.stats import beta, norm

from multiverse.calibration.coverage import LEVELS, coverage
from multiverse.calibration.simulations import WHOLE


def test_intervals_of_an_exact_posterior_hold_what_they_should(simulated):
    found = coverage(simulated(2000))
    assert found.ok
    whole = found.table[found.table["decision"] == WHOLE]
    assert whole["level"].tolist() == list(LEVELS)
    for row in whole.itertuples():
        assert row.share == pytest.approx(row.level, abs=4 * (row.level * (1 - row.level) / 2000) ** 0.5)
        exact = beta.ppf(0.025, row.held, row.n - row.held + 1), beta.ppf(0.975, row.held + 1, row.n - row.held)
        assert (row.low, row.high) == pytest.approx(exact)  # Clopper and Pearson 1934


def test_those_of_a_narrow_posterior_hold_fewer(simulated):
    found = coverage(simulated(2000, narrow=0.8))
    assert not found.ok
    row = found.table.iloc[LEVELS.index(0.95)]
    expected = 2 * norm.cdf(0.8 * norm.ppf(0.975)) - 1
    assert row["share"] == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 2000) ** 0.5)
    assert not row["ok"]
    assert "%*" not in str(found)
    assert "]*" in str(found)


def test_places_and_intervals_are_one(simulated):
    some = simulated(50)
    held = (some.table["place"] - 0.5).abs() < 0.4
    assert coverage(some).table.query("level == 0.8")["held"].iloc[0] == held.sum()


def test_red_answers_stand_beside(simulated):
    found = coverage(simulated(200, red=0.5))
    assert found.table["n"].iloc[0] == found.told.green
    assert "with red answers that have draws, theta:" in str(found)
    assert not coverage(simulated(50, red=1.1)).ok
