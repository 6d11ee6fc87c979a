"""By when two persons look again whether no dwelling is in sight: a year after the approval for what was signed before."""

import sqlalchemy as sa
from alembic import op

from vms.db.migrations.refusals import Rule, is_postgresql, refuse_after

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, give the statements that exist their date, then add the rules."""
    op.add_column("plan", sa.Column("look_again_at", sa.BigInteger()))
    # 365 days in microseconds.
    op.execute(
        "UPDATE plan SET look_again_at = COALESCE(approved_at, drawn_at) + 31536000000000 WHERE no_dwelling_in_sight"
    )
    differs = "IS DISTINCT FROM" if is_postgresql() else "IS NOT"
    refuse_after(
        (
            Rule(
                "plan",
                "INSERT",
                "only the statement that no dwelling is in sight has a date to look again, and always",
                "NEW.no_dwelling_in_sight <> (NEW.look_again_at IS NOT NULL)",
            ),
            Rule(
                "plan",
                "UPDATE",
                "what was drawn is never changed: draw a new version",
                f"OLD.look_again_at {differs} NEW.look_again_at",
            ),
        )
    )
