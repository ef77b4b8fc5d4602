from __future__ import annotations

from multiverse.aggregate.estimates import Estimates
from multiverse.plot.caption import caption
from multiverse.plot.curve_data import curve_data


def test_it_says_what_counts_and_what_was_left_out(make):
    text = caption(curve_data(make(red=(3, 7), blank=(9,), planned=50)), title_y="basement effect")
    assert text.startswith("Partial: 48 of 50 universes answered; the others may change every number. Basement effect")
    assert "Basement effect in 47 universes, sorted by posterior median." in text
    assert "Of 50 universes, 45 pass the gate; 3 fail it and are left out of every number." in text
    assert "Counted with them, as far as they have numbers, it is" in text
    assert "Without numbers and not drawn: 1." in text
    assert "count once, which leaves 24" in text
    assert "hollow points fail the gate" in text
    assert "geometry <1%)" in text or "geometry 0%)" in text
    assert "analysis that would have been published" in text
    assert "by regression" not in text


def test_colours_are_counted(make):
    data = curve_data(make())
    counts = data.universes["verdict"].value_counts()
    text = caption(data)
    for word, colour in (("below zero", "blue"), ("holds zero", "grey")):
        assert f"{word} ({colour}, {counts[word]})" in text
    assert "hollow" not in text


def test_edges_are_said(make):
    all_red = caption(curve_data(make(red=range(48))))
    assert "No universe passes the gate" in all_red
    assert "too little, or are too few" in all_red
    far = caption(curve_data(make(centre=100.0)))
    assert "Zero lies below the axis." in far
    estimates = make()
    table = estimates.table.copy()
    table.loc[[5], ["ok", "reason", "q97_5"]] = [False, "why", 1e6]
    outlier = caption(curve_data(Estimates("effect", table, estimates.decisions, 48)))
    assert "Intervals cut off at the edge of the axis: 1." in outlier
    no_reference = caption(curve_data(Estimates("effect", table.iloc[1:], estimates.decisions, 48)))
    assert "reference universe has no numbers" in no_reference
    fixed = caption(curve_data(make({"only": ("prior", ["one"]), "two": ("prior", ["a", "b"])})))
    assert "Decisions with one option, not drawn: only." in fixed


def test_inactive_decisions_and_what_shares_are_is_said(make):
    estimates = make()
    table = estimates.table.copy()
    table.loc[table["family"] == "Normal", "homes"] = None
    table = table.drop_duplicates(subset=list(estimates.decisions))
    text = caption(curve_data(Estimates("effect", table, estimates.decisions, len(table))))
    assert "No tick: the decision does not apply." in text
    assert "(Shapley), interactions shared out, so that shares add up to 100%" in text


def test_thinning_is_said(make):
    data = curve_data(make(red=(5,)))
    assert "Drawn: 2" in caption(data, most=20)
    assert "1 of 1 that fail the gate; all are counted" in caption(data, most=20)
    assert "Drawn" not in caption(data)


def test_the_kind_of_interval_is_said(make):
    bayesian = caption(curve_data(make()))
    assert "sorted by posterior median." in bayesian
    assert "Points are posterior medians, thick and thin bars 50% and 95% credible intervals." in bayesian
    assert "(95% credible interval −0.2" in bayesian
    text = caption(curve_data(make(interval="confidence", red=(3,))))
    assert "sorted by estimate." in text
    assert "Points are estimates, thick and thin bars 50% and 95% confidence intervals; hollow" in text
    assert "(95% confidence interval −0.2" in text
    assert "credible" not in text and "posterior" not in text
    assert "mean estimate of universes" in text


def test_numbers_alone_have_no_bars(make):
    data = curve_data(make(interval="none", red=(0,)))
    text = caption(data)
    assert "Points are estimates, no bars: no universe told its uncertainty; hollow" in text
    below = int((data.universes["median"] < 0).sum())
    assert f"Colour, by the estimate: below zero (blue, {below})" in text
    assert "analysis that would have been published: −0.10 (it fails the gate)." in text
    assert "interval" not in text and "Monte Carlo" not in text
    assert "density of the estimates" in text


def test_a_mixture_is_told_apart(make):
    text = caption(curve_data(make(interval=["confidence", "credible", "none"])))
    assert "sorted by posterior median or estimate." in text
    assert "Points are posterior medians or estimates, thick and thin bars 50% and 95% intervals." in text
    assert "Circles have credible intervals (16); squares have confidence intervals (16); triangles are numbers" in text
    assert "Colour, by the 95% interval or, without one, by the number:" in text
    assert "(95% confidence interval" in text
    two = caption(curve_data(make(interval=["confidence", "none"])))
    assert "bars 50% and 95% confidence intervals. Squares have confidence intervals (24); triangles" in two


def test_a_number_beyond_the_axis_is_no_cut_interval(make):
    estimates = make(interval="none")
    table = estimates.table.copy()
    table.loc[[5], ["ok", "reason", "median"]] = [False, "why", 1e6]
    text = caption(curve_data(Estimates("effect", table, estimates.decisions, 48)))
    assert "Numbers beyond the axis, drawn at its edge: 1." in text
    assert "cut off" not in text
