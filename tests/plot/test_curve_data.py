from __future__ import annotations

import numpy as np
import pytest

from multiverse.aggregate.attribution import attribution
from multiverse.aggregate.estimates import Estimates
from multiverse.errors import ResultError
from multiverse.planning.reserved import CURVE_COLUMNS
from multiverse.plot.curve_data import BANDWIDTH, curve_data, density
from multiverse.store.schema import RESERVED_COLUMNS


def test_universes_are_sorted_by_median_and_ranked(make):
    data = curve_data(make(red=(3, 7), blank=(9,), planned=50))
    rows = data.universes
    assert len(rows) == 47  # 48, one without numbers
    assert list(rows["rank"]) == list(range(1, 48))
    assert rows["median"].is_monotonic_increasing
    assert (~rows["ok"]).sum() == 2
    assert rows["reference"].sum() == 1


def test_no_decision_can_hide_a_column(make):
    data = curve_data(estimates := make())
    own = set(data.universes.columns) - set(estimates.decisions)
    assert own <= RESERVED_COLUMNS | CURVE_COLUMNS
    assert own >= CURVE_COLUMNS


def test_ties_are_sorted_by_key(make):
    estimates = make(scale=0.0)
    shuffled = Estimates("effect", estimates.table.sample(frac=1, random_state=1), estimates.decisions, 48)
    assert list(curve_data(shuffled).universes["key"]) == sorted(estimates.table["key"])


@pytest.mark.parametrize("threshold", [0.0, -0.15])
def test_verdicts_are_where_the_interval_lies(make, threshold):
    data = curve_data(make(), threshold=threshold)
    word = "zero" if threshold == 0 else "−0.15"
    for row in data.universes.itertuples():
        expected = "below" if row.q97_5 < threshold else "above" if row.q2_5 > threshold else "holds"
        assert row.verdict == f"{expected} {word}"


def test_a_number_without_interval_lies_on_one_side(make):
    data = curve_data(make(interval=["none", "confidence"]), threshold=-0.15)
    for row in data.universes.itertuples():
        low, high = (row.q2_5, row.q97_5) if row.interval == "confidence" else (row.median, row.median)
        expected = "below" if high < -0.15 else "above" if low > -0.15 else "holds"
        assert row.verdict == f"{expected} −0.15"
    assert data.kinds == (0, 24, 24)
    on_it = curve_data(make(scale=0.0, centre=0.5, interval="none"), threshold=0.5)
    assert set(on_it.universes["verdict"]) == {"holds 0.5"}


def test_the_kind_of_interval_is_in_the_data(make):
    rows = curve_data(make(interval=["credible", "none"])).universes
    assert list(rows.columns)[list(rows.columns).index("reason") + 1] == "interval"
    assert (rows["q2_5"].isna() == (rows["interval"] == "none")).all()


def test_decisions_come_by_influence(make):
    estimates = make(red=(1,))
    data = curve_data(estimates)
    shares = attribution(estimates).table.set_index("decision")["share"]
    assert data.heads["share"].is_monotonic_decreasing
    assert {r.decision: r.share for r in data.heads.itertuples()} == shares.to_dict()
    assert list(dict.fromkeys(data.options["decision"])) == list(data.heads["decision"])


def test_options_in_declared_order_with_counts_and_shifts(make):
    estimates = make(red=(0, 5))
    data = curve_data(estimates)
    green = estimates.green
    for row in data.options.itertuples():
        mine, others = (green.loc[(green[row.decision] == row.label) == has, "median"].mean() for has in (True, False))
        assert row.shift == pytest.approx(mine - others)
        assert row.universes == (estimates.table[row.decision] == row.label).sum()
        assert row.reference == (row.label == estimates.decisions[row.decision].labels[0])
    labels = data.options.loc[data.options["decision"] == "slope prior", "label"]
    assert tuple(labels) == estimates.decisions["slope prior"].labels


def test_inactive_decisions_count_nowhere(make):
    estimates = make()
    table = estimates.table.copy()
    table.loc[table["family"] == "Normal", "homes"] = None
    table = table.drop_duplicates(subset=list(estimates.decisions))
    data = curve_data(Estimates("effect", table, estimates.decisions, len(table)))
    homes = data.options[data.options["decision"] == "homes"]
    assert homes["universes"].sum() == (table["family"] == "Student-t").sum()
    assert data.universes["homes"].isna().sum() == (table["family"] == "Normal").sum()


def test_decisions_of_one_option_are_not_drawn_but_kept(make):
    data = curve_data(make({"only": ("prior", ["one"]), "two": ("prior", ["a", "b"])}))
    assert data.fixed == ("only",)
    assert list(data.heads["decision"]) == ["two"]


def test_nothing_to_share_out_keeps_the_declared_order(make):
    data = curve_data(make(red=range(48)))
    assert data.heads["share"].isna().all()
    assert list(data.heads["decision"]) == list(make().decisions)
    assert data.options["shift"].isna().all()
    assert data.density.empty
    same = curve_data(make(scale=0.0))
    assert (same.options["shift"] == 0).all()


def test_density_is_a_density_and_equals_scipys(make):
    from scipy.stats import gaussian_kde

    medians = np.random.default_rng(3).gamma(3.0, size=500)
    table = density(medians)
    step = np.diff(table["value"])[0]
    assert table["density"].sum() * step == pytest.approx(1.0, abs=0.01)
    q25, q75 = np.quantile(medians, [0.25, 0.75])
    width = BANDWIDTH * min(medians.std(ddof=1), (q75 - q25) / 1.34) * 500**-0.2
    oracle = gaussian_kde(medians, bw_method=width / medians.std(ddof=1))(table["value"])
    # bins an eighth of a bandwidth wide move the density by (1/8)^2 / 24 of its curvature
    assert np.abs(table["density"] - oracle).max() < 0.005 * oracle.max()


def test_density_of_few_or_equal_medians_is_empty():
    assert density(np.arange(9.0)).empty
    assert density(np.full(50, 0.1) + 1e-17).empty
    assert len(density(np.r_[np.zeros(40), 1.0])) > 0


def test_nothing_to_draw_and_a_bad_threshold_are_told(make):
    with pytest.raises(ResultError, match="no universe has numbers"):
        curve_data(make(blank=range(48)))
    with pytest.raises(ResultError, match="threshold is nan"):
        curve_data(make(), threshold=float("nan"))
