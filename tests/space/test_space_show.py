"""How a space prints."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from multiverse.space import show
from multiverse.space.decision import likelihood, prior
from multiverse.space.space import Space


def example() -> Space:
    return (
        Space(
            family=likelihood(normal=1, student=2, reference="student"),
            tail=prior({"light": 30.0, "heavy <4>": 4.0}, why={"light": 'nearly "normal"'}),
        )
        .only_when("tail", lambda family: family == "student")
        .forbid("nobody < believes & that", lambda tail: tail == "heavy <4>")
    )


def many(reference: str) -> Space:
    return Space(basis=prior({f"knots {i}": i for i in range(40)}, reference=reference))


def test_the_terminal_table():
    assert show.text(example(), width=80) == (
        "Space of 2 universes out of 4 combinations\n"
        "  family  likelihood  normal, student*\n"
        "  tail    prior       light*, heavy <4>\n"
        "                      * reference\n"
        "  only when: tail, by a rule on family\n"
        "  not: nobody < believes & that\n"
        "  note: 'heavy <4>' of 'tail' is in no universe: the rules exclude it everywhere"
    )


def test_repr_follows_the_width_of_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    assert repr(many("knots 0")) == show.text(many("knots 0"), width=60)


@pytest.mark.parametrize("width", [40, 60, 100, 300])
@pytest.mark.parametrize("reference", ["knots 0", "knots 39"])
def test_long_lists_of_options_are_cut_to_the_width_and_keep_the_reference(width, reference):
    line = show.text(many(reference), width=width).splitlines()[1]
    assert len(line) <= width
    assert f"{reference}*" in line
    shown = line.count("knots ")
    assert line.endswith(f", … {40 - shown} more")


def test_a_label_longer_than_the_line_is_cut():
    space = Space(a=prior({"x" * 300: 1, "y" * 300: 2}))
    line = show.text(space, width=60).splitlines()[1]
    assert len(line) <= 60
    assert line.endswith("…*, … 1 more")


def test_line_breaks_in_labels_do_not_break_the_table():
    assert len(show.text(Space(a=prior({"two\nlines": 1})), width=60).splitlines()) == 3


def test_counts_are_readable_at_any_size():
    assert repr(Space({f"d{i}": prior({str(j): j for j in range(10)}) for i in range(6)})).startswith(
        "Space of 1,000,000 universes\n"
    )
    assert repr(Space({f"d{i}": prior(a=1, b=2) for i in range(100)})).startswith("Space of about 10^30 universes\n")
    assert repr(Space(a=prior(x=1))).startswith("Space of 1 universe\n")


class Tags(HTMLParser):
    """Checks that tags nest, and keeps the text."""

    def __init__(self):
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("space", [example(), many("knots 39"), Space(), Space(_a=prior({"<b>": 1}))])
def test_html_is_well_formed_and_says_what_the_user_wrote(space):
    tags = Tags()
    tags.feed(space._repr_html_())
    tags.close()
    assert tags.open == []
    for name in space.decisions:
        assert name in tags.text


def test_html_escapes_labels_reasons_and_rules():
    html = example()._repr_html_()
    assert "heavy &lt;4&gt;" in html and "heavy <4>" not in html
    assert "nobody &lt; believes &amp; that" in html
    assert 'title="nearly &quot;normal&quot;"' in html
    assert "<b>student</b>" in html


def test_html_cuts_long_lists_and_keeps_the_reference():
    html = many("knots 39")._repr_html_()
    assert "<b>knots 39</b>" in html
    assert html.count("knots ") == show.SHOWN
    assert "… 28 more" in html


def test_a_broken_space_prints_its_mistakes():
    broken = Space(_a=prior(x=1)).forbid("no", lambda b: True)
    assert repr(broken).startswith("Space of 1 decision with 2 mistakes\n")
    assert "mistake: the decision &#x27;_a&#x27;" not in repr(broken)
    assert "mistake</i>: the decision &#x27;_a&#x27;" in broken._repr_html_()
