"""The migrated schema is the one that the code was written against, on both databases."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, inspect, text
from sqlalchemy.dialects import postgresql, sqlite

from tests.postgres import Server
from vms.clock import ManualClock, SystemClock
from vms.db import migrate, review_duty, reviews, users
from vms.db.engine import Database
from vms.db.migrations.versions import v0015_subjects
from vms.db.reviews import ReviewKind
from vms.db.tables import metadata
from vms.errors import Conflict
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Purpose, Value
from vms.ledger.log import Ledger


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'folder' / 'empty.sqlite'}"
    server: Server = request.getfixturevalue("postgres_server")
    return server.url(server.create())


def options(index: Any) -> list[tuple[str, str]]:
    """Return an index's options, its partial condition above all, as words that can be compared."""
    return [(name, str(value)) for name, value in index.get("dialect_options", {}).items()]


def described(conn: Connection) -> dict[str, Any]:
    """Return all that the database says about its tables, the migrations' own left out."""
    inspector = inspect(conn)
    dialect = postgresql.dialect() if conn.dialect.name == "postgresql" else sqlite.dialect()
    return {
        table: {
            "columns": [
                (column["name"], column["type"].compile(dialect), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": sorted(inspector.get_foreign_keys(table), key=lambda key: str(key["name"])),
            "unique": sorted(inspector.get_unique_constraints(table), key=lambda key: str(key["name"])),
            "checks": sorted((check["name"], check["sqltext"]) for check in inspector.get_check_constraints(table)),
            "indexes": sorted(
                (str(index["name"]), index["column_names"], index["unique"], sorted(map(str, options(index))))
                for index in inspector.get_indexes(table)
            ),
        }
        for table in sorted(inspector.get_table_names())
        if table != "alembic_version"
    }


def test_migrations_make_the_schema_of_the_tables_module(
    empty_url: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Code and schema are written twice; constraints, defaults and partial indexes must not drift apart."""
    migrate.upgrade(empty_url)
    migrated = Database(empty_url)
    with migrated.read() as conn:
        made_by_steps = described(conn)
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []
    if migrated.is_postgresql:
        server: Server = request.getfixturevalue("postgres_server")
        other = Database(server.url(server.create()))
    else:
        other = Database(f"sqlite:///{tmp_path / 'created.sqlite'}")
    with other.write() as conn:
        metadata.create_all(conn)
    with other.read() as conn:
        assert described(conn) == made_by_steps
    migrated.dispose()
    other.dispose()


def test_a_second_upgrade_changes_nothing(empty_url: str) -> None:
    """Every process may migrate at its start."""
    migrate.upgrade(empty_url)
    migrate.upgrade(empty_url)
    database = Database(empty_url)
    assert migrate.at_head(database)
    database.dispose()


def test_an_unmigrated_database_is_not_at_head(empty_url: str) -> None:
    """Readiness must be no while the schema is missing."""
    if empty_url.startswith("sqlite"):
        Path(empty_url.removeprefix("sqlite:///")).parent.mkdir()
    database = Database(empty_url)
    assert not migrate.at_head(database)
    database.dispose()


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    """An older program would write rows that the newer schema does not expect."""
    with database.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="newer version"):
        migrate.upgrade(database.url)
    assert not migrate.at_head(database)


def test_entries_from_before_can_be_found_by_what_they_are_about(database: Database, clock: ManualClock) -> None:
    """The index of cases, holds and exports came later than the first entries; leaves don't change, so it can be made anew."""
    ledger = Ledger("test.example/log", clock)
    about: list[dict[str, Value]] = [
        {"hold_id": "h-1"},
        {"placement_id": "p-1"},
        {"hold_id": "h-1", "export_id": "e-1"},
        {"pending_hold_ids": ["h-2", "h-3"]},
    ]
    with database.write() as conn:
        for number, words in enumerate(about):
            purpose = Purpose("case", "PL0900-2026-123456") if number else None
            ledger.append(conn, Entry(Act.KEY_INTENT, Actor.service("test"), Origin("test"), words, purpose=purpose))
        rows = text("SELECT subject, seq FROM ledger_subject ORDER BY subject, seq")
        indexed = conn.execute(rows).all()
        assert len(indexed) == 8
        conn.execute(text("DROP TABLE ledger_subject"))
        conn.execute(text("DROP INDEX ix_ledger_placement_seq"))
        if database.is_postgresql:
            for operation in ("update", "delete"):
                conn.execute(text(f"DROP FUNCTION ledger_subject_{operation}()"))
        with Operations.context(MigrationContext.configure(conn)):
            v0015_subjects.upgrade()
    with database.read() as conn:
        assert conn.execute(rows).all() == indexed
    with pytest.raises(Conflict), database.write() as conn:
        conn.execute(text("DELETE FROM ledger_subject"))


def test_passwords_from_before_count_as_set_by_somebody_else(empty_url: str) -> None:
    """Nobody knows who typed them: their owners must choose, and are not locked out meanwhile."""
    migrate.upgrade(empty_url, "0025")
    database = Database(empty_url)
    with database.write() as conn:
        before = "INSERT INTO user_account (id, username, display_name, password_hash, added_at) VALUES ('u', 'anna', 'Anna', '', 1)"
        conn.execute(text(before))
    migrate.upgrade(empty_url)
    with database.read() as conn:
        account = users.by_username(conn, "anna")
        columns_now = {column["name"] for column in inspect(conn).get_columns("user_account")}
    database.dispose()
    assert account is not None
    assert account.first_password == users.FirstPassword(until_at=None, used_at=None)
    assert not columns_now & {"failed_sign_ins", "locked_until_at"}


def test_the_steps_travel_with_the_package() -> None:
    """An installed wheel has no repository around it: the steps must be package data beside the code."""
    folder = Path(migrate.__file__).parent / "migrations"
    assert (folder / "env.py").is_file()
    assert len(list((folder / "versions").glob("v*.py"))) >= 3


def test_reviews_of_sign_ins_are_owed_from_the_month_of_the_upgrade_on(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would judge three years of sign-ins at once; and what an auditor reviewed before stays a review of views.

    The log's last entry before the upgrade may be of an earlier month.
    """
    upgraded_at = datetime(2026, 11, 2, 3, 4, 5, 6, tzinfo=UTC)
    monkeypatch.setattr(SystemClock, "now", lambda _: upgraded_at)
    _upgrade_to(empty_url, "0024")
    database, clock = Database(empty_url), ManualClock(datetime(2026, 8, 3, 12, tzinfo=UTC))
    ledger = Ledger("test.example/log", clock)
    person = Actor.person("u-1", role=None, session_id="s-1")
    with database.write() as conn:
        for _ in range(4):
            ledger.append(conn, Entry(Act.AUTH_SIGN_IN, person, Origin("test"), {"session": "s-1"}))
            clock.advance(timedelta(days=25))
        for statement in (
            (
                "INSERT INTO user_account (id, username, display_name, password_hash, language, added_at)"
                " VALUES ('u-1', 'a', 'A', 'x', 'nl', 1)"
            ),
            (
                "INSERT INTO access_review (id, drawn_by, drawn_at, start_at, end_at, seed, sample, population)"
                " VALUES ('r-1', 'u-1', 9, 1, 2, '4711', 1, 1)"
            ),
            "INSERT INTO access_review_item (review_id, seq, verdict, judged_at) VALUES ('r-1', 0, 'in-order', 9)",
        ):
            conn.execute(text(statement))
    migrate.upgrade(empty_url)
    with database.write() as conn:
        ledger.append(conn, Entry(Act.AUTH_SIGN_IN, person, Origin("test"), {"session": "s-1"}))
    with database.read() as conn:
        assert [one.id for one in reviews.list_all(conn, ReviewKind.VIEWS)] == ["r-1"]
        assert reviews.list_all(conn, ReviewKind.SIGN_INS) == []
        [item] = reviews.items(conn, "r-1")
        assert (item.about, item.reasons, item.judged_by) == (None, (), None)
        owed = review_duty.owed_months(conn, datetime(2027, 2, 1, tzinfo=UTC))
        assert [one.month for one in owed] == ["2026-11"], "not August to October, of before"
        assert review_duty.since(conn) == upgraded_at
    for statement in ("DELETE FROM review_duty", "UPDATE review_duty SET since_at = 1"):
        with pytest.raises(Conflict), database.write() as conn:
            conn.execute(text(statement))
    database.dispose()


def _upgrade_to(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir()
    database = Database(url)
    with database.write() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, revision)
    database.dispose()
