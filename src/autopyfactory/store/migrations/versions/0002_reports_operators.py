"""Reports of wrappers; what operators ask for, their tokens, and the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PILOT_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Go from 0001 to 0002."""
    op.create_table(
        "reports",
        sa.Column("pilot", _PILOT_ID, sa.ForeignKey("pilots.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        *[sa.Column(name, sa.Text, nullable=False) for name in ("host", "message", "data")],
        sqlite_with_rowid=False,
    )
    op.create_table(
        "overrides",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text, primary_key=True),
        *[sa.Column(name, sa.Text, nullable=False) for name in ("name", "digest", "scopes")],
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_index("tokens_digest", "tokens", ["digest"], unique=True)
    op.create_table(
        "audit",
        sa.Column("id", _COUNTER, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        *[sa.Column(name, sa.Text, nullable=False) for name in ("who", "action", "target")],
        *[sa.Column(name, sa.Text, nullable=False) for name in ("detail", "origin")],
    )
    op.create_index("audit_at", "audit", ["at"])
