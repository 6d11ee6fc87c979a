"""Rows that are kept for ever are replaced by no statement: not by SQLite's REPLACE, not by PostgreSQL's TRUNCATE.

SQLite fires no trigger against DELETE for a row that REPLACE removes, unless the connection asks for it, and REPLACE removes
whatever row has the same key or the same hidden row number. So rules before INSERT and UPDATE look first (decision 0440).
"""

from collections.abc import Iterator

from alembic import op

from vms.db.migrations.refusals import Rule, is_postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_MESSAGE = "a row that is kept is never replaced"
_LEDGER = "the ledger is append-only"
_KEYS = {
    "access_review": ("id",),
    "access_review_item": ("review_id", "seq"),
    "clock_override": ("id",),
    "designation": ("id",),
    "designation_withdrawal": ("designation_id",),
    "erasure": ("id",),
    "erasure_placement": ("erasure_id", "placement_id"),
    "erasure_segment": ("placement_id", "number"),
    "gap": ("placement_id", "start_at"),
    "hold_release": ("id",),
    "ledger_checkpoint": ("size",),
    "ledger_cosignature": ("size", "witness", "witness_at"),
    "ledger_entry": ("seq",),
    "ledger_mailing": ("size",),
    "ledger_placement": ("placement_id", "seq"),
    "ledger_stamp": ("size", "received_at"),
    "ledger_subject": ("subject", "seq"),
    "ledger_tile": ("level", "number"),
    "placement_designation": ("placement_id", "position"),
    "plan": ("placement_id", "version"),
    "plan_review": ("placement_id", "version"),
    "retention_proof": ("month",),
    "review_duty": ("kind",),
    "view_statement": ("id",),
}
"""The tables whose rows are never deleted (of gaps: those that have ended, 0028), with their keys.

proof_signature has its rules, and no hidden row number, since 0024.
"""
_ONE_OF_A_KIND = {
    "plan": ("placement_id", "state = 'approved'"),
    "gap": ("placement_id", "end_at IS NULL"),
    "hold_release": ("hold_id", "state IN ('requested', 'approved')"),
}
"""Partial unique indexes of these tables, by which REPLACE finds rows too: column and condition."""
_EMPTIED_SINCE = (
    "access_review",
    "access_review_item",
    "clock_override",
    "designation",
    "designation_withdrawal",
    "erasure",
    "erasure_placement",
    "erasure_segment",
    "gap",
    "hold_release",
    "placement_designation",
    "plan",
    "plan_review",
    "retention_proof",
    "review_duty",
    "view_statement",
)
"""The tables that PostgreSQL's TRUNCATE still emptied; the log's have their rules since 0003, 0014 and 0015."""


def upgrade() -> None:
    """Make the rules of this database."""
    if is_postgresql():
        refuse = f"RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'restrict_violation';"
        op.execute(f"CREATE FUNCTION kept_truncate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {refuse} END $$")
        for table in _EMPTIED_SINCE:
            op.execute(f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION kept_truncate()")
        return
    for rule in _rules():
        op.execute(
            f"CREATE TRIGGER {rule.table}_kept_{rule.operation.lower()} BEFORE {rule.operation} ON {rule.table} FOR EACH ROW"
            f" WHEN {rule.refused} BEGIN SELECT RAISE(ABORT, '{rule.message}'); END"
        )


def _rules() -> Iterator[Rule]:
    for table, key in _KEYS.items():
        message = _LEDGER if table.startswith("ledger_") else _MESSAGE
        # A row that names no hidden number has -1 here, and gets a free one.
        taken = f"{_other(table, *(f'o.{column} = NEW.{column}' for column in key))} OR {_other(table, 'o.rowid = NEW.rowid')}"
        moved = "NEW.rowid <> OLD.rowid"
        if table in _ONE_OF_A_KIND:
            column, condition = _ONE_OF_A_KIND[table]
            alike = (f"o.{column} = NEW.{column}", f"o.{condition}", f"NEW.{condition}")
            taken += f" OR {_other(table, *alike)}"
            moved += f" OR {_other(table, *alike, 'o.rowid <> OLD.rowid')}"
        yield Rule(table, "INSERT", message, taken)
        yield Rule(table, "UPDATE", message, moved)


def _other(table: str, *conditions: str) -> str:
    return f"EXISTS (SELECT 1 FROM {table} o WHERE {' AND '.join(conditions)})"  # noqa: S608 - names of this module
