"""Packing: the rows of many parts copied into one table, so that a query opens few files. Draws stay in the parts.

Nothing is lost whatever happens, as parts are never removed and packs only stand for them. A compaction publishes a
pack, then a manifest with the next number. What it supersedes goes later, when no reader can be at it any more.
Of two compactions at once one manifest counts; the parts that the other has packed are read as they are.
"""

from __future__ import annotations

import uuid
import warnings
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from multiverse.errors import StoreError
from multiverse.store.contract import Store
from multiverse.store.manifest import Manifest, by_number, decode_manifest, encode_manifest, number_of, read_manifest
from multiverse.store.row_scan import gather_rows

COMPACT_FROM: Final = (
    500  # parts that no pack stands for: beyond, a query takes over half a second (README: 1 ms a part)
)
GRACE: Final = timedelta(hours=1)  # longer than any query reads rows; a reader that is slower reads the manifest again
_STAMP: Final = "%Y%m%dT%H%M%S%f"


class Compaction(NamedTuple):
    """What a compaction did. parts: how many the pack stands for; fresh: how many of them no pack stood for before."""

    pack: str
    rows: int
    parts: int
    fresh: int


class Removed(NamedTuple):
    """The names of what was superseded long enough ago, and is removed now."""

    manifests: tuple[str, ...]
    packs: tuple[str, ...]


def compact(store: Store) -> Compaction | None:
    """Copy the rows of all parts into one new pack, and publish the manifest that says so.

    None if there was nothing to do: every part has its pack. Any number of processes may read, write and compact.
    Raises StoreError where a part cannot be read or the pack not be written; the store then is as it was.
    """
    if not loose_parts(store) and len(_packs(store)) <= 1:
        return None
    gathered = gather_rows(store)
    fresh = gathered.parts.difference(*gathered.packs.values())
    pack = f"{_now():{_STAMP}}-{uuid.uuid4().hex[:8]}"
    store.put("pack", pack, gathered.rows)
    publish(store, {pack: gathered.parts})
    return Compaction(pack, gathered.rows.num_rows, len(gathered.parts), len(fresh))


def compact_if_worth(store: Store) -> Compaction | None:
    """Compact, and remove what is superseded, if more than `COMPACT_FROM` parts have no pack: at the end of a run.

    Warns (UserWarning) where it cannot be done: what the run has answered is complete without it.
    """
    if len(loose_parts(store)) <= COMPACT_FROM:
        return None
    try:
        done = compact(store)
        remove_superseded(store)
    except StoreError as error:
        warnings.warn(f"the store was not compacted, so that reading it takes longer: {error}", stacklevel=2)
        return None
    return done


def loose_parts(store: Store) -> frozenset[str]:
    """The parts that no pack stands for."""
    packs = _packs(store)  # before the listing, see `gather_rows`
    parts = store.names("part")
    return parts.difference(*(its for its in packs.values() if its <= parts))


def publish(store: Store, packs: dict[str, frozenset[str]]) -> Manifest:
    """Publish the manifest that from now on counts: these packs stand for these parts."""
    number = max(map(number_of, store.names("manifest")), default=0) + 1
    manifest = Manifest(number, packs, _now())
    store.put("manifest", manifest.name(), encode_manifest(manifest))
    return manifest


def remove_superseded(store: Store, grace: timedelta = GRACE) -> Removed:
    """Remove manifests that were superseded longer than `grace` ago, and the packs that only they name.

    Packs that no manifest names are what a killed compaction left; they go `grace` after they were written.
    """
    manifests = []
    for name in by_number(store.names("manifest")):
        with suppress(StoreError):  # removed meanwhile, or damaged: the doctor's
            manifests.append((name, decode_manifest(store.get("manifest", name))))
    expired = _now() - grace
    gone, kept = [], set()
    superseded = None  # when the first of those that count more was published
    for name, manifest in manifests:
        if superseded is not None and max(superseded, manifest.created) < expired:
            gone.append(name)
        else:
            kept |= set(manifest.packs)
        superseded = manifest.created if superseded is None else min(superseded, manifest.created)
    orphans = [pack for pack in sorted(store.names("pack") - kept) if _written(pack) < expired]
    for name in gone:
        store.remove("manifest", name)
    for pack in orphans:
        store.remove("pack", pack)
    return Removed(tuple(gone), tuple(orphans))


def _packs(store: Store) -> dict[str, frozenset[str]]:
    """The packs of the manifest that counts, as far as they are there."""
    manifest, there = read_manifest(store), store.names("pack")
    return {pack: its for pack, its in manifest.packs.items() if pack in there} if manifest else {}


def _written(pack: str) -> datetime:
    """When a pack was begun; long ago if its name does not say."""
    try:
        return datetime.strptime(pack.partition("-")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _now() -> datetime:
    return datetime.now(UTC)
