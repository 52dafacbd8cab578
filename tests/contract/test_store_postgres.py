"""The store on a real PostgreSQL server."""

import pytest
from postgres_server import database, needs_postgres

from autopyfactory.model import FactoryId
from autopyfactory.store import open_store
from autopyfactory.testkit.store import Opener, StoreContract

__all__ = ["database"]
pytestmark = needs_postgres


class TestPostgres(StoreContract):
    @pytest.fixture
    def opener(self, database: str) -> Opener:
        return lambda: open_store(database, FactoryId("test"))
