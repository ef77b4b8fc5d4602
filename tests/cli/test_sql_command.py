"""`multiverse sql`: a person's SELECT as a table, CSV, JSON or Parquet; the views to attach; its limits."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from multiverse.cli.main import main
from multiverse.cli.stop import STOPPED
from multiverse.store.folder import FolderStore
from multiverse.store.limits import SECONDS
from multiverse.store.sql import query as ask

ROOT = Path(__file__).parents[2]
PROMPT = 20.0  # seconds until a command is gone; it takes a tenth of one where nobody else computes

ESTIMATES = "select key, family, tail, mean from estimates where estimand = 'effect' order by key"


def test_a_table_fits_the_terminal_and_names_what_it_leaves_out(multiverse, store: Path) -> None:
    answer = multiverse("sql", store, "from estimates", columns=60)
    assert answer.exit_code == 0
    assert max(map(len, answer.stdout.splitlines())) <= 60
    said = " ".join(answer.stdout.partition("... and")[2].split())
    assert said.startswith("17 more columns: ") and said.endswith("rhat, verified_by")


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


EVERY_TYPE = """select 'nan'::double as nan, null::integer as none, 'a "b", c' as text, '' as empty, true as yes,
    timestamp '2026-01-02 03:04:05' as at, [1.5, null] as list, {'a': 1, 'b': 'x'} as struct,
    sum(2) as whole, 1.50::decimal(5, 2) as money, interval 2 days as span, blob 'x' as bytes"""


def test_csv_of_every_type(multiverse, store: Path) -> None:
    text = multiverse("sql", store, EVERY_TYPE, "--format", "csv").stdout
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["text"] == 'a "b", c' and row["none"] == "" and row["empty"] == "" and row["yes"] == "true"
    assert row["list"] == "[1.5, null]" and json.loads(row["struct"]) == {"a": 1, "b": "x"}
    assert row["whole"] == "2" and row["money"] == "1.50" and row["at"].startswith("2026-01-02 03:04:05")
    assert text.splitlines()[1].split(",")[1] == "" and ',"",' in text  # nothing is not an empty text


def test_json_of_every_type(multiverse, store: Path) -> None:
    (row,) = json.loads(multiverse("sql", store, EVERY_TYPE, "--format", "json").stdout)
    assert row["whole"] == 2 and row["money"] == 1.5 and row["list"] == [1.5, None] and row["nan"] is None
    assert json.loads(multiverse("sql", store, "from universes where false", "--format", "json").stdout) == []


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_a_file_has_every_row_and_column(multiverse, store: Path, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"answer.{ending}"
    answer = multiverse("sql", store, "from estimates order by key, estimand", "-o", file)
    assert answer.exit_code == 0 and answer.stderr == ""
    expected = ask(FolderStore(store), "from estimates order by key, estimand")
    assert answer.stdout.startswith(f"wrote {len(expected)} rows of {len(expected.columns)} columns to {file} (")
    read = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}[ending](file)
    assert list(read.columns) == list(expected.columns)
    read["key"] = expected["key"]  # pandas takes its digits for a number
    pd.testing.assert_frame_equal(read, expected, check_dtype=False)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [file.name]


def test_draws_go_to_parquet_as_they_are(multiverse, store: Path, tmp_path: Path) -> None:
    multiverse("sql", store, "from draws where site = 'level' order by all", "-o", tmp_path / "draws.parquet")
    seen = pq.read_table(tmp_path / "draws.parquet")
    assert str(seen.schema.field("draws").type).startswith("list<") and seen.num_rows == 11 * 2 * 3
    expected = ask(FolderStore(store), "from draws where site = 'level' order by all").draws
    for one, other in zip(seen["draws"].to_pylist(), expected, strict=True):
        np.testing.assert_array_equal(np.float32(one), other)


def test_parquet_goes_down_a_pipe(multiverse, store: Path) -> None:
    answer = multiverse("sql", store, "select sum(rows_kept) as n from universes", "--format", "parquet")
    assert pq.read_table(io.BytesIO(answer.stdout_bytes)).to_pylist() == [{"n": Decimal(10872)}]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "answer.txt"], ".csv, .json, .parquet"),
        (["-o", "answer.csv", "--format", "json"], "does not say which format"),
        (["-o", "answer.csv", "--format", "table"], "and not --format table"),
        (["--attach", "v.duckdb", "--format", "csv"], "leave out the rest"),
        (["--seconds", "0"], "--seconds"),
    ],
)
def test_mistakes_in_the_command(
    multiverse, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = multiverse("sql", store, *([] if "--attach" in words else ["from universes"]), *words)
    assert answer.exit_code == 2 and said in " ".join(answer.stderr.split())
    assert [path.name for path in tmp_path.iterdir()] == [store.name]


def test_nothing_is_written_into_a_store(multiverse, store: Path) -> None:
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    for words in (["from universes", "-o", store / "parts" / "part-x.parquet"], ["--attach", store / "v.duckdb"]):
        answer = multiverse("sql", store, *words)
        assert answer.exit_code == 2 and "lies in the store" in answer.stderr
    assert {path: path.read_bytes() for path in store.rglob("*") if path.is_file()} == before


def test_a_file_that_cannot_be_written_is_no_fault_of_the_question(multiverse, store: Path, tmp_path: Path) -> None:
    answer = multiverse("sql", store, "from universes", "-o", tmp_path / "none" / "a.csv")
    assert answer.exit_code == 1 and "a.csv" in answer.stderr and "nothing was written" in answer.stderr
    (tmp_path / "a.parquet").write_text("mine")
    answer = multiverse("sql", store, "select interval 1 day as span", "-o", tmp_path / "a.parquet")
    assert answer.exit_code == 1 and '"span"::varchar' in answer.stderr
    assert (tmp_path / "a.parquet").read_text() == "mine" and not list(tmp_path.glob("*.tmp"))


def test_the_views_may_be_attached(multiverse, store: Path, tmp_path: Path) -> None:
    answer = multiverse("sql", store, "--attach", tmp_path / "mine.duckdb")
    assert answer.exit_code == 0
    assert answer.stdout == f"attach '{tmp_path}/mine.duckdb' as mine (read_only);\n"
    assert "mine.estimates" in answer.stderr
    with closing(duckdb.connect()) as con:
        con.execute(answer.stdout)
        assert con.sql("select count(*) from mine.universes").fetchall() == [(12,)]


def test_near_misses_are_named(multiverse, store: Path) -> None:
    assert "Did you mean 'median'?" in multiverse("sql", store, "select medan from estimates").stderr
    answer = multiverse("sql", store, "from universe").stderr
    assert "There is no view universe." in answer and "Did you mean 'universes'?" in answer


def test_the_time_limit_is_the_one_that_help_says(multiverse, store: Path) -> None:
    (option,) = (p for p in main.commands["sql"].params if p.name == "seconds")
    assert f"[default: {SECONDS:g}]" in str(getattr(option, "help", ""))
    answer = multiverse("sql", store, "select sleep_ms(60000)", "--seconds", "0.3")
    assert answer.exit_code == 1 and "stopped after 0.3 seconds" in answer.stderr


def run(script: str, *words: object) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_function_that_cannot_be_interrupted_ends_the_process(store: Path) -> None:
    script = "import multiverse.store.limits as l; l.GRACE = 0.2; from multiverse.cli.main import main; main()"
    deaf = "select levenshtein(repeat('a', 300000), repeat('b', 300000))"  # minutes
    ended = run(script, "sql", store, deaf, "--seconds", "0.3")
    assert ended.returncode == 1 and "stopped after 0.3 seconds" in ended.stderr and ended.stdout == ""


@pytest.mark.parametrize(
    "sql", ["select length(repeat('x', 4000000000))", "select repeat('x', 100000000) from range(50)"]
)
def test_a_text_of_gigabytes_is_refused(store: Path, sql: str) -> None:
    script = "import multiverse.store.limits as l; l.MEMORY = '400MB'; from multiverse.cli.main import main; main()"
    ended = run(script, "sql", store, sql, "--rows", "1")
    assert ended.returncode == 1 and "needs more memory" in ended.stderr and "Traceback" not in ended.stderr


def test_ctrl_c_is_heard_within_one_call_of_a_function(store: Path) -> None:
    slow = "select i, case when i >= 30000 then sleep_ms(100) end from range(100000) as t(i)"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    words = [sys.executable, "-m", "multiverse", "sql", str(store), slow, "--format", "csv"]
    environment = {**os.environ, "PYTHONPATH": path}
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None and process.stdout.readline().startswith('"i",')
            process.send_signal(signal.SIGINT)
            began = time.monotonic()
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert time.monotonic() - began < PROMPT
    assert process.returncode == STOPPED and "Stopped." in err and "Traceback" not in err
