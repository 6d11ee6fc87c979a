"""By which clock footage was stamped: what was recorded before is unknown, and keeps its term."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "footage_clock",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("from_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("boot_id", sa.Text(), nullable=False),
        sa.Column("ahead_us", sa.BigInteger(), nullable=False),
        sa.Column("term_us", sa.BigInteger(), nullable=False),
        sa.Column("cut_us", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("cut_to", sa.Integer(), nullable=False, server_default="0"),
        sa.CheckConstraint("cut_us >= 0 AND cut_us < term_us AND cut_to >= 0", name=op.f("ck_footage_clock_cut")),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_footage_clock_placement_id")),
        sa.PrimaryKeyConstraint("placement_id", "from_number", name=op.f("pk_footage_clock")),
    )
