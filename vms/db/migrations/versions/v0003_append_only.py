"""The ledger grows at its end only: triggers refuse every other change, on both databases.

They stop accidents and programs, not the owner of the database; against that stand the checkpoints outside (docs/ledger.md).
The texts beside the tree (`ledger_text`) may be erased, never changed.
"""

from collections.abc import Iterator
from typing import NamedTuple

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MESSAGE = "the ledger is append-only"
_ALWAYS = "TRUE"


class _Rule(NamedTuple):
    table: str
    operation: str
    # The condition under which the operation is refused (NEW and OLD as in SQL).
    refused: str = _ALWAYS


_RULES = (
    _Rule("ledger_entry", "UPDATE"),
    _Rule("ledger_entry", "DELETE"),
    # Gap-free from 0; it also refuses SQLite's INSERT OR REPLACE, which fires no trigger for what it replaces.
    _Rule("ledger_entry", "INSERT", "NEW.seq <> (SELECT coalesce(max(seq) + 1, 0) FROM ledger_entry)"),
    _Rule("ledger_placement", "UPDATE"),
    _Rule("ledger_placement", "DELETE"),
    _Rule("ledger_checkpoint", "UPDATE"),
    _Rule("ledger_checkpoint", "DELETE"),
    _Rule("ledger_checkpoint", "INSERT", "NEW.size <= (SELECT coalesce(max(size), -1) FROM ledger_checkpoint)"),
    _Rule("ledger_tile", "DELETE"),
    _Rule(
        table="ledger_tile",
        operation="UPDATE",
        refused="NEW.level <> OLD.level OR NEW.number <> OLD.number OR length(NEW.hashes) <> length(OLD.hashes) + 32"
        " OR substr(NEW.hashes, 1, length(OLD.hashes)) <> OLD.hashes",
    ),
    _Rule(
        table="ledger_tile",
        operation="INSERT",
        refused="length(NEW.hashes) <> 32"
        " OR EXISTS (SELECT 1 FROM ledger_tile t WHERE t.level = NEW.level AND t.number = NEW.number)",
    ),
    _Rule("ledger_text", "UPDATE"),
    _Rule("ledger_text", "INSERT", "EXISTS (SELECT 1 FROM ledger_text t WHERE t.commitment = NEW.commitment)"),
)


def upgrade() -> None:
    """Make the triggers."""
    statements = _postgresql() if op.get_bind().dialect.name == "postgresql" else _sqlite()
    for statement in statements:
        op.execute(statement)


def _sqlite() -> Iterator[str]:
    for table, operation, refused in _RULES:
        yield (
            f"CREATE TRIGGER {table}_{operation.lower()} BEFORE {operation} ON {table} FOR EACH ROW WHEN {refused}"
            f" BEGIN SELECT RAISE(ABORT, '{_MESSAGE}'); END"
        )


def _postgresql() -> Iterator[str]:
    # restrict_violation is an integrity error to the driver, as RAISE(ABORT) is on SQLite.
    refuse = f"RAISE EXCEPTION '{_MESSAGE}' USING ERRCODE = 'restrict_violation';"
    for table, operation, refused in _RULES:
        # A function each: PostgreSQL's WHEN takes no subquery.
        name = f"{table}_{operation.lower()}"
        body = f"IF {refused} THEN {refuse} END IF; RETURN NEW;"
        yield f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
        yield f"CREATE TRIGGER {name} BEFORE {operation} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
    yield f"CREATE FUNCTION ledger_truncate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {refuse} END $$"
    for table in ("ledger_entry", "ledger_placement", "ledger_checkpoint", "ledger_tile"):
        yield f"CREATE TRIGGER {table}_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION ledger_truncate()"
