"""Whose password it is: its owner's, or a first one that somebody else set. All passwords so far were set by somebody else.

The columns in which an account counted its own failures go: `sign_in_attempt` has counted since step 0023.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the columns; a first password from before has no end, and works until its owner has chosen another."""
    op.add_column("user_account", sa.Column("password_is_own", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("user_account", sa.Column("first_password_until_at", sa.BigInteger()))
    op.add_column("user_account", sa.Column("first_password_used_at", sa.BigInteger()))
    op.drop_column("user_account", "failed_sign_ins")
    op.drop_column("user_account", "locked_until_at")
