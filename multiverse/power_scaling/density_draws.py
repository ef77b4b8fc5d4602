"""The draws of an estimand with the log densities kept beside them, read part by part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc

from multiverse.engines.outcome import ESTIMAND, LOG_LIKELIHOOD, LOG_PRIOR, DrawsName
from multiverse.store.attempts import COLUMNS, distinct
from multiverse.store.contract import Store
from multiverse.store.draws_columns import decode_draws, draws_column, shape_column
from multiverse.store.row_scan import scan_rows
from multiverse.store.same_as import SAME_AS


class DensityDraws(NamedTuple):
    """Of some universes of one part, whose draws have one shape: arrays (universe, chain, draw).

    keys: for each of these universes those that share its answer, itself first, where it was asked for.
    """

    keys: tuple[tuple[str, ...], ...]
    draws: np.ndarray
    log_prior: np.ndarray
    log_likelihood: np.ndarray


def density_draws(store: Store, run: str, estimand: str) -> Iterator[DensityDraws]:
    """Of all universes of a run with draws of this estimand and densities; exact duplicates are read once."""
    names = (str(DrawsName(ESTIMAND, estimand)), LOG_PRIOR, LOG_LIKELIHOOD)
    for batch, wanted in _places(store, run).items():
        columns = [column for name in names for column in (draws_column(name), shape_column(name))]
        part = store.get("part", batch, ["run", "key", "attempt", *columns])
        if not set(columns) <= set(part.column_names):
            continue
        here = zip(*(part[name].to_pylist() for name in ("run", "key", "attempt")), strict=True)
        rows = [(row, wanted[at[1:]]) for row, at in enumerate(here) if at[0] == run and at[1:] in wanted]
        taken = part.take([row for row, _ in rows])
        decoded = [decode_draws(taken[draws_column(n)], taken[shape_column(n)]) for n in names]
        by_shape: dict[tuple[int, ...], list[tuple[tuple[str, ...], np.ndarray]]] = {}
        for (_, keys), *arrays in zip(rows, *decoded, strict=True):
            there = [array for array in arrays if array is not None]
            if len(there) == len(names) and len({array.shape for array in there}) == 1 and there[0].ndim == 2:
                by_shape.setdefault(there[0].shape, []).append((keys, np.stack(there)))
        for some in by_shape.values():
            stacked = np.stack([arrays for _, arrays in some], axis=1)  # (name, universe, chain, draw)
            yield DensityDraws(tuple(keys for keys, _ in some), *stacked)


def _places(store: Store, run: str) -> dict[str, dict[tuple[str, int], tuple[str, ...]]]:
    """Batch -> (key, attempt) of a row -> the universes whose answer it is."""
    rows = scan_rows(store, [*COLUMNS, SAME_AS])
    rows = distinct(rows.filter(pc.equal(rows["run"], run)))
    rows = rows.filter(rows["shown"])
    shared: dict[str, list[tuple[str, str, int]]] = {}
    names = ("key", "batch", "attempt", SAME_AS)
    for key, batch, attempt, ran in zip(*(rows[name].to_pylist() for name in names), strict=True):
        shared.setdefault(ran or key, []).append((key, batch, attempt))
    places: dict[str, dict[tuple[str, int], tuple[str, ...]]] = {}
    for ran, alike in shared.items():
        key, batch, attempt = min(alike, key=lambda one: one[0] != ran)
        places.setdefault(batch, {})[key, attempt] = (key, *(other for other, *_ in alike if other != key))
    return places
