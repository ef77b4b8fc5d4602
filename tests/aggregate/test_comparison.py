"""Two runs against each other, against the slow obvious way."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from multiverse.aggregate.common_ground import common_estimand, differences
from multiverse.aggregate.comparison import WITHIN, compare
from multiverse.errors import ResultError

DECISIONS = {"prior": ("prior", ["weak", "tight", "flat"]), "rows": ("preprocessing", ["all", "some"])}
RUNS = ("main", "longer")


def shaken(make, seed: int, size: int = 6):
    """Two runs of one posterior each: red ones, universes of one run only, Monte Carlo error, seconds."""
    rng = np.random.default_rng(seed)
    decisions = {"prior": ("prior", [f"p{i}" for i in range(size)]), "rows": DECISIONS["rows"]}
    true, found = rng.normal(0, 1, 2 * size), []
    for _ in range(2):
        mcse = rng.uniform(0.01, 0.2, 2 * size)
        red = rng.choice(2 * size, 2, replace=False)
        one = make(decisions, true + rng.normal(0, mcse), sd=rng.uniform(0.5, 2, 2 * size), mcse=mcse, red=red)
        table = one.table.assign(seconds=rng.uniform(1, 2, 2 * size))
        found.append(replace(one, table=table.drop(index=rng.choice(2 * size, 1))))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_slow_way_agrees(make, seed: int) -> None:
    here, there = shaken(make, seed)
    one, other = (run.table.set_index("key") for run in (here, there))
    both = [key for key in one.index if key in other.index]
    rows, counts = {}, {"red_here": 0, "red_there": 0, "red_in_both": 0}
    for key in both:
        a, b = one.loc[key], other.loc[key]
        if a["ok"] and b["ok"]:
            difference = b["mean"] - a["mean"]
            rows[key] = {
                "difference": difference,
                "in_mcse": difference / math.sqrt(a["mcse_mean"] ** 2 + b["mcse_mean"] ** 2),
                "in_sd": difference / math.sqrt((a["sd"] ** 2 + b["sd"] ** 2) / 2),
                "sign_changed": (a["median"] > 0) != (b["median"] > 0),
                "conclusion_changed": (a["q2_5"] > 0, a["q97_5"] < 0) != (b["q2_5"] > 0, b["q97_5"] < 0),
            }
        else:
            where = "red_in_both" if not a["ok"] and not b["ok"] else "red_here" if not a["ok"] else "red_there"
            counts[where] += 1
    found = compare(here, there, RUNS)
    assert found.pairs._asdict() == {
        "both": len(both),
        "here_only": len(one) - len(both),
        "there_only": len(other) - len(both),
        **counts,
    }
    assert found.pairs.compared == len(rows)
    table = found.table.set_index("key")
    expected = pd.DataFrame.from_dict(rows, orient="index")
    for name in expected:
        np.testing.assert_allclose(table.loc[expected.index, name].astype(float), expected[name].astype(float))
    assert table.drop(index=expected.index)[["difference", "in_mcse", "in_sd"]].isna().all(axis=None)
    assert found.within == pytest.approx((expected["in_mcse"].abs() <= WITHIN).mean())
    assert found.furthest == pytest.approx(expected["in_mcse"].abs().max())
    assert found.sign_changes == expected["sign_changed"].sum()
    assert found.conclusion_changes == expected["conclusion_changed"].sum()
    assert found.seconds == pytest.approx((one.loc[both, "seconds"].sum(), other.loc[both, "seconds"].sum()))
    compared = table["in_mcse"].abs().dropna().to_numpy()
    assert (np.diff(compared) <= 0).all() and table["in_mcse"][: len(compared)].notna().all()
    assert set(found.changes["key"]) == {
        *expected.index[expected["sign_changed"] | expected["conclusion_changed"]],
        *(key for key in both if one.loc[key, "ok"] != other.loc[key, "ok"]),
    }


def test_the_other_way_round_is_the_other_sign(make) -> None:
    here, there = shaken(make, 7)
    one, other = compare(here, there, RUNS), compare(there, here, RUNS[::-1])
    order = other.table.set_index("key").loc[one.table["key"]]
    np.testing.assert_allclose(one.table["difference"], -order["difference"])
    assert (one.within, one.furthest, one.seconds) == (other.within, other.furthest, other.seconds[::-1])
    assert (one.pairs.red_here, one.pairs.red_there) == (other.pairs.red_there, other.pairs.red_here)


def test_chance_alone_is_told_as_chance(make) -> None:
    """2,000 universes that differ by Monte Carlo error: 95.4 % within two, give or take four standard errors."""
    size, rng = 2000, np.random.default_rng(1)
    decisions = {"prior": ("prior", [f"p{i}" for i in range(size)])}
    mcse = rng.uniform(0.01, 1, (2, size))
    here, there = (make(decisions, 5 + rng.normal(0, error), mcse=error) for error in mcse)
    found = compare(here, there, RUNS)
    share = math.erf(WITHIN / math.sqrt(2))
    assert abs(found.within - share) < 4 * math.sqrt(share * (1 - share) / size)
    # the median of the largest of n is where its probability, (2 F(x) - 1)^n, is one half
    assert math.erf(found.furthest_expected / math.sqrt(2)) ** size == pytest.approx(0.5)
    assert 0.7 * found.furthest_expected < found.furthest < 1.6 * found.furthest_expected


def test_answers_without_monte_carlo_error(make) -> None:
    here = make(DECISIONS, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    there = make(DECISIONS, [1.0 + 1e-13, 2.0, 3.5, 4.0, 5.0, 6.0])
    found = compare(here, there, RUNS)
    assert found.furthest == math.inf and found.within == pytest.approx(5 / 6)
    assert found.table["in_mcse"].tolist() == [math.inf, 0, 0, 0, 0, 0]
    assert found.table["in_sd"][0] == pytest.approx(0.5)
    assert "\N{INFINITY}" in str(found)
    assert "no Monte Carlo error: 5 of 6 means are the same to 1e-09" in str(found) and "chance" not in str(found)


def test_nothing_in_common(make) -> None:
    here = make(DECISIONS, 1.0, mcse=0.1)
    there = replace(here, table=here.table.assign(key=[f"x{i}" for i in range(6)]))
    found = compare(here, there, RUNS)
    assert found.pairs.both == 0 and (found.pairs.here_only, found.pairs.there_only) == (6, 6)
    assert math.isnan(found.within) and math.isnan(found.furthest) and found.table.empty
    assert "0 universes compared" in str(found) and "answered in one run only: 6 in 'main', 6 in 'longer'" in str(found)
    red = compare(make(DECISIONS, 1.0, red=range(6)), here, RUNS)
    assert red.pairs.red_here == 6 and red.pairs.compared == 0 and len(red.changes) == 6
    assert "left out: 6 red in 'main' only, 0 red in 'longer' only, 0 red in both" in str(red)


def test_a_decision_of_one_run_only_is_named_and_not_shown(make) -> None:
    here = make(DECISIONS, 1.0, mcse=0.1)
    wider = make({**DECISIONS, "difference": ("data", ["old", "new"])}, 1.1, mcse=0.1)
    found = compare(here, wider, RUNS)
    assert list(found.table.columns[1:3]) == ["prior", "rows"] and len(found.table) == 6
    assert "decisions of 'longer' alone, not shown: difference" in found.notes
    clash = compare(wider, wider, RUNS)  # a decision that is called like a number keeps apart from it
    assert set(clash.table["decision difference"]) == {"old", "new"} and clash.table["difference"].dtype == float


def test_what_is_printed(make) -> None:
    here = make(DECISIONS, [1.0, -2.0, 0.05, 4.0, 5.0, 6.0], sd=0.5, mcse=0.1, red=[5])
    there = make(DECISIONS, [1.1, -2.0, -0.2, 4.0, 6.0, 6.0], sd=0.5, mcse=0.1)
    found = compare(here, there, RUNS, ["settings that differ: draws 500 and 1000"])
    text = str(found)
    assert text.startswith("'effect' in run 'longer' against run 'main': 5 universes compared, green in both\n")
    lines = text.splitlines()
    assert lines[2].split()[1:] == ["prior", "flat,", "rows", "all", "5.00", "6.00", "1", "7.07", "2"]
    assert "80% within 2 combined Monte Carlo errors (chance alone: 95%); the furthest at 7.07" in text
    assert "another sign in 1 universe, another conclusion of the 95% interval against zero in 0" in text
    assert lines[-2] == "  settings that differ: draws 500 and 1000"
    assert lines[-1] == "  2 universes with the very same mean: runs of one seed share their draws"
    assert "<table>" in found._repr_html_()


def test_the_estimand_in_common() -> None:
    assert common_estimand(["a", "b"], ["c", "b"], RUNS, None) == "b"
    assert common_estimand(["a", "b"], ["a", "b"], RUNS, "b") == "b"
    with pytest.raises(ResultError, match="'longer' did not estimate 'a': 'main' has a, b, 'longer' has c, b"):
        common_estimand(["a", "b"], ["c", "b"], RUNS, "a")
    with pytest.raises(ResultError, match="no estimand in common"):
        common_estimand(["a"], ["b"], RUNS, None)


def test_what_is_said_of_two_manifests() -> None:
    one = {"settings": {"draws": "500", "seed": "0"}, "estimands": {"a": "1", "b": "2"}}
    other = {"settings": {"draws": "1000", "seed": "0", "new": "1"}, "estimands": {"b": "3"}}
    assert differences(one, other, RUNS, "b") == [
        "estimands of 'main' alone: a",
        "'b' means something else in 'longer' than in 'main'",
        "settings that differ: draws 500 and 1000, new - and 1",
    ]
    assert differences(one, one, RUNS, "a") == []
