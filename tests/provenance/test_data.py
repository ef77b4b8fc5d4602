"""What is written of data: shapes, columns, fingerprints, prepared data sets by their options."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiverse.identity.fingerprint import fingerprint
from multiverse.planning.plan import Plan
from multiverse.provenance import data
from multiverse.provenance.data import data_section, described
from multiverse.provenance.machine import hardware, versions


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (
            pd.DataFrame({"county": ["a", "b"], "radon": [1.0, 2.0], "floor": [0, 1]}),
            {"type": "pandas.DataFrame", "rows": "2", "shape": "2 x 3", "columns": "3"}
            | {"column county": "str", "column radon": "float64", "column floor": "int64"},
        ),
        (
            {"y": np.ones((4, 2), np.float32), "n": 3, "who": np.array(["a"] * 4)},
            {"type": "dict", "rows": "4", "columns": "3"}
            | {"column y": "float32 4 x 2", "column n": "int", "column who": "<U1 4"},
        ),
        (
            {"a": np.ones(2), "b": np.ones(3)},
            {"type": "dict", "columns": "2", "column a": "float64 2", "column b": "float64 3"},
        ),
        (np.zeros((5, 3), int), {"type": "numpy.ndarray", "shape": "5 x 3", "dtype": "int64"}),
        (None, {"type": "NoneType"}),
        ([1, 2], {"type": "list"}),
    ],
)
def test_what_data_look_like(value: Any, told: dict[str, str]) -> None:
    found = described(value)
    if isinstance(value, pd.DataFrame):
        found["type"] = "pandas.DataFrame"  # pandas has moved the class between modules
    assert found == told


def test_a_wide_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "COLUMNS_MOST", 3)
    found = described(pd.DataFrame(np.ones((2, 5))))
    assert found["columns"] == "5" and [name for name in found if name.startswith("column ")] == [
        *("column 0", "column 1", "column 2")
    ]


def test_prepared_data_by_their_options(twelve: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    found = data_section(twelve, {})
    assert found["fingerprint"] == twelve.identity.data == fingerprint(twelve.study.data)
    assert (found["rows"], found["column y"]) == ("24", "float64 24")
    assert found["prepared data sets"] == "2"
    y = twelve.study.data["y"]
    for label, dropped in {"none": 0, "two": 2}.items():
        assert found[f"prepared dropped = {label}"] == fingerprint({"y": y[dropped:]})
        assert found[f"prepared dropped = {label}: rows"] == str(24 - dropped)
    monkeypatch.setattr(data, "PREPARED_MOST", 1)
    few = data_section(twelve, {})
    assert few["prepared data sets"] == "2" and "prepared dropped = two" not in few


def test_data_that_were_told_before_are_not_loaded_again(twelve: Plan) -> None:
    calls = []

    def load() -> Any:
        calls.append(1)
        return {"y": np.ones(3)}

    plan = replace(twelve, study=replace(twelve.study, data=load))
    first = data_section(plan, {})
    assert (len(calls), first["rows"]) == (1, "3")
    assert data_section(plan, first) == first and len(calls) == 1
    assert data_section(plan, {**first, "fingerprint": "another"}) == first and len(calls) == 2


def test_a_loader_that_fails_now_does_not_stop_a_run(twelve: Plan) -> None:
    def load() -> Any:
        raise OSError("the network is gone")

    found = data_section(replace(twelve, study=replace(twelve.study, data=load)), {})
    assert found["fingerprint"] == twelve.identity.data and "type" not in found


def test_versions_of_what_is_there() -> None:
    found = versions(["numpy", "sklearn_of_nobody", "hypothesis"])
    assert found["numpy"] == np.__version__ and found["pandas"] == pd.__version__
    assert "hypothesis" in found and "hypothesis" not in versions()
    assert "sklearn_of_nobody" not in found and None not in found.values()


def test_hardware_has_its_names() -> None:
    names = ["machine", "system", "cpu", "cores", "cores for us", "memory", "devices", "device count"]
    assert list(hardware()) == [*names, "fused multiply-add", "linear algebra"]
    assert int(str(hardware()["cores for us"])) <= int(str(hardware()["cores"]))
