"""Suites of tests that a stranger's engine, executor or store inherits, so that it keeps what ours promise.

```python
class TestMyStore(multiverse.testing.StoreSuite):
    @pytest.fixture
    def store(self, tmp_path):
        return MyStore(tmp_path)
```
"""

# ruff: noqa: D102  the name of a test says what it tests

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multiverse.errors import StoreError
from multiverse.store.contract import FOLDERS, Store, Table
from multiverse.testing_engines import EngineSuite as EngineSuite
from multiverse.testing_engines import OneShotEngineSuite as OneShotEngineSuite
from multiverse.testing_executors import ExecutorSuite as ExecutorSuite


class StoreSuite:
    """What every store promises. Inherit it and give the fixture `store`: a new, empty store for each test."""

    WRITERS = 4
    TABLES = 10  # that each writer puts

    @pytest.fixture
    def store(self) -> Store:
        """A new, empty store."""
        raise NotImplementedError("give your own fixture `store`")

    @staticmethod
    def table(rows: int = 3, start: int = 0) -> Table:
        """A small table with a number, a text and a list in each row."""
        numbers = range(start, start + rows)
        lists = pa.array([[i, i / 2] for i in numbers], pa.list_(pa.float32()))
        return pa.table({"key": [f"k{i}" for i in numbers], "number": list(numbers), "draws:site/b.c": lists})

    @pytest.mark.parametrize("kind", FOLDERS)
    def test_a_new_store_is_empty(self, store: Store, kind: str) -> None:
        assert store.names(kind) == frozenset()
        assert store.scan(kind).num_rows == 0
        assert store.scan(kind, ["key", "number"]).column_names == ["key", "number"]

    @pytest.mark.parametrize("kind", FOLDERS)
    def test_what_was_put_is_read_back(self, store: Store, kind: str) -> None:
        store.put(kind, "a-1.b_2", self.table())
        assert store.names(kind) == {"a-1.b_2"}
        assert store.get(kind, "a-1.b_2").equals(self.table())
        assert store.scan(kind).equals(self.table())
        assert all(not store.names(other) for other in FOLDERS if other != kind)

    def test_metadata_are_kept(self, store: Store) -> None:
        store.put("plan", "a", self.table().replace_schema_metadata({"header": '{"é": 1}'}))
        assert store.get("plan", "a").schema.metadata == {b"header": '{"é": 1}'.encode()}

    def test_a_table_without_rows_is_a_table(self, store: Store) -> None:
        store.put("part", "a", self.table().slice(0, 0))
        assert store.get("part", "a").schema.equals(self.table().schema)

    def test_putting_twice_is_harmless(self, store: Store) -> None:
        store.put("part", "a", self.table())
        store.put("part", "a", self.table())
        assert store.names("part") == {"a"}
        assert store.scan("part").equals(self.table())

    def test_only_wanted_columns_are_read(self, store: Store) -> None:
        # a dot in a name is not a path into a column
        store.put("part", "a", self.table().append_column("draws:site/b", pa.array([1, 2, 3])))
        assert store.get("part", "a", ["draws:site/b"]).column_names == ["draws:site/b"]
        assert store.get("part", "a", ["number", "key", "absent"]).column_names == ["number", "key"]
        assert store.get("part", "a", lambda name: "e" in name).column_names[:2] == ["key", "number"]
        assert store.scan("part", lambda name: name == "key").column_names == ["key"]

    def test_tables_are_joined_by_column_name(self, store: Store) -> None:
        store.put("part", "b", pa.table({"new": ["x"], "number": [0.5]}))
        store.put("part", "a", self.table(1, start=7))
        both = store.scan("part", ["new", "key", "number", "nobody"]).to_pydict()
        assert both == {"new": [None, "x"], "key": ["k7", None], "number": [7.0, 0.5], "nobody": [None, None]}
        assert set(store.scan("part").column_names) == {"key", "number", "draws:site/b.c", "new"}
        assert store.scan("part", lambda name: name == "new").to_pydict() == {"new": [None, "x"]}

    def test_only_some_tables_are_read(self, store: Store) -> None:
        for i, name in enumerate("abc"):
            store.put("part", name, self.table(1, start=i))
        assert store.scan("part", ["key"], {"c", "a"}).to_pydict() == {"key": ["k0", "k2"]}
        assert store.scan("part", ["key"], []).num_rows == 0
        with pytest.raises(StoreError, match="has no part named 'd'"):
            store.scan("part", ["key"], ["a", "d"])

    def test_the_bytes_are_parquet(self, store: Store) -> None:
        store.put("part", "a", self.table())
        with store.open("part", "a") as file:
            assert pq.read_table(file).equals(self.table())
            file.seek(0)
            assert file.read(4) == b"PAR1"

    def test_a_missing_name_is_an_error_that_says_which(self, store: Store) -> None:
        store.put("part", "abcd", self.table())
        for ask in (store.get, store.open):
            with pytest.raises(StoreError, match="has no part named 'abce'"):
                ask("part", "abce")

    @pytest.mark.parametrize("name", ["", "a/b", "../a", "a b", "a\\b", "é", "a\n", "x" * 200])
    def test_a_name_that_could_leave_the_store_is_refused(self, store: Store, name: str) -> None:
        for ask in (lambda: store.put("part", name, self.table()), lambda: store.get("part", name)):
            with pytest.raises(StoreError, match="cannot name a table"):
                ask()

    def test_an_unknown_kind_is_refused(self, store: Store) -> None:
        for ask in (lambda: store.names("prat"), lambda: store.put("prat", "a", self.table())):
            with pytest.raises(StoreError, match="Did you mean 'part'"):
                ask()

    def test_a_put_that_fails_leaves_nothing(self, store: Store) -> None:
        unwritable = self.table().append_column("c", pa.nulls(3, pa.month_day_nano_interval()))
        with pytest.raises(StoreError):
            store.put("part", "a", unwritable)
        assert store.names("part") == frozenset()
        store.put("part", "a", self.table())
        with pytest.raises(StoreError):
            store.put("part", "a", unwritable)
        assert store.get("part", "a").equals(self.table())

    @pytest.mark.parametrize("kind", [kind for kind in FOLDERS if kind != "part"])
    def test_what_was_removed_is_gone(self, store: Store, kind: str) -> None:
        store.put(kind, "a", self.table())
        store.put(kind, "b", self.table(1))
        store.remove(kind, "a")
        assert store.names(kind) == {"b"}
        assert store.scan(kind).equals(self.table(1))
        with pytest.raises(StoreError, match="has no"):
            store.get(kind, "a")
        store.put(kind, "a", self.table(2))
        assert store.get(kind, "a").equals(self.table(2))

    def test_removing_what_is_not_there_is_harmless(self, store: Store) -> None:
        store.remove("pack", "a")
        store.put("manifest", "a", self.table())
        store.remove("pack", "a")
        assert store.names("manifest") == {"a"}

    def test_a_part_is_never_removed(self, store: Store) -> None:
        store.put("part", "a", self.table())
        with pytest.raises(StoreError, match="cannot be removed"):
            store.remove("part", "a")
        assert store.get("part", "a").equals(self.table())

    @pytest.mark.parametrize("kind", FOLDERS)
    def test_what_was_set_aside_is_out_of_the_way(self, store: Store, kind: str) -> None:
        store.put(kind, "a", self.table())
        store.put(kind, "b", self.table(1))
        places = {store.set_aside(kind, "a")}
        assert store.names(kind) == {"b"}
        assert store.scan(kind).equals(self.table(1))
        with pytest.raises(StoreError, match="has no"):
            store.get(kind, "a")
        store.put(kind, "a", self.table(2))
        assert store.get(kind, "a").equals(self.table(2))
        places.add(store.set_aside(kind, "a"))
        assert len(places) == 2
        assert all("a" in place for place in places)
        assert all(store.names(other) == ({"b"} if other == kind else frozenset()) for other in FOLDERS)

    def test_what_is_not_there_cannot_be_set_aside(self, store: Store) -> None:
        with pytest.raises(StoreError, match="has no part named 'a'"):
            store.set_aside("part", "a")

    @pytest.mark.parametrize("name", ["", "a/b", "../a", "x" * 200])
    def test_a_name_that_could_leave_the_store_is_neither_removed_nor_set_aside(self, store: Store, name: str) -> None:
        for ask in (lambda: store.remove("pack", name), lambda: store.set_aside("part", name)):
            with pytest.raises(StoreError, match="cannot name a table"):
                ask()

    def test_an_unknown_kind_is_neither_removed_nor_set_aside(self, store: Store) -> None:
        for ask in (lambda: store.remove("pakc", "a"), lambda: store.set_aside("pakc", "a")):
            with pytest.raises(StoreError, match="Did you mean 'pack'"):
                ask()

    def test_many_may_write_at_once(self, store: Store) -> None:
        def write(writer: int) -> None:
            for i in range(self.TABLES):
                store.put("part", f"{writer}-{i}", self.table(2, start=writer))
                store.put("part", "same", self.table())

        with ThreadPoolExecutor(self.WRITERS) as pool:
            list(pool.map(write, range(self.WRITERS)))
        assert len(store.names("part")) == self.WRITERS * self.TABLES + 1
        assert store.scan("part").num_rows == self.WRITERS * self.TABLES * 2 + 3

    def test_readers_see_whole_tables_while_others_write(self, store: Store) -> None:
        finished = threading.Event()

        def write() -> None:
            try:
                for i in range(self.TABLES * 3):
                    store.put("part", f"{i}", self.table(5))
            finally:
                finished.set()

        writer = threading.Thread(target=write)
        writer.start()
        counts = []
        while not finished.is_set():
            counts.append(store.scan("part", ["key"]).num_rows)
        writer.join()
        counts.append(store.scan("part", ["key"]).num_rows)
        assert all(count % 5 == 0 for count in counts)
        assert counts == sorted(counts)
        assert counts[-1] == self.TABLES * 3 * 5
