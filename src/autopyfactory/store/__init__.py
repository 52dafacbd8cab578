"""Durable state: SQLite and PostgreSQL behind one contract."""

from autopyfactory.store.maintenance import copy, schema_version, upgrade
from autopyfactory.store.migrate import head
from autopyfactory.store.opening import open_store
from autopyfactory.store.sql import SqlStore

__all__ = ["SqlStore", "copy", "head", "open_store", "schema_version", "upgrade"]
