"""Early erasure and the word that the clock is right: asked for by one person, decided by another; what was asked is never changed."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from sqlalchemy.sql.schema import SchemaItem

from vms.db.migrations.refusals import Rule, is_postgresql, refuse_after

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


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
    refuse_after(_rules("IS DISTINCT FROM" if is_postgresql() else "IS NOT"))


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


def _rules(differs: str) -> Iterator[Rule]:
    def changed(*columns: str) -> str:
        return " OR ".join(f"OLD.{column} {differs} NEW.{column}" for column in columns)

    for table, asked in (("erasure", (*_ASKED, "ground", "start_at", "end_at")), ("clock_override", _ASKED)):
        yield Rule(table, "DELETE", "what was asked is kept for ever", "TRUE")
        yield Rule(table, "UPDATE", "what was asked is never changed: ask anew", changed(*asked))
        yield Rule(table, "UPDATE", "a decision is final", f"OLD.decided_by IS NOT NULL AND ({changed(*_DECIDED)})")
        yield Rule(table, "UPDATE", "a request is decided once and carried out once", _STATES)
        yield Rule(table, "INSERT", "a request begins undecided", "NEW.state <> 'requested'")
    for table in ("erasure_placement", "erasure_segment"):
        yield Rule(table, "UPDATE", "what was asked is never changed: ask anew", "TRUE")
        yield Rule(table, "DELETE", "what was asked is kept for ever", "TRUE")
    # Who approves must know all that it is about; and nothing is claimed that nobody has approved.
    yield Rule(
        table="erasure_placement",
        operation="INSERT",
        message="what was asked is never changed: ask anew",
        refused="NOT EXISTS (SELECT 1 FROM erasure e WHERE e.id = NEW.erasure_id AND e.state = 'requested')",
    )
    yield Rule(
        table="erasure_segment",
        operation="INSERT",
        message="an early erasure needs the approval of a second person",
        refused="NOT EXISTS (SELECT 1 FROM erasure e WHERE e.id = NEW.erasure_id AND e.state = 'approved')",
    )
