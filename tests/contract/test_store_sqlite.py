"""The store on SQLite: in a thread of its own, and in the caller's."""

from pathlib import Path

import pytest

from autopyfactory.model import FactoryId
from autopyfactory.store import open_store
from autopyfactory.testkit.store import Opener, StoreContract


class TestSqlite(StoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return lambda: open_store(f"sqlite:///{tmp_path}/factory.db", FactoryId("test"))


class TestSqliteInline(StoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return lambda: open_store(f"sqlite:///{tmp_path}/factory.db", FactoryId("test"), inline=True)
