"""What a monitor keeps of factories elsewhere, their labels and their pilots."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def upgrade() -> None:
    """Go from 0002 to 0003."""
    op.create_table(
        "monitor_factories",
        sa.Column("name", _NAME, primary_key=True),
        *_texts("url", "email", "version", "kind", "ip"),
        *_numbers("startup_at", "heard_at", "traces", "created"),
    )
    op.create_table(
        "monitor_labels",
        sa.Column("factory", _NAME, primary_key=True),
        sa.Column("name", _NAME, primary_key=True),
        *_texts("batchqueue", "wmsqueue", "resource", "localqueue"),
        *_numbers("created_at", "heard_at"),
        *_texts("messages", "data"),
    )
    op.create_table(
        "monitor_jobs",
        sa.Column("factory", _NAME, primary_key=True),
        sa.Column("cid", _NAME, primary_key=True),
        *_texts("label"),
        *_numbers("created_at"),
        *_texts("state"),
        *_numbers("changed_at", "heard_at"),
        sa.Column("flagged_at", sa.BigInteger),
        sa.Column("rc", sa.BigInteger),
        *_texts("wrapper", "ids", "workerid", "computingsite", "computingelement"),
        *_texts("stdout", "stderr", "joblog"),
        sa.Column("due_at", sa.BigInteger),
        sa.Column("events", sa.Integer, nullable=False),
    )
    due, over = sa.text("due_at IS NOT NULL"), sa.text("due_at IS NULL")
    op.create_index("monitor_jobs_label", "monitor_jobs", ["factory", "label", "state"])
    op.create_index("monitor_jobs_created", "monitor_jobs", ["created_at"])
    op.create_index("monitor_jobs_due", "monitor_jobs", ["due_at"], sqlite_where=due, postgresql_where=due)
    op.create_index(
        "monitor_jobs_over", "monitor_jobs", ["changed_at"], sqlite_where=over, postgresql_where=over
    )
    op.create_table(
        "monitor_events",
        sa.Column("factory", _NAME, primary_key=True),
        sa.Column("cid", _NAME, primary_key=True),
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        *_numbers("at"),
        *_texts("origin", "text"),
        sa.ForeignKeyConstraint(
            ["factory", "cid"], ["monitor_jobs.factory", "monitor_jobs.cid"], ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
