"""Packing loses nothing, shows nothing twice, and takes nothing from a reader, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiverse.errors import Problem, StoreError
from multiverse.store import compact as compaction
from multiverse.store import parquet, synthetic
from multiverse.store.attempts import distinct
from multiverse.store.compact import (
    COMPACT_FROM,
    compact,
    compact_if_worth,
    loose_parts,
    publish,
    remove_superseded,
)
from multiverse.store.contract import Columns, Store, Table
from multiverse.store.end_state import end_state
from multiverse.store.folder import FolderStore
from multiverse.store.manifest import by_number, decode_manifest, read_manifest
from multiverse.store.memory import MemoryStore
from multiverse.store.part import SCHEMA, is_row_column
from multiverse.store.row_scan import scan_rows

NO_GRACE = timedelta(0)


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return FolderStore(tmp_path) if request.param == "folder" else MemoryStore()


def sorted_rows(rows: Table) -> Table:
    by = [(name, "ascending") for name in ("run", "key", "attempt", "batch")]
    return rows.select(sorted(rows.column_names)).sort_by(by).combine_chunks()


def plain(store: Store) -> Table:
    """The slow obvious way."""
    return sorted_rows(parquet.union([SCHEMA.empty_table(), store.scan("part", is_row_column)]))


def test_rows_are_the_same_before_and_after(store: Store) -> None:
    synthetic.fill(store)
    before, ended = plain(store), end_state(store)
    assert sorted_rows(scan_rows(store)).equals(before)
    done = compact(store)
    assert done is not None and (done.parts, done.fresh, done.rows) == (4, 4, 13)
    assert sorted_rows(scan_rows(store)).equals(before)
    assert end_state(store).equals(ended)
    synthetic.fill(store, "second", batch=5)
    assert sorted_rows(scan_rows(store)).equals(plain(store))
    again = compact(store)
    assert again is not None and (again.parts, again.fresh, again.rows) == (7, 3, 26)
    assert sorted_rows(scan_rows(store)).equals(plain(store))
    assert store.names("pack") == {done.pack, again.pack}


def test_at_any_place(any_store: Store) -> None:
    synthetic.fill(any_store)
    before = plain(any_store)
    first = compact(any_store)
    assert first is not None and sorted_rows(scan_rows(any_store)).equals(before)
    synthetic.fill(any_store, "second", batch=5)
    assert len(loose_parts(any_store)) == 3 and sorted_rows(scan_rows(any_store)).equals(plain(any_store))
    second = compact(any_store)
    assert second is not None
    assert remove_superseded(any_store, NO_GRACE).packs == (first.pack,)
    assert any_store.names("pack") == {second.pack} and not loose_parts(any_store)
    assert sorted_rows(scan_rows(any_store)).equals(plain(any_store))


def test_a_pack_holds_no_draws_but_their_shapes(store: Store) -> None:
    synthetic.fill(store)
    compact(store)
    columns = store.scan("pack").column_names
    assert not any(name.startswith("draws:") for name in columns)
    assert any(name.startswith("shape:") for name in columns)
    assert set(columns) == {name for name in store.scan("part").column_names if is_row_column(name)} | {*SCHEMA.names}


def test_packed_parts_are_not_opened(store: Store) -> None:
    synthetic.fill(store)
    compact(store)
    watch = Watched(store)
    scan_rows(watch)
    assert watch.got == [("manifest", *store.names("manifest")), ("pack", *store.names("pack"))]


@pytest.mark.parametrize(
    "columns", [["key", "final"], lambda name: name in ("key", "draws:site/level"), ["key", "nobody"]]
)
def test_only_wanted_columns_are_read(store: Store, columns: Columns) -> None:
    synthetic.fill(store)
    names = ["key"] if callable(columns) else columns
    for _ in range(2):
        assert scan_rows(store, columns).column_names == names
        assert scan_rows(store, columns).num_rows == 13
        compact(store)
    with pytest.raises(StoreError, match="rows hold no column 'draws:site/level'"):
        scan_rows(store, ["draws:site/level"])


def test_an_empty_store_has_nothing_to_pack(store: Store) -> None:
    assert compact(store) is None
    assert scan_rows(store).num_rows == 0
    assert scan_rows(store, ["key"]).column_names == ["key"]
    assert remove_superseded(store) == ((), ())


def test_what_is_packed_is_not_packed_again(store: Store) -> None:
    synthetic.fill(store)
    compact(store)
    assert compact(store) is None
    assert len(store.names("pack")) == len(store.names("manifest")) == 1


def test_compacting_is_worth_it_above_a_number_of_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    assert COMPACT_FROM == 500
    monkeypatch.setattr(compaction, "COMPACT_FROM", 4)
    synthetic.fill(store)
    assert compact_if_worth(store) is None
    synthetic.fill(store, "second", batch=13)
    done = compact_if_worth(store)
    assert done is not None and done.fresh == 5
    assert compact_if_worth(store) is None


def test_a_run_does_not_fail_where_compacting_does(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    synthetic.fill(store)
    monkeypatch.setattr(compaction, "COMPACT_FROM", 3)
    with pytest.warns(UserWarning, match="the store was not compacted"):
        assert compact_if_worth(Interrupted(store, at=0)) is None


class TestRemoving:
    """What was superseded goes, but only when no reader can be at it any more."""

    def test_only_after_the_grace(self, store: Store) -> None:
        synthetic.fill(store)
        first = compact(store)
        synthetic.fill(store, "second")
        second = compact(store)
        assert first is not None and second is not None
        old, new = sorted(store.names("manifest"))
        assert remove_superseded(store) == ((), ())
        assert remove_superseded(store, NO_GRACE) == ((old,), (first.pack,))
        assert store.names("pack") == {second.pack} and store.names("manifest") == {new}
        assert remove_superseded(store, NO_GRACE) == ((), ())
        assert sorted_rows(scan_rows(store)).equals(plain(store))

    def test_a_killed_compaction_leaves_a_pack_that_goes(self, store: Store) -> None:
        synthetic.fill(store)
        with pytest.raises(StoreError, match="killed"):
            compact(Interrupted(store, at=1))
        (orphan,) = store.names("pack")
        assert not store.names("manifest")
        assert sorted_rows(scan_rows(store)).equals(plain(store))
        assert remove_superseded(store) == ((), ())
        assert remove_superseded(store, NO_GRACE) == ((), (orphan,))

    def test_what_two_compactions_at_once_leave(self, store: Store) -> None:
        synthetic.fill(store)
        meanwhile = Meanwhile(store, before=("put", "manifest"), what=lambda: compact(store))
        compact(meanwhile)
        first, second = by_number(store.names("manifest"))
        packs = [set(decode_manifest(store.get("manifest", name)).packs) for name in (first, second)]
        assert {name.partition("-")[0] for name in (first, second)} == {"00000001"}
        assert sorted_rows(scan_rows(store)).equals(plain(store))
        assert remove_superseded(store, NO_GRACE) == ((second,), tuple(packs[1]))
        assert sorted_rows(scan_rows(store)).equals(plain(store))

    def test_a_pack_that_no_name_dates_is_old(self, store: Store) -> None:
        store.put("pack", "stranger", pa.table({"key": ["a"]}))
        assert remove_superseded(store) == ((), ("stranger",))


class TestReading:
    """A pack stands for parts; where it cannot be read, they are."""

    def test_a_pack_that_vanishes_is_looked_up_again(self, store: Store) -> None:
        synthetic.fill(store)
        compact(store)

        def collect() -> None:
            synthetic.fill(store, "second")
            compact(store)
            remove_superseded(store, NO_GRACE)

        watch = Watched(Meanwhile(store, before=("get", "pack"), what=collect))
        assert sorted_rows(scan_rows(watch)).equals(plain(store))
        assert not [kind for kind, _ in watch.got if kind == "part"]

    def test_a_pack_that_is_gone_for_good(self, store: Store) -> None:
        synthetic.fill(store)
        done = compact(store)
        assert done is not None
        store.remove("pack", done.pack)
        assert sorted_rows(scan_rows(store)).equals(plain(store))
        assert loose_parts(store) == store.names("part")
        assert compact(store) is not None
        assert not loose_parts(store)

    def test_a_damaged_pack_and_a_damaged_manifest(self, tmp_path: Path) -> None:
        store = FolderStore(tmp_path)
        synthetic.fill(store)
        done = compact(store)
        assert done is not None
        store.file("pack", done.pack).write_bytes(b"PAR1")
        assert sorted_rows(scan_rows(store)).equals(plain(store))
        store.file("manifest", *store.names("manifest")).write_bytes(b"")
        assert read_manifest(store) is None
        assert sorted_rows(scan_rows(store)).equals(plain(store))
        again = compact(store)
        assert again is not None
        assert sorted(store.names("manifest"))[-1].startswith("00000002")
        assert set(read_manifest(store).packs) == {again.pack}  # type: ignore[union-attr]

    def test_the_manifest_before_counts_where_the_last_is_damaged(self, tmp_path: Path) -> None:
        store = FolderStore(tmp_path)
        synthetic.fill(store)
        first = compact(store)
        synthetic.fill(store, "second")
        compact(store)
        store.file("manifest", by_number(store.names("manifest"))[0]).write_bytes(b"PAR1")
        assert first is not None and set(read_manifest(store).packs) == {first.pack}  # type: ignore[union-attr]
        assert sorted_rows(scan_rows(store)).equals(plain(store))

    def test_a_part_that_was_set_aside_takes_its_rows_along(self, store: Store) -> None:
        synthetic.fill(store)
        compact(store)
        store.set_aside("part", "main-004")
        assert sorted_rows(scan_rows(store)).equals(plain(store))
        assert scan_rows(store).num_rows == 9
        done = compact(store)
        assert done is not None and done.parts == 3

    def test_a_part_that_is_set_aside_while_one_reads(self, store: Store) -> None:
        synthetic.fill(store)
        aside = Meanwhile(store, before=("scan", "part"), what=lambda: store.set_aside("part", "main-008"))
        assert sorted_rows(scan_rows(aside)).equals(plain(store))
        assert aside.happened

    def test_parts_published_while_one_compacts_are_read_beside_the_pack(self, store: Store) -> None:
        synthetic.fill(store)
        more = Meanwhile(store, before=("put", "pack"), what=lambda: synthetic.fill(store, "second"))
        compact(more)
        assert loose_parts(store) == {name for name in store.names("part") if name.startswith("second")}
        assert sorted_rows(scan_rows(store)).equals(plain(store))

    def test_a_part_that_fits_no_other_is_an_error_with_the_mend(self, store: Store) -> None:
        synthetic.fill(store)
        store.put("part", "stranger", pa.table({"key": [1.5]}))
        with pytest.raises(StoreError, match="multiverse doctor"):
            scan_rows(store)


def test_the_first_by_name_of_two_manifests_with_one_number_counts() -> None:
    names = ["00000002-b", "00000010-a", "00000010-c", "stranger", "100000000-a"]
    assert by_number(names) == ["100000000-a", "00000010-a", "00000010-c", "00000002-b", "stranger"]


# -- any order of events ------------------------------------------------------------------------------------------

ATTEMPTS = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 3)), min_size=1, max_size=3, unique=True)
PUT = st.tuples(st.just("put"), st.integers(0, 7), ATTEMPTS)
SIMPLE = st.one_of(PUT, st.just(("compact",)), st.just(("remove",)), st.just(("drop pack",)))
NESTED = st.tuples(st.just("while"), st.integers(0, 1), st.lists(SIMPLE, max_size=3))  # events amid a compaction


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(SIMPLE, NESTED), max_size=12))
def test_any_events_leave_the_rows_of_the_parts(events: list[tuple]) -> None:
    store = MemoryStore()
    for event in events:
        happen(store, event)
        assert attempts(scan_rows(store)) == attempts(store.scan("part"))
        if event == ("compact",):
            assert not loose_parts(store)


def happen(store: Store, event: tuple) -> None:
    kind, *rest = event
    if kind == "put":
        batch, tried = f"batch-{rest[0]}", rest[1]
        if batch in store.names("part"):
            return  # a batch that runs twice gives the same rows
        columns = {"key": [k for k, _ in tried], "attempt": [a for _, a in tried], "final": [a > 1 for _, a in tried]}
        same = {
            "run": ["main"] * len(tried),
            "batch": [batch] * len(tried),
            "finished": [synthetic.WHEN.replace(tzinfo=None)] * len(tried),
        }
        store.put("part", batch, pa.table({**columns, **same}))
    elif kind == "compact":
        compact(store)
    elif kind == "remove":
        remove_superseded(store, NO_GRACE)
    elif kind == "drop pack":  # as a compaction that was slower than the grace would find it
        for pack in sorted(store.names("pack"))[:1]:
            store.remove("pack", pack)
    else:
        before = ("put", "pack") if rest[0] else ("put", "manifest")
        compact(Meanwhile(store, before=before, what=lambda: [happen(store, inner) for inner in rest[1]]))


def attempts(rows: Table) -> list[tuple]:
    """What counts of these rows: each attempt once, and whether it is the one shown."""
    if not rows.num_rows:
        return []
    once = distinct(rows)
    return sorted(zip(*(once[name].to_pylist() for name in ("key", "run", "attempt", "shown", "batch")), strict=True))


# -- stores that are disturbed ------------------------------------------------------------------------------------


@dataclass
class Wrapped:
    """Passes everything on."""

    store: Store

    def describe(self) -> str:
        return self.store.describe()

    def names(self, kind: str) -> frozenset[str]:
        return self.store.names(kind)

    def put(self, kind: str, name: str, table: Table) -> None:
        self.store.put(kind, name, table)

    def get(self, kind: str, name: str, columns: Columns = None) -> Table:
        return self.store.get(kind, name, columns)

    def scan(self, kind: str, columns: Columns = None, names: Iterable[str] | None = None) -> Table:
        return self.store.scan(kind, columns, names)

    def open(self, kind: str, name: str) -> BinaryIO:
        return self.store.open(kind, name)

    def remove(self, kind: str, name: str) -> None:
        self.store.remove(kind, name)

    def set_aside(self, kind: str, name: str) -> str:
        return self.store.set_aside(kind, name)


@dataclass
class Watched(Wrapped):
    """Notes what is read."""

    got: list[tuple[str, str]] = field(default_factory=list)

    def get(self, kind: str, name: str, columns: Columns = None) -> Table:
        self.got.append((kind, name))
        return super().get(kind, name, columns)


@dataclass
class Meanwhile(Wrapped):
    """Lets something happen, once, before a verb is first used on a kind."""

    before: tuple[str, str] = ("", "")
    what: Callable[[], object] = lambda: None
    happened: bool = False

    def put(self, kind: str, name: str, table: Table) -> None:
        self._now("put", kind)
        super().put(kind, name, table)

    def get(self, kind: str, name: str, columns: Columns = None) -> Table:
        self._now("get", kind)
        return super().get(kind, name, columns)

    def scan(self, kind: str, columns: Columns = None, names: Iterable[str] | None = None) -> Table:
        self._now("scan", kind)
        return super().scan(kind, columns, names)

    def _now(self, *event: str) -> None:
        if event == self.before and not self.happened:
            self.happened = True
            self.what()


@dataclass
class Interrupted(Wrapped):
    """Its put number `at`, from 0, and all later ones fail."""

    at: int = 0

    def put(self, kind: str, name: str, table: Table) -> None:
        self.at -= 1
        if self.at < 0:
            raise StoreError(Problem("killed", "", ""))
        super().put(kind, name, table)


def test_publishing_gives_the_next_number(store: Store) -> None:
    assert publish(store, {"p": frozenset("ab")}).number == 1
    second = publish(store, {})
    assert second.number == 2
    assert read_manifest(store) == second
