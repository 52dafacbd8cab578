"""Numbers over time, on SQLite and on PostgreSQL."""

from pathlib import Path

import pytest
from postgres_server import database, needs_postgres

from autopyfactory.model import FactoryId
from autopyfactory.store import open_store
from autopyfactory.testkit.series_store import SeriesOpener, SeriesStoreContract

__all__ = ["database"]


class TestSqliteSeries(SeriesStoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> SeriesOpener:
        return lambda: open_store(f"sqlite:///{tmp_path}/factory.db", FactoryId("test"), inline=True)


class TestPostgresSeries(SeriesStoreContract):
    pytestmark = needs_postgres

    @pytest.fixture
    def opener(self, database: str) -> SeriesOpener:
        return lambda: open_store(database, FactoryId("test"))
