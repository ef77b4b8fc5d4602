"""A chart as the bytes of an SVG, PDF or PNG file of an exact width, with its font."""

from __future__ import annotations

import base64
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from multiverse.errors import Problem, ResultError
from multiverse.plot.style import FONT, MM_PER_INCH, POINTS_PER_INCH

if TYPE_CHECKING:
    import altair as alt

PPI = 300.0  # pixels an inch of a PNG: the least that journals take for photographs and mixed figures
SUFFIXES = (".svg", ".pdf", ".png")
_ROOT = re.compile(r'width="([\d.]+)" height="([\d.]+)" viewBox="0 0 [\d.]+ [\d.]+"')


def render(chart: alt.TopLevelMixin, suffix: str, width_mm: float, *, ppi: float = PPI) -> bytes:
    """The chart, one pixel a point, as a file of this kind (".svg", ".pdf" or ".png") and this width.

    SVG text stays text, with the font inside the file; PDF embeds the letters it uses; PNG has `ppi` pixels an inch.
    SVG and PNG are the same bytes each time. Raises ResultError for another suffix.
    """
    if suffix not in SUFFIXES:
        raise ResultError(Problem(f"{suffix!r} is no kind of figure.", " or ".join(SUFFIXES), "write '.pdf'"))
    import altair as alt
    import vl_convert

    with alt.theme.enable("none"):  # the figure looks the same whatever theme the notebook uses
        spec = chart.to_dict()
    drawn = vl_convert.vegalite_to_svg(spec)
    if suffix == ".svg":
        return _embedded(_sized(drawn, width_mm, "mm")).encode()
    sized = _sized(drawn, width_mm, "")
    return bytes(vl_convert.svg_to_pdf(sized) if suffix == ".pdf" else vl_convert.svg_to_png(sized, ppi=ppi))


def _sized(svg: str, width_mm: float, unit: str) -> str:
    """The SVG with its page set to the width asked for: Vega rounds it to whole pixels."""
    points = width_mm / MM_PER_INCH * POINTS_PER_INCH
    found = _ROOT.search(svg)
    assert found, "Vega writes width, height and viewBox in this order"
    high = float(found[2])
    scale = MM_PER_INCH / POINTS_PER_INCH if unit == "mm" else 1.0
    page = f'width="{points * scale:.6g}{unit}" height="{high * scale:.6g}{unit}" viewBox="0 0 {points:.6g} {high:.6g}"'
    return svg[: found.start()] + page + svg[found.end() :]


def _embedded(svg: str) -> str:
    """The SVG with the font in it, and fonts of the same widths named for programs that do not read it."""
    family = f"'Multiverse Sans', '{FONT}', Arimo, Arial, Helvetica, sans-serif"
    svg = svg.replace(f'font-family="{FONT}"', f'font-family="{family}"')
    start = svg.index(">", svg.index("<svg")) + 1
    return svg[:start] + f"<defs><style>{_faces()}</style></defs>" + svg[start:]


@cache
def _faces() -> str:
    folder = files("multiverse.plot") / "fonts"
    rules = []
    for weight, name in (("normal", "regular"), ("bold", "bold")):
        letters = base64.b64encode((folder / f"multiverse-sans-{name}.woff2").read_bytes()).decode()
        source = f"url(data:font/woff2;base64,{letters}) format('woff2')"
        rules.append(f"@font-face{{font-family:'Multiverse Sans';font-weight:{weight};src:{source}}}")
    return "".join(rules)
