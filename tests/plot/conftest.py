from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from multiverse.aggregate.estimates import DecisionInfo, Estimates
from multiverse.plot.text_width import text_width

RADON = {
    "homes": ("preprocessing", ["all", "basement or first floor"]),
    "zeros": ("preprocessing", ["half the limit", "dropped"]),
    "slope prior": ("prior", ["Normal(0, 1)", "Normal(0, 0.3)", "Laplace(0, 1)"]),
    "family": ("likelihood", ["Normal", "Student-t"]),
    "geometry": ("parameterization", ["centered", "non-centered"]),
}


def product_estimates(
    space=None, *, centre=-0.1, scale=0.1, sd=0.07, red=(), blank=(), planned=None, most=None, interval="credible"
) -> Estimates:
    """A full product with means that no two universes share, by arithmetic alone: the same on every machine.

    interval: the kind of all universes, or several kinds in turn; `none` leaves mean and median only.
    """
    space = RADON if space is None else space
    sizes = [len(labels) for _, labels in space.values()]
    rows = np.arange(min(int(np.prod(sizes)), most or 10**6))
    codes = np.stack(np.unravel_index(rows, sizes), axis=1)
    # decisions later in the space matter more, parameterizations not at all, and the first two interact
    weight = [
        0 if kind == "parameterization" else (-1) ** i * (i + 1) / 4 for i, (kind, _) in enumerate(space.values())
    ]
    mean = centre + scale * (codes @ weight) + 1e-4 * scale * np.sin(rows)
    mean = mean + scale * 0.3 * codes[:, 0] * codes[:, min(1, len(sizes) - 1)]
    width = sd * (1 + 0.3 * np.cos(rows))
    table = pd.DataFrame(
        {
            "key": [f"{i:032x}" for i in rows],
            **{
                name: np.array(labels, dtype=object)[codes[:, j]] for j, (name, (_, labels)) in enumerate(space.items())
            },
            "reference": (codes == 0).all(axis=1),
            "ok": True,
            "reason": None,
            "interval": np.resize(np.array(interval, dtype=object), len(rows)),
            "mean": mean,
            "sd": width,
            "median": mean,
            "q2_5": mean - 1.96 * width,
            "q25": mean - 0.67 * width,
            "q75": mean + 0.67 * width,
            "q97_5": mean + 1.96 * width,
            "p_positive": (mean > 0).astype(float),
            "mcse_mean": 0.002 * scale,
            "ess": 900.0,
        }
    )
    red = [*red, *blank]
    table.loc[red, "ok"] = False
    table.loc[red, "reason"] = "rhat 1.2 above 1.01"
    table.loc[table["interval"] == "confidence", "mcse_mean"] = 0.0
    table.loc[table["interval"] == "none", ["sd", "q2_5", "q25", "q75", "q97_5", "p_positive", "mcse_mean"]] = np.nan
    table.loc[list(blank), ["mean", "sd", "median", "q2_5", "q25", "q75", "q97_5"]] = np.nan
    infos = {name: DecisionInfo(kind, tuple(labels), labels[0]) for name, (kind, labels) in space.items()}
    return Estimates("effect", table, infos, planned or len(table))


@pytest.fixture(scope="session", autouse=True)
def checked_once() -> Iterator[None]:
    """Altair checks each piece of a chart when it is made, and all of them again when it is drawn: that is enough."""
    from altair.utils.schemapi import debug_mode

    with debug_mode(False):
        yield


class Box(NamedTuple):
    """Where a text stands on the page, in points, and how large it is."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float

    def overlaps(self, other: Box) -> bool:
        return min(self.right, other.right) - max(self.left, other.left) > 0.5 and (
            min(self.bottom, other.bottom) - max(self.top, other.top) > 0.5
        )


def boxes_of(chart) -> tuple[list[Box], float, float]:
    """Every text of the drawn chart with its box, and the page's width and height."""
    import vl_convert

    drawn = vl_convert.vegalite_to_scenegraph(chart.to_dict())
    found: list[Box] = []

    def walk(mark, x, y):
        for item in mark.get("items", []):
            if mark["marktype"] == "group":
                for inner in item.get("items", []):
                    walk(inner, x + item.get("x", 0), y + item.get("y", 0))
            elif mark["marktype"] == "text" and item.get("text") not in ("", None):
                found.append(_box(item, x, y))

    walk(drawn["scenegraph"], *drawn["origin"])
    return found, drawn["width"], drawn["height"]


def _box(item, x, y) -> Box:
    lines = item["text"] if isinstance(item["text"], list) else [item["text"]]
    size, line = item["fontSize"], item.get("lineHeight", item["fontSize"])
    wide = max(text_width(str(words), size, bold=item.get("fontWeight") == "bold") for words in lines)
    x, y = x + item.get("x", 0) + item.get("dx", 0), y + item.get("y", 0) + item.get("dy", 0)
    left = {"left": 0.0, "center": -wide / 2, "right": -wide}[item.get("align", "left")]
    top = {"top": 0.0, "middle": -size / 2, "bottom": -size, "alphabetic": -0.8 * size}[
        item.get("baseline", "alphabetic")
    ]
    high = size + line * (len(lines) - 1)
    if item.get("angle") == 270:
        return Box(" ".join(lines), x + top, y - wide / 2, x + top + high, y + wide / 2, size)
    return Box(" ".join(map(str, lines)), x + left, y + top, x + left + wide, y + top + high, size)


@pytest.fixture
def make():
    return product_estimates


@pytest.fixture
def text_boxes():
    return boxes_of


GOLDEN = Path(__file__).parents[1] / "golden"


def same_as_golden(name: str, text: str) -> None:
    """Compares with tests/golden; with MULTIVERSE_WRITE_GOLDEN=1 in the environment it writes there first."""
    path = GOLDEN / name
    if os.environ.get("MULTIVERSE_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; see tests/plot/conftest.py"


def short(value):
    """The same chart with numbers of nine digits: sums of floats may differ in the last between machines."""
    if isinstance(value, dict):
        return {key: short(inner) for key, inner in value.items() if key != "$schema"}
    if isinstance(value, list):
        return [short(inner) for inner in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


@pytest.fixture
def same():
    return same_as_golden


@pytest.fixture
def chart_text():
    return lambda chart: json.dumps(short(chart.to_dict()), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
