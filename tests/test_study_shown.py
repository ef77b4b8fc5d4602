"""How a study shows itself: names, never its data."""

from __future__ import annotations

import numpy as np

import multiverse as mv

SPACE = mv.Space(slope=mv.prior({"weak": 1, "<b>tight</b>": 2}))


def load():
    return np.full(10**6, 7.25)


def keep(raw):
    return raw


def model(data, *, slope): ...


def test_in_a_terminal():
    study = mv.Study("radon", data=load, prepare=[keep, keep], model=model, estimands={"effect": "b"}, space=SPACE)
    lines = repr(study).splitlines()
    assert lines[0] == "Study 'radon'"
    assert [line.split(maxsplit=1) for line in lines[1:5]] == [
        ["data", "load()"],
        ["prepare", "keep(), keep()"],
        ["model", "model()"],
        ["estimands", "effect"],
    ]
    assert lines[5] == "Space of 2 universes"


def test_data_are_not_shown():
    text = repr(mv.Study("radon", data=load(), estimate=lambda data: 1.0, estimands=["mean", "sd"]))
    assert "7.25" not in text and "data       ndarray" in text and "mean, sd" in text


def test_in_a_notebook_what_a_person_wrote_is_escaped():
    html = mv.Study("<i>a</i> & b", data="<u>", model=model, estimands="<s>", space=SPACE)._repr_html_()
    assert "Study &#x27;&lt;i&gt;a&lt;/i&gt; &amp; b&#x27;" in html
    assert "&lt;b&gt;tight&lt;/b&gt;" in html and "&lt;s&gt;" in html
    assert not any(tag in html for tag in ("<i>a", "<b>tight", "<s>", "<u>"))


def test_a_study_with_mistakes_shows_itself_too():
    assert "model" in repr(mv.Study("x", data=None, model="model", space={"a": 1}))
    assert "{&#x27;a&#x27;: 1}" in mv.Study("x", data=None, space={"a": 1})._repr_html_()
