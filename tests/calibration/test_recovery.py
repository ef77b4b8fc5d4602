from __future__ import annotations

import math

import pytest

from multiverse.calibration.recovery import recovery
from multiverse.calibration.simulations import WHOLE


def test_numbers_of_the_conjugate_model(simulated):
    """Of noise s and prior sd 1: contraction 1 / (1 + s^2), correlation its root, RMSE that of the posterior sd."""
    found = recovery(simulated(4000))
    for label, noise in (("small", 0.5), ("large", 2.0)):
        row = found.table[found.table["option"] == label].iloc[0]
        taught = 1 / (1 + noise**2)
        assert row["n"] == 2000
        assert row["contraction"] == pytest.approx(taught)
        assert row["correlation"] == pytest.approx(math.sqrt(taught), abs=4 * (1 - taught) / math.sqrt(2000))
        sd = noise * math.sqrt(taught)
        assert row["rmse"] == pytest.approx(sd, rel=4 / math.sqrt(2 * 2000))
        assert abs(row["z_mean"]) < 4 / math.sqrt(2000)
        assert row["z_sd"] == pytest.approx(1, abs=4 / math.sqrt(2 * 2000))
    assert found.table["option"].tolist()[0] == WHOLE
    assert len(found.points) == 4000


def test_a_shifted_posterior_has_a_z(simulated):
    assert recovery(simulated(2000, shift=0.5)).table["z_mean"].iloc[0] == pytest.approx(0.5, abs=4 / math.sqrt(2000))


def test_red_answers_stand_beside(simulated):
    found = recovery(simulated(200, red=0.4))
    assert found.with_red is not None
    assert found.with_red["n"].iloc[0] == 200 > found.table["n"].iloc[0]
    assert "with red ones" in str(found)
    none = recovery(simulated(30, red=1.1))
    assert none.table["n"].iloc[0] == 0
    assert none.points.empty
    assert "-" in str(none)
