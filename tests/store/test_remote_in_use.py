"""All that reads a store, and a sweep, at addresses: the same as in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

from multiverse.cli.main import main
from multiverse.results import load
from multiverse.store.contract import FOLDERS, Store
from multiverse.store.end_state import end_state
from multiverse.store.lazy_draws import universe_data
from multiverse.store.memory import MemoryStore
from multiverse.store.place import open_store
from multiverse.store.remote import RemoteStore
from multiverse.store.sql import ask, query
from multiverse.store.synthetic import CHAINS, GROUPS, fill
from multiverse.store.views import open_views
from multiverse.sweep import run

DRAWS = """
select u.family, d.site, count(*) as chains, avg(list_avg(d.draws)) as mean
from draws as d join universes as u using (key, run) group by all order by all
"""


@pytest.fixture(params=["s3", "in_memory"])
def address(request: pytest.FixtureRequest) -> str:
    """A new address of each kind."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def in_process() -> MemoryStore:
    """The made-up store, as it is here."""
    store = MemoryStore()
    fill(store)
    return store


def test_the_views_and_their_draws(address: str, in_process: Store) -> None:
    fill(open_store(address))
    store = open_store(address, must_exist=True)
    with closing(open_views(store)) as there, closing(open_views(in_process)) as here:
        for view in ("universes", "estimates", "diagnostics", "failures", "planned", "options", "manifest"):
            assert ask(there, f"from {view}").equals(ask(here, f"from {view}"))
        assert ask(there, DRAWS).equals(ask(here, DRAWS))


def test_lazy_draws_and_one_universe(address: str, in_process: Store) -> None:
    fill(open_store(address))
    there, here = load(address), load(in_process)
    some = {"universe": [2, 5], "draw": slice(3)}
    assert there.draws().identical(here.draws())
    assert there.draws("level").isel(some).identical(here.draws("level").isel(some))
    mine, theirs = (universe_data(results.store, "main", results.key("reference")) for results in (here, there))
    assert mine.keys() == theirs.keys()
    assert all((mine[name] == theirs[name]).all() for name in mine)


def test_many_parts_are_read_side_by_side_by_sql(s3: str) -> None:
    store = open_store(s3)
    fill(store, batch=1)  # as many parts as attempts
    assert len(store.names("part")) == 13
    held = query(store, "select count(*) as n, count(distinct key) as universes from draws")
    assert held.to_dict("records") == [{"n": 11 * CHAINS * (5 + GROUPS), "universes": 11}]


def test_a_sweep_ends_as_in_a_folder(
    address: str, normal_mean: ModuleType, exact_engines: ModuleType, fitted: list[str], tmp_path: Path
) -> None:
    study, engine = normal_mean.study(normal_mean.space(3, 2, 2)), exact_engines.TwoRounds()
    at_home = run(study, store=tmp_path / "home", engine=engine)
    away = run(study, store=address, engine=engine)
    assert isinstance(away.store, RemoteStore)
    assert end_state(away.store).equals(end_state(at_home.store))
    assert all(len(away.store.names(kind)) == len(at_home.store.names(kind)) for kind in FOLDERS)
    before = len(fitted)
    again = run(study, store=address, engine=engine)
    assert len(fitted) == before
    assert again.status() == away.status()


@pytest.mark.slow
def test_a_sampled_sweep_that_was_stopped_ends_as_in_a_folder(
    s3: str, normal_mean: ModuleType, tmp_path: Path, twelve: Any
) -> None:
    run(twelve.without(twelve.keys[5:]), store=s3, engine=normal_mean.QUICK)
    away = run(twelve, store=s3, engine=normal_mean.QUICK)
    at_home = run(twelve, store=tmp_path / "home", engine=normal_mean.QUICK)
    assert end_state(away.store).equals(end_state(at_home.store))


@pytest.mark.slow
class TestCommands:
    STUDY = "import sys; study = sys.modules['normal_mean'].study(sys.modules['normal_mean'].space(2, 1, 1))\n"

    @pytest.fixture
    def multiverse(self, s3: str, normal_mean: ModuleType) -> Callable[..., Result]:
        """`multiverse("sql", s3, ...)`; the address is that of `s3`."""
        return lambda *words: CliRunner().invoke(main, [str(word) for word in words], prog_name="multiverse")

    def test_all_that_take_a_store_take_an_address(
        self, multiverse: Callable[..., Result], s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("small.py").write_text(self.STUDY)
        planned = multiverse("plan", "small.py", "--store", s3, "--no-pilot")
        assert f"{s3} is not there yet" in planned.output, planned.output
        ran = multiverse("run", "small.py", "--store", s3, "--warmup", 50, "--draws", 50, "--chains", 2)
        assert f"Store: {s3}, run 'main'" in ran.stderr, ran.output
        assert f"The answers are in {s3}. Next:" in ran.output
        assert f"multiverse show {s3} reference" in ran.output
        assert "2 already answered" in multiverse("plan", "small.py", "--store", s3, "--no-pilot").output
        assert "2 of 2 universes answered" in multiverse("status", s3).output
        assert f'"store": "{s3}"' in multiverse("status", s3, "--json").output
        counted = multiverse("sql", s3, "select count(*) as n from universes", "--format", "json")
        assert json.loads(counted.output) == [{"n": 2}]
        assert f"mv.load('{s3}', run='main')" in multiverse("show", s3).output
        assert not Path("s3:").exists()

    def test_what_is_not_there_is_said(self, multiverse: Callable[..., Result], s3: str) -> None:
        fill(open_store(f"{s3}/radon"))
        for command in (("status",), ("sql",), ("curve",), ("show",)):
            asked = multiverse(*command, f"{s3}/radom", *(["from options"] if command == ("sql",) else []))
            assert asked.exit_code == 1
            assert f"there is no store at {s3}/radom" in asked.stderr
            assert "Did you mean 'radon'" in asked.stderr

    def test_memory_is_refused(self, multiverse: Callable[..., Result], tmp_path: Path) -> None:
        (tmp_path / "small.py").write_text(self.STUDY)
        for command in (("run", tmp_path / "small.py", "--store", "memory://x"), ("status", "memory://x")):
            asked = multiverse(*command)
            assert asked.exit_code == 1
            assert "ends with it" in asked.stderr
