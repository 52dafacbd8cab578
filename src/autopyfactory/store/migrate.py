"""Migrations: the schema's number, and the way from an older one to the present one.

alembic is imported on use only: a store at the present schema opens without it.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from autopyfactory.api import StoreRefused
from autopyfactory.store.database import Database
from autopyfactory.store.place import Place
from autopyfactory.store.tables import SCHEMA

if TYPE_CHECKING:
    from alembic.config import Config

SCRIPTS = Path(__file__).parent / "migrations"
_SCHEMA_LOCK = 0x415046  # "APF"; only so that no other program's advisory lock is meant


def head() -> str:
    """Return the schema that this version works with."""
    return SCHEMA


@cache
def known_revisions() -> frozenset[str]:
    """Return all schemas that this version can migrate from, and its own."""
    from alembic.script import ScriptDirectory

    return frozenset(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


def upgrade_place(place: Place) -> None:
    """Migrate a store to the present schema, in one transaction: wholly, or not at all."""
    database = Database(place, maintenance=True)
    try:
        database.write(lambda connection: _migrate(connection, place))
    finally:
        database.close()


def run_migrations(connection: Connection) -> None:
    """Run what is missing up to the head, within the caller's transaction."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def lock_schema(connection: Connection) -> None:
    """Let no other process make or migrate tables until the end of the transaction."""
    if connection.dialect.name == "postgresql":  # SQLite's write transaction is a lock by itself
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")


def _migrate(connection: Connection, place: Place) -> None:
    lock_schema(connection)
    run_migrations(connection)
    if (
        place.is_sqlite
    ):  # foreign keys are off meanwhile, since a rebuilt table would empty those that refer to it
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise StoreRefused(
                f"{place.shown} cannot be migrated: {broken[0]} refers to rows that are not there.  It is as "
                "it was; restore a backup (docs/reference/store.md)"
            )


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config
