"""Sums over time for charts, made from the cycles that are there; indices that tell endings by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ENDED = sa.text("ended_at IS NOT NULL")
_SUMS = sa.text(
    "INSERT INTO rollups (step_s, at, queue, cycles, ready_known, ready, pilots_known, pending, running, "
    "planned) "
    "SELECT :step_s, at / :step_us * :step_us, queue, count(*), count(jobs_ready), "
    "coalesce(sum(jobs_ready), 0), count(pilots_running), "
    "coalesce(sum(pilots_planned + pilots_pending + pilots_held + pilots_unknown), 0), "
    "coalesce(sum(pilots_running), 0), sum(planned) FROM cycles GROUP BY 1, 2, 3"
)
_TELLING = ["state", "cause", "empty"]


def upgrade() -> None:
    """Go from 0005 to 0006."""
    op.create_table(
        "rollups",
        sa.Column("step_s", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("queue", sa.Text, primary_key=True),
        *[
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("cycles", "ready_known", "ready", "pilots_known", "pending", "running", "planned")
        ],
        sqlite_with_rowid=False,
    )
    op.create_index("rollups_queue", "rollups", ["queue", "step_s", "at"])
    for step_s in (600, 3600):
        op.execute(_SUMS.bindparams(step_s=step_s, step_us=step_s * 1_000_000))
    for name, first in (("pilots_ended", []), ("pilots_queue_ended", ["queue"])):
        op.drop_index(name, "pilots")
        op.create_index(
            name,
            "pilots",
            [*first, "ended_at", *_TELLING],
            sqlite_where=_ENDED,
            postgresql_where=_ENDED,
        )
