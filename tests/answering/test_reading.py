"""Files become raw data of the form and the types of the study's own; what does not fit is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import multiverse as mv
from multiverse.answering.reading import read_data

TABLE = pd.DataFrame({"y": [1.0, 2.0], "site": pd.Categorical(["a", "b"]), "count": [3, 4]})
ARRAYS = {"y": np.array([1.0, 2.0]), "n": 2, "scale": 1.5}


def test_tables_get_the_columns_and_types_of_the_study(tmp_path: Path) -> None:
    new = pd.DataFrame({"more": [0, 0], "count": [5, 6], "y": [1, 2], "site": ["b", "b"]})
    new.to_csv(tmp_path / "new.csv", index=False)
    new.to_parquet(tmp_path / "new.parquet")
    for name in ("new.csv", "new.parquet"):
        read = read_data(tmp_path / name, TABLE)
        assert list(read.columns) == ["y", "site", "count"] and (read.dtypes == TABLE.dtypes).all()
        assert read.site.cat.codes.to_list() == [1, 1] and read.y.to_list() == [1.0, 2.0]


def test_arrays_come_by_name_from_any_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "new.npz", y=np.array([3, 4]), n=2, scale=1.0)
    (tmp_path / "new.json").write_text(json.dumps({"y": [3, 4], "n": 2, "scale": 1}))
    for name in ("new.npz", "new.json"):
        read = read_data(tmp_path / name, ARRAYS)
        assert read["y"].dtype == float and read["y"].tolist() == [3.0, 4.0]
        assert read["n"] == 2 and type(read["n"]) is int and type(read["scale"]) is float


def test_a_single_column_is_an_array(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("y\n1\n2\n")
    assert read_data(tmp_path / "new.csv", np.zeros(2)).tolist() == [1.0, 2.0]
    (tmp_path / "two.csv").write_text("a,b\n1,2\n")
    assert read_data(tmp_path / "two.csv", np.zeros((3, 2))).tolist() == [[1.0, 2.0]]
    with pytest.raises(mv.MultiverseError, match="holds 2 columns"):
        read_data(tmp_path / "two.csv", np.zeros(2))


@pytest.mark.parametrize(
    ("name", "text", "like", "said"),
    [
        ("a.csv", "y,sight,count\n1,a,1\n", TABLE, "lacks 'site'.*\n.*\n.*Did you mean 'sight'"),
        (
            "a.csv",
            "y,site,count\n1,c,1\n",
            TABLE,
            "'c' in 'site' is no category of the study's own data.*\n.*one of 'a', 'b'",
        ),
        ("a.csv", "y,site,count\nhigh,a,1\n", TABLE, "'y' cannot be made float64"),
        ("a.json", "[1, 2", np.zeros(2), "cannot be read"),
        ("a.txt", "1", np.zeros(2), "one of .csv, .npz, .parquet, .json"),
        ("a.csv", "y\n1\n", object(), r"def read\(path\)"),
        ("a.json", '{"n": 2, "scale": 1}', ARRAYS, "lacks 'y'"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, name: str, text: str, like: Any, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(mv.MultiverseError, match=said):
        read_data(tmp_path / name, like)


def test_a_file_that_is_not_there_has_a_near_miss(tmp_path: Path) -> None:
    (tmp_path / "monday.csv").write_text("y\n1\n")
    with pytest.raises(mv.MultiverseError, match=r"Did you mean 'monday.csv'"):
        read_data(tmp_path / "munday.csv", np.zeros(1))
