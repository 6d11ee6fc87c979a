"""Anchors of the ledger outside the house: time stamps, and checkpoints mailed. Append-only like the checkpoints."""

import sqlalchemy as sa
from alembic import op

from vms.db.migrations.refusals import Rule, is_postgresql, refuse_before

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# The signatures of v0011 too.
_TABLES = ("ledger_stamp", "ledger_mailing", "ledger_cosignature")
_MESSAGE = "the ledger is append-only"


def upgrade() -> None:
    """Make the tables, and the triggers that refuse changes."""
    op.create_table(
        "ledger_stamp",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("query", sa.LargeBinary(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("stamped_at", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.CheckConstraint("why IS NOT NULL OR stamped_at IS NOT NULL", name=op.f("ck_ledger_stamp_read")),
        sa.ForeignKeyConstraint(["size"], ["ledger_checkpoint.size"], name=op.f("fk_ledger_stamp_size")),
        sa.PrimaryKeyConstraint("size", "received_at", name=op.f("pk_ledger_stamp")),
    )
    op.create_table(
        "ledger_mailing",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mailed_at", sa.BigInteger(), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.CheckConstraint("recipients > refused AND refused >= 0", name=op.f("ck_ledger_mailing_taken")),
        sa.ForeignKeyConstraint(["size"], ["ledger_checkpoint.size"], name=op.f("fk_ledger_mailing_size")),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_ledger_mailing")),
    )
    refuse_before(Rule(table, operation, _MESSAGE) for table in _TABLES for operation in ("UPDATE", "DELETE"))
    if is_postgresql():
        # ledger_truncate() of v0003 refuses whatever fires it.
        for table in _TABLES:
            op.execute(f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION ledger_truncate()")
