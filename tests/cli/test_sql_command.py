"""`multiverse sql`: a person's SELECT as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

ESTIMATES = "select key, family, tail, mean from estimates where estimand = 'effect' order by key"


def test_a_table_fits_the_terminal_and_names_what_it_leaves_out(multiverse, store: Path) -> None:
    answer = multiverse("sql", store, "from estimates", columns=60)
    assert answer.exit_code == 0
    assert max(map(len, answer.stdout.splitlines())) <= 60
    said = " ".join(answer.stdout.partition("... and")[2].split())
    assert said.startswith("15 more columns: ") and said.endswith("ess_tail, rhat")


def test_without_a_terminal_all_columns_are_there(multiverse, store: Path) -> None:
    assert "ess_tail  rhat" in multiverse("sql", store, "from estimates").stdout


def test_rows_are_limited_in_a_table_only(multiverse, store: Path) -> None:
    short = multiverse("sql", store, "from estimates", "--rows", 3).stdout
    assert len(short.splitlines()) == 1 + 3 + 1
    assert "more of 22 rows" in short
    assert len(multiverse("sql", store, "from estimates", "--rows", 0).stdout.splitlines()) == 1 + 22
    everything = multiverse("sql", store, "from estimates", "--format", "csv", "--rows", 3).stdout
    assert len(everything.splitlines()) == 1 + 22


def test_csv_and_json_say_the_same(multiverse, store: Path) -> None:
    rows = json.loads(multiverse("sql", store, ESTIMATES, "--format", "json").stdout)
    table = list(csv.DictReader(io.StringIO(multiverse("sql", store, ESTIMATES, "--format", "csv").stdout)))
    assert [row["key"] for row in rows] == [row["key"] for row in table]
    assert [row["mean"] for row in rows] == [float(row["mean"]) for row in table]
    assert rows[0]["tail"] is None and table[0]["tail"] == ""


def test_json_is_standard(multiverse, store: Path) -> None:
    query = "select 'nan'::double a, 'inf'::double b, null::int c, [1.5, 2] d, true f, 7 g"
    query += ", timestamp '2026-01-02 03:04:05' e"
    (row,) = json.loads(multiverse("sql", store, query, "--format", "json").stdout)
    assert row == {"a": None, "b": None, "c": None, "d": [1.5, 2], "e": "2026-01-02T03:04:05", "f": True, "g": 7}


@pytest.mark.parametrize("words", [["-"], []])
def test_the_query_may_come_from_stdin(multiverse, store: Path, words: list[str]) -> None:
    answer = multiverse("sql", store, *words, text="select count(*) as n\nfrom universes;\n")
    assert answer.stdout.split() == ["n", "12"]


def test_no_query(multiverse, store: Path) -> None:
    answer = multiverse("sql", store, text=" ;\n")
    assert answer.exit_code == 2 and "There is no query" in answer.stderr


def test_no_rows(multiverse, store: Path) -> None:
    assert multiverse("sql", store, "select key from universes where false").stdout == "key\n(no rows)\n"


def test_what_duckdb_says_and_the_columns(multiverse, store: Path) -> None:
    answer = multiverse("sql", store, "select menn from estimates")
    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert '"menn" not found' in answer.stderr
    assert "estimates(key, run, counties, family, tail, slope" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_it_reads_nothing_else(multiverse, store: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    answer = multiverse("sql", store, f"from read_csv('{tmp_path / 'secret.csv'}')")
    assert answer.exit_code == 1
    assert multiverse("sql", store, "drop table universes").exit_code == 1
