"""Rows that are kept for ever stay, also against REPLACE on SQLite and TRUNCATE on PostgreSQL, which fire no rule against DELETE."""

import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import BLOB, Table, text
from sqlalchemy.dialects import sqlite

from vms.db.engine import Database
from vms.db.tables import metadata
from vms.errors import Conflict

KEPT = (
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
    "ledger_checkpoint",
    "ledger_cosignature",
    "ledger_entry",
    "ledger_mailing",
    "ledger_placement",
    "ledger_stamp",
    "ledger_subject",
    "ledger_tile",
    "placement_designation",
    "plan",
    "plan_review",
    "proof_signature",
    "retention_proof",
    "review_duty",
    "view_statement",
)
ONE_OF_A_KIND = {
    "plan": ("UPDATE OR REPLACE plan SET state = 'approved' WHERE version = 2", "placement_id = 1", "'approved'"),
    "hold_release": (
        "UPDATE OR REPLACE hold_release SET state = 'approved' WHERE id = '2'",
        "hold_id = 1",
        "'requested'",
    ),
}
"""Where only one row may be in a state: what makes the second so, what both have in common, and the state of the first."""


class Rows(NamedTuple):
    """A database with two rows in each table that keeps them, and what its tables are called and hold."""

    path: Path
    tables: dict[str, list[str]]


def values(table: Table, number: int) -> dict[str, Any]:
    """Return one value for each column, of the column's kind; two numbers share none."""
    result: dict[str, Any] = {}
    for column in table.columns:
        kind = column.type.dialect_impl(sqlite.dialect())
        if isinstance(kind, BLOB) or column.name == "hashes":
            result[column.name] = bytes([number]) * 32
        else:
            result[column.name] = number
    return result


def added(table: Table, number: int, verb: str = "INSERT", rowid: int | None = None) -> tuple[str, list[Any]]:
    """Return the statement that adds the row of a number, and its values."""
    row = ({} if rowid is None else {"rowid": rowid}) | values(table, number)
    marks = ", ".join("?" * len(row))
    return f"{verb} INTO {table.name} ({', '.join(row)}) VALUES ({marks})", list(row.values())


def opened(path: Path) -> sqlite3.Connection:
    """Return a connection as any program makes it: none of the product's settings, and no rule but the triggers."""
    raw = sqlite3.connect(path, isolation_level=None)
    raw.execute("PRAGMA ignore_check_constraints = ON")
    raw.execute("PRAGMA synchronous = OFF")
    return raw


@pytest.fixture(scope="module")
def two_rows(_sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with two rows in each such table, whose only rules left are those that look before a row is written."""
    path = tmp_path_factory.mktemp("kept") / "vms.sqlite"
    shutil.copyfile(_sqlite_template, path)
    raw = opened(path)
    rules = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in rules:
        raw.execute(f"DROP TRIGGER {name}")
    for name in KEPT:
        for number in (0, 1) if name == "ledger_entry" else (1, 2):
            raw.execute(*added(metadata.tables[name], number))
    for _, sql in rules:
        if " BEFORE INSERT " in sql or " BEFORE UPDATE " in sql:
            raw.execute(sql)
    raw.close()
    return path


def rows_of(raw: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    """Return all rows of a table, in order."""
    return sorted(raw.execute(f"SELECT * FROM {table}").fetchall(), key=repr)  # noqa: S608 - names of this module


def test_every_table_that_keeps_its_rows_is_tried_here(sqlite_url: str) -> None:
    """A table with a new rule against DELETE needs these rules too."""
    raw = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))
    ruled = raw.execute("SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    assert sorted({table for table, sql in ruled if re.search(r"(BEFORE|AFTER) DELETE ", sql)}) == sorted(KEPT)
    raw.close()


@pytest.mark.parametrize("name", KEPT)
def test_no_statement_puts_a_row_in_the_place_of_a_kept_one(two_rows: Path, tmp_path: Path, name: str) -> None:
    """SQLite fires no rule against DELETE for what REPLACE removes: by the same key, or by the hidden row number of another key."""
    path, table = tmp_path / "vms.sqlite", metadata.tables[name]
    shutil.copyfile(two_rows, path)
    raw = opened(path)
    before = rows_of(raw, name)
    assert len(before) == 2
    taken = 1 if name == "ledger_entry" else 2
    attacks = [added(table, taken, "REPLACE"), added(table, taken, "INSERT OR REPLACE")]
    if table.dialect_options["sqlite"]["with_rowid"]:
        attacks += [added(table, taken + 1, "REPLACE", rowid) for rowid in (1, 2)]
        attacks.append((f"UPDATE OR REPLACE {name} SET rowid = 1 WHERE rowid = 2", []))  # noqa: S608 - names of this module
        attacks.append((f"UPDATE OR REPLACE {name} SET _rowid_ = '1.0' WHERE oid = 2", []))  # noqa: S608 - names of this module
    for statement, given in attacks:
        with pytest.raises(sqlite3.IntegrityError):
            raw.execute(statement, given)
        assert rows_of(raw, name) == before, statement
    if name != "review_duty":
        raw.execute(*added(table, taken + 1))
        assert len(rows_of(raw, name)) == 3
    raw.close()


@pytest.mark.parametrize("name", ONE_OF_A_KIND)
def test_no_row_takes_the_only_place_of_a_kept_one(two_rows: Path, tmp_path: Path, name: str) -> None:
    """Of several rows one may be approved or open: REPLACE removed the one that was."""
    path, (attack, alike, state) = tmp_path / "vms.sqlite", ONE_OF_A_KIND[name]
    shutil.copyfile(two_rows, path)
    raw = opened(path)
    rules = raw.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", [name]
    ).fetchall()
    for rule, _ in rules:
        raw.execute(f"DROP TRIGGER {rule}")
    raw.execute(f"UPDATE {name} SET {alike}, state = CASE rowid WHEN 1 THEN {state} ELSE 'draft' END")  # noqa: S608 - names of this module
    for _, sql in rules:
        raw.execute(sql)
    before = rows_of(raw, name)
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(attack)
    third = values(metadata.tables[name], 3) | {alike.split(" = ", maxsplit=1)[0]: 1, "state": "approved"}
    columns, marks = ", ".join(third), ", ".join("?" * len(third))
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute(f"REPLACE INTO {name} ({columns}) VALUES ({marks})", [*third.values()])  # noqa: S608 - names of this module
    assert rows_of(raw, name) == before
    raw.close()


def test_what_the_product_replaces_by_mistake_is_refused_in_any_table(sqlite_database: Database) -> None:
    """Its connections have the rules against DELETE looked at for what REPLACE removes, also by a unique column of later."""
    with sqlite_database.read() as conn:
        assert conn.execute(text("PRAGMA recursive_triggers")).scalar_one() == 1


def test_no_table_that_keeps_its_rows_is_emptied(postgres_url: str) -> None:
    """TRUNCATE fires no rule for any row on PostgreSQL, not even the owner's by accident; SQLite has no such statement."""
    database = Database(postgres_url)
    for name in KEPT:
        with pytest.raises(Conflict, match=r"never replaced|append-only|never changed"), database.write() as conn:
            conn.execute(text(f"TRUNCATE {name} CASCADE"))
    database.dispose()
