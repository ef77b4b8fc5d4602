"""Writes nhefs.csv beside this file, from causalpy's wheel: `python make.py causalpy-0.9.0-py3-none-any.whl`."""

from __future__ import annotations

import csv
import hashlib
import sys
import zipfile
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import NamedTuple

SOURCE = "causalpy/data/nhefs.csv"  # in the wheel
SHA256 = "ec08cc1ef25aa47963cdb7d8ebba50fe4c3776aa09dae1523a4d52b1f25edb71"


class Smoker(NamedTuple):
    """A row of nhefs.csv; README.md beside this file says what each column means."""

    quit: int
    gained: str
    sex: int
    race: int
    age: int
    education: int
    cigarettes: int
    years: int
    weight: str
    exercise: int
    active: int


def smokers(wheel: Path) -> Iterator[Smoker]:
    """The smokers of the wheel's file, in its order. Raises ValueError if the file is not the one that was examined."""
    text = zipfile.ZipFile(wheel).read(SOURCE)
    if (found := hashlib.sha256(text).hexdigest()) != SHA256:
        raise ValueError(f"{SOURCE} has sha256 {found}; expected {SHA256}, as in causalpy 0.9.0")
    for row in csv.DictReader(StringIO(text.decode())):
        yield Smoker(
            _whole(row["trt"]),
            row["outcome"],
            _whole(row["sex"]),
            _whole(row["race"]),
            _whole(row["age"]),
            _number(row, "education", 1, range(2, 6)),
            _whole(row["smokeintensity"]),
            _whole(row["smokeyrs"]),
            row["wt71"],
            _number(row, "exercise", 0, (1, 2)),
            _number(row, "active", 0, (1, 2)),
        )


def _number(row: Mapping[str, str], name: str, rest: int, levels: range | tuple[int, ...]) -> int:
    """The level that the dummies of `name` say, `rest` where they are all 0."""
    return next((level for level in levels if float(row[f"{name}_{level}"])), rest)


def _whole(text: str) -> int:
    return int(float(text))


def main() -> None:
    target = Path(__file__).with_name("nhefs.csv")
    with target.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(Smoker._fields)
        table.writerows(smokers(Path(sys.argv[1])))
    print(f"{target.name}: {sum(1 for _ in target.open()) - 1} smokers")


if __name__ == "__main__":
    main()
