"""Fingerprints of pandas and xarray: labels, dtypes and values."""

from __future__ import annotations

from multiverse.identity.fingerprint import fingerprint


def test_tables_count_by_labels_dtypes_and_values():
    import pandas as pd

    table = pd.DataFrame({"x": [1, 2, 3], "name": ["a", "b", None], "kind": pd.Categorical(["u", "v", "u"])})
    same = [table.copy(), table[table.x > 0], pd.concat([table[["x", "name"]], table[["kind"]]], axis=1)]
    assert {fingerprint(t) for t in same} == {fingerprint(table)}
    others = [
        table.astype({"x": "int32"}),
        table.astype({"x": "Int64"}),
        table.astype({"name": object}),
        table.astype({"kind": str}),
        table.assign(kind=table.kind.cat.add_categories("w")),
        table.assign(kind=table.kind.cat.as_ordered()),
        table.assign(x=[1, 2, 4]),
        table.assign(name=["a", "b", ""]),
        table.rename(columns={"x": "y"}),
        table.set_index("x"),
        table.iloc[::-1],
        table[["name", "x", "kind"]],
        table.x,
        table.x.rename("y"),
        table.x.to_numpy(),
        table.index,
        pd.Series(pd.to_datetime(["2024-01-01"])),
        pd.Series(pd.to_datetime(["2024-01-01"])).dt.tz_localize("UTC"),
        pd.Series(pd.period_range("2024", periods=1, freq="M")),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1, 0], dtype="Int64"),
        pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]),
        pd.Timestamp("2024-01-01"),
        pd.NA,
        pd.NaT,
    ]
    assert len({fingerprint(t) for t in [table, *others]}) == len(others) + 1


def test_labelled_arrays_count_by_names_and_values():
    import xarray as xr

    data = xr.Dataset({"y": (("county",), [1.0, 2.0])}, coords={"county": ["a", "b"]}, attrs={"unit": "pCi/L"})
    assert fingerprint(data) == fingerprint(data.copy(deep=True))
    others = [
        data.assign(y=("county", [1.0, 3.0])),
        data.rename(y="z"),
        data.rename(county="place"),
        data.assign_coords(county=["a", "c"]),
        data.assign_attrs(unit="Bq/m3"),
        data.drop_vars("county"),
        data.y,
        data.y.rename("z"),
        data.y.variable,
        data.reset_coords("county") if "county" not in data.indexes else data.y.to_dataset(name="y"),
        xr.DataTree(data),
    ]
    assert len({fingerprint(t) for t in [data, *others]}) == len(others) + 1
