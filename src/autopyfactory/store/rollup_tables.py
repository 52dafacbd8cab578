"""The table of sums over time; conventions as in `tables`."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from autopyfactory.store.tables import metadata

MINUTES_S, HOURS_S = 600, 3600
STEPS_S = (MINUTES_S, HOURS_S)

# Written with each cycle: a chart of all queues then reads a row per queue and step, not every cycle.
rollups = Table(
    "rollups",
    metadata,
    Column("step_s", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, primary_key=True, autoincrement=False),  # the beginning of the step
    Column("queue", Text, primary_key=True),
    Column("cycles", BigInteger, nullable=False),
    Column("ready_known", BigInteger, nullable=False),  # cycles that knew it
    Column("ready", BigInteger, nullable=False),  # sums over the cycles that knew it
    Column("pilots_known", BigInteger, nullable=False),
    Column("pending", BigInteger, nullable=False),
    Column("running", BigInteger, nullable=False),
    Column("planned", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
Index("rollups_queue", rollups.c.queue, rollups.c.step_s, rollups.c.at)
