"""Draw how many simulations a network needs for 1, 10 and 100 universes and for all between, at equal quality.

python figure.py [--good 0.9] [--ess 0.5]     reads checks.csv, writes figure.svg and figure.csv, prints a table

Between trainings of so many simulations and of twice as many, quality is taken to rise in line with the logarithm of
simulations. Universes are not alike, so that what one of them needs is a mean: that of a network for each of them. A
training that falls short of it with the most simulations counts as if these had sufficed: such a mean is a least.
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
    chart = drawn(needed)
    (HERE / "figure.svg").write_bytes(render(chart, ".svg", WIDTH_MM))
    if given.png:
        given.png.write_bytes(render(chart, ".png", WIDTH_MM, ppi=110))


def simulations_needed(checks: pd.DataFrame, good: float, ess: float) -> pd.DataFrame:
    """universes, seed, simulations until both are reached, and whether they were."""
    rows = []
    for (universes, seed), some in checks.groupby(["universes", "seed"]):
        some = some.sort_values("simulations")
        most = float(some["simulations"].max())
        needed = max(crossed(some["simulations"], some["good"], good), crossed(some["simulations"], some["ess"], ess))
        rows.append((universes, seed, round(min(needed, most)), needed <= most))
    found = pd.DataFrame(rows, columns=["universes", "seed", "simulations", "reached"])
    return found.sort_values(["universes", "seed"], key=lambda s: s.map(AT) if s.name == "universes" else s)


def crossed(simulations: pd.Series, quality: pd.Series, bound: float) -> float:
    """Simulations at which a quality first reaches a bound; infinite where it never does."""
    n, q = np.log(simulations.to_numpy()), quality.to_numpy()
    enough = np.flatnonzero(q >= bound)
    if not len(enough):
        return np.inf
    i = enough[0]
    return float(np.exp(n[i] if i == 0 else n[i - 1] + (bound - q[i - 1]) / (q[i] - q[i - 1]) * (n[i] - n[i - 1])))


def table(needed: pd.DataFrame) -> str:
    """A row for each number of universes: the mean over trainings and its error, and how many times that of 1."""
    one = needed.loc[needed["universes"] == "1", "simulations"].mean()
    lines = ["| universes | simulations | each training | times that of 1 |", "| --- | --- | --- | --- |"]
    for universes, some in needed.groupby("universes", sort=False):
        least = "" if some["reached"].all() else "at least "
        each = ", ".join(f"{'' if row.reached else '> '}{row.simulations / 1000:.0f}k" for row in some.itertuples())
        mean, error = some["simulations"].mean(), some["simulations"].sem()
        told = f"{least}{mean / 1000:.0f}k ± {error / 1000:.0f}k"
        lines.append(f"| {universes} | {told} | {each} | {least}{mean / one:.1f} |")
    return "\n".join(lines)


def drawn(needed: pd.DataFrame) -> Any:
    """Simulations against universes, both by their logarithm; beside it what a network for each would need."""
    needed = needed.assign(at=needed["universes"].map(AT))
    mean = needed.groupby(["universes", "at"], as_index=False)["simulations"].mean().assign(line=LINES[1])
    one = float(mean.loc[mean["universes"] == "1", "simulations"].iloc[0])
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
    curve = alt.Chart(mean[mean["universes"] != BETWEEN]).mark_line().encode(x=x, y=y, color=colour)
    points = alt.Chart(mean).mark_point(filled=True, size=60, opacity=1).encode(x=x, y=y, color=colour)
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
