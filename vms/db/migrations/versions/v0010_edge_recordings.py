"""Edge recordings: what each camera says that it keeps by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of the last answer of each camera."""
    op.create_table(
        "edge_check",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("document", sa.JSON(), nullable=True),
        sa.CheckConstraint("state IN ('none', 'empty', 'recordings')", name=op.f("ck_edge_check_state")),
        sa.CheckConstraint("(answered_at IS NULL) = (state IS NULL)", name=op.f("ck_edge_check_answer")),
        sa.CheckConstraint(
            "reason IS NOT NULL OR (answered_at IS NOT NULL AND answered_at = asked_at)",
            name=op.f("ck_edge_check_asked"),
        ),
        sa.CheckConstraint("answered_at <= asked_at", name=op.f("ck_edge_check_order")),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_edge_check_placement_id")),
        sa.PrimaryKeyConstraint("placement_id", name=op.f("pk_edge_check")),
    )
