"""The tables of notices; conventions as in `tables`."""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from autopyfactory.store.tables import metadata

# host names and keys are compared, never sorted: the locale of the server does not matter
notices = Table(
    "notices",
    metadata,
    Column("key", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("severity", Text, nullable=False),
)

channels = Table(
    "notice_channels",
    metadata,
    Column("name", Text, primary_key=True),
    Column("state", Text, nullable=False),  # JSON: what it has told and has yet to tell
    Column("trouble", Text, nullable=False),
)

looks = Table(
    "notice_looks",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: there is one row
    Column("number", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
)
ONLY = 1
"""The id of the one row of ``notice_looks``."""
