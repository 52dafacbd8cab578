"""What the web and operators need of the store, on SQLite and on PostgreSQL."""

from pathlib import Path

import pytest
from postgres_server import database, needs_postgres

from autopyfactory.model import FactoryId
from autopyfactory.store import open_store
from autopyfactory.testkit.desk_store import DeskOpener, DeskStoreContract

__all__ = ["database"]


class TestSqliteDesk(DeskStoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> DeskOpener:
        return lambda: open_store(f"sqlite:///{tmp_path}/factory.db", FactoryId("test"))


class TestPostgresDesk(DeskStoreContract):
    pytestmark = needs_postgres

    @pytest.fixture
    def opener(self, database: str) -> DeskOpener:
        return lambda: open_store(database, FactoryId("test"))
