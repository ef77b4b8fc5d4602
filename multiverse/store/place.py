"""From what a person writes to a store: `store="runs/radon"`."""

from __future__ import annotations

import os
from pathlib import Path

from multiverse.errors import Problem, StoreError, near_miss
from multiverse.store.contract import FOLDERS, Store
from multiverse.store.folder import FolderStore


def open_store(place: str | Path | Store, *, must_exist: bool = False) -> Store:
    """The store at this place: a folder, or a store that is passed through as it is.

    must_exist: for reading; else the folder is made if need be, and must be one that this process may write to.
    Raises StoreError for a file, a folder that holds other things, one that is missing or that may not be written.
    """
    if not isinstance(place, str | Path):
        return place
    if "://" in str(place):
        raise StoreError(
            Problem(f"{str(place)!r} is an address", "a folder of this machine", "Write a path: store='runs/radon'.")
        )
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
