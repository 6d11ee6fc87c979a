"""Leave to see a placement unblanked while its masks are drawn."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _commissioning()
    _commissioning_one_approved()
    _commissioning_view()


def _commissioning() -> None:
    op.create_table(
        "commissioning",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_as", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_as", sa.Text()),
        sa.Column("decided_session", sa.Text()),
        sa.Column("decided_at", sa.BigInteger()),
        sa.Column("from_at", sa.BigInteger()),
        sa.Column("until_at", sa.BigInteger()),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("closed_why", sa.Text()),
        sa.CheckConstraint(
            "state IN ('requested', 'approved', 'refused', 'closed')", name=op.f("ck_commissioning_state")
        ),
        sa.CheckConstraint(
            "decided_by IS NULL OR decided_by <> requested_by", name=op.f("ck_commissioning_two_persons")
        ),
        sa.CheckConstraint("minutes BETWEEN 1 AND 30", name=op.f("ck_commissioning_minutes")),
        sa.CheckConstraint(
            "from_at IS NULL OR (until_at > from_at AND until_at <= from_at + 1800000000 AND from_at = decided_at)",
            name=op.f("ck_commissioning_ceiling"),
        ),
        sa.CheckConstraint("(from_at IS NULL) = (until_at IS NULL)", name=op.f("ck_commissioning_span")),
        sa.CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL) AND (decided_by IS NULL) = (decided_as IS NULL)"
            " AND (decided_by IS NULL) = (decided_session IS NULL)",
            name=op.f("ck_commissioning_decided_by_someone"),
        ),
        sa.CheckConstraint(
            "state <> 'approved' OR (decided_by IS NOT NULL AND from_at IS NOT NULL AND closed_at IS NULL)",
            name=op.f("ck_commissioning_approved_is_complete"),
        ),
        sa.CheckConstraint(
            "state <> 'refused' OR (decided_by IS NOT NULL AND from_at IS NULL)",
            name=op.f("ck_commissioning_refused_by_someone"),
        ),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_commissioning_closed_at_an_instant")
        ),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_commissioning_placement_id")),
        sa.ForeignKeyConstraint(["requested_by"], ["user_account.id"], name=op.f("fk_commissioning_requested_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["user_account.id"], name=op.f("fk_commissioning_decided_by")),
        sa.ForeignKeyConstraint(["decided_session"], ["session.id"], name=op.f("fk_commissioning_decided_session")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commissioning")),
    )


def _commissioning_one_approved() -> None:
    op.create_index(
        "uq_commissioning_one_approved",
        "commissioning",
        ["placement_id"],
        unique=True,
        sqlite_where=sa.text("state = 'approved'"),
        postgresql_where=sa.text("state = 'approved'"),
    )


def _commissioning_view() -> None:
    op.create_table(
        "commissioning_view",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("commissioning_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.CheckConstraint("seen_at >= opened_at", name=op.f("ck_commissioning_view_order")),
        sa.ForeignKeyConstraint(
            ["commissioning_id"], ["commissioning.id"], name=op.f("fk_commissioning_view_commissioning_id")
        ),
        sa.ForeignKeyConstraint(["session_id"], ["session.id"], name=op.f("fk_commissioning_view_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commissioning_view")),
    )
    op.create_index(
        "uq_commissioning_view_one_open",
        "commissioning_view",
        ["commissioning_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
