"""The tables, as they are at the head of the migrations.

Times are integers, microseconds since 1970 in UTC: they sort, they are fast, and no database can
reinterpret them.  Texts that end in ``JSON`` below are compact JSON, bounded by `rows`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

SCHEMA = "0007"
"""The revision that these tables are; a test holds it against the head of the migrations."""

metadata = MetaData()

# pilot ids sort by their bytes, whatever the locale of the server
_PilotId = Text().with_variant(Text(collation="C"), "postgresql")
# only a plain INTEGER counts upwards by itself in SQLite, where it has 64 bits as well
_Counter = BigInteger().with_variant(Integer(), "sqlite")

version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
FACTORY_KEY = "factory"
"""Key in ``meta`` of the id of the factory that the database belongs to."""

pilots = Table(
    "pilots",
    metadata,
    Column("id", _PilotId, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("planned_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("batch_id", Text),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),  # null exactly while the pilot is live
    Column("host", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("cause", Text),
    Column("exit_code", BigInteger),
    Column("signal", BigInteger),
    Column("wall_s", Double),
    Column("empty", Boolean),
    Column("retiring", Boolean, nullable=False),
    Column("releases", Integer, nullable=False),
    Column("changes", Integer, nullable=False),  # rows in transitions
    sqlite_with_rowid=False,
)
_LIVE = pilots.c.ended_at.is_(None)
_ENDED = pilots.c.ended_at.is_not(None)
# the partial indices stay untouched by changes within the life of a pilot
Index("pilots_live", pilots.c.id, sqlite_where=_LIVE, postgresql_where=_LIVE)
Index("pilots_queue", pilots.c.queue, pilots.c.id)
# how pilots ended is counted from the index alone
_ENDINGS = (pilots.c.ended_at, pilots.c.state, pilots.c.cause, pilots.c.empty)
Index("pilots_ended", *_ENDINGS, sqlite_where=_ENDED, postgresql_where=_ENDED)
Index("pilots_queue_ended", pilots.c.queue, *_ENDINGS, sqlite_where=_ENDED, postgresql_where=_ENDED)

transitions = Table(
    "transitions",
    metadata,
    Column("pilot", _PilotId, ForeignKey("pilots.id", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),  # 1, 2, … within the life of the pilot
    Column("at", BigInteger, nullable=False),
    Column("before", Text),
    Column("after", Text, nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

cycles = Table(
    "cycles",
    metadata,
    Column("id", _Counter, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("jobs_notready", BigInteger),
    Column("jobs_ready", BigInteger),
    Column("jobs_running", BigInteger),
    Column("jobs_done", BigInteger),
    Column("jobs_failed", BigInteger),
    Column("pilots_planned", BigInteger),  # all six are null where the pilots are unknown
    Column("pilots_pending", BigInteger),
    Column("pilots_held", BigInteger),
    Column("pilots_running", BigInteger),
    Column("pilots_unknown", BigInteger),
    Column("pilots_retiring", BigInteger),
    Column("submit", BigInteger, nullable=False),
    Column("retire", BigInteger, nullable=False),
    Column("planned", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("state", Text, nullable=False),  # JSON: what else was observed, by field of QueueState
    Column("inputs", Text, nullable=False),  # JSON: [[endpoint, age in seconds, error], …]
    Column(
        "trace", Text, nullable=False
    ),  # JSON: {"rule", "blocked", "steps": [[rule, before, after, why, facts], …]}
)
Index("cycles_queue", cycles.c.queue, cycles.c.at)
Index("cycles_at", cycles.c.at)
SAMPLE = (
    cycles.c.at,
    cycles.c.queue,
    *[column for column in cycles.c if column.name.startswith(("jobs_", "pilots_"))],
    cycles.c.submit,
    cycles.c.planned,
)
"""The columns of a `Sample`, in its order."""

health = Table(
    "health",
    metadata,
    Column("name", Text, primary_key=True),
    Column("ok_at", BigInteger),
    Column("error", Text, nullable=False),
    Column("error_at", BigInteger),
    Column("failures", BigInteger, nullable=False),
    Column("retry_at", BigInteger),
)

leases = Table(
    "leases",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("owner", Text, nullable=False),  # a running factory; empty where it was given back
    Column("fence", BigInteger, nullable=False),  # grows when the queue changes hands
    Column("beat", BigInteger, nullable=False),  # grows when the owner renews
)

reports = Table(
    "reports",
    metadata,
    Column("pilot", _PilotId, ForeignKey("pilots.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # as the wrapper counts them
    Column("at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("host", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON: an object
    sqlite_with_rowid=False,
)

overrides = Table(
    "overrides",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("until", BigInteger),
)

retirements = Table(
    "retirements",
    metadata,
    Column("pilot", _PilotId, ForeignKey("pilots.id", ondelete="CASCADE"), primary_key=True),
    Column("changed_at", BigInteger, nullable=False),  # of the pilot, when it was chosen
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # sorted, with commas between them
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
)
Index("tokens_digest", tokens.c.digest, unique=True)

audit = Table(
    "audit",
    metadata,
    Column("id", _Counter, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("origin", Text, nullable=False),
)
Index("audit_at", audit.c.at)
