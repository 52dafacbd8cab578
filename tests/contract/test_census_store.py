"""What metrics need of the store, on SQLite and on PostgreSQL."""

from pathlib import Path

import pytest
from postgres_server import database, needs_postgres

from autopyfactory.model import FactoryId
from autopyfactory.store import open_store
from autopyfactory.testkit.census import CensusOpener, CensusStoreContract

__all__ = ["database"]


class TestSqliteCensus(CensusStoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> CensusOpener:
        return lambda: open_store(f"sqlite:///{tmp_path}/factory.db", FactoryId("test"))


class TestPostgresCensus(CensusStoreContract):
    pytestmark = needs_postgres

    @pytest.fixture
    def opener(self, database: str) -> CensusOpener:
        return lambda: open_store(database, FactoryId("test"))
