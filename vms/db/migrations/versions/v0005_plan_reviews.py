"""Reviews of blanking plans, where their masks come from, and triggers: what was drawn is never changed, what was decided neither."""

import sqlalchemy as sa
from alembic import op

from vms.db.migrations.refusals import Rule, is_postgresql, refuse_after

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


_DRAWN = (
    "placement_id",
    "version",
    "document",
    "no_dwelling_in_sight",
    "sha256",
    "reason",
    "drawn_by",
    "drawn_at",
    "origins",
)
_RULES = (
    Rule("plan", "DELETE", "a version of a plan is kept for ever", "TRUE"),
    Rule("plan_review", "UPDATE", "a review is final", "TRUE"),
    Rule("plan_review", "DELETE", "a review is final", "TRUE"),
    Rule(
        table="plan_review",
        operation="INSERT",
        message="a plan is reviewed by another person than the one who drew it",
        refused="EXISTS (SELECT 1 FROM plan p WHERE p.placement_id = NEW.placement_id AND p.version = NEW.version"
        " AND p.drawn_by = NEW.reviewed_by)",
    ),
)
_DRAWN_MESSAGE = "what was drawn is never changed: draw a new version"
_STATES_MESSAGE = "a plan goes from draft to approved to withdrawn, never back"
_STATES = (
    "NOT (OLD.state = NEW.state OR OLD.state = 'draft' AND NEW.state = 'approved'"
    " OR OLD.state = 'approved' AND NEW.state = 'withdrawn')"
)


def upgrade() -> None:
    """Add the table and the column, then the rules."""
    op.add_column("plan", sa.Column("origins", sa.JSON()))
    op.create_table(
        "plan_review",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("loosens", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reviewed_by", sa.Text(), nullable=False),
        sa.Column("reviewed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("verdict IN ('approved', 'refused')", name=op.f("ck_plan_review_verdict")),
        sa.CheckConstraint(
            "reason <> '' OR (verdict <> 'refused' AND NOT loosens)", name=op.f("ck_plan_review_reason")
        ),
        sa.ForeignKeyConstraint(
            ["placement_id", "version"],
            ["plan.placement_id", "plan.version"],
            name=op.f("fk_plan_review_placement_id_version"),
        ),
        sa.PrimaryKeyConstraint("placement_id", "version", name=op.f("pk_plan_review")),
    )
    if is_postgresql():
        # json has no equality: as text it has.
        changed = " OR ".join(f"OLD.{column}::text IS DISTINCT FROM NEW.{column}::text" for column in _DRAWN)
    else:
        changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in _DRAWN)
    drawn = Rule("plan", "UPDATE", _DRAWN_MESSAGE, changed)
    refuse_after((*_RULES, drawn, Rule("plan", "UPDATE", _STATES_MESSAGE, _STATES)))
