"""Anchors of the ledger outside the house: time stamps, and checkpoints mailed. Append-only like the checkpoints."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TABLES = ("ledger_stamp", "ledger_mailing")


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
    for statement in _postgresql() if op.get_bind().dialect.name == "postgresql" else _sqlite():
        op.execute(statement)


def _sqlite() -> Iterator[str]:
    for table in _TABLES:
        for operation in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_{operation.lower()} BEFORE {operation} ON {table} FOR EACH ROW"
                " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
            )


def _postgresql() -> Iterator[str]:
    # ledger_truncate() of v0003 refuses whatever fires it.
    for table in _TABLES:
        for operation in ("UPDATE", "DELETE"):
            yield (
                f"CREATE TRIGGER {table}_{operation.lower()} BEFORE {operation} ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION ledger_truncate()"
            )
        yield f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION ledger_truncate()"
