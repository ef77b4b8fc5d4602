"""Both stores keep what every store promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiverse.store.contract import Store
from multiverse.store.folder import FolderStore
from multiverse.store.memory import MemoryStore
from multiverse.testing import StoreSuite


class TestFolderStore(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return FolderStore(tmp_path / "new" / "store")


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


def test_both_are_stores() -> None:
    assert isinstance(FolderStore(Path(".")), Store)
    assert isinstance(MemoryStore(), Store)
