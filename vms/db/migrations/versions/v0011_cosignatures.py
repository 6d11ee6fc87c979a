"""What a witness has signed: kept beside the checkpoints."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of co-signatures."""
    op.create_table(
        "ledger_cosignature",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.Text(), nullable=False),
        sa.Column("witness_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["size"], ["ledger_checkpoint.size"], name=op.f("fk_ledger_cosignature_size")),
        sa.PrimaryKeyConstraint("size", "witness", "witness_at", name=op.f("pk_ledger_cosignature")),
    )
