"""Under which designation a placement is, when; a designation that is never changed; no segment outside of one; no hold for a complaint.

Designations that a register file left the number or dates of to us are marked: they may be completed, and nothing stops recording with
this step.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from vms.db.migrations.refusals import Rule, is_postgresql, refuse_after, refuse_before

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_DECIDED = ("id", "area_id", "number", "legal_basis", "valid_from_at", "valid_until_at")

_IN_FORCE = """EXISTS (
    SELECT 1 FROM placement p
    JOIN placement_designation l ON l.placement_id = p.id
    JOIN designation d ON d.id = l.designation_id
    LEFT JOIN designation_withdrawal w ON w.designation_id = d.id
    WHERE p.id = NEW.placement_id AND p.from_at <= NEW.start_at
      AND (p.until_at IS NULL OR NEW.start_at < p.until_at)
      AND l.from_at <= NEW.start_at AND d.valid_from_at <= NEW.start_at
      AND NEW.start_at < coalesce(w.withdrawn_at, d.valid_until_at)
      AND NOT EXISTS (
        SELECT 1 FROM placement_designation later
        WHERE later.placement_id = l.placement_id AND later.from_at <= NEW.start_at
          AND (later.from_at > l.from_at OR later.from_at = l.from_at AND later.position > l.position)))"""


def upgrade() -> None:
    """Make the tables, fill them from what there is, then the rules."""
    op.create_table(
        "designation_withdrawal",
        sa.Column("designation_id", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["designation_id"], ["designation.id"], name=op.f("fk_designation_withdrawal_designation_id")
        ),
        sa.PrimaryKeyConstraint("designation_id", name=op.f("pk_designation_withdrawal")),
    )
    op.create_table(
        "designation_assumption",
        sa.Column("designation_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["designation_id"], ["designation.id"], name=op.f("fk_designation_assumption_designation_id")
        ),
        sa.PrimaryKeyConstraint("designation_id", name=op.f("pk_designation_assumption")),
    )
    op.create_table(
        "placement_designation",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("designation_id", sa.Text(), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("position >= 1", name=op.f("ck_placement_designation_position")),
        sa.ForeignKeyConstraint(
            ["designation_id"], ["designation.id"], name=op.f("fk_placement_designation_designation_id")
        ),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_placement_designation_placement_id")),
        sa.PrimaryKeyConstraint("placement_id", "position", name=op.f("pk_placement_designation")),
    )
    # What the register file took when it was told nothing: no number, 2026-01-01 to 2030-01-01.
    op.execute(
        "INSERT INTO designation_assumption (designation_id) SELECT id FROM designation"
        " WHERE number = 'onbekend' OR valid_from_at = 1767225600000000 AND valid_until_at = 1893456000000000"
    )
    # Which other designations a placement was under before this was stored is in the ledger only (placement.change).
    op.execute(
        "INSERT INTO placement_designation (placement_id, position, designation_id, from_at)"
        " SELECT p.id, 1, d.id, d.valid_from_at FROM placement p JOIN designation d ON d.id = p.designation_id"
    )
    refuse_after(_rules("IS DISTINCT FROM" if is_postgresql() else "IS NOT"))
    refuse_before(
        [Rule("segment", "INSERT", "no segment outside a designation in force (law.outside)", f"NOT {_IN_FORCE}")]
    )


def _rules(differs: str) -> Iterator[Rule]:
    changed = " OR ".join(f"OLD.{column} {differs} NEW.{column}" for column in _DECIDED)
    assumed = "EXISTS (SELECT 1 FROM designation_assumption a WHERE a.designation_id = OLD.id)"
    message = "a designation is never changed: withdraw it, and enter the new decision under its own number"
    yield Rule("designation", "UPDATE", message, f"({changed}) AND NOT {assumed}")
    yield Rule("designation", "DELETE", "a designation is kept for ever")
    for table in ("designation_withdrawal", "placement_designation"):
        yield Rule(table, "UPDATE", "what was decided is never changed")
        yield Rule(table, "DELETE", "what was decided is kept for ever")
    yield Rule("designation_assumption", "INSERT", "only an older version left dates to be assumed")
    yield Rule("designation_assumption", "UPDATE", "only an older version left dates to be assumed")
    # Holds that have it keep it until somebody releases them: nothing that is held is lost by an upgrade.
    yield Rule("hold", "INSERT", "a complaint is no ground for a hold", "NEW.ground = 'complaint'")
    yield Rule(
        table="designation_withdrawal",
        operation="INSERT",
        message="a withdrawal lies within the validity: it only shortens",
        refused="NOT EXISTS (SELECT 1 FROM designation d WHERE d.id = NEW.designation_id"
        " AND d.valid_from_at <= NEW.withdrawn_at AND NEW.withdrawn_at < d.valid_until_at)",
    )
    yield Rule(
        table="placement_designation",
        operation="INSERT",
        message="a placement is under a designation within its validity",
        refused="NOT EXISTS (SELECT 1 FROM designation d WHERE d.id = NEW.designation_id"
        " AND d.valid_from_at <= NEW.from_at AND NEW.from_at < d.valid_until_at)",
    )
