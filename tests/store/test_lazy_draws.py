"""Draws as xarray: what was drawn, read only where it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiverse.engines.outcome import LOG_PRIOR, Outcome, Reason
from multiverse.errors import ResultError
from multiverse.store import synthetic
from multiverse.store.contract import Columns, Store, Table
from multiverse.store.folder import FolderStore
from multiverse.store.lazy_draws import draws_names, open_draws, universe_data
from multiverse.store.memory import MemoryStore
from multiverse.store.part import encode

NAMES = ["estimand/effect", "site/level", LOG_PRIOR]
KEYS = [universe.key for universe in synthetic.plan().universes]
SAID = {outcome.key: outcome for outcome in synthetic.outcomes(synthetic.plan().universes)}


@pytest.fixture
def store() -> Store:
    store = MemoryStore()
    synthetic.fill(store)
    synthetic.fill(store, "other")
    return store


def put(store: Store, name: str, *outcomes: Outcome) -> None:
    told: Any = {"engine": "nuts", "batch": name, "program": "p", "rows_kept": {}, "host": "h"}
    store.put("part", name, encode(outcomes, run="main", finished=synthetic.WHEN, **told))


def expected(name: str, keys: list[str]) -> np.ndarray:
    shape = SAID[KEYS[0]].draws[name].shape
    return np.stack([SAID[key].draws.get(name, np.full(shape, np.nan, np.float32)) for key in keys])


def test_a_dataset_of_universes_by_chain_and_draw(store: Store) -> None:
    keys = KEYS[::-1]
    draws = open_draws(store, "main", NAMES, keys)
    assert set(draws.data_vars) == {"effect", "level", "log_prior"}
    assert draws.effect.dims == ("universe", "chain", "draw")
    assert draws.level.dims == ("universe", "chain", "draw", "level_dim_0")
    assert list(draws.universe.values) == keys
    assert draws.effect.dtype == np.float32
    for name in NAMES:
        np.testing.assert_array_equal(draws[name.partition("/")[2]].values, expected(name, keys))
    raised = KEYS[synthetic.RAISED]
    assert np.isnan(draws.effect.sel(universe=raised)).all()


@pytest.mark.parametrize(
    "at",
    [
        (2,),
        (slice(3, 9, 2),),
        (slice(None, None, -1), 0),
        ([5, 1, 5], slice(None), [3, 0]),
        (-1, -1, -1, -1),
        ([True, False] * 6, slice(1, None), slice(0, 0)),
        (slice(None), slice(None), 4, [2, 0]),
        ([], 0),
    ],
)
def test_any_selection_is_that_of_the_whole(store: Store, at: tuple[Any, ...]) -> None:
    lazy = open_draws(store, "main", ["site/level"], KEYS).level
    whole = lazy.copy(data=expected("site/level", KEYS))
    selected = dict(zip(lazy.dims, at, strict=False))
    np.testing.assert_array_equal(lazy.isel(selected).values, whole.isel(selected).values)
    twice = lazy.isel(universe=slice(1, None)).isel(universe=slice(None, 5))
    np.testing.assert_array_equal(twice.values, whole[1:][:5].values)


def test_only_parts_that_are_asked_for_are_read() -> None:
    class Counting(MemoryStore):
        read: list[tuple[str, Columns]] = []

        def get(self, kind: str, name: str, columns: Columns = None) -> Table:
            self.read.append((name, columns))
            return super().get(kind, name, columns)

    store = Counting()
    synthetic.fill(store)
    draws = open_draws(store, "main", NAMES, KEYS)
    Counting.read.clear()
    draws.effect.sel(universe=KEYS[0])
    assert not Counting.read
    draws.effect.sel(universe=KEYS[0]).values
    assert [name for name, _ in Counting.read] == ["main-000"]
    assert "draws:site/level" not in list(Counting.read[0][1] or [])  # type: ignore[arg-type]


def test_one_universe_as_arrays(store: Store) -> None:
    for key, outcome in SAID.items():
        found = universe_data(store, "main", key)
        assert found.keys() == outcome.draws.keys()
        for name, array in outcome.draws.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype


def test_names_that_two_kinds_share_tell_their_kind(store: Store) -> None:
    put(store, "more", Outcome("k", draws={"site/slope": np.ones((1, 2)), "estimand/slope": np.zeros((1, 2))}))
    both = open_draws(store, "main", ["site/slope", "estimand/slope"], ["k"])
    assert set(both.data_vars) == {"site_slope", "estimand_slope"}
    assert both.site_slope.attrs["name"] == "site/slope"
    assert set(open_draws(store, "main", ["site/slope"], ["k"]).data_vars) == {"slope"}


def test_what_is_kept_is_listed(store: Store) -> None:
    assert draws_names(store, "main") == tuple(sorted(SAID[KEYS[0]].draws))
    assert draws_names(store, "nobody") == () and draws_names(MemoryStore(), "main") == ()


def test_the_attempt_that_counts_is_read(store: Store) -> None:
    ones = np.ones((1, 2))
    put(store, "x1", Outcome("k", Reason.rhat, draws={"site/b": ones}, final=False))
    put(store, "x2", Outcome("k", draws={"site/b": 2 * ones}, attempt=2), Outcome("j", draws={"site/b": 3 * ones}))
    assert open_draws(store, "main", ["site/b"], ["j", "k"]).b.values[:, 0, 0].tolist() == [3, 2]
    assert universe_data(store, "main", "k")["site/b"].tolist() == [[2, 2]]


def test_other_shapes_need_one_universe_at_a_time(store: Store) -> None:
    put(store, "more", Outcome("k", draws={"site/level": np.ones((2, 20, 5))}))
    with pytest.raises(ResultError, match="2 shapes") as caught:
        open_draws(store, "main", ["site/level"], [*KEYS, "k"])
    assert "universe_data" in str(caught.value) and "(2, 20, 3) in 11" in str(caught.value)
    assert universe_data(store, "main", "k")["site/level"].shape == (2, 20, 5)


def test_unknown_names_and_keys_are_errors(store: Store) -> None:
    with pytest.raises(ResultError, match="Did you mean 'site/level'"):
        open_draws(store, "main", ["site/levle"], KEYS)
    with pytest.raises(ResultError, match="no answer for 1 of the universes asked for: 'nokey'"):
        open_draws(store, "main", NAMES, [*KEYS, "nokey"])
    with pytest.raises(ResultError, match="has no answer"):
        universe_data(store, "nobody", KEYS[0])
    with pytest.raises(ResultError, match="has no answer"):
        universe_data(MemoryStore(), "main", KEYS[0])


def test_it_opens_in_a_folder_and_travels(tmp_path: Path) -> None:
    import pickle

    store = FolderStore(tmp_path)
    synthetic.fill(store)
    draws = pickle.loads(pickle.dumps(open_draws(store, "main", NAMES, KEYS)))
    np.testing.assert_array_equal(draws.effect.mean(("chain", "draw"))[0], expected(NAMES[0], KEYS)[0].mean())
