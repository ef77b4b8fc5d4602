"""Draw the pictures of docs/explanation/which-engine-when.md, from runs of the engines.

python figures.py [names ...] [--png FOLDER]     writes docs/figures/engines-*.svg; about a minute

The same machine draws the same pictures again: no number comes from a clock but those in cost.csv, made by `cost.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import runs

from multiverse.engines.gate import WeightsGate
from multiverse.plot.render import render
from multiverse.plot.style import ABOVE, BELOW, DARK, FONT, PALE_LINE

HERE = Path(__file__).parent
FIGURES = HERE.parents[1] / "docs" / "figures"
WIDTH_MM = 170.0
WIDTH = WIDTH_MM / 25.4 * 72
GREEN, RED, GREY = "#1B7837", ABOVE.solid, "#7A7A7A"
COLOURS = alt.Scale(domain=["green", "red"], range=[GREEN, RED])
SHAPES = alt.Scale(domain=["green", "red"], range=["circle", "triangle-up"])
DRAWS = 1000


def styled(chart: Any) -> Any:
    """One font, thin axes, no frame."""
    return (
        chart.configure(font=FONT, padding=4, aria=False)
        .configure_view(stroke=None)
        .configure_axis(
            grid=False,
            domainColor=PALE_LINE,
            tickColor=PALE_LINE,
            labelColor=DARK,
            titleColor=DARK,
            titleFontWeight="normal",
        )
        .configure_legend(
            orient="top", labelColor=DARK, titleColor=DARK, titleFontWeight="normal", symbolSize=60, symbolOpacity=1
        )
        .configure_title(color=DARK, fontSize=11, fontWeight="normal", anchor="start")
    )


def cost() -> Any:
    """Seconds against the number of universes, compiled before and not."""
    table = pd.read_csv(HERE / "cost.csv")
    names = list(dict.fromkeys(table["engine"]))
    lines = alt.Chart(table).encode(
        x=alt.X(
            "universes:Q", title="universes", scale=alt.Scale(type="log"), axis=alt.Axis(values=[1, 10, 100, 1000])
        ),
        y=alt.Y(
            "seconds:Q",
            title="seconds",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(values=[0.1, 1, 10, 100, 1000], format="~g"),
        ),
        color=alt.Color(
            "engine:N", title=None, sort=names, scale=alt.Scale(domain=names, range=COST_COLOURS[: len(names)])
        ),
    )
    dash = alt.StrokeDash(
        "start:N",
        title=None,
        scale=alt.Scale(domain=["compiled before", "nothing compiled"], range=[[1, 0], [5, 3]]),
    )
    detail = alt.Detail("start:N")
    return (
        lines.mark_line(strokeWidth=1.6).encode(strokeDash=dash)
        + lines.mark_point(filled=True, size=22).encode(detail=detail)
    ).properties(width=WIDTH - 60, height=230)


KHAT_STEPS = [0.0, 0.3, WeightsGate().khat_max]
KHAT_COLOURS = ["#EDF5EA", "#B7DBB0", "#6DB36C", ABOVE.half]
COST_COLOURS = [DARK, BELOW.solid, "#8E44AD", ABOVE.solid, GREEN]


def skewed() -> Any:
    """A skewed posterior, its proposal, its weights, and the intervals that come out."""
    density, intervals = runs.skewed()
    curves, weight = density[density["what"] != "weight"], density[density["what"] == "weight"]
    names = ["posterior", "normal at the mode", "proposal"]
    scale = alt.Scale(domain=[-12, 1.5], nice=False)
    bare = alt.X("z:Q", scale=scale, axis=alt.Axis(labels=False, ticks=False, title=None))
    colours = alt.Color(
        "what:N", title=None, sort=names, scale=alt.Scale(domain=names, range=[DARK, ABOVE.solid, BELOW.solid])
    )
    upper = (
        alt.Chart(curves)
        .mark_line(strokeWidth=1.6)
        .encode(x=bare, y=alt.Y("density:Q", title="density", axis=alt.Axis(tickCount=3)), color=colours)
        .properties(width=WIDTH - 120, height=130)
    )
    middle = (
        alt.Chart(weight)
        .mark_line(strokeWidth=1.6, color=GREY)
        .encode(x=bare, y=alt.Y("density:Q", title=["weight:", "posterior / proposal"], axis=alt.Axis(tickCount=3)))
        .properties(width=WIDTH - 120, height=60)
    )
    y = alt.Y("way:N", title=None, sort=list(intervals["way"]))
    lower = alt.layer(
        alt.Chart(intervals)
        .mark_rule(strokeWidth=2, color=GREY)
        .encode(x=alt.X("low:Q", scale=scale, title="log odds"), x2="high:Q", y=y),
        alt.Chart(intervals).mark_point(filled=True, color=DARK, size=30).encode(x=alt.X("median:Q", scale=scale), y=y),
    ).properties(width=WIDTH - 120, height=55)
    return alt.vconcat(upper, middle, lower, spacing=8)


def khat() -> Any:
    """How wrong each funnel's mean is, against its k-hat."""
    table = runs.khats()
    bound = WeightsGate().khat_bound(DRAWS)
    axis = alt.X("khat:Q", title="Pareto k-hat of the universe", scale=alt.Scale(domain=[-1, 1.8], clamp=True))
    points = (
        alt.Chart(table)
        .mark_point(filled=True, size=34, opacity=0.8)
        .encode(
            x=axis,
            y=alt.Y(
                "error:Q",
                title="error of the mean, posterior sd",
                scale=alt.Scale(type="symlog", constant=0.02, domain=[0, 15]),
                axis=alt.Axis(values=[0, 0.02, 0.1, 0.5, 2, 10], format="~g"),
            ),
            color=alt.Color("verdict:N", title=None, scale=COLOURS),
            shape=alt.Shape("verdict:N", title=None, scale=SHAPES),
        )
    )
    line = alt.Chart(pd.DataFrame({"khat": [bound]})).mark_rule(strokeDash=[4, 3], color=DARK).encode(x=axis)
    return (line + points).properties(width=WIDTH - 60, height=230)


def anchors() -> Any:
    """k-hat of a grid of universes against one anchor, and against as many as it takes."""
    table = runs.anchors()
    table["verdict"] = table["ok"].map({True: "green", False: "red"})
    x = alt.X(
        "scale:N",
        title="scale of the prior",
        sort=sorted(set(table["scale"]), key=float),
        axis=alt.Axis(labelAngle=-45),
    )
    y = alt.Y("degrees:N", title="degrees of freedom", sort=sorted(set(table["degrees"]), key=float, reverse=True))
    panels = []
    for allowed in ("one anchor", "as many as it takes"):
        here = table[table["allowed"] == allowed]
        tiles = (
            alt.Chart(here[~here["anchor"]])
            .mark_rect()
            .encode(
                x=x,
                y=y,
                color=alt.Color(
                    "khat:Q",
                    title="k-hat",
                    scale=alt.Scale(type="threshold", domain=KHAT_STEPS, range=KHAT_COLOURS),
                    legend=alt.Legend(type="symbol", symbolType="square"),
                ),
            )
        )
        red = alt.Chart(here[~here["ok"]]).mark_text(text="×", fontSize=12, color=DARK).encode(x=x, y=y)
        marks = (
            alt.Chart(here[here["anchor"]])
            .mark_point(shape="diamond", filled=True, size=70, color=DARK)
            .encode(x=x, y=y)
        )
        title = f"{allowed}: {int(here['ok'].sum())} of {len(here)} green, {int(here['anchor'].sum())} sampled"
        panels.append((tiles + red + marks).properties(width=WIDTH / 2 - 62, height=190, title=title))
    return alt.hconcat(*panels, spacing=14)


def audit() -> Any:
    """Two posteriors with a second mode, and where the engine's draws and those of its audit are."""
    draws, density = runs.audits(), runs.mode_density()
    panels = []
    x = alt.X("x:Q", title=None, scale=alt.Scale(domain=[-8, 53], nice=False))
    for place, title in (("12", "a second mode that prior draws reach"), ("45", "a second mode that they do not")):
        curve = (
            alt.Chart(density[density["place"] == place])
            .mark_area(color="#DDDDDD", line={"color": GREY, "strokeWidth": 1})
            .encode(x=x, y=alt.Y("density:Q", axis=None))
            .properties(width=WIDTH - 160, height=60, title=title)
        )
        strip = (
            alt.Chart(draws[draws["place"] == place])
            .mark_tick(thickness=1, opacity=0.35, size=14)
            .encode(
                x=x,
                y=alt.Y("who:N", title=None, sort=["Laplace engine", "audit: NUTS from the prior"]),
                color=alt.Color("verdict:N", title=None, scale=COLOURS),
            )
            .properties(width=WIDTH - 160, height=44)
        )
        panels += [curve, strip]
    return alt.vconcat(*panels, spacing=4)


PICTURES: Mapping[str, Callable[[], Any]] = {
    "cost": cost,
    "skewed": skewed,
    "khat": khat,
    "anchors": anchors,
    "audit": audit,
}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(PICTURES), help=f"of {', '.join(PICTURES)}")
    parser.add_argument("--png", type=Path, help="a folder for PNG files beside, to look at")
    given = parser.parse_args()
    for name in given.names:
        chart = styled(PICTURES[name]())
        place = FIGURES / f"engines-{name}.svg"
        place.write_bytes(render(chart, ".svg", WIDTH_MM))
        if given.png:
            given.png.mkdir(parents=True, exist_ok=True)
            (given.png / f"engines-{name}.png").write_bytes(render(chart, ".png", WIDTH_MM, ppi=110))
        print(f"{place.relative_to(FIGURES.parents[1])}: {place.stat().st_size / 1000:.0f} kB")
