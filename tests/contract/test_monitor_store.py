"""What a monitor needs of the store, on SQLite and on PostgreSQL."""

from pathlib import Path

import pytest
from postgres_server import database, needs_postgres

from autopyfactory.model import FactoryId
from autopyfactory.store import open_store
from autopyfactory.testkit.monitor_store import MonitorOpener, MonitorStoreContract

__all__ = ["database"]


class TestSqliteMonitor(MonitorStoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> MonitorOpener:
        return lambda: open_store(f"sqlite:///{tmp_path}/monitor.db", FactoryId("test"))


class TestPostgresMonitor(MonitorStoreContract):
    pytestmark = needs_postgres

    @pytest.fixture
    def opener(self, database: str) -> MonitorOpener:
        return lambda: open_store(database, FactoryId("test"))
