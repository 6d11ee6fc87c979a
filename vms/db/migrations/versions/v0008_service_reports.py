"""What ingest and retention say of themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "service_report",
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=False),
        sa.Column("silent_at", sa.BigInteger(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.CheckConstraint("service IN ('ingest', 'retention')", name=op.f("ck_service_report_service")),
        sa.CheckConstraint("silent_at > reported_at", name=op.f("ck_service_report_order")),
        sa.PrimaryKeyConstraint("service", name=op.f("pk_service_report")),
    )
