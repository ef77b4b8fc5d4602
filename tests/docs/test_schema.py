"""docs/schema.md and the views of a store say the same, in both directions; its examples run."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

from multiverse.engines.outcome import Reason
from multiverse.store import synthetic
from multiverse.store.memory import MemoryStore
from multiverse.store.schema import DECISIONS, RESERVED_COLUMNS, VIEWS
from multiverse.store.sql import ask
from multiverse.store.views import open_views

PAGE = (Path(__file__).parents[2] / "docs" / "schema.md").read_text()
SECTIONS = {section.partition("\n")[0].strip(): section for section in PAGE.split("\n## ")[1:]}
EXAMPLES = {view: re.findall(r"```sql\n(.*?)```", section, re.DOTALL) for view, section in SECTIONS.items()}


def documented(view: str) -> dict[str, str]:
    """Column -> type, from the table of the view's section."""
    rows = [
        [cell.strip().strip("`") for cell in line.split("|")[1:-1]]
        for line in SECTIONS[view].splitlines()
        if line[:1] == "|"
    ]
    assert rows[0] == ["column", "type", "unit", "meaning"]
    assert all(len(row) == 4 and row[3] for row in rows[2:]), "every column has a meaning"
    return {row[0]: row[1] for row in rows[2:]}


@pytest.fixture(scope="module")
def con():
    store = MemoryStore()
    synthetic.fill(store)
    with closing(open_views(store)) as opened:
        yield opened


def test_the_page_has_the_views_of_a_store(con) -> None:
    assert list(SECTIONS) == list(VIEWS)
    assert set(ask(con, "show tables").name) == set(SECTIONS)


@pytest.mark.parametrize("view", VIEWS)
def test_the_page_has_the_columns_of_the_view(con, view: str) -> None:
    found = ask(con, f"describe {view}")
    columns = dict(zip(found.column_name, found.column_type, strict=True))
    expected: dict[str, str] = {}
    for name, kind in documented(view).items():
        decisions = [decision.name for decision in synthetic.DECISIONS]
        expected |= dict.fromkeys(decisions, kind) if name == DECISIONS else {name: kind}
    assert list(columns.items()) == list(expected.items())


def test_the_page_has_the_columns_of_the_code() -> None:
    assert {view: documented(view) for view in SECTIONS} == {view: dict(columns) for view, columns in VIEWS.items()}
    assert RESERVED_COLUMNS == {c for view in SECTIONS for c in documented(view)} - {DECISIONS}
    assert all(name == name.lower() for name in RESERVED_COLUMNS)


def test_the_page_has_every_reason() -> None:
    listed = re.search(r"code of the reason: (.*?) \|", SECTIONS["failures"])
    assert listed and set(re.findall(r"`(\w+)`", listed[1])) == {reason.name for reason in Reason} - {"ok"}


@pytest.mark.parametrize("view", VIEWS)
def test_the_examples_answer_something(con, view: str) -> None:
    assert EXAMPLES[view]
    for sql in EXAMPLES[view]:
        assert re.search(rf"\b{view}\b", sql)
        assert len(ask(con, sql)) > 0
