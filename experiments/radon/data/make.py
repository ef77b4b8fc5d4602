"""Writes radon.csv beside this file, from radon.json in the arviz wheel: `python experiments/radon/data/make.py`."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

SOURCE = "data/example_data/code/radon/radon.json"  # in the arviz package
SHA256 = "5f0a62c8646baa404fd36cd6cf4d2ceb3f9dd3456ffef4aa7f1ed92e56f8973d"

# In radon.json four homes have log 0.1. Three of them are zeros of the survey (activity 0.0 in srrs2.dat of Gelman and
# Hill, idnum 5187, 5225, 5558), set to 0.1 before the logarithm; FARIBAULT's (idnum 5319, row 238) was measured as 0.1.
ZEROS = {106: "CARVER", 144: "COTTONWOOD", 477: "MCLEOD"}  # row from 0 -> county


class Home(NamedTuple):
    """A row of radon.csv; README.md beside this file says what each column means."""

    county: str
    floor: int
    activity: float
    log_radon: float
    log_uranium: float


def homes(source: Path) -> Iterator[Home]:
    """The homes of radon.json, in its order. Raises ValueError if the file is not the one that was examined."""
    text = source.read_bytes()
    if (found := hashlib.sha256(text).hexdigest()) != SHA256:
        raise ValueError(f"{source} has sha256 {found}; expected {SHA256}, as in arviz 0.23.4")
    study = json.loads(text)
    for row, (y, x, j) in enumerate(zip(study["y"], study["x"], study["county"], strict=True)):
        county = study["county_name"][j]
        if ZEROS.get(row, county) != county:
            raise ValueError(f"row {row} is of {county}, not of {ZEROS[row]}")
        activity = 0.0 if row in ZEROS else round(math.exp(y), 1)
        yield Home(county, x, activity, y, study["u"][j])


def main() -> None:
    package = find_spec("arviz")  # found, not imported: that would take seconds
    if package is None or package.origin is None:
        raise SystemExit('arviz is not installed: pip install "arviz==0.23.4"')
    target = Path(__file__).with_name("radon.csv")
    with target.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(Home._fields)
        table.writerows(homes(Path(package.origin).parent / SOURCE))
    print(f"{target.name}: {sum(1 for _ in target.open()) - 1} homes")


if __name__ == "__main__":
    main()
