"""Attempts to sign in, counted by name and origin. What accounts counted and locked by themselves is not read any more, and cleared."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and lift the locks of whole accounts."""
    op.create_table(
        "sign_in_attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("tried_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempt")),
    )
    op.create_index("ix_sign_in_attempt_tried_at", "sign_in_attempt", ["tried_at"])
    op.execute("UPDATE user_account SET failed_sign_ins = 0, locked_until_at = NULL")
