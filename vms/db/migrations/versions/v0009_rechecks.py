"""The daily re-check of what plans say about cameras: its findings by plan, and its landmarks, sealed and due."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables anew: nothing ever wrote the one for findings, nor the column for landmarks."""
    op.drop_table("calibration_check")
    op.drop_column("calibration", "landmarks")
    op.create_table(
        "calibration_check",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('first', 'steady', 'drifted', 'not-possible')", name=op.f("ck_calibration_check_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["placement_id", "plan_version"], ["plan.placement_id", "plan.version"], name="fk_calibration_check_of"
        ),
        sa.PrimaryKeyConstraint("placement_id", "checked_at", name=op.f("pk_calibration_check")),
    )
    op.create_table(
        "landmark",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("hour_at", sa.BigInteger(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("due_at > taken_at", name=op.f("ck_landmark_order")),
        sa.CheckConstraint("due_at <= taken_at + 2419200000000", name=op.f("ck_landmark_ceiling")),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_landmark_placement_id")),
        sa.PrimaryKeyConstraint("placement_id", name=op.f("pk_landmark")),
    )
