"""Versioned calibrations of PTZ placements, and their daily re-checks."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "calibration",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("profile_token", sa.Text(), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("rotation_deg", sa.Integer(), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=False),
        sa.Column("masks", sa.JSON()),
        sa.Column("landmarks", sa.LargeBinary()),
        sa.CheckConstraint("version >= 1", name=op.f("ck_calibration_version")),
        sa.CheckConstraint("verdict IN ('good', 'usable', 'poor')", name=op.f("ck_calibration_verdict")),
        sa.CheckConstraint("width_px > 0 AND height_px > 0", name=op.f("ck_calibration_size")),
        sa.CheckConstraint("rotation_deg IN (0, 90, 180, 270)", name=op.f("ck_calibration_rotation")),
        sa.CheckConstraint("finished_at >= started_at", name=op.f("ck_calibration_order")),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_calibration_placement_id")),
        sa.PrimaryKeyConstraint("placement_id", "version", name=op.f("pk_calibration")),
    )
    op.create_table(
        "calibration_check",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('first', 'steady', 'drifted', 'not-possible')", name=op.f("ck_calibration_check_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["placement_id", "version"],
            ["calibration.placement_id", "calibration.version"],
            name="fk_calibration_check_of",
        ),
        sa.PrimaryKeyConstraint("placement_id", "checked_at", name=op.f("pk_calibration_check")),
    )
