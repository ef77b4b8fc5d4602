"""What the figures of calibration show, as tables; `tests/calibrating` draws them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from multiverse.calibration.coverage import LEVELS, coverage
from multiverse.calibration.recovery import recovery
from multiverse.calibration.sbc import sbc
from multiverse.calibration.simulations import COLUMNS, Simulations
from multiverse.plot.calibration_coverage_data import coverage_data
from multiverse.plot.calibration_figures import recovery_figure, sbc_figure
from multiverse.plot.calibration_grid import around, columns
from multiverse.plot.calibration_recovery_data import POINTS, QUANTITIES, recovery_data
from multiverse.plot.calibration_sbc_data import PANELS, is_off, sbc_data


def simulations(quantities: int, n: int = 60, narrow: float = 1.0) -> Simulations:
    """Standard normal truths, and posteriors that are the prior; `narrow` for the first quantity only."""
    rng, rows = np.random.default_rng(0), []
    for i in range(quantities):
        truth = rng.normal(size=n)
        sd = narrow if i == 0 else 1.0
        mean = rng.normal(size=n) * 1e-3
        table = pd.DataFrame(
            {
                **dict.fromkeys(COLUMNS, 0.0),
                "answers": "exact",
                "key": [f"k{at}" for at in range(n)],
                "universe": "u",
                "ok": True,
                "reason": "",
                "quantity": f"q{i}",
                "kind": "site",
                "truth": truth,
                "place": norm.cdf(truth, scale=sd),
                "mean": mean,
                "sd": sd,
                "prior_sd": 1.0,
                "prior": np.where(np.arange(n) % 2, "wide", "tight"),
            }
        )
        rows.append(table)
    names = tuple(f"q{i}" for i in range(quantities))
    return Simulations(pd.concat(rows, ignore_index=True), {"prior": ("wide", "tight")}, names, {})


def test_paths_are_differences_within_their_bands():
    some = simulations(2, narrow=0.5)
    data = sbc_data(sbc(some), some)
    assert data.groupby("panel")["n"].first().tolist() == [60, 60, 30, 30, 30, 30]
    first = data[data["panel"] == 0]
    assert is_off(first)
    assert first["difference"].iloc[[0, -1]].tolist() == [0, 0]
    places = some.table.query("quantity == 'q0'")["place"].to_numpy()
    middle = first.iloc[len(first) // 2]
    assert middle["difference"] == pytest.approx((places <= middle["place"]).mean() - middle["place"])
    assert (data["lower"] <= 0).all()
    assert (data["upper"] >= 0).all()
    assert not is_off(data[data["panel"] == 1])


def test_of_many_quantities_some_are_drawn():
    some = simulations(PANELS + 2)
    judged = sbc(some)
    assert sbc_data(judged, some)["panel"].nunique() == PANELS
    assert f"Drawn: {PANELS} of" in sbc_figure(judged, some).caption
    found = recovery(some)
    assert recovery_data(found)["quantity"].nunique() == QUANTITIES
    assert f"Drawn: {QUANTITIES} of {PANELS + 2} quantities" in recovery_figure(found).caption
    assert coverage_data(coverage(some))["quantity"].nunique() == PANELS


def test_coverage_has_a_row_a_level_and_option():
    data = coverage_data(coverage(simulations(1)))
    assert len(data) == 3 * len(LEVELS)
    assert data["whole"].sum() == len(LEVELS)


def test_points_are_thinned_evenly():
    data = recovery_data(recovery(simulations(1, n=POINTS + 500)))
    assert len(data) == POINTS
    assert data["contraction"].tolist() == [0.0] * POINTS


def test_panels_fit_the_page():
    assert columns("89mm", 7) == 2
    assert columns("183mm", 7) == 4
    assert columns("183mm", 1) == 1
    low, high = around(1.0, 3.0, float("nan"))
    assert low < 1 < 3 < high
    assert around() != around(5.0)
