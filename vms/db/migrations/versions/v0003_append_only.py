"""The ledger grows at its end only: triggers refuse every other change, on both databases.

They stop accidents and programs, not the owner of the database; against that stand the checkpoints outside (docs/ledger.md).
The texts beside the tree (`ledger_text`) may be erased, never changed.
"""

from alembic import op

from vms.db.migrations.refusals import Rule, is_postgresql, refuse_before

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MESSAGE = "the ledger is append-only"


_RULES = (
    Rule("ledger_entry", "UPDATE", _MESSAGE),
    Rule("ledger_entry", "DELETE", _MESSAGE),
    # Gap-free from 0; it also refuses SQLite's INSERT OR REPLACE, which fires no trigger for what it replaces.
    Rule("ledger_entry", "INSERT", _MESSAGE, "NEW.seq <> (SELECT coalesce(max(seq) + 1, 0) FROM ledger_entry)"),
    Rule("ledger_placement", "UPDATE", _MESSAGE),
    Rule("ledger_placement", "DELETE", _MESSAGE),
    Rule("ledger_checkpoint", "UPDATE", _MESSAGE),
    Rule("ledger_checkpoint", "DELETE", _MESSAGE),
    Rule(
        "ledger_checkpoint", "INSERT", _MESSAGE, "NEW.size <= (SELECT coalesce(max(size), -1) FROM ledger_checkpoint)"
    ),
    Rule("ledger_tile", "DELETE", _MESSAGE),
    Rule(
        table="ledger_tile",
        operation="UPDATE",
        message=_MESSAGE,
        refused="NEW.level <> OLD.level OR NEW.number <> OLD.number OR length(NEW.hashes) <> length(OLD.hashes) + 32"
        " OR substr(NEW.hashes, 1, length(OLD.hashes)) <> OLD.hashes",
    ),
    Rule(
        table="ledger_tile",
        operation="INSERT",
        message=_MESSAGE,
        refused="length(NEW.hashes) <> 32"
        " OR EXISTS (SELECT 1 FROM ledger_tile t WHERE t.level = NEW.level AND t.number = NEW.number)",
    ),
    Rule("ledger_text", "UPDATE", _MESSAGE),
    Rule("ledger_text", "INSERT", _MESSAGE, "EXISTS (SELECT 1 FROM ledger_text t WHERE t.commitment = NEW.commitment)"),
)


def upgrade() -> None:
    """Make the triggers."""
    refuse_before(_RULES)
    if is_postgresql():
        refuse = f"RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'restrict_violation';"
        op.execute(f"CREATE FUNCTION ledger_truncate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {refuse} END $$")
        for table in ("ledger_entry", "ledger_placement", "ledger_checkpoint", "ledger_tile"):
            op.execute(f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION ledger_truncate()")
