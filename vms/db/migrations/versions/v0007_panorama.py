"""One panorama a placement, masked and encrypted."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "panorama",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("hour_at", sa.BigInteger(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("made_at >= begun_at", name=op.f("ck_panorama_order")),
        sa.CheckConstraint("due_at <= begun_at + 2419200000000", name=op.f("ck_panorama_ceiling")),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_panorama_placement_id")),
        sa.PrimaryKeyConstraint("placement_id", name=op.f("pk_panorama")),
    )
