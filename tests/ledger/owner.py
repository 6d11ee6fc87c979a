"""What somebody can do who owns the ledger's database: everything that its triggers refuse to everybody else."""

from sqlalchemy import Connection, text


def without_rules(conn: Connection) -> None:
    """Switch the append-only rules off, until the transaction is rolled back or for good."""
    tables = ("entry", "tile", "text", "checkpoint", "placement", "subject")
    if conn.dialect.name == "postgresql":
        for table in tables:
            conn.execute(text(f"ALTER TABLE ledger_{table} DISABLE TRIGGER USER"))
        return
    for (name,) in conn.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        conn.execute(text(f"DROP TRIGGER {name}"))


def change(conn: Connection, statement: str) -> None:
    """Change what may not be changed."""
    without_rules(conn)
    assert conn.execute(text(statement)).rowcount >= 1, statement
