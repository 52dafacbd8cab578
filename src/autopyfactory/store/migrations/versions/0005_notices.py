"""What is wrong, and who was told of it."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go from 0004 to 0005."""
    op.create_table(
        "notices",
        sa.Column("key", sa.Text, primary_key=True),
        *[sa.Column(name, sa.Text, nullable=False) for name in ("kind", "scope", "text")],
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
    )
    op.create_table(
        "notice_channels",
        sa.Column("name", sa.Text, primary_key=True),
        *[sa.Column(name, sa.Text, nullable=False) for name in ("state", "trouble")],
    )
    op.create_table(
        "notice_looks",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        *[sa.Column(name, sa.BigInteger, nullable=False) for name in ("number", "at")],
    )
