"""Early erasure and the word that the clock is right: asked for by one person, decided by another; what was asked is never changed."""

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa
from alembic import op
from sqlalchemy.sql.schema import SchemaItem

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


class _Rule(NamedTuple):
    table: str
    operation: str
    message: str
    # The condition under which the operation is refused (NEW and OLD as in SQL).
    refused: str


_ASKED = ("id", "reason", "requested_by", "requested_as", "requested_at", "lapses_at")
_DECIDED = ("decided_by", "decided_as", "decided_at")
_STATES = (
    "NOT (OLD.state = NEW.state OR OLD.state = 'requested' AND NEW.state IN ('approved', 'refused', 'expired')"
    " OR OLD.state = 'approved' AND NEW.state IN ('done', 'expired'))"
)


def upgrade() -> None:
    """Make the tables, then the rules."""
    op.create_table(
        "erasure",
        *_asked_and_decided("erasure"),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "ground IN ('unlawful-recording', 'order-of-controller', 'order-of-court', 'order-of-authority',"
            " 'objection-upheld')",
            name=op.f("ck_erasure_ground"),
        ),
        sa.CheckConstraint("start_at < end_at AND end_at <= requested_at", name=op.f("ck_erasure_order")),
    )
    op.create_table(
        "erasure_placement",
        sa.Column("erasure_id", sa.Text(), nullable=False),
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasure.id"], name=op.f("fk_erasure_placement_erasure_id")),
        sa.ForeignKeyConstraint(["placement_id"], ["placement.id"], name=op.f("fk_erasure_placement_placement_id")),
        sa.PrimaryKeyConstraint("erasure_id", "placement_id", name=op.f("pk_erasure_placement")),
    )
    op.create_table(
        "erasure_segment",
        sa.Column("placement_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("erasure_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasure.id"], name=op.f("fk_erasure_segment_erasure_id")),
        sa.ForeignKeyConstraint(
            ["placement_id", "number"],
            ["segment.placement_id", "segment.number"],
            name=op.f("fk_erasure_segment_placement_id_number"),
        ),
        sa.PrimaryKeyConstraint("placement_id", "number", name=op.f("pk_erasure_segment")),
    )
    op.create_table("clock_override", *_asked_and_decided("clock_override"))
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in _postgresql() if is_postgresql else _sqlite():
        op.execute(statement)


def _asked_and_decided(table: str) -> list[SchemaItem]:
    def check(name: str, condition: str) -> sa.CheckConstraint:
        return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))

    return [
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_as", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("lapses_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text()),
        sa.Column("decided_as", sa.Text()),
        sa.Column("decided_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        check("state", "state IN ('requested', 'approved', 'refused', 'expired', 'done')"),
        check("two_persons", "decided_by IS NULL OR decided_by <> requested_by"),
        check(
            "decided_by_someone",
            "(decided_by IS NULL) = (decided_at IS NULL) AND (decided_by IS NULL) = (decided_as IS NULL)",
        ),
        check("decided", "state NOT IN ('approved', 'refused', 'done') OR decided_by IS NOT NULL"),
        check("undecided", "state <> 'requested' OR decided_by IS NULL"),
        check("ended_at_an_instant", "(state IN ('expired', 'done')) = (ended_at IS NOT NULL)"),
        check("lapses", "lapses_at > requested_at"),
        check("decided_in_time", "decided_at IS NULL OR decided_at < lapses_at"),
        sa.ForeignKeyConstraint(["requested_by"], ["user_account.id"], name=op.f(f"fk_{table}_requested_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["user_account.id"], name=op.f(f"fk_{table}_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]


def _rules(differs: str) -> Iterator[_Rule]:
    def changed(*columns: str) -> str:
        return " OR ".join(f"OLD.{column} {differs} NEW.{column}" for column in columns)

    for table, asked in (("erasure", (*_ASKED, "ground", "start_at", "end_at")), ("clock_override", _ASKED)):
        yield _Rule(table, "DELETE", "what was asked is kept for ever", "TRUE")
        yield _Rule(table, "UPDATE", "what was asked is never changed: ask anew", changed(*asked))
        yield _Rule(table, "UPDATE", "a decision is final", f"OLD.decided_by IS NOT NULL AND ({changed(*_DECIDED)})")
        yield _Rule(table, "UPDATE", "a request is decided once and carried out once", _STATES)
        yield _Rule(table, "INSERT", "a request begins undecided", "NEW.state <> 'requested'")
    for table in ("erasure_placement", "erasure_segment"):
        yield _Rule(table, "UPDATE", "what was asked is never changed: ask anew", "TRUE")
        yield _Rule(table, "DELETE", "what was asked is kept for ever", "TRUE")
    # Who approves must know all that it is about; and nothing is claimed that nobody has approved.
    yield _Rule(
        table="erasure_placement",
        operation="INSERT",
        message="what was asked is never changed: ask anew",
        refused="NOT EXISTS (SELECT 1 FROM erasure e WHERE e.id = NEW.erasure_id AND e.state = 'requested')",
    )
    yield _Rule(
        table="erasure_segment",
        operation="INSERT",
        message="an early erasure needs the approval of a second person",
        refused="NOT EXISTS (SELECT 1 FROM erasure e WHERE e.id = NEW.erasure_id AND e.state = 'approved')",
    )


# AFTER, so that a CHECK that also forbids it is the one that speaks.
def _sqlite() -> Iterator[str]:
    for number, (table, operation, message, refused) in enumerate(_rules("IS NOT")):
        yield (
            f"CREATE TRIGGER {table}_{operation.lower()}_{number} AFTER {operation} ON {table} FOR EACH ROW WHEN {refused}"
            f" BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )


def _postgresql() -> Iterator[str]:
    for number, (table, operation, message, refused) in enumerate(_rules("IS DISTINCT FROM")):
        name = f"{table}_{operation.lower()}_{number}"
        # restrict_violation is an integrity error to the driver, as RAISE(ABORT) is on SQLite.
        refuse = f"RAISE EXCEPTION '{message}' USING ERRCODE = 'restrict_violation';"
        body = f"IF {refused} THEN {refuse} END IF; RETURN NULL;"
        yield f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
        yield f"CREATE TRIGGER {name} AFTER {operation} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
