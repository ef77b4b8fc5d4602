"""Everything in a store that is not as it should be: each table read whole, and compared with what it is said to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import pyarrow as pa

from multiverse.errors import StoreError
from multiverse.store import parquet
from multiverse.store.contract import DamagedTable, Store, Table
from multiverse.store.draws_columns import SHAPE
from multiverse.store.finding import DropPack, Finding, Rename, SetAside
from multiverse.store.folder import FolderStore
from multiverse.store.manifest import decode_manifest, read_manifest
from multiverse.store.parquet import DRAWS
from multiverse.store.part import DIAGNOSTIC, ESTIMATE, SCHEMA
from multiverse.store.plan_table import decode_plan
from multiverse.store.records import RunRecord, decode_record, decode_run, latest
from multiverse.store.stray_files import stray_files

_NEEDED: Final = ("key", "run", "batch", "attempt", "final")
_ASIDE: Final = "--mend sets it aside"
_LIST: Final = pa.list_
_TYPES: Final = {  # of columns whose names begin so
    ESTIMATE: (_LIST(pa.float64()),),
    DIAGNOSTIC: (pa.float64(),),
    SHAPE: (_LIST(pa.int32()),),
    DRAWS: (_LIST(pa.float32()), _LIST(pa.float64())),
}
Told = Callable[[int], object]
"""Is told how many more tables were read."""


class _Part(NamedTuple):
    """What is asked of a part after it was read: rows by the batch they name, and by run."""

    batches: Counter[str]
    runs: Counter[str]


def table_count(store: Store) -> int:
    """How many tables `examine` will read."""
    return sum(len(store.names(kind)) for kind in ("part", "manifest", "plan", "run", "study"))


def examine(store: Store, told: Told = lambda count: None) -> list[Finding]:
    """What is wrong, or worth knowing, in a store; empty where all is well. Reads everything, draws included.

    Raises StoreError where the store cannot be listed.
    """
    strays = list(stray_files(store)) if isinstance(store, FolderStore) else []
    links = {stray.cure for stray in strays if isinstance(stray.cure, SetAside)}

    def names(kind: str) -> list[str]:
        return sorted(name for name in store.names(kind) if SetAside(kind, name) not in links)

    parts: dict[str, _Part] = {}
    found = list(strays)
    with ThreadPoolExecutor(parquet.READERS) as pool:
        published = names("part")
        for name, read in zip(published, pool.map(lambda name: _part(store, name), published), strict=True):
            told(1)
            if isinstance(read, Finding):
                found.append(read)
            else:
                parts[name] = read
    found += _misplaced(parts)
    records: list[Any] = []
    for kind, decode in _RECORDS.items():
        for name in names(kind):
            told(1)
            record = _decoded(store, kind, name, decode)
            (found if isinstance(record, Finding) else records).append(record)
    found += _packs(store, parts, set(published))
    runs = latest(record for record in records if isinstance(record, RunRecord))
    return found + list(_runs(parts.values(), runs, set(names("plan"))))


def _part(store: Store, name: str) -> _Part | Finding:
    table = _decoded(store, "part", name, lambda table: table)
    if isinstance(table, Finding):
        return table
    if strange := list(_strange(table)):
        return Finding(
            f"The part {name!r} is no part of a run: {'; '.join(strange)}.",
            "A stranger's table, perhaps. It stops every query, as its columns do not fit below those of other parts.",
            f"{_ASIDE}.",
            SetAside("part", name),
        )
    return _Part(*(Counter(table[column].to_pylist()) for column in ("batch", "run")))


def _decoded(store: Store, kind: str, name: str, decode: Callable[[Table], Any]) -> Any:
    """What a table says, or what is wrong with it."""
    try:
        table = store.get(kind, name)
    except DamagedTable as error:
        return _unreadable(kind, name, error)
    except StoreError as error:  # it could be read by another person, or when the network is there again
        problem = error.problems[0]
        return Finding(f"{problem.what[:1].upper()}{problem.what[1:]}.", _MEANS[kind][0], problem.mend)
    try:
        return decode(table)
    except Exception as error:  # whatever a decoder makes of a stranger's table
        return _unreadable(kind, name, error)


def _strange(table: Table) -> Iterator[str]:
    """What in these columns no part has."""
    if missing := [name for name in _NEEDED if name not in table.column_names]:
        yield f"it has no column {', '.join(missing)}"
    for field in table.schema:
        start = next((start for start in _TYPES if field.name.startswith(start)), None)
        types = [SCHEMA.field(field.name).type] if field.name in SCHEMA.names else _TYPES[start] if start else []
        if types and field.type not in (*types, pa.null()):
            yield f"its column {field.name!r} is {field.type}, not {types[0]}"


def _misplaced(parts: dict[str, _Part]) -> Iterator[Finding]:
    """Parts whose rows say that they belong to another part."""
    for name, part in parts.items():
        if set(part.batches) <= {name}:
            continue
        what = f"The rows of the part {name!r} are of the batch {', '.join(map(repr, sorted(part.batches)))}."
        (batch, *others) = sorted(part.batches)
        if not others and batch not in parts:
            yield Finding(
                what,
                "The file was renamed, so that the draws of its universes are not found.",
                "--mend gives it the name that its rows bear.",
                Rename(name, batch),
            )
        else:
            yield Finding(
                what,
                "It is a copy, or was put together by hand. Doubles are read once, but its own draws are not found.",
                f"{_ASIDE}.",
                SetAside("part", name),
            )


def _packs(store: Store, parts: dict[str, _Part], published: set[str]) -> Iterator[Finding]:
    """Packs of the manifest that counts which do not hold the rows of the parts that they stand for."""
    manifest = read_manifest(store)
    for pack, stands_for in sorted(manifest.packs.items()) if manifest else ():
        if gone := stands_for - published:
            wrong = f"stands for parts that are not there: {_few(gone)}"
        elif pack not in store.names("pack"):
            wrong = "is named by the manifest and is not there"
        else:
            try:
                rows = Counter(store.get("pack", pack, ["batch"])["batch"].to_pylist())
                store.get("pack", pack)
            except (StoreError, KeyError) as error:
                wrong = f"cannot be read ({_first_line(error)})"
            else:
                expected = sum((parts[name].batches for name in stands_for if name in parts), Counter[str]())
                if all(name in parts for name in stands_for) and rows != expected:
                    wrong = f"holds {rows.total()} rows, and its parts {expected.total()} others"
                else:
                    continue
        yield Finding(
            f"The pack {pack!r} {wrong}.",
            "Nothing is lost: rows come from the parts where a pack is of no use, which takes longer.",
            "--mend drops it from the manifest; `multiverse compact` then packs anew.",
            DropPack(pack),
        )


def _runs(parts: Iterable[_Part], runs: dict[str, RunRecord], plans: set[str]) -> Iterator[Finding]:
    """Answers of runs that no record tells of, and runs whose plan is not there."""
    answers = sum((part.runs for part in parts), Counter[str]())
    for run in sorted(set(answers) - set(runs)):
        yield Finding(
            f"{answers[run]} rows are of a run {run!r}, of which there is no record.",
            "They are kept, but no view shows them.",
            f"Give the `multiverse run` that began it again, with --run {run!r}: it writes the record, and answers "
            "only what is not answered.",
        )
    for run, record in runs.items():
        if record.plan not in plans:
            yield Finding(
                f"The plan {record.plan!r} of the run {run!r} is not there.",
                "The labels of its universes are unknown, so that no view can be shown. Its answers are kept.",
                "Give the same `multiverse run` again: it writes the plan, and answers only what is not answered.",
            )


_RECORDS: Final[dict[str, Callable[[Table], Any]]] = {
    "manifest": decode_manifest,
    "plan": decode_plan,
    "run": decode_run,
    "study": lambda table: decode_record(table)["study"]["name"],
}
_MEANS: Final = {
    "part": (
        "The answers and draws of its universes are lost, and it stops every query.",
        f"{_ASIDE}; the same `multiverse run` then answers these universes again, and no other.",
    ),
    "manifest": (
        "Nothing is lost: it says which packs stand for which parts, and the parts are read instead.",
        f"{_ASIDE}; `multiverse compact` then packs anew.",
    ),
    "plan": (
        "The labels of its universes are lost, and no view can be shown. The answers are kept.",
        f"{_ASIDE}; then give the same `multiverse run` again: it writes the plan, and answers only what is missing.",
    ),
    "run": (
        "The settings and versions that one call of `multiverse run` wrote are lost; no view can be shown meanwhile.",
        f"{_ASIDE}; if it was the run's only call, give the same `multiverse run` again.",
    ),
    "study": (
        "It says which study the store belongs to. The answers are kept.",
        f"{_ASIDE}; the next `multiverse run` writes it again.",
    ),
}


def _unreadable(kind: str, name: str, error: Exception) -> Finding:
    means, mend = _MEANS[kind]
    return Finding(f"The {kind} {name!r} cannot be read ({_first_line(error)}).", means, mend, SetAside(kind, name))


def _first_line(error: Exception) -> str:
    cause = error.__cause__ or error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0].rstrip(".")


def _few(names: Iterable[str]) -> str:
    listed = sorted(names)
    return ", ".join(map(repr, listed[:3])) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")
