"""The tables of the monitor; conventions as in `tables`."""

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, Table, Text

from autopyfactory.store.tables import metadata

# names sort by their bytes, whatever the locale of the server
_Name = Text().with_variant(Text(collation="C"), "postgresql")

factories = Table(
    "monitor_factories",
    metadata,
    Column("name", _Name, primary_key=True),
    Column("url", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("ip", Text, nullable=False),
    Column("startup_at", BigInteger, nullable=False),
    Column("heard_at", BigInteger, nullable=False),
    Column("traces", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
)

labels = Table(
    "monitor_labels",
    metadata,
    Column("factory", _Name, primary_key=True),
    Column("name", _Name, primary_key=True),
    Column("batchqueue", Text, nullable=False),
    Column("wmsqueue", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("localqueue", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("heard_at", BigInteger, nullable=False),
    Column("messages", Text, nullable=False),  # JSON: [[at, origin, text], …], oldest first
    Column("data", Text, nullable=False),  # JSON, or empty
)

jobs = Table(
    "monitor_jobs",
    metadata,
    Column("factory", _Name, primary_key=True),
    Column("cid", _Name, primary_key=True),
    Column("label", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("heard_at", BigInteger, nullable=False),
    Column("flagged_at", BigInteger),
    Column("rc", BigInteger),
    Column("wrapper", Text, nullable=False),
    Column("ids", Text, nullable=False),
    Column("workerid", Text, nullable=False),
    Column("computingsite", Text, nullable=False),
    Column("computingelement", Text, nullable=False),
    Column("stdout", Text, nullable=False),
    Column("stderr", Text, nullable=False),
    Column("joblog", Text, nullable=False),
    Column("due_at", BigInteger),  # when its silence means something; null where it has ended
    Column("events", Integer, nullable=False),  # rows in monitor_events
)
Index("monitor_jobs_label", jobs.c.factory, jobs.c.label, jobs.c.state)
Index("monitor_jobs_created", jobs.c.created_at)
_DUE = jobs.c.due_at.is_not(None)
_OVER = jobs.c.due_at.is_(None)
Index("monitor_jobs_due", jobs.c.due_at, sqlite_where=_DUE, postgresql_where=_DUE)
Index("monitor_jobs_over", jobs.c.changed_at, sqlite_where=_OVER, postgresql_where=_OVER)

events = Table(
    "monitor_events",
    metadata,
    Column("factory", _Name, primary_key=True),
    Column("cid", _Name, primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),  # 1, 2, … of one pilot
    Column("at", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("text", Text, nullable=False),
    ForeignKeyConstraint(
        ["factory", "cid"], ["monitor_jobs.factory", "monitor_jobs.cid"], ondelete="CASCADE"
    ),
    sqlite_with_rowid=False,
)
