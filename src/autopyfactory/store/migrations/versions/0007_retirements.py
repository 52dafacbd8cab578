"""Pilots that operators want removed."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_PILOT_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Go from 0006 to 0007."""
    op.create_table(
        "retirements",
        sa.Column("pilot", _PILOT_ID, sa.ForeignKey("pilots.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
