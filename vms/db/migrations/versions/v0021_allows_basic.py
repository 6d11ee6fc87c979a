"""Which cameras may be sent their password in the clear: none, until somebody says so."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("camera", sa.Column("allows_basic", sa.Boolean(), nullable=False, server_default=sa.false()))
