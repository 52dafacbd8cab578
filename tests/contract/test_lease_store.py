"""Leases and fenced writes, on SQLite and on a real PostgreSQL server."""

from pathlib import Path

import pytest
from postgres_server import database, needs_postgres

from autopyfactory.model import FactoryId
from autopyfactory.store import open_store
from autopyfactory.testkit.lease_store import LeaseOpener, LeaseStoreContract

__all__ = ["database"]


class TestSqliteLeases(LeaseStoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> LeaseOpener:
        return lambda: open_store(f"sqlite:///{tmp_path}/factory.db", FactoryId("test"))


class TestPostgresLeases(LeaseStoreContract):
    pytestmark = needs_postgres

    @pytest.fixture
    def opener(self, database: str) -> LeaseOpener:
        return lambda: open_store(database, FactoryId("test"))
