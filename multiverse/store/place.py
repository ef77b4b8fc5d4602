"""From what a person writes to a store: `store="runs/radon"`, or `store="s3://bucket/radon"`."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from multiverse.errors import Problem, StoreError, near_miss
from multiverse.store.contract import FOLDERS, Store
from multiverse.store.folder import FolderStore
from multiverse.store.remote import RemoteStore

_LOCAL: Final = ("file", "local")  # protocols of this machine's folders
_LOOKED_AT: Final = 20  # things at an address of which we ask whether they are the store that was meant
_SQUEEZED: Final = re.compile(r"([a-z][a-z0-9+.-]+):/(?!/)(.*)")  # what `Path` makes of an address: s3:/bucket/radon


def open_store(place: str | Path | Store, *, must_exist: bool = False, **options: Any) -> Store:
    """The store at this place: a folder, an address that fsspec knows, or a store that is passed through as it is.

    must_exist: for reading; else a folder is made if need be, and must be one that this process may write to.
    options: of an address, as fsspec's class for its protocol takes them: `open_store("s3://bucket/radon", anon=True)`.
    Raises StoreError for a file, a place that holds other things, one that is missing or that may not be written; for
    an address whose package is not installed, that cannot be reached, or whose bucket is not there.
    """
    if not isinstance(place, str | Path):
        return place
    if isinstance(place, Path) and (found := _SQUEEZED.fullmatch(place.as_posix())) and not place.exists():
        address = f"{found[1]}://{found[2]}"
        raise StoreError(
            Problem(f"Path has made {str(place)!r} of an address", "an address as text", f"Write {address!r}.")
        )
    protocol, is_address, below = str(place).partition("://")
    if is_address and protocol not in _LOCAL:
        return _at_address(RemoteStore(f"{protocol}://{below.rstrip('/')}", options), must_exist)
    place = below if is_address else place
    path = Path(place)
    if path.exists() and not path.is_dir():
        raise StoreError(Problem(f"{path} is a file", "a folder", "Name the folder that holds the store."))
    if path.is_dir() and not _is_store(path) and (must_exist or not _may_become_store(path)):
        raise StoreError(
            Problem(
                f"{path} is a folder, but not a store",
                f"a folder with {', '.join(f'{folder}/' for folder in FOLDERS.values())}"
                + ("" if must_exist else ", or an empty or new one"),
                _near_store(path) or f"Name a new folder, such as '{path / 'store'}'.",
            )
        )
    if must_exist:
        if not path.exists():
            siblings = (
                [p.name for p in path.parent.iterdir() if p.is_dir() and _is_store(p)] if path.parent.is_dir() else []
            )
            raise StoreError(
                Problem(
                    f"there is no store at {path}",
                    "the folder of a store that a run has written",
                    f"{near_miss(path.name, siblings)}`multiverse run study.py --store {path}` makes one.",
                )
            )
        return FolderStore(path)
    return FolderStore(_writable(path))


def _at_address(store: RemoteStore, must_exist: bool) -> RemoteStore:
    """The store itself, if it is one or may become one; this asks the place once."""
    there = store.entries()
    if there & set(FOLDERS.values()):
        return store
    if there:
        inside = [name for name in sorted(there)[:_LOOKED_AT] if _below(store, name).entries() & set(FOLDERS.values())]
        raise StoreError(
            Problem(
                f"{store.url} is not a store: there are other things",
                f"an address with {', '.join(f'{folder}/' for folder in FOLDERS.values())} below it"
                + ("" if must_exist else ", or with nothing"),
                f"Did you mean {store.url + '/' + inside[0]!r}?"
                if inside
                else f"Name a new address, such as {store.url + '/store'!r}.",
            )
        )
    if must_exist:
        raise StoreError(
            Problem(
                f"there is no store at {store.url}",
                "the address of a store that a run has written",
                f"{_near_address(store)}`multiverse run study.py --store {store.url}` makes one.",
            )
        )
    return store


def _near_address(store: RemoteStore) -> str:
    """What is beside, if somebody mistyped the last word of an address, and may list there."""
    around, _, name = store.url.rpartition("/")
    beside: frozenset[str] = frozenset()
    with suppress(StoreError):
        beside = RemoteStore(around, store.options).entries() if "://" in around else beside
    return near_miss(name, beside)


def _below(store: RemoteStore, name: str) -> RemoteStore:
    return RemoteStore(f"{store.url}/{name}", store.options)


def _is_store(path: Path) -> bool:
    return any(FolderStore(path).names(kind) for kind in FOLDERS)


def _may_become_store(path: Path) -> bool:
    """Empty, or left by a run that was killed before its first table was whole."""
    return {entry.name for entry in path.iterdir()} <= set(FOLDERS.values())


def _near_store(path: Path) -> str:
    """Where the store is, if somebody named the folder around it."""
    inside = sorted(p for p in (*path.iterdir(), *path.glob("runs/*")) if p.is_dir() and _is_store(p))
    return f"Did you mean '{inside[0]}'?" if inside else ""


def _writable(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            Problem(f"the folder {path} cannot be made ({error})", "a place one may write to", "Name another folder.")
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise StoreError(
            Problem(
                f"the folder {path} may not be written by this process",
                "a folder one may write to",
                f"chmod u+rwx '{path}', or name another folder with store=.",
            )
        )
    return path
