"""What the doctor can do about a damaged store: nothing it does removes an answer that can be read."""

from __future__ import annotations

from collections.abc import Iterable

from multiverse.store.compact import publish
from multiverse.store.contract import Store
from multiverse.store.finding import Cure, DropPack, Finding, RemoveFile, Rename, SetAside
from multiverse.store.manifest import read_manifest


def mend(store: Store, findings: Iterable[Finding]) -> list[str]:
    """Do what each finding can have done about it; what was done, in words.

    Raises StoreError where the store cannot be written; what was done before then stays done.
    """
    cures = list(dict.fromkeys(finding.cure for finding in findings if finding.cure is not None))
    done = [_done(store, cure) for cure in cures if not isinstance(cure, DropPack)]
    return done + _manifest(store, {cure.pack for cure in cures if isinstance(cure, DropPack)})


def _done(store: Store, cure: Cure) -> str:
    match cure:
        case SetAside(kind, name):
            return f"The {kind} {name!r} is set aside in {store.set_aside(kind, name)}."
        case Rename(name, batch):
            store.put("part", batch, store.get("part", name))
            return f"The part {name!r} is called {batch!r} again; a copy is in {store.set_aside('part', name)}."
        case RemoveFile(path):
            path.unlink(missing_ok=True)
            return f"{path} is deleted."
    raise TypeError(cure)


def _manifest(store: Store, dropped: set[str]) -> list[str]:
    """A manifest without these packs, and without those that stand for parts which are set aside now."""
    manifest = read_manifest(store)
    if manifest is None:
        return []
    packs, parts = store.names("pack"), store.names("part")
    good = {p: its for p, its in manifest.packs.items() if p in packs - dropped and its <= parts}
    if len(good) == len(manifest.packs):
        return []
    publish(store, good)
    gone = len(manifest.packs) - len(good)
    return [f"{gone} {'packs are' if gone > 1 else 'pack is'} out of use; `multiverse compact` packs anew."]
