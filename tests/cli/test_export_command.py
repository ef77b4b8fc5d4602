"""`multiverse export`: says where the archive is."""

from __future__ import annotations

from pathlib import Path

import xarray as xr


def test_it_says_what_it_wrote(multiverse, store: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = multiverse("export", store, "out/radon.nc")
    assert answer.exit_code == 0 and answer.stdout.startswith("wrote out/radon.nc (") and "kB)" in answer.stdout
    with xr.open_datatree("out/radon.nc", engine="h5netcdf") as tree:
        assert tree["runs/main"].dataset.sizes["universe"] == 12
    assert multiverse("export", store, "out/csv", "--no-draws").exit_code == 0
    assert not (tmp_path / "out" / "csv" / "draws.csv").exists()


def test_it_overwrites_nothing(multiverse, store: Path, tmp_path: Path) -> None:
    (tmp_path / "radon.nc").write_text("mine")
    answer = multiverse("export", store, tmp_path / "radon.nc")
    assert answer.exit_code == 1 and "there is something at" in answer.stderr and "rm -r" in answer.stderr
