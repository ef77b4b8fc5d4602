"""Processes that put load on a store, for tests that kill them or let them run side by side.

`python loaded.py ROLE ...`: imported nowhere, each role is a process of its own that says what it saw as JSON.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from multiverse.store.attempts import distinct
from multiverse.store.compact import compact, remove_superseded
from multiverse.store.contract import Table
from multiverse.store.end_state import end_state
from multiverse.store.examine import examine
from multiverse.store.folder import FolderStore
from multiverse.store.part import is_row_column
from multiverse.store.row_scan import scan_rows
from multiverse.store.synthetic_load import Load

NO_GRACE = timedelta(0)
LIFE = 16  # tables a killed process puts or removes at most
PAUSE = 0.02  # seconds at most that it lives on after the last of them
ROUND = Load(universes=480, batch=8, draws=10)
PHASES = ("between", "part", "pack", "manifest", "remove")
AIMS = ("remove", "pack", "manifest", "part")
SHORTEST_FUSE, LONGEST_FUSE = 1e-6, 0.003  # seconds; putting a small table takes one to three milliseconds


# -- killed again and again ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Telling(FolderStore):
    """Writes down, where its killer sees it, what it is about to do; ends itself in a phase that is aimed at."""

    shared: mmap.mmap = None  # type: ignore[assignment]
    aim: str = ""
    fuse: float = 0.0  # seconds from the start of that phase to the death

    def put(self, kind: str, name: str, table: Table) -> None:
        self._begin(kind)
        super().put(kind, name, table)
        self.shared[0] = 0

    def remove(self, kind: str, name: str) -> None:
        self._begin("remove")
        super().remove(kind, name)
        self.shared[0] = 0

    def _begin(self, phase: str) -> None:
        self.shared[0], self.shared[1] = PHASES.index(phase), self.shared[1] + 1
        if phase == self.aim:  # nobody catches this signal: the process is gone at once, as by SIGKILL
            signal.setitimer(signal.ITIMER_REAL, self.fuse)


def killed(folder: str, kills: str, seed: str) -> dict[str, object]:
    """Kill a writer that compacts, check the store after each kill, and what it ends as.

    Every other kill is at a random moment, every other soon after a phase began, each phase in turn: most of the
    time goes into writing parts, so that chance alone may pass a short phase by.

    Children are forked, since starting Python takes longer than most of them live; the parent never starts a thread.
    """
    chance, shared = random.Random(int(seed)), mmap.mmap(-1, 2)  # the phase, and how many there were
    moments: Counter[str] = Counter()
    rounds, wrong = 0, []
    while moments.total() < int(kills):
        place = Path(folder) / f"round-{rounds}"
        while moments.total() < int(kills):
            shared[:] = b"\0\0"
            turn = moments.total()
            aim = AIMS[turn // 2 % len(AIMS)] if turn % 2 else ""
            store = Telling(place, shared, aim, chance.uniform(SHORTEST_FUSE, LONGEST_FUSE))
            child = forked(lambda store=store: write_and_compact(store))
            if not aim:
                if not lives_for(child, shared, chance.randrange(LIFE)):
                    break  # all is written
                time.sleep(chance.uniform(0, PAUSE))
                os.kill(child, signal.SIGKILL)
            if not os.WIFSIGNALED(os.waitpid(child, 0)[1]):
                break  # it ended first
            moments[aim or "any"] += 1
            if not ended_well(lambda place=place: whole(FolderStore(place))):
                wrong.append(f"after kill {moments.total()}, in {PHASES[shared[0]]}")
        if not ended_well(lambda place=place: finished(FolderStore(place), Path(folder) / "plain")):
            wrong.append(f"at the end of round {rounds}")
        rounds += 1
    return {"moments": moments, "rounds": rounds, "wrong": wrong}


def lives_for(child: int, shared: mmap.mmap, tables: int) -> bool:
    """Wait until it has begun on so many tables; False if it ends before."""
    while shared[1] < tables:
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.001)
    return True


def write_and_compact(store: FolderStore) -> None:
    """What a sweep does that goes on where it stopped; it compacts all the time."""
    there = store.names("part")
    for part in range(ROUND.parts):
        if ROUND.name(part) not in there:
            ROUND.write(store, part)
            if part % 4 == 3:
                compact(store)
                remove_superseded(store, NO_GRACE)
    compact(store)


def whole(store: FolderStore) -> None:
    """What can be read now is what the parts hold, each attempt once."""
    seen, there = scan_rows(store), store.names("part")
    assert set(seen["batch"].to_pylist()) == there
    assert seen.num_rows == len(there) * ROUND.batch == distinct(seen).num_rows
    plain = store.scan("part", is_row_column)
    assert ordered(seen).equals(ordered(plain)) if there else not plain.num_rows


def finished(store: FolderStore, plain: Path) -> None:
    """After one more start everything is there, as if nobody had been killed."""
    write_and_compact(store)
    straight = FolderStore(plain)
    if not straight.names("part"):
        for part in range(ROUND.parts):
            ROUND.write(straight, part)
    assert end_state(store).equals(end_state(straight))
    assert ordered(scan_rows(store)).equals(ordered(scan_rows(straight)))
    remove_superseded(store, NO_GRACE)
    assert len(store.names("pack")) == len(store.names("manifest")) == 1
    assert not [found for found in examine(store) if found.damage and "no record" not in found.what]


def ordered(rows: Table) -> Table:
    """Rows in one order, columns too."""
    return rows.select(sorted(rows.column_names)).sort_by("key").combine_chunks()


def forked(work: Callable[[], object]) -> int:
    """A child that does this and ends; its number."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def ended_well(work: Callable[[], object]) -> bool:
    return os.waitpid(forked(work), 0)[1] == 0


# -- side by side --------------------------------------------------------------------------------------------------


def load(universes: str, batch: str) -> Load:
    return Load(int(universes), int(batch), draws=5)


def write(folder: str, universes: str, batch: str, seconds: str, pause: str, least: str) -> dict[str, object]:
    """Write parts in a random order until the time is over, but so many at least; when all are there, again."""
    store, its, ends = FolderStore(Path(folder)), load(universes, batch), time.monotonic() + float(seconds)
    rng, puts = np.random.default_rng(os.getpid()), 0
    while True:
        for part in rng.permutation(its.parts).tolist():
            its.write(store, part)
            puts += 1
            if time.monotonic() > ends and puts >= int(least):
                return {"puts": puts}
            time.sleep(float(pause))


def pack(folder: str, grace: str, seconds: str) -> dict[str, object]:
    """Compact, and remove what is superseded, until the time is over."""
    store, ends = FolderStore(Path(folder)), time.monotonic() + float(seconds)
    packs = removed = 0
    while not packs or time.monotonic() < ends:
        packs += compact(store) is not None
        removed += len(remove_superseded(store, timedelta(seconds=float(grace))).packs)
        time.sleep(0.02)
    return {"packs": packs, "removed": removed}


def read(folder: str, batch: str, seconds: str) -> dict[str, object]:
    """Query until the time is over; what was wrong is said: a failure, a double, half a part, fewer than before."""
    from contextlib import closing

    from multiverse.cli.run_state import run_states
    from multiverse.store.lazy_draws import universe_data
    from multiverse.store.sql import ask
    from multiverse.store.views import open_views

    store, ends = FolderStore(Path(folder)), time.monotonic() + float(seconds)
    queries, before, wrong = 0, 0, []
    while not queries + len(wrong) or time.monotonic() < ends:
        try:
            with closing(open_views(store)) as con:
                row = ask(
                    con,
                    """select count(*) as n, count(distinct key) as keys, min(key) as key,
                    (select count(*) from estimates) as estimates from universes""",
                ).iloc[0]
            state = run_states(store)[0].answered
            if row["keys"]:
                universe_data(store, "main", row["key"])
        except Exception as error:
            wrong.append(f"{type(error).__name__}: {error}")
            continue
        queries += 3
        count = int(row["n"])
        if not (before <= count == row["keys"] == row["estimates"] <= state and count % int(batch) == 0):
            wrong.append(f"{before} before, then {dict(row)}, then {state}")
        before = state
    return {"queries": queries, "last": before, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps({"killed": killed, "write": write, "pack": pack, "read": read}[sys.argv[1]](*sys.argv[2:])))
