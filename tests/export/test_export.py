"""Archives of a whole store: what was written is read back by xarray and by pandas, without multiverse."""

from __future__ import annotations

import csv
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from multiverse.engines.outcome import ESTIMAND, SITE, DrawsName
from multiverse.errors import ResultError
from multiverse.export import draws as draws_module
from multiverse.export.export import export
from multiverse.export.place import Kind, kind_of, size_text
from multiverse.progress import no_progress
from multiverse.results import load
from multiverse.store import synthetic
from multiverse.store.contract import Store
from multiverse.store.folder import FolderStore
from multiverse.store.meanings import FILE, meanings
from multiverse.store.memory import MemoryStore
from multiverse.store.part import encode
from multiverse.store.schema import VIEWS
from multiverse.store.sql import query

PAGE = Path(__file__).parents[2] / "docs" / "schema.md"
SUFFIXES = ("nc", "zarr")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Twelve made-up universes in two runs; one universe raised, so that it has no numbers."""
    place = FolderStore(tmp_path_factory.mktemp("store") / "radon")
    synthetic.fill(place)
    synthetic.fill(place, "second")
    return place


@pytest.fixture(scope="module")
def archives(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the store as `radon.nc`, `radon.zarr` and `csv`."""
    folder = tmp_path_factory.mktemp("archives")
    for name in ("radon.nc", "radon.zarr", "csv"):
        assert export(store, folder / name, progress=no_progress) == folder / name
    return folder


def opened(path: Path) -> xr.DataTree:
    return xr.open_datatree(path, engine="zarr" if path.suffix == ".zarr" else "h5netcdf")


# netCDF and zarr.


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_estimates_are_read_back_to_the_bit(store: Store, archives: Path, suffix: str) -> None:
    with opened(archives / f"radon.{suffix}") as tree:
        for run in ("main", "second"):
            dataset = tree[f"runs/{run}"].dataset
            assert dataset["universe"].values.tolist() == [u.key for u in synthetic.plan().universes]
            stored = load(store, run=run)
            for estimand in ("effect", "share"):
                table = stored.table(estimand).set_index("key").loc[dataset["universe"].values]
                for name in ("mean", "sd", "median", "q2_5", "q97_5", "p_positive", "mcse_mean", "ess"):
                    read = dataset[name].sel(estimand=estimand).to_series()
                    pd.testing.assert_series_equal(
                        read, table[name].astype(float), check_names=False, check_index_type=False, rtol=0, atol=0
                    )
            lost = dataset.isel(universe=synthetic.RAISED)
            assert np.isnan(lost["mean"].values).all() and not lost["ok"] and lost["answered"]
            assert lost["reason"] == "error" and "ValueError: no rows" in str(lost["traceback"].values)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_decisions_are_coordinates(archives: Path, suffix: str) -> None:
    with opened(archives / f"radon.{suffix}") as tree:
        dataset = tree["runs/main"].dataset
        for universe in synthetic.plan().universes:
            one = dataset.sel(universe=universe.key)
            assert {name: str(one[name].values) for name in universe.labels} == {
                name: label or "" for name, label in universe.labels.items()
            }
        students = dataset["mean"].where(dataset["family"] == "student", drop=True)
        assert students.sizes["universe"] == 8
        assert dataset["reference"].values.tolist() == [True, *[False] * 11]
        assert dataset["family"].attrs["kind"] == "likelihood"
        assert dataset["mean"].attrs == {"long_name": "posterior mean", "units": "estimand"}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_draws_are_read_back_to_the_bit(store: Store, archives: Path, suffix: str) -> None:
    stored = load(store, run="main")
    keys = [u.key for u in synthetic.plan().universes]
    groups = {
        "estimands": ["effect", "share"],
        "densities": ["log_prior", "log_likelihood"],
        "sites": ["level", "slope"],
    }
    with opened(archives / f"radon.{suffix}") as tree:
        for group, names in groups.items():
            dataset = tree[f"runs/main/draws/{group}"].dataset
            assert sorted(dataset.data_vars) == sorted(names)
            for name in names:
                expected = stored.draws(name, keys=keys)[name]
                assert dataset[name].dims == expected.dims and dataset[name].dtype == expected.dtype
                np.testing.assert_array_equal(dataset[name].values, expected.values)
                assert np.isnan(dataset[name].values[synthetic.RAISED]).all()
    group = "runs/main/draws/estimands"  # by itself, as somebody without trees would read it
    engine: Any = "zarr" if suffix == "zarr" else "h5netcdf"
    with xr.open_dataset(archives / f"radon.{suffix}", group=group, engine=engine) as alone:
        assert alone["universe"].values.tolist() == keys


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_options_manifest_and_every_attempt_are_there(store: Store, archives: Path, suffix: str) -> None:
    with opened(archives / f"radon.{suffix}") as tree:
        assert tree.attrs["title"] == "A multiverse analysis: radon"
        assert "open_datatree" in tree.attrs["how to read"]
        for group, view in (("options", "options"), ("manifest", "manifest"), ("runs/main/attempts", "diagnostics")):
            where = " where run = 'main'" if view == "diagnostics" else ""
            rows = query(store, f"select * from {view}{where}")
            dataset = tree[group].dataset
            for name in (column for column in rows.columns if (view, column) != ("diagnostics", "run")):
                column = rows[name]
                if column.dtype.kind in "biuf":
                    np.testing.assert_array_equal(dataset[name].values, column.to_numpy())
                else:
                    assert dataset[name].values.tolist() == ["" if v is None or v != v else v for v in column]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_without_draws(store: Store, tmp_path: Path, suffix: str) -> None:
    with opened(export(store, tmp_path / f"small.{suffix}", draws=False, progress=no_progress)) as tree:
        assert "/runs/main" in tree.groups and not any("draws" in group for group in tree.groups)


def ragged() -> tuple[MemoryStore, dict[str, dict[str, np.ndarray]]]:
    """A run whose universes have draws of several shapes and names that an archive cannot have; and these draws."""
    store = MemoryStore()
    synthetic.fill(store)
    planned = synthetic.plan()
    fresh = MemoryStore()
    for kind in ("study", "plan", "run"):
        for name in store.names(kind):
            fresh.put(kind, name, store.get(kind, name))
    rng = np.random.default_rng(0)
    wanted: dict[str, dict[str, np.ndarray]] = {}
    outcomes = []
    for i, outcome in enumerate(list(synthetic.outcomes(planned.universes))[:3]):
        draws = {
            str(DrawsName(SITE, "rest/of it")): rng.normal(size=(2, 20, 3 + i)),
            str(DrawsName(SITE, "draw")): rng.normal(size=(2, 20)),
            str(DrawsName(ESTIMAND, "effect")): rng.normal(size=(2, 20 - i)),
        }
        wanted[outcome.key] = draws
        outcomes.append(replace(outcome, draws=draws, final=True, attempt=1))
    about: Any = {"engine": "nuts", "program": "p", "rows_kept": {}, "host": "here", "finished": synthetic.WHEN}
    fresh.put("part", "a", encode(outcomes[:2], run="main", batch="a", **about))
    fresh.put("part", "b", encode(outcomes[2:], run="main", batch="b", **about))
    return fresh, wanted


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_draws_of_several_shapes_end_in_nan_and_say_how_long_they_are(tmp_path: Path, suffix: str) -> None:
    store, wanted = ragged()
    with opened(export(store, tmp_path / f"ragged.{suffix}", progress=no_progress)) as tree:
        sites, estimands = tree["runs/main/draws/sites"].dataset, tree["runs/main/draws/estimands"].dataset
        assert sites["rest|of it"].shape == (12, 2, 20, 5) and sites["draw_"].shape == (12, 2, 20)
        assert estimands["effect"].shape == (12, 2, 20)
        assert sites["rest|of it"].attrs["name"] == "site/rest/of it"
        for key, draws in wanted.items():
            for name, dataset, variable in (
                ("site/rest/of it", sites, "rest|of it"),
                ("site/draw", sites, "draw_"),
                ("estimand/effect", estimands, "effect"),
            ):
                whole = dataset[variable].sel(universe=key).values
                lengths = draws[name].shape
                if f"{variable}_lengths" in dataset:
                    assert tuple(dataset[f"{variable}_lengths"].sel(universe=key).values) == lengths
                inside = tuple(slice(0, length) for length in lengths)
                np.testing.assert_array_equal(whole[inside], draws[name])
                assert np.isfinite(whole).sum() == draws[name].size
        assert "draw__lengths" not in sites
        unanswered = synthetic.plan().universes[7].key
        assert not tree["runs/main"].dataset["answered"].sel(universe=unanswered)
        assert np.isnan(sites["draw_"].sel(universe=unanswered).values).all()


@pytest.mark.slow
def test_large_arrays_are_gathered_in_a_file_and_written_in_chunks(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws_module, "SPOOL_BYTES", 100)
    monkeypatch.setattr(draws_module, "CHUNK_BYTES", 700)  # four universes of 2 x 20 float32
    maps: list[tuple[int, ...]] = []
    memmap = np.memmap

    def watched(*arguments: Any, **options: Any) -> Any:
        maps.append(options["shape"])
        return memmap(*arguments, **options)

    monkeypatch.setattr(np, "memmap", watched)
    stored = load(store, run="main")
    keys = [u.key for u in synthetic.plan().universes]
    with opened(export(store, tmp_path / "large.nc", progress=no_progress)) as tree:
        effect = tree["runs/main/draws/estimands"].dataset["effect"]
        np.testing.assert_array_equal(effect.values, stored.draws("effect", keys=keys)["effect"].values)
        assert effect.encoding["chunksizes"] == (4, 2, 20)
    assert (12, 2, 20) in maps
    assert [p.name for p in tmp_path.iterdir()] == ["large.nc"]


@pytest.mark.slow
def test_a_small_run_of_the_real_thing(small_run: Any, tmp_path: Path) -> None:
    with opened(small_run.export(tmp_path / "small.nc", progress=no_progress)) as tree:
        dataset = tree["runs/main"].dataset
        table = small_run.table().set_index("key")
        np.testing.assert_array_equal(dataset["mean"].sel(estimand="mu"), table["mean"])
        draws = tree["runs/main/draws/sites"].dataset
        assert draws["residual_lengths"].values[:, 2].tolist() == table["rows_kept"].tolist()
        np.testing.assert_array_equal(draws["twice"].values, small_run.draws("twice")["twice"].values)
        sections = set(tree["manifest"].dataset["section"].values.tolist())
        assert {"study", "run", "settings", "versions", "hardware"} <= sections


# CSV.


def test_csv_files_are_the_views(store: Store, archives: Path) -> None:
    assert {p.name for p in (archives / "csv").iterdir()} == {*(f"{view}.csv" for view in VIEWS), "README.txt"}
    for view in VIEWS:
        if view == "draws":
            continue
        expected = query(store, f"select * from {view}")
        read = pd.read_csv(archives / "csv" / f"{view}.csv", dtype_backend="numpy_nullable", keep_default_na=False,
                           na_values=[""], dtype={"key": "string"})  # fmt: skip
        assert list(read.columns) == list(expected.columns)
        for name in read.columns:
            if expected[name].dtype.kind in "biuf":
                np.testing.assert_array_equal(
                    read[name].to_numpy(float, na_value=np.nan), expected[name].to_numpy(float)
                )
            elif expected[name].dtype.kind != "M":
                assert [None if pd.isna(v) else str(v) for v in read[name]] == [
                    None if pd.isna(v) else str(v) for v in expected[name]
                ]


def test_csv_draws_are_read_back_to_the_bit(store: Store, archives: Path) -> None:
    expected = query(store, "select * from draws order by all")
    read = pd.read_csv(archives / "csv" / "draws.csv", dtype={"key": str})
    assert len(read) == len(expected)
    at = ["key", "run", "kind", "site", "element", "chain"]
    both = expected.merge(read, on=at, suffixes=("", "_read"))
    assert len(both) == len(expected)
    for row in both.itertuples():
        np.testing.assert_array_equal(np.array(row.draws_read.split(), dtype=np.float32), row.draws)


def test_the_readme_explains_every_column(archives: Path) -> None:
    text = (archives / "csv" / "README.txt").read_text()
    for view in VIEWS:
        section = text.split(f"\n{view}.csv (")[1].split("\n\n")[0]
        with open(archives / "csv" / f"{view}.csv", newline="") as file:
            header = next(csv.reader(file))
        assert all(re.search(rf"\b{name}\b", section) for name in header), view
    assert "A multiverse analysis: radon" in text and max(map(len, text.splitlines())) <= 100


def test_csv_without_draws(store: Store, tmp_path: Path) -> None:
    folder = export(store, tmp_path / "no-draws", draws=False, progress=no_progress)
    assert not (folder / "draws.csv").exists() and "draws.csv" not in (folder / "README.txt").read_text()


def test_meanings_are_those_of_the_page(request: pytest.FixtureRequest) -> None:
    """columns.csv is a copy of the tables of docs/schema.md; `pytest --update-golden` copies anew."""
    found = []
    for section in PAGE.read_text().split("\n## ")[1:]:
        view = section.partition("\n")[0].strip()
        for line in [line for line in section.splitlines() if line[:1] == "|"][2:] if view in VIEWS else []:
            column, _, unit, meaning = (cell.strip().replace("`", "") for cell in line.split("|")[1:-1])
            found.append((view, column, unit, meaning))
    if request.config.getoption("--update-golden"):
        with open(Path(__file__).parents[2] / "multiverse" / "store" / FILE, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([("view", "column", "unit", "meaning"), *found])
        meanings.cache_clear()
    said = [(view, column, *meaning) for view, columns in meanings().items() for column, meaning in columns.items()]
    assert said == found, "docs/schema.md has changed: pytest --update-golden tests/export copies it"
    assert {view: list(columns) for view, columns in meanings().items()} == {v: list(c) for v, c in VIEWS.items()}


# Places.


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("radon.nc", Kind.netcdf),
        ("a/b.nc4", Kind.netcdf),
        ("radon.zarr", Kind.zarr),
        ("radon", Kind.csv),
        ("radon-csv/", Kind.csv),
        ("radon.csv/", Kind.csv),
        ("v1.2", Kind.csv),
    ],
)
def test_the_name_tells_the_kind(name: str, kind: Kind) -> None:
    assert kind_of(name) is kind


@pytest.mark.parametrize("name", ["radon.csv", "radon.h5", "radon.parquet"])
def test_a_file_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(ResultError, match=r"write 'radon\.nc', or 'radon-csv' for a folder"):
        kind_of(name)


@pytest.mark.parametrize("name", ["radon.nc", "radon.zarr", "radon"])
def test_nothing_is_overwritten(store: Store, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ResultError, match="there is something at"):
        export(store, tmp_path / name, progress=no_progress)
    assert (tmp_path / name).read_text() == "mine"
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["radon.nc", "radon.zarr", "radon"])
def test_an_archive_is_whole_or_not_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(*arguments: Any, **options: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("multiverse.export.csv_folder._readme", full)
    monkeypatch.setattr("multiverse.export.arrays.gathered", full)
    with pytest.raises(ResultError, match="could not be written(.|\n)*No space left"):
        export(store, tmp_path / name, progress=no_progress)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "package"), [("radon.nc", "h5netcdf"), ("radon.zarr", "zarr")])
def test_a_missing_package_is_named(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        ResultError, match=rf'{package}, which is not installed(.|\n)*pip install "multiverse\[archive\]"'
    ):
        export(store, tmp_path / name, progress=no_progress)


def test_sizes_in_words(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1500)
    assert size_text(tmp_path / "a") == "1.5 kB" == size_text(tmp_path)
