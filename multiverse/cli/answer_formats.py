"""An answer to SQL as CSV, JSON or Parquet: written batch by batch, so that it may be of any size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from multiverse.cli.as_json import number, plain

if TYPE_CHECKING:
    import pyarrow as pa

    from multiverse.store.sql import Answer


def rows(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """The rows of a batch as Python values; whole numbers that SQL sums up (HUGEINT) are integers."""
    columns = [column.to_pylist() for column in batch.columns]
    for row in zip(*columns, strict=True):
        yield tuple(number(value) if isinstance(value, Decimal) else value for value in row)


def write_csv(answer: Answer, sink: BinaryIO) -> int:
    """Every row; texts in quotes, NULL as nothing, lists and structs as JSON. Gives the number of rows."""
    import pyarrow as pa
    from pyarrow import csv

    flat = pa.schema([field if _is_flat(field.type) else pa.field(field.name, pa.string()) for field in answer.schema])
    count = 0
    with csv.CSVWriter(sink, flat, write_options=csv.WriteOptions(quoting_header="needed")) as writer:
        for batch in answer.batches:
            columns = [
                column if _is_flat(column.type) else pa.array(map(_text, column.to_pylist()), pa.string())
                for column in batch.columns
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=flat))
            count += batch.num_rows
    return count


def write_json(answer: Answer, sink: BinaryIO) -> int:
    """One list, an object on a line for each row; what is no number is null. Gives the number of rows."""
    count = 0
    sink.write(b"[")
    for batch in answer.batches:
        for row in rows(batch):
            said = json.dumps(plain(dict(zip(answer.schema.names, row, strict=True))), ensure_ascii=False)
            sink.write(b",\n" if count else b"\n")
            sink.write(said.encode())
            count += 1
    sink.write(b"\n]\n")
    return count


def write_parquet(answer: Answer, sink: BinaryIO) -> int:
    """One Parquet file, compressed, with the types of SQL. Gives the number of rows.

    Raises ResultError for a column of a type that Parquet lacks.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from multiverse.errors import Problem, ResultError

    count = 0
    try:
        writer = pq.ParquetWriter(sink, answer.schema, compression="zstd")
    except pa.ArrowNotImplementedError as error:
        lacking = [f.name for f in answer.schema if pa.types.is_interval(f.type) or pa.types.is_union(f.type)]
        raise ResultError(
            Problem(
                f"Parquet has no type for {', '.join(map(repr, lacking)) or 'a column'} ({error})",
                "numbers, texts, times, or lists and structs of them",
                f'Write it as text: select "{(lacking or ["x"])[0]}"::varchar ...',
            )
        ) from error
    with writer:
        for batch in answer.batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


WRITERS: Final[Mapping[str, Callable[[Answer, BinaryIO], int]]] = {
    "csv": write_csv,
    "json": write_json,
    "parquet": write_parquet,
}


def _is_flat(kind: Any) -> bool:
    import pyarrow as pa

    return not (pa.types.is_nested(kind) or pa.types.is_interval(kind))


def _text(value: Any) -> str | None:
    return None if value is None else json.dumps(plain(value), ensure_ascii=False)
