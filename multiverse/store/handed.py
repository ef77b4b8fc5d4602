"""What outcomes hand on to batches that read them, as one table a batch: a row for each array of each universe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from multiverse.engines.outcome import Outcome
from multiverse.store.contract import Store, Table
from multiverse.store.part import decode, is_row_column

_SCHEMA = pa.schema(
    {
        "key": pa.string(),
        "name": pa.string(),
        "dtype": pa.string(),  # of NumPy, as in "float64"
        "shape": pa.list_(pa.int64()),
        "numbers": pa.large_list(pa.float64()),  # row-major; holds float32 and whole numbers below 2^53 exactly
    }
)


def encode_handed(outcomes: Sequence[Outcome]) -> Table:
    """All that these outcomes hand on. Publish it as an artefact under the name of their batch, before their part."""
    rows = [(outcome.key, name, array) for outcome in outcomes for name, array in outcome.handed.items()]
    return pa.table(
        {
            "key": [key for key, _, _ in rows],
            "name": [name for _, name, _ in rows],
            "dtype": [array.dtype.name for _, _, array in rows],
            "shape": [list(array.shape) for _, _, array in rows],
            "numbers": [np.asarray(array, np.float64).ravel() for _, _, array in rows],
        },
        _SCHEMA,
    )


def given_by(store: Store, batch: str) -> tuple[Outcome, ...]:
    """The outcomes of a batch as another one is given them: with what they hand on, without draws."""
    outcomes = decode(store.get("part", batch, is_row_column))
    if batch not in store.names("artefact"):
        return outcomes
    handed = decode_handed(store.get("artefact", batch))
    return tuple(replace(outcome, handed=handed.get(outcome.key, {})) for outcome in outcomes)


def decode_handed(table: Table) -> Mapping[str, Mapping[str, np.ndarray]]:
    """By universe key and name, each array as it was handed on."""
    arrays: dict[str, dict[str, np.ndarray]] = {}
    numbers = table["numbers"].combine_chunks()
    for i, row in enumerate(table.drop_columns(["numbers"]).to_pylist()):
        values = numbers[i].values.to_numpy(zero_copy_only=False)
        arrays.setdefault(row["key"], {})[row["name"]] = values.astype(row["dtype"]).reshape(row["shape"])
    return arrays
