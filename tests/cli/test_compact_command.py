"""`multiverse compact`: what it packed and what it removed."""

from __future__ import annotations

import json
from pathlib import Path

from multiverse.store.folder import FolderStore
from multiverse.store.synthetic import fill


def test_in_words(multiverse, store: Path) -> None:
    answer = multiverse("compact", store)
    assert answer.exit_code == 0
    assert answer.stdout.endswith(": 13 rows of 4 parts are in one pack, 4 of them new.\n")
    assert multiverse("compact", store).stdout.endswith("nothing to pack; every part has its pack.\n")
    assert "12 of 12 universes answered" in multiverse("status", store).stdout


def test_what_is_superseded_goes_after_the_grace(multiverse, store: Path) -> None:
    multiverse("compact", store)
    fill(FolderStore(store), "second")
    assert "removed" not in multiverse("compact", store).stdout
    assert "2 superseded tables removed." in multiverse("compact", store, "--grace", "0").stdout
    assert len(list((store / "packs").iterdir())) == len(list((store / "manifests").iterdir())) == 1


def test_for_programs(multiverse, store: Path) -> None:
    told = json.loads(multiverse("compact", store, "--json").stdout)
    assert told["packed"]["fresh"] == 4 and told["removed"] == {"manifests": [], "packs": []}
    assert json.loads(multiverse("compact", store, "--json").stdout)["packed"] is None


def test_a_mistaken_grace(multiverse, store: Path) -> None:
    assert multiverse("compact", store, "--grace", "-1").exit_code == 2
