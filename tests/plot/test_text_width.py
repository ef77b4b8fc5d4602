from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiverse.plot.text_width import ELLIPSIS, shorten, text_width, wrap


def test_widths_of_known_letters():
    assert text_width("iiii", 10) == pytest.approx(4 * 2.22)
    assert text_width("W", 1000) == 944
    assert text_width("W", 1000, bold=True) == 944
    assert text_width("m", 1000, bold=True) == 889
    assert text_width("é", 1000) == text_width("e", 1000)
    assert text_width("語", 1000) == 1000


@given(st.text(max_size=60), st.floats(5, 200), st.booleans())
def test_a_shortened_text_fits_or_is_the_ellipsis(text, room, bold):
    short = shorten(text, room, 7, bold=bold)
    assert short == ELLIPSIS or text_width(short, 7, bold=bold) <= room
    assert (short == text) == (text_width(text, 7, bold=bold) <= room) or text == ELLIPSIS


def test_shortening_keeps_the_beginning():
    assert shorten("five homes or more", 45, 7) == "five homes…"
    assert shorten("abc", 100, 7) == "abc"


@given(st.text(alphabet="abc mnop", max_size=80), st.floats(20, 100), st.integers(1, 4))
def test_wrapped_lines_fit_and_lose_no_word_that_has_room(text, room, lines):
    done = wrap(text, room, 7, lines)
    assert 1 <= len(done) <= lines
    assert all(text_width(line, 7) <= room for line in done)
    if not any(ELLIPSIS in line for line in done):
        assert " ".join(done).split() == text.split()
