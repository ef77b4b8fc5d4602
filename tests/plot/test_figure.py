from __future__ import annotations

import base64
import re
import struct

import pandas as pd
import pytest

from multiverse.errors import ResultError
from multiverse.plot.figure import specification_curve


@pytest.fixture
def figure(make):
    return specification_curve(make(red=(3, 7), planned=50), title_y="basement effect")


def test_saving_writes_the_figure_its_data_and_its_caption(figure, tmp_path):
    path, data, words = figure.save(tmp_path / "new" / "curve.svg", width="89mm")
    assert [p.name for p in (path, data, words)] == ["curve.svg", "curve.data.csv", "curve.caption.txt"]
    back = pd.read_csv(data, keep_default_na=False, na_values=[""])
    assert list(back["median"]) == list(figure.table["median"])
    assert list(back["verdict"]) == list(figure.table["verdict"])
    assert words.read_text(encoding="utf-8") == figure.caption + "\n"


def test_svg_has_its_exact_width_its_font_and_the_same_bytes_again(figure, tmp_path):
    path, *_ = figure.save(tmp_path / "curve.svg", width="89mm")
    text = path.read_text(encoding="utf-8")
    assert 'width="89mm"' in text
    faces = re.findall(r"font-weight:(\w+);src:url\(data:font/woff2;base64,([^)]+)\)", text)
    assert [weight for weight, _ in faces] == ["normal", "bold"]
    assert all(base64.b64decode(letters)[:4] == b"wOF2" for _, letters in faces)
    assert set(re.findall(r'font-family="([^"]+)"', text)) == {
        "'Multiverse Sans', 'Liberation Sans', Arimo, Arial, Helvetica, sans-serif"
    }
    again, *_ = figure.save(tmp_path / "again.svg", width=89)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("width", [89, pytest.param(183, marks=pytest.mark.slow)])
def test_pdf_has_its_exact_width_and_embeds_its_font(figure, tmp_path, width):
    path, *_ = figure.save(tmp_path / "curve.pdf", width=width)
    pdf = path.read_bytes()
    box = re.search(rb"/MediaBox ?\[([^\]]+)\]", pdf)
    assert float(box[1].split()[2]) == pytest.approx(width / 25.4 * 72, abs=0.01)
    assert b"LiberationSans" in pdf and b"LiberationSans-Bold" in pdf
    assert b"/FontFile" in pdf


@pytest.mark.parametrize(("width", "ppi"), [(89, 300), pytest.param(183, 600, marks=pytest.mark.slow)])
def test_png_has_its_exact_width_and_resolution(figure, tmp_path, width, ppi):
    path, *_ = figure.save(tmp_path / "curve.png", width=width, ppi=ppi)
    png = path.read_bytes()
    assert abs(struct.unpack(">I", png[16:20])[0] - width / 25.4 * ppi) <= 1
    at = png.index(b"pHYs") + 4
    assert struct.unpack(">I", png[at : at + 4])[0] == pytest.approx(ppi / 0.0254, abs=1)


def test_an_unknown_suffix_or_width_is_told_before_anything_is_written(figure, tmp_path):
    with pytest.raises(ResultError, match=r"write '.*curve.pdf'"):
        figure.save(tmp_path / "curve.jpeg")
    with pytest.raises(ResultError, match="width of the figure is 'wide'"):
        figure.save(tmp_path / "curve.pdf", width="wide")
    assert not list(tmp_path.iterdir())


def test_a_width_that_is_none_is_told_at_once(make):
    with pytest.raises(ResultError, match="width of the figure is 8"):
        specification_curve(make(), width=8)


def test_it_shows_itself_in_a_notebook_and_a_terminal(figure):
    shown = figure._repr_mimebundle_()
    assert shown["text/html"].startswith("<figure><svg")
    assert "<figcaption>Partial: 48 of 50 universes answered" in shown["text/html"]
    assert shown["text/plain"] == repr(figure)
    assert repr(figure).startswith("Figure of 48 rows, 183 mm wide. Partial: 48 of 50 universes answered")


def test_a_theme_of_the_notebook_changes_nothing(figure):
    import altair as alt

    plain = figure.svg()
    with alt.theme.enable("dark"):
        assert figure.svg() == plain


def test_the_chart_is_altairs(figure):
    import altair as alt

    assert isinstance(figure.chart, alt.VConcatChart)
