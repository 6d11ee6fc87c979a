"""Signatures under the monthly proofs of erasing: over one very report, once, and never changed."""

import sqlalchemy as sa
from alembic import op

from vms.db.migrations.refusals import Rule, is_postgresql, refuse_after, refuse_before

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TABLE = "proof_signature"
_MESSAGE = "a signature under a proof is never changed"
_SAME = "SELECT 1 FROM retention_proof p WHERE p.month = NEW.month AND p.sha256 = NEW.sha256"
_BEFORE = (
    Rule(_TABLE, "UPDATE", _MESSAGE),
    Rule(_TABLE, "DELETE", _MESSAGE),
    # SQLite's INSERT OR REPLACE fires no trigger for what it replaces.
    Rule(
        table=_TABLE,
        operation="INSERT",
        message=_MESSAGE,
        refused="EXISTS (SELECT 1 FROM proof_signature s WHERE s.month = NEW.month AND s.sha256 = NEW.sha256)",
    ),
)
_AFTER = (
    Rule(_TABLE, "INSERT", "a signature is over the report that there is", f"NOT EXISTS ({_SAME})"),
    Rule(_TABLE, "INSERT", "a proof is signed after it was made", f"EXISTS ({_SAME} AND p.made_at > NEW.signed_at)"),
    Rule(
        table=_TABLE,
        operation="INSERT",
        message="a proof with findings is signed with an explanation",
        refused=f"trim(coalesce(NEW.remark, '')) = '' AND EXISTS ({_SAME} AND p.result <> 'in-order')",
    ),
)


def upgrade() -> None:
    """Make the table, then its rules."""
    op.create_table(
        _TABLE,
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("signed_by", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.BigInteger(), nullable=False),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.CheckConstraint("length(sha256) = 64", name=op.f(f"ck_{_TABLE}_length")),
        sa.ForeignKeyConstraint(["month"], ["retention_proof.month"], name=op.f(f"fk_{_TABLE}_month")),
        sa.ForeignKeyConstraint(["signed_by"], ["user_account.id"], name=op.f(f"fk_{_TABLE}_signed_by")),
        sa.PrimaryKeyConstraint("month", "sha256", name=op.f(f"pk_{_TABLE}")),
        sqlite_with_rowid=False,
    )
    refuse_before(_BEFORE)
    refuse_after(_AFTER)
    if is_postgresql():
        refuse = f"RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'restrict_violation';"
        op.execute(f"CREATE FUNCTION {_TABLE}_truncate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {refuse} END $$")
        op.execute(f"CREATE TRIGGER {_TABLE}_truncate BEFORE TRUNCATE ON {_TABLE} EXECUTE FUNCTION {_TABLE}_truncate()")
