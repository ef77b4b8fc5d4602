from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from multiverse.aggregate.estimates import DecisionInfo, Estimates, codes
from multiverse.errors import ResultError

TWO = {"prior": ("prior", ["weak", "tight"]), "rows": ("preprocessing", ["all", "few", "most"])}


def test_counts_green_red_blank_and_unanswered(make):
    estimates = make(TWO, np.arange(6.0), red=(1, 4), planned=10)
    table = estimates.table.copy()
    table.loc[4, ["mean", "sd", "median"]] = np.nan
    counts = Estimates("effect", table, estimates.decisions, 10).counts
    assert (counts.planned, counts.green, counts.red, counts.blank) == (10, 4, 2, 1)
    assert (counts.left_out, counts.unanswered) == (6, 4)
    assert str(counts) == "4 of 10 universes; 2 red left out, 1 of them without numbers, 4 not answered"


def test_the_table_is_copied_and_missing_options_are_none(make):
    estimates = make(TWO, np.arange(6.0))
    table = estimates.table.copy()
    table["prior"] = table["prior"].astype("str").where(np.arange(6) > 0)  # NaN, as pandas 3 gives a NULL
    again = Estimates("effect", table, estimates.decisions, 6)
    assert again.table["prior"].iloc[0] is None
    assert codes(again.table, "prior", again.decisions["prior"]).tolist() == [-1, 0, 0, 1, 1, 1]
    table.loc[0, "mean"] = 99.0
    assert again.table["mean"].iloc[0] == 0.0


def test_a_number_alone_is_an_answer_and_a_broken_interval_is_none(make):
    estimates = make(TWO, np.arange(6.0), interval=["none", "none", "confidence", "confidence", "none", "credible"])
    assert len(estimates.with_numbers) == 6
    table = estimates.table.copy()
    table.loc[[1, 2, 3], ["ok", "reason"]] = [False, "why"]
    table.loc[1, ["mean", "median"]] = np.nan  # a number that is none
    table.loc[2, ["sd", "q2_5", "q25", "q75", "q97_5", "p_positive"]] = np.nan  # a standard error that is none
    table.loc[3, ["interval", "mean", "sd", "median"]] = [None, np.nan, np.nan, np.nan]  # raised before it said
    again = Estimates("effect", table, estimates.decisions, 6)
    assert list(again.with_numbers.index) == [0, 4, 5]
    assert again.counts.blank == 3
    assert again.table["interval"].iloc[3] is None


def test_values_are_frozen(make):
    estimates = make(TWO, np.arange(6.0))
    with pytest.raises(dataclasses.FrozenInstanceError):
        estimates.planned = 3
    with pytest.raises(TypeError):
        estimates.decisions["prior"] = None


def spoil_label(table):
    table.loc[0, "prior"] = "weka"


def spoil_order(table):
    table.loc[0, "q25"] = 50.0


def spoil_number(table):
    table.loc[0, "sd"] = np.nan


def spoil_error(table):
    table.loc[0, "mcse_mean"] = -1.0


def spoil_probability(table):
    table.loc[0, "p_positive"] = 1.5


def spoil_reason(table):
    table.loc[0, "reason"] = "why"


def spoil_key(table):
    table.loc[0, "key"] = table["key"].iloc[1]


def spoil_reference(table):
    table.loc[3, "reference"] = True


def spoil_interval(table):
    table.loc[0, "interval"] = "fiducial"


def spoil_alone(table):
    table.loc[0, "interval"] = "none"


def spoil_untold(table):
    table.loc[0, "interval"] = None


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (spoil_label, "['weka'] in the table"),
        (spoil_order, "q2_5 <= q25"),
        (spoil_number, "finite mean"),
        (spoil_error, "mcse_mean of at least 0"),
        (spoil_probability, "p_positive between 0 and 1"),
        (spoil_reason, "have a reason"),
        (spoil_key, "more than once"),
        (spoil_reference, "2 rows are marked"),
        (spoil_interval, "'fiducial'"),
        (spoil_alone, "no sd, q2_5"),
        (spoil_untold, "credible"),
    ],
)
def test_what_is_wrong_in_the_table_is_named(make, spoil, said):
    estimates = make(TWO, np.arange(6.0))
    table = estimates.table.copy()
    spoil(table)
    with pytest.raises(ResultError) as error:
        Estimates("effect", table, estimates.decisions, 6)
    assert said in str(error.value)


def test_all_mistakes_are_told_at_once(make):
    estimates = make(TWO, np.arange(6.0))
    table = estimates.table.copy()
    spoil_label(table)
    spoil_order(table)
    decisions = {"prior": DecisionInfo("prior", ("weak", "tight"), "wek"), "rows": estimates.decisions["rows"]}
    with pytest.raises(ResultError) as error:
        Estimates("effect", table, decisions, 5)
    assert len(error.value.problems) == 4
    assert "Did you mean 'weak'?" in str(error.value)


def test_missing_columns_and_clashing_names(make):
    estimates = make(TWO, np.arange(6.0))
    with pytest.raises(ResultError, match="lacks columns"):
        Estimates("effect", estimates.table.drop(columns="q25"), estimates.decisions, 6)
    with pytest.raises(ResultError, match="result columns"):
        Estimates("effect", estimates.table, {**estimates.decisions, "mean": DecisionInfo("x", ("a",), "a")}, 6)
