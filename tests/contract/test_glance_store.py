"""What the dashboard needs of the store, on SQLite and on PostgreSQL."""

from pathlib import Path

import pytest
from postgres_server import database, needs_postgres

from autopyfactory.model import FactoryId
from autopyfactory.store import open_store
from autopyfactory.testkit.glance import GlanceOpener, GlanceStoreContract

__all__ = ["database"]


class TestSqliteGlance(GlanceStoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> GlanceOpener:
        return lambda: open_store(f"sqlite:///{tmp_path}/factory.db", FactoryId("test"))


class TestPostgresGlance(GlanceStoreContract):
    pytestmark = needs_postgres

    @pytest.fixture
    def opener(self, database: str) -> GlanceOpener:
        return lambda: open_store(database, FactoryId("test"))
