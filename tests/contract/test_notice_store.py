"""What notices need of the store, on SQLite and on PostgreSQL."""

from pathlib import Path

import pytest
from postgres_server import database, needs_postgres

from autopyfactory.model import FactoryId
from autopyfactory.store import open_store
from autopyfactory.testkit.notice_store import NoticeStoreContract, NoticeStoreOpener

__all__ = ["database"]


class TestSqliteNotices(NoticeStoreContract):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> NoticeStoreOpener:
        return lambda: open_store(f"sqlite:///{tmp_path}/factory.db", FactoryId("test"))


class TestPostgresNotices(NoticeStoreContract):
    pytestmark = needs_postgres

    @pytest.fixture
    def opener(self, database: str) -> NoticeStoreOpener:
        return lambda: open_store(database, FactoryId("test"))
