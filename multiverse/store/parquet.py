"""Tables to Parquet bytes and back: the one place that knows how our files are written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from multiverse.store.contract import Columns, Table, wanted

DRAWS: Final = "draws:"  # the prefix of columns that hold draws
COMPRESSION: Final = "zstd"
READERS: Final = 4  # threads that read tables side by side; more were slower on two cores

UNREADABLE: Final = (OSError, pa.ArrowException, ValueError)  # what pyarrow raises for bytes that are not a whole file


def write(table: Table, sink: Any) -> None:
    """Write the table as one Parquet file to a path or an open binary file.

    Strings are dictionary-coded; draws are split by byte (random floats: 15 % smaller than zstd alone, and quicker).
    Pages bear checksums: without them 191 of 200 flipped bits among draws were read as other numbers, with them none.
    """
    texts = [leaf for name in table.column_names for leaf in _leaves(name, table.schema.field(name).type, text=True)]
    draws = [
        leaf
        for name in table.column_names
        if name.startswith(DRAWS)
        for leaf in _leaves(name, table.schema.field(name).type, text=False)
    ]
    pq.write_table(
        table,
        sink,
        compression=COMPRESSION,
        use_dictionary=texts or False,
        use_byte_stream_split=draws or False,
        write_page_checksum=True,
    )


def read(source: Any, columns: Columns = None) -> Table:
    """The wanted columns of one Parquet file. Raises one of `UNREADABLE`, also for bytes that changed."""
    # one small read for each column: with pre_buffer 400 small parts take twice as long
    with pq.ParquetFile(source, pre_buffer=False, page_checksum_verification=True) as file:
        names = wanted(columns, file.schema_arrow.names)
        # pyarrow takes a dot for a path into a struct, so it may read 'a.b' too where 'a' is asked for
        return file.read(columns=names, use_threads=False).select(names)


def union(tables: Iterable[Table], columns: Columns = None) -> Table:
    """The tables below each other, joined by column name; NULL where one lacks a column, numbers widened."""
    found = list(tables)
    table = pa.concat_tables(found, promote_options="permissive") if found else pa.table({})
    if columns is None or callable(columns):
        return table
    for absent in (name for name in columns if name not in table.column_names):
        table = table.append_column(absent, pa.nulls(table.num_rows))
    return table.select(list(columns))


def _leaves(name: str, kind: Any, *, text: bool) -> list[str]:
    """The Parquet path of this column if it, or its list element, is text (or else a float)."""
    inside = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    element = kind.value_type if inside else kind
    fits = pa.types.is_string(element) or pa.types.is_large_string(element) if text else pa.types.is_floating(element)
    return [f"{name}.list.element" if inside else name] if fits else []
