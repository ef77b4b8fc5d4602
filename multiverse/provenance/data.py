"""What the data were: their fingerprint, shape and columns, and each prepared data set by the options that made it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from multiverse.errors import MultiverseError
from multiverse.identity.fingerprint import fingerprint
from multiverse.planning.plan import Plan

COLUMNS_MOST: Final = 1000  # columns named; a wider table is told by its shape and fingerprint
PREPARED_MOST: Final = 256  # prepared data sets named: each is hashed, at some 0.5 GB/s
PREPARED: Final = "prepared"

Section = dict[str, str | None]


def data_section(plan: Plan, before: Mapping[str, str | None]) -> Section:
    """Section `data`: `fingerprint`, `type`, `rows`, `shape`, `column NAME`, and `prepared OPTIONS` with its rows.

    before: the section of an earlier record; where its fingerprint is that of these data, they are not loaded again.
    """
    section: Section = {"fingerprint": plan.identity.data}
    if before.get("fingerprint") == plan.identity.data:
        section |= {name: value for name, value in before.items() if not name.startswith(PREPARED)}
    else:
        section |= _raw(plan)
    return section | dict(_prepared(plan))


def described(data: Any) -> Section:
    """What data look like: `type`, `rows` and `shape` where they have them, and `column NAME` with dtype and shape."""
    kind = type(data)
    section: Section = {
        "type": kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    }
    if hasattr(data, "columns") and hasattr(data, "dtypes"):  # a DataFrame, of any kind
        section |= {"rows": str(len(data)), "shape": _shape(data.shape)}
        dtypes = dict(zip(map(str, data.columns), map(str, data.dtypes), strict=True))
    elif isinstance(data, Mapping):
        dtypes = {str(name): _array(value) for name, value in data.items()}
        lengths = {value.shape[0] for value in data.values() if len(getattr(value, "shape", ())) > 0}
        if len(lengths) == 1:
            section["rows"] = str(lengths.pop())
    elif hasattr(data, "shape") and hasattr(data, "dtype"):
        return section | {"shape": _shape(data.shape), "dtype": str(data.dtype)}
    else:
        return section
    section["columns"] = str(len(dtypes))
    return section | {f"column {name}": dtype for name, dtype in list(dtypes.items())[:COLUMNS_MOST]}


def _raw(plan: Plan) -> Section:
    try:
        return described(plan.study.load())
    except Exception:  # planning has loaded them; a loader that now fails shall not stop the run
        return {}


def _prepared(plan: Plan) -> Iterator[tuple[str, str | None]]:
    """Each prepared data set: its fingerprint, and the rows that preprocessing kept."""
    found = {
        member.prepared: (program.original[member.prepared], member.rows_kept)
        for program in plan.programs
        for member in program.members.values()
    }
    yield "prepared data sets", str(len(found))
    for number in sorted(found)[:PREPARED_MOST]:
        prepared, rows = found[number]
        options = ", ".join(f"{name} = {label}" for name, label in prepared.labels if label is not None)
        name = f"{PREPARED} {options}" if options else PREPARED
        yield name, _fingerprint(prepared.data)
        yield f"{name}: rows", str(rows)


def _fingerprint(data: Any) -> str | None:
    try:
        return fingerprint(data)
    except MultiverseError:  # what an `estimate` function takes may be anything
        return None


def _array(value: Any) -> str:
    dtype = getattr(value, "dtype", None)
    return type(value).__name__ if dtype is None else f"{dtype} {_shape(value.shape)}"


def _shape(shape: Any) -> str:
    return " x ".join(map(str, shape)) or "1"
