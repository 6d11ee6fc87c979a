"""Reviews of sign-ins: their kind, whose sign-in an item is and why it was drawn, who judged it, and since when they are owed.

Nobody judges the own sign-ins, whatever program tries.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from vms.clock import SystemClock
from vms.db.migrations.refusals import Rule, is_postgresql, refuse_after

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_SIGN_INS = sa.text("act IN ('auth.sign-in', 'auth.refused', 'auth.locked')")
_OF_SIGN_INS = "EXISTS (SELECT 1 FROM access_review r WHERE r.id = NEW.review_id AND r.kind = 'sign-ins')"


def upgrade() -> None:
    """Add columns, table and index, then the rules."""
    op.add_column("access_review", sa.Column("kind", sa.Text(), nullable=False, server_default=sa.text("'views'")))
    for name in ("about", "reasons", "judged_by"):
        op.add_column("access_review_item", sa.Column(name, sa.Text()))
    duty = op.create_table(
        "review_duty",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_review_duty")),
    )
    # An older version asked for no reviews of sign-ins: they are owed from the month of the upgrade on, whenever the log's last entry was.
    now_us = (SystemClock().now() - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    if op.get_bind().execute(sa.text("SELECT 1 FROM ledger_entry LIMIT 1")).first() is not None:
        op.bulk_insert(duty, [{"kind": "sign-ins", "since_at": now_us}])
    op.create_index(
        op.f("ix_ledger_entry_sign_in_at"),
        "ledger_entry",
        ["at"],
        sqlite_where=_SIGN_INS,
        postgresql_where=_SIGN_INS,
    )
    refuse_after(_rules("IS DISTINCT FROM" if is_postgresql() else "IS NOT"))


def _rules(differs: str) -> Iterator[Rule]:
    yield Rule(
        "access_review", "INSERT", "a review is of views or of sign-ins", "NEW.kind NOT IN ('views', 'sign-ins')"
    )
    yield Rule("access_review", "UPDATE", "a review stays of its kind", "OLD.kind <> NEW.kind")
    yield Rule(
        "access_review_item",
        "INSERT",
        "a drawn sign-in says whose it is and why it was drawn, and nothing else does",
        f"(NEW.about IS NOT NULL) <> {_OF_SIGN_INS} OR (NEW.reasons IS NOT NULL) <> {_OF_SIGN_INS}",
    )
    for operation in ("INSERT", "UPDATE"):
        yield Rule(
            "access_review_item",
            operation,
            "a sign-in is judged by somebody else than whose it is",
            "NEW.about IS NOT NULL AND (NEW.judged_by = NEW.about OR (NEW.judged_by IS NULL) <> (NEW.verdict IS NULL))",
        )
    yield Rule(
        "access_review_item",
        "UPDATE",
        "what was drawn is never changed",
        f"OLD.about {differs} NEW.about OR OLD.reasons {differs} NEW.reasons",
    )
    for operation in ("INSERT", "UPDATE", "DELETE"):
        yield Rule("review_duty", operation, "since when reviews are owed is never changed")
