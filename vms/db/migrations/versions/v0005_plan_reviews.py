"""Reviews of blanking plans, where their masks come from, and triggers: what was drawn is never changed, what was decided neither."""

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


class _Rule(NamedTuple):
    table: str
    operation: str
    message: str
    # The condition under which the operation is refused (NEW and OLD as in SQL).
    refused: str


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
    _Rule("plan", "DELETE", "a version of a plan is kept for ever", "TRUE"),
    _Rule("plan_review", "UPDATE", "a review is final", "TRUE"),
    _Rule("plan_review", "DELETE", "a review is final", "TRUE"),
    _Rule(
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
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _postgresql() if is_postgresql else _sqlite():
        op.execute(statement)


def _rules(drawn: str) -> tuple[_Rule, ...]:
    return (*_RULES, _Rule("plan", "UPDATE", _DRAWN_MESSAGE, drawn), _Rule("plan", "UPDATE", _STATES_MESSAGE, _STATES))


# AFTER, so that a CHECK that also forbids it is the one that speaks.
def _sqlite() -> Iterator[str]:
    changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in _DRAWN)
    for number, (table, operation, message, refused) in enumerate(_rules(changed)):
        yield (
            f"CREATE TRIGGER {table}_{operation.lower()}_{number} AFTER {operation} ON {table} FOR EACH ROW WHEN {refused}"
            f" BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )


def _postgresql() -> Iterator[str]:
    # json has no equality: as text it has.
    changed = " OR ".join(f"OLD.{column}::text IS DISTINCT FROM NEW.{column}::text" for column in _DRAWN)
    for number, (table, operation, message, refused) in enumerate(_rules(changed)):
        name = f"{table}_{operation.lower()}_{number}"
        # restrict_violation is an integrity error to the driver, as RAISE(ABORT) is on SQLite.
        refuse = f"RAISE EXCEPTION '{message}' USING ERRCODE = 'restrict_violation';"
        body = f"IF {refused} THEN {refuse} END IF; RETURN NULL;"
        yield f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
        yield f"CREATE TRIGGER {name} AFTER {operation} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
