"""Files in the folder of a store that are no tables: what writers left, what people put there, links that lead away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from multiverse.store.contract import DAMAGED, FOLDERS
from multiverse.store.finding import Finding, RemoveFile, SetAside
from multiverse.store.folder import SUFFIX, UNFINISHED, FolderStore

STALE: Final = timedelta(days=1)  # since anybody wrote to it: longer than one table is ever written


def stray_files(store: FolderStore) -> Iterator[Finding]:
    """What lies in the folders of a store and is not one of its tables, by name; tables themselves are not read."""
    for kind, folder in FOLDERS.items():
        tables = {store.file(kind, name) for name in store.names(kind)}
        for path in sorted((store.path / folder).glob("*")):
            if path.name.endswith(UNFINISHED):
                yield _unfinished(path)
            elif path not in tables:
                yield _foreign(kind, path)
            elif leaves(store, path):
                yield _link(kind, path)
    if aside := sorted((store.path / DAMAGED).glob("*")):
        yield Finding(
            f"{len(aside)} {'table was' if len(aside) == 1 else 'tables were'} set aside before, in "
            f"{store.path / DAMAGED}.",
            "No reader looks there.",
            f"Delete the folder when you are done with it: rm -r '{store.path / DAMAGED}'",
            damage=False,
        )


def leaves(store: FolderStore, path: Path) -> bool:
    """Whether this is a link out of the store."""
    return path.is_symlink() and not path.resolve().is_relative_to(store.path.resolve())


def _name(kind: str, path: Path) -> str:
    return path.name.removeprefix(f"{kind}-").removesuffix(SUFFIX)


def _unfinished(path: Path) -> Finding:
    stale = time.time() - path.lstat().st_mtime > STALE.total_seconds()
    what, means = f"{path} was never finished", "Nobody reads it, and nothing that was published is in it."
    if not stale:
        mend = f"Nothing; once it is a day old, --mend deletes it (or: rm '{path}')."
        return Finding(f"{what}, or is being written now.", means, mend, damage=False)
    what += ": what wrote it was killed, or had no room."
    return Finding(what, means, "--mend deletes it.", RemoveFile(path), damage=False)


def _foreign(kind: str, path: Path) -> Finding:
    return Finding(
        f"{path} is not called like a {kind}, `{kind}-NAME{SUFFIX}`.",
        "Nobody reads it.",
        f"Nothing if you put it there; if it is a {kind} of this store, give it its name back.",
        damage=False,
    )


def _link(kind: str, path: Path) -> Finding:
    return Finding(
        f"{path} is a link to {path.resolve()}, which is not in this store.",
        f"Readers refuse it, and with it every {kind}.",
        "--mend sets the link aside; if its target is a table of this store, copy it here first.",
        SetAside(kind, _name(kind, path)),
    )
