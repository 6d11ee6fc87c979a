"""Releases of holds: asked for by one person, decided by another unless it is the own hold, carried out after a time of grace."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from sqlalchemy.sql.schema import SchemaItem

from vms.db.migrations.refusals import Rule, is_postgresql, refuse_after

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_TABLE = "hold_release"
_ASKED = ("id", "reason", "requested_by", "requested_as", "requested_at", "lapses_at", "hold_id", "is_own")
_DECIDED = ("decided_by", "decided_as", "decided_at")
_STATES = (
    "NOT (OLD.state = NEW.state OR OLD.state = 'requested' AND NEW.state IN ('approved', 'refused', 'expired', 'withdrawn')"
    " OR OLD.state = 'approved' AND NEW.state IN ('done', 'expired', 'withdrawn'))"
)
_OPEN = "state IN ('requested', 'approved')"


def upgrade() -> None:
    """Make the table, then its rules."""
    op.create_table(
        _TABLE,
        *_asked_and_decided(_TABLE),
        sa.Column("hold_id", sa.Text(), nullable=False),
        sa.Column("is_own", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.id"], name=op.f(f"fk_{_TABLE}_hold_id")),
    )
    op.create_index(
        op.f("ux_hold_release_open"),
        _TABLE,
        ["hold_id"],
        unique=True,
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    )
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
        check("state", "state IN ('requested', 'approved', 'refused', 'expired', 'done', 'withdrawn')"),
        check("two_persons", "decided_by IS NULL OR decided_by <> requested_by"),
        check(
            "decided_by_someone",
            "(decided_by IS NULL) = (decided_at IS NULL) AND (decided_by IS NULL) = (decided_as IS NULL)",
        ),
        check("decided", "state NOT IN ('approved', 'refused', 'done') OR decided_by IS NOT NULL OR is_own"),
        check("undecided", "state <> 'requested' OR decided_by IS NULL"),
        check("ended_at_an_instant", "(state IN ('expired', 'done', 'withdrawn')) = (ended_at IS NOT NULL)"),
        check("lapses", "lapses_at > requested_at"),
        check("decided_in_time", "decided_at IS NULL OR decided_at < lapses_at"),
        sa.ForeignKeyConstraint(["requested_by"], ["user_account.id"], name=op.f(f"fk_{table}_requested_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["user_account.id"], name=op.f(f"fk_{table}_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]


def _rules(differs: str) -> Iterator[Rule]:
    def changed(*columns: str) -> str:
        return " OR ".join(f"OLD.{column} {differs} NEW.{column}" for column in columns)

    yield Rule(_TABLE, "DELETE", "what was asked is kept for ever", "TRUE")
    yield Rule(_TABLE, "UPDATE", "what was asked is never changed: ask anew", changed(*_ASKED))
    yield Rule(_TABLE, "UPDATE", "a decision is final", f"OLD.decided_by IS NOT NULL AND ({changed(*_DECIDED)})")
    yield Rule(_TABLE, "UPDATE", "a request is decided once and carried out once", _STATES)
    yield Rule(_TABLE, "INSERT", "a request begins undecided", "NEW.state <> 'requested'")
