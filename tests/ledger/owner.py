"""What somebody can do who owns the ledger's database: everything that its triggers refuse to everybody else."""

from sqlalchemy import Connection, text

LEDGER = tuple(f"ledger_{name}" for name in ("entry", "tile", "text", "checkpoint", "placement", "subject"))


def without_rules(conn: Connection, *tables: str) -> None:
    """Switch the append-only rules off, of the ledger or of other tables, until the transaction is rolled back or for good."""
    if conn.dialect.name == "postgresql":
        for table in tables or LEDGER:
            conn.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        return
    for (name,) in conn.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        conn.execute(text(f"DROP TRIGGER {name}"))


def change(conn: Connection, statement: str) -> None:
    """Change what may not be changed."""
    without_rules(conn)
    assert conn.execute(text(statement)).rowcount >= 1, statement
