"""Pilots with their transitions, cycles with their traces, the health of endpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_PILOT_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Go from nothing to 0001."""
    op.create_table(
        "meta",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    _pilots()
    _cycles()
    op.create_table(
        "health",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("ok_at", sa.BigInteger),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("error_at", sa.BigInteger),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("retry_at", sa.BigInteger),
    )


def _pilots() -> None:
    op.create_table(
        "pilots",
        sa.Column("id", _PILOT_ID, primary_key=True),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("planned_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("batch_id", sa.Text),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("cause", sa.Text),
        sa.Column("exit_code", sa.BigInteger),
        sa.Column("signal", sa.BigInteger),
        sa.Column("wall_s", sa.Double),
        sa.Column("empty", sa.Boolean),
        sa.Column("retiring", sa.Boolean, nullable=False),
        sa.Column("releases", sa.Integer, nullable=False),
        sa.Column("changes", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    live, ended = sa.text("ended_at IS NULL"), sa.text("ended_at IS NOT NULL")
    op.create_index("pilots_live", "pilots", ["id"], sqlite_where=live, postgresql_where=live)
    op.create_index("pilots_queue", "pilots", ["queue", "id"])
    op.create_index("pilots_ended", "pilots", ["ended_at"], sqlite_where=ended, postgresql_where=ended)
    op.create_index(
        "pilots_queue_ended", "pilots", ["queue", "ended_at"], sqlite_where=ended, postgresql_where=ended
    )
    op.create_table(
        "transitions",
        sa.Column("pilot", _PILOT_ID, sa.ForeignKey("pilots.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _cycles() -> None:
    jobs = ("jobs_notready", "jobs_ready", "jobs_running", "jobs_done", "jobs_failed")
    pilots = (
        "pilots_planned",
        "pilots_pending",
        "pilots_held",
        "pilots_running",
        "pilots_unknown",
        "pilots_retiring",
    )
    op.create_table(
        "cycles",
        sa.Column("id", _COUNTER, primary_key=True),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        *[sa.Column(name, sa.BigInteger) for name in (*jobs, *pilots)],
        *[sa.Column(name, sa.BigInteger, nullable=False) for name in ("submit", "retire", "planned")],
        *[sa.Column(name, sa.Text, nullable=False) for name in ("note", "state", "inputs", "trace")],
    )
    op.create_index("cycles_queue", "cycles", ["queue", "at"])
    op.create_index("cycles_at", "cycles", ["at"])
