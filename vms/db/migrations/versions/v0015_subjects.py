"""What an entry is about besides placements: case numbers, holds and exports, to search by. Append-only like the entries."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from vms.db.migrations.refusals import Rule, is_postgresql, refuse_before

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLE = "ledger_subject"
_MESSAGE = "the ledger is append-only"
_AT_ONCE = 10_000
_MARKS = (b'"case":"', b'"hold_id":', b'"export_id":', b'"pending_hold_ids":')


def upgrade() -> None:
    """Make the table, fill it from the entries that there are, and make the triggers that refuse changes."""
    table = op.create_table(
        _TABLE,
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["ledger_entry.seq"], name=op.f("fk_ledger_subject_seq")),
        sa.PrimaryKeyConstraint("subject", "seq", name=op.f("pk_ledger_subject")),
    )
    for rows in _known(op.get_bind()):
        op.bulk_insert(table, rows)
    refuse_before(Rule(_TABLE, operation, _MESSAGE) for operation in ("UPDATE", "DELETE"))
    if is_postgresql():
        # ledger_truncate() of v0003 refuses whatever fires it.
        op.execute(f"CREATE TRIGGER {_TABLE}_truncate BEFORE TRUNCATE ON {_TABLE} EXECUTE FUNCTION ledger_truncate()")


def _known(conn: sa.Connection) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows for the entries that are there already, some thousand entries at a time: there may be millions."""
    entry = sa.table("ledger_entry", sa.column("seq"), sa.column("body"))
    page = sa.select(entry.c.seq, entry.c.body).order_by(entry.c.seq).limit(_AT_ONCE)
    found, last = True, -1
    while found:
        read = conn.execute(page.where(entry.c.seq > last)).all()
        rows = [{"subject": subject, "seq": row.seq} for row in read for subject in sorted(_subjects(bytes(row.body)))]
        if rows:
            yield rows
        found = bool(read)
        last = read[-1].seq if read else last


def _subjects(body: bytes) -> set[str]:
    """Return what a leaf names, as `Entry.subjects` did when this version of the schema was made."""
    if not any(mark in body for mark in _MARKS):
        return set()
    document = json.loads(body)
    about = document["obj"]
    named = [(document.get("purpose") or {}).get("case"), about.get("hold_id"), about.get("export_id")]
    named += about.get("pending_hold_ids") or []
    return {one for one in named if isinstance(one, str)}
