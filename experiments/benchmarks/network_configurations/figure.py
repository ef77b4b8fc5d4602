"""Draw how many simulations a network needs for 1, 10 and 100 universes and for all between, at equal quality.

python figure.py [--good 0.9] [--ess 0.5]     reads checks.csv, writes figure.svg and figure.csv, prints a table

A single check of 200 pairs errs by some 2 points, so that the first to pass would come too early and at random: quality
is the mean of three checks in a row, and the simulations are those of the middle one.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import altair as alt
import numpy as np
import pandas as pd

from multiverse.plot.render import render
from multiverse.plot.style import ABOVE, BELOW, DARK, FONT, PALE_LINE

HERE: Final = Path(__file__).parent
WIDTH_MM: Final = 120.0
IN_A_ROW: Final = 3  # checks
COUNTS: Final = ("1", "10", "100")
BETWEEN: Final = "between"
AT: Final = {"1": 1.0, "10": 10.0, "100": 100.0, BETWEEN: 1000.0}  # where they stand on the axis
LINES: Final = ("separate networks", "one network")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--good", type=float, default=0.9, help="share of held-out pairs with a reliable k-hat")
    parser.add_argument("--ess", type=float, default=0.5, help="median importance ESS of a draw")
    parser.add_argument("--checks", type=Path, default=HERE / "checks.csv")
    parser.add_argument("--png", type=Path, help="a PNG file beside, to look at")
    given = parser.parse_args()
    needed = simulations_needed(pd.read_csv(given.checks, dtype={"universes": str}), given.good, given.ess)
    needed.to_csv(HERE / "figure.csv", index=False, lineterminator="\n")
    print(table(needed))
    chart = drawn(needed.dropna())
    (HERE / "figure.svg").write_bytes(render(chart, ".svg", WIDTH_MM))
    if given.png:
        given.png.write_bytes(render(chart, ".png", WIDTH_MM, ppi=110))


def simulations_needed(checks: pd.DataFrame, good: float, ess: float) -> pd.DataFrame:
    """universes, seed, simulations until both are reached; NaN where they never were."""
    rows = []
    for (universes, seed), some in checks.groupby(["universes", "seed"]):
        some = some.sort_values("simulations")
        means = some[["good", "ess"]].rolling(IN_A_ROW, center=True).mean()
        enough = some.loc[(means["good"] >= good) & (means["ess"] >= ess), "simulations"]
        rows.append((universes, seed, enough.min() if len(enough) else np.nan))
    found = pd.DataFrame(rows, columns=["universes", "seed", "simulations"])
    return found.sort_values(["universes", "seed"], key=lambda s: s.map(AT) if s.name == "universes" else s)


def table(needed: pd.DataFrame) -> str:
    """A row for each number of universes: the median over seeds, each seed, and how many times that of 1."""
    median = needed.groupby("universes", sort=False)["simulations"].median()
    lines = ["| universes | simulations, median | each seed | times that of 1 |", "| --- | --- | --- | --- |"]
    for universes, value in median.items():
        each = needed.loc[needed["universes"] == universes, "simulations"]
        told = ", ".join("not reached" if np.isnan(x) else f"{x / 1000:.0f}k" for x in each)
        lines.append(f"| {universes} | {value / 1000:.0f}k | {told} | {value / median['1']:.1f} |")
    return "\n".join(lines)


def drawn(needed: pd.DataFrame) -> Any:
    """Simulations against universes, both by their logarithm; beside it what a network for each would need."""
    needed = needed.assign(at=needed["universes"].map(AT))
    median = needed.groupby(["universes", "at"], as_index=False)["simulations"].median().assign(line=LINES[1])
    one = float(median.loc[median["universes"] == "1", "simulations"].iloc[0])
    apart = pd.DataFrame({"at": [1.0, 10.0, 100.0], "simulations": [one, 10 * one, 100 * one], "line": LINES[0]})
    x = alt.X(
        "at:Q",
        title="universes that are learnt",
        scale=alt.Scale(type="log", domain=[0.8, 1600]),
        axis=alt.Axis(values=[*AT.values()], labelExpr="datum.value == 1000 ? 'all between' : datum.label"),
    )
    y = alt.Y("simulations:Q", title="simulations", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s"))
    colour = alt.Color(
        "line:N", title=None, scale=alt.Scale(domain=[*LINES], range=[ABOVE.solid, BELOW.solid]), sort=[*LINES]
    )
    straight = alt.Chart(apart).mark_line(strokeDash=[4, 3]).encode(x=x, y=y, color=colour)
    curve = alt.Chart(median[median["universes"] != BETWEEN]).mark_line().encode(x=x, y=y, color=colour)
    points = alt.Chart(median).mark_point(filled=True, size=60, opacity=1).encode(x=x, y=y, color=colour)
    seeds = alt.Chart(needed).mark_point(size=25, color=DARK, opacity=0.6).encode(x=x, y=y)
    chart = (straight + curve + seeds + points).properties(width=260, height=200)
    return (
        chart.configure(font=FONT, padding=4, aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            grid=False, domainColor=PALE_LINE, tickColor=PALE_LINE, labelColor=DARK, titleFontWeight="normal"
        )
        .configure_legend(orient="top", labelColor=DARK)
    )


if __name__ == "__main__":
    main()
