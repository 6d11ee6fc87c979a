"""Search copies of a run of entries are found by its numbers: the whole check of the ledger reads them slice by slice."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    for table in ("ledger_placement", "ledger_subject"):
        op.create_index(op.f(f"ix_{table}_seq"), table, ["seq"])
