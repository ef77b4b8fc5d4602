"""Exact duplicates among universes: one of them is run, and its attempts become rows of the others as well.

Nothing here remembers anything: who is run for whom follows from the plan's twins and from what the store holds, so a
killed sweep that is given again goes on where it was. A universe that was run itself keeps its answers for ever; one
that shares follows the universe whose answers it has, attempt by attempt, through retries too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow.compute as pc

from multiverse.identity.keys import batch_id
from multiverse.planning.plan import Plan
from multiverse.planning.twins import groups
from multiverse.progress import Progress
from multiverse.store.attempts import COLUMNS, distinct
from multiverse.store.contract import Store, Table
from multiverse.store.row_scan import scan_rows
from multiverse.store.same_as import SAME_AS, shared_rows

UNIVERSES_A_PART: Final = 64  # as an engine's batches, so that a killed run loses little
BYTES_A_PART: Final = 2**28  # draws of many sites, copied 64 times, would not fit into one column of a part


@dataclass
class _Tried:
    """What the store holds of one universe.

    ran: by attempt, the key of the universe that was run for it. batches: by attempt, where the rows are. asked: all
    estimands that it was ever asked for.
    """

    ran: dict[int, str] = field(default_factory=dict)
    batches: dict[int, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    @property
    def by(self) -> str:
        """The universe that was run for the last attempt."""
        return self.ran[max(self.ran)]


def share(store: Store, plan: Plan, run: str, progress: Progress) -> dict[str, tuple[str, ...]]:
    """Publish what twins of answered universes still lack; who follows whom from now on: first one -> the others.

    A new estimand must be computed before (`re_estimate`), as rows are copied with all that they hold.
    """
    together = groups(plan.twins, plan.universes)
    if not together:
        return {}
    tried = _tried(store, run, {key for keys in together.values() for key in keys})
    leader = {key: first for keys in together.values() for key, first in _leaders(keys, tried, plan).items()}
    missing: dict[str, list[tuple[str, int, str]]] = {}
    for key, first in leader.items():
        if key != first and first in tried:
            have = tried[key].ran if key in tried else {}
            for attempt, batch in tried[first].batches.items():
                if attempt not in have:
                    missing.setdefault(batch, []).append((first, attempt, key))
    if missing:
        with progress("sharing answers with duplicates", sum(map(len, missing.values())), "universes") as advance:
            for batch, wanted in missing.items():
                _publish(store, store.get("part", batch), run, batch, wanted)
                advance(len(wanted))
    followers: dict[str, list[str]] = {}
    for key, first in leader.items():
        if key != first:
            followers.setdefault(first, []).append(key)
    return {first: tuple(keys) for first, keys in followers.items()}


def share_part(store: Store, part: Table, run: str, batch: str, followers: Mapping[str, Collection[str]]) -> None:
    """Publish a part's rows for those that follow its universes as well."""
    told = zip(part["key"].to_pylist(), part["attempt"].to_pylist(), strict=True)
    wanted = [(first, attempt, key) for first, attempt in told for key in followers.get(first, ())]
    _publish(store, part, run, batch, wanted)


def _publish(store: Store, part: Table, run: str, batch: str, wanted: list[tuple[str, int, str]]) -> None:
    """wanted: first one, attempt, and whose row it becomes too."""
    columns = (part[name].to_pylist() for name in ("key", "attempt", "run"))
    at = {(key, attempt): i for i, (key, attempt, of) in enumerate(zip(*columns, strict=True)) if of == run}
    rows = [at[first, attempt] for first, attempt, _ in wanted]
    largest = max((part.slice(row, 1).nbytes for row in set(rows)), default=0)
    size = max(1, min(UNIVERSES_A_PART, BYTES_A_PART // max(largest, 1)))
    for i in range(0, len(wanted), size):
        some = wanted[i : i + size]
        name = batch_id("shared", {"run": run}, 1, [f"{key} {attempt}" for _, attempt, key in some], [batch])
        store.put("part", name, shared_rows(part, rows[i : i + size], [key for *_, key in some], name))


def _leaders(keys: list[str], tried: Mapping[str, _Tried], plan: Plan) -> dict[str, str]:
    """Whose answers each of some twins has or will have: its own, or those of another one of them."""
    first_by: dict[str, str] = {}  # the universe that was run -> who stands for it: itself, where it is planned
    for key in keys:
        if key in tried and (tried[key].by == key or tried[key].by not in tried):
            first_by.setdefault(tried[key].by, key)
    # An estimand that is not asked any more may have told apart who are twins now: its numbers are not to be copied.
    asked = plan.wanted.identities.keys()
    sound = {ran: key for ran, key in first_by.items() if tried[key].asked <= asked}
    new = next((key for key in keys if key not in tried), "")
    head = min(sound.values(), key=lambda key: tried[key].by != key, default=new)
    return {key: first_by.get(tried[key].by, key) if key in tried else sound.get(key, head) for key in keys}


def _tried(store: Store, run: str, keys: Collection[str]) -> dict[str, _Tried]:
    """What the store holds of these universes."""
    rows = scan_rows(store, [*COLUMNS, SAME_AS, "estimand"])
    rows = rows.filter(pc.equal(rows["run"], run)) if rows.num_rows else rows
    names = ("key", "attempt", SAME_AS, "batch", "estimand")
    tried: dict[str, _Tried] = {}
    if not rows.num_rows:
        return tried
    once = distinct(rows)
    for key, attempt, ran, batch, estimands in zip(*(once[name].to_pylist() for name in names), strict=True):
        if key in keys:
            one = tried.setdefault(key, _Tried())
            one.ran[attempt], one.batches[attempt] = ran or key, batch
            one.asked |= set(estimands or ())
    return tried
