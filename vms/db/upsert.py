"""Rows that are made or replaced in one statement, on both databases."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def put(conn: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Insert a row, or replace the values of the one that has this key already; two writers at once don't collide."""
    # Same statement, two builders: SQLAlchemy has no common one.
    maker = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    statement = maker(table).values(**key, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=list(key), set_=dict(values)))
