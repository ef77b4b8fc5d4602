from __future__ import annotations

import warnings
from itertools import combinations

import pytest

from multiverse.aggregate.estimates import Estimates
from multiverse.plot.curve import curve
from multiverse.plot.curve_data import curve_data
from multiverse.plot.layout import PADDING
from multiverse.plot.style import HUES

EVERY = ["credible", "confidence", "none"]
TWELVE = {
    f"{'a rather long name ' if i % 3 else 'd'}{i}": (
        ["prior", "likelihood", "preprocessing"][i % 3],
        [
            f"{'an option with much too long a label to print it ' if j % 2 else 'o'}{j}"
            for j in range(4 if i < 4 else 3)
        ],
    )
    for i in range(12)
}


def inactive(make):
    estimates = make()
    table = estimates.table.copy()
    table.loc[table["family"] == "Normal", "homes"] = None
    return Estimates("effect", table.drop_duplicates(subset=list(estimates.decisions)), estimates.decisions, 48)


CASES = {
    "usual": lambda make: make(red=(3, 17, 40), planned=60),
    "no red": lambda make: make(),
    "all red": lambda make: make(red=range(48)),
    "red reference": lambda make: make(red=(0,)),
    "no reference": lambda make: Estimates("effect", make().table.iloc[1:], make().decisions, 48),
    "one universe": lambda make: make(most=1),
    "two universes": lambda make: make({"a": ("prior", ["x", "y"])}),
    "only one option": lambda make: make({"only": ("prior", ["one"])}),
    "no decision": lambda make: make({"only": ("prior", ["one"])}, most=1),
    "one option beside": lambda make: make({"only": ("prior", ["one"]), "a": ("prior", ["x", "y", "z"])}),
    "inactive": inactive,
    "all above": lambda make: make(centre=120.0),
    "large": lambda make: make(centre=-123456.0, scale=3000.0, sd=1500.0),
    "tiny": lambda make: make(centre=2e-5, scale=1e-5, sd=1e-5),
    "equal medians": lambda make: make(scale=0.0, red=(5,)),
    "no width": lambda make: make(scale=0.0, sd=0.0),
    "odd letters": lambda make: make({'a "quoted", name': ("prior", ["x\ny", "<b>&amp;", "µ² ≥ 1, β", ""])}),
    "twelve decisions": lambda make: make(TWELVE, most=300),
    "confidence": lambda make: make(red=(3, 17), interval="confidence"),
    "numbers alone": lambda make: make(red=(3, 17), interval="none"),
    "every kind": lambda make: make(red=(3, 17), interval=EVERY),
    "a reference without interval": lambda make: make(interval=["none", "confidence", "confidence"]),
    "one number": lambda make: make({"only": ("prior", ["one"])}, interval="none"),
}


EASIER = (
    "no red",
    "red reference",
    "two universes",
    "only one option",
    "one option beside",
    "all above",
    "equal medians",
    "confidence",
    "numbers alone",
)  # texts that stand in the harder ones too
WIDE = (
    "usual",
    "large",
    "odd letters",
    "twelve decisions",
    "every kind",
)  # the narrow figure is the hard one: the wide one by example


@pytest.mark.parametrize(
    ("name", "width"),
    [pytest.param(n, "89mm", marks=[pytest.mark.slow] if n in EASIER else []) for n in CASES]
    + [pytest.param(n, "183mm", marks=[pytest.mark.slow] if n != "every kind" else []) for n in WIDE],
)
def test_every_text_is_on_the_page_large_enough_and_none_lies_on_another(make, text_boxes, name, width):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = curve_data(CASES[name](make))
        found, wide, high = text_boxes(curve(data, width=width, title_y="basement effect on log radon, in words"))
    assert wide == pytest.approx(float(width[:-2]) / 25.4 * 72, abs=1)
    assert found
    for box in found:
        assert box.size >= 5.5
        assert -0.5 <= box.left and box.right <= wide + 0.5, box
        assert -0.5 <= box.top and box.bottom <= high + 0.5, box
        assert box.left >= PADDING - 0.6, box
    touching = [(a.text, b.text) for a, b in combinations(found, 2) if a.overlaps(b)]
    assert not touching
    seen = {box.text for box in found}
    assert set(map(str, data.heads["decision"])) <= seen or width == "89mm" or name == "twelve decisions"


def test_what_is_drawn(make):
    data = curve_data(make(red=(3, 17, 40)))
    chart = curve(data, width="183mm").to_dict()
    text = str(chart)
    for word in ("reference", "median", "share", "shift", "48 universes, sorted by median", "fails the gate"):
        assert word in text
    assert chart["config"]["font"] == "Liberation Sans"


def test_a_partial_curve_says_so_in_the_figure(make):
    text = str(curve(curve_data(make(planned=1024))).to_dict())
    assert "partial: 48 of 1,024 universes, sorted by median" in text
    assert "partial" not in str(curve(curve_data(make())).to_dict())


def marks(chart, kind):
    """The marks of this kind ("rule", "symbol") that the panel of estimates draws from universes, with their fields."""
    import vl_convert

    found = []

    def walk(mark):
        for item in mark.get("items", []):
            if mark["marktype"] == "group":
                for inner in item.get("items", []):
                    walk(inner)
            elif mark["marktype"] == kind:
                found.append(item)

    walk(vl_convert.vegalite_to_scenegraph(chart.to_dict())["scenegraph"])
    return found


@pytest.mark.parametrize("interval", [["credible"], ["none"], EVERY])
def test_a_bar_where_there_is_an_interval_a_point_everywhere(make, interval):
    data = curve_data(make(interval=interval))
    chart = curve(data)
    told = data.kinds.told
    pale = {hue.whole for hue in HUES}
    whole = [mark for mark in marks(chart, "rule") if mark.get("stroke") in pale]
    assert len(whole) == told
    shapes = [mark.get("shape", "circle") for mark in marks(chart, "symbol")]
    key = 3 * data.kinds.mixed  # an entry for each kind
    assert shapes.count("diamond") == 1
    assert shapes.count("square") == data.kinds.confidence + bool(key)
    assert shapes.count("triangle-up") == (data.kinds.none + 1 if key else 0)


def test_the_threshold_is_drawn_and_named(make, text_boxes):
    found, _, _ = text_boxes(curve(curve_data(make(), threshold=-0.2)))
    assert any(box.text == "threshold −0.20" for box in found)


def test_a_title_is_wrapped_or_cut_not_lost(make, text_boxes):
    title = "the effect of a basement on the logarithm of radon in homes of Minnesota, in the winter of 1987 to 1988"
    found, _, _ = text_boxes(curve(curve_data(make()), width="89mm", title_y=title))
    assert any(box.text.startswith("the effect of a") and box.text.endswith("…") for box in found)


def test_a_large_multiverse_is_thinned_in_the_drawing_only(make):
    space = {f"d{i}": ("prior", ["a", "b", "c"]) for i in range(7)}
    data = curve_data(make(space, red=(5,)))
    chart = curve(data, most=200).to_dict()
    rows = [text.count("\n") - 1 for text in chart["datasets"].values() if isinstance(text, str) and "q97_5" in text]
    assert len(data.universes) == 3**7
    assert rows and 200 <= max(rows) <= 206
