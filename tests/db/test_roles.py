"""On PostgreSQL each process has a role of its own, with the rights that its code needs; only the owner can touch what is append-only."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.postgres import Server
from vms.clock import ManualClock
from vms.db import migrate, roles
from vms.db.engine import Database
from vms.db.roles import GRANTS, Role, reader_columns
from vms.errors import InvalidInput, Unavailable
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.log import Ledger

STEPS = Path(migrate.__file__).parent / "migrations" / "versions"
SCRIPT = Path(__file__).parents[2] / "config" / "postgresql" / "roles.sh"
LOG = [name for name in GRANTS if name.startswith("ledger_")]
PROCESSES = [Role.API, Role.INGEST, Role.RETENTION, Role.SELFTEST]


@pytest.fixture(scope="module")
def served(postgres_server: Server) -> Iterator[tuple[Server, str]]:
    """A database that its owner has migrated, with an entry in its ledger and a hash of a password."""
    name = postgres_server.create()
    assert migrate.upgrade(postgres_server.url(name)) == list(Role)
    database = Database(postgres_server.url(name))
    at = datetime(2026, 11, 1, tzinfo=UTC)
    with database.write() as conn:
        Ledger("test.example/log", ManualClock(at)).append(
            conn, Entry(Act.SYSTEM_START, Actor.service("test"), Origin("test"), {"process": "test"})
        )
    database.dispose()
    yield postgres_server, name
    postgres_server.drop(name)


def as_role(served: tuple[Server, str], role: Role) -> Database:
    """Connect as a role."""
    server, name = served
    return Database(server.url(name, role))


FORBIDDEN = [
    "UPDATE ledger_entry SET body = ''::bytea",
    "DELETE FROM ledger_entry",
    "TRUNCATE ledger_entry CASCADE",
    "DELETE FROM ledger_checkpoint",
    "UPDATE ledger_tile SET number = 9",
    "ALTER TABLE ledger_entry DISABLE TRIGGER ALL",
    "DROP TRIGGER ledger_entry_update ON ledger_entry",
    "DELETE FROM ledger_text",
    "DROP TABLE ledger_text",
    "SET session_replication_role = replica",
    "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION ledger_entry_update() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "CREATE TABLE t (i integer)",
    "CREATE TEMPORARY TABLE ledger_entry (seq integer)",
    "CREATE SCHEMA s",
    "CREATE RULE r AS ON INSERT TO ledger_entry DO INSTEAD NOTHING",
    "UPDATE alembic_version SET version_num = '0001'",
    "SET ROLE vms_test",
]


@pytest.mark.parametrize("role", list(Role))
def test_what_only_the_owner_may_is_refused_to_each_role(served: tuple[Server, str], role: Role) -> None:
    """The triggers stop programs; whoever owned the tables could switch them off."""
    database = as_role(served, role)
    for statement in FORBIDDEN:
        with pytest.raises(Unavailable) as refused, database.write() as conn:
            conn.execute(text(statement))
        assert refused.value.code == "database.rights", statement
    with database.read() as conn:
        assert conn.execute(text("SELECT count(*) FROM ledger_entry")).scalar_one() == 1
        assert not conn.execute(text("SELECT has_table_privilege('public', 'ledger_entry', 'SELECT')")).scalar_one()
        assert not roles.is_owner(conn)
    database.dispose()


@pytest.mark.parametrize("role", PROCESSES)
def test_each_process_can_write_its_log(served: tuple[Server, str], role: Role) -> None:
    """No act without its entry: also tiles, search copies and triggers have to work with these rights."""
    database = as_role(served, role)
    with database.write() as conn:
        entry = Entry(Act.SYSTEM_START, Actor.service("test"), Origin("test"), {"placement_id": "p", "hold_id": "h"})
        Ledger("test.example/log", ManualClock(datetime(2026, 11, 1, tzinfo=UTC))).append(conn, entry)
        conn.rollback()
    database.dispose()


def test_the_reader_sees_no_key_no_hash_and_no_free_text(served: tuple[Server, str]) -> None:
    """A monitoring system's password lies in many places."""
    assert reader_columns("session") == reader_columns("ledger_text") == []
    assert "password_hash" not in reader_columns("user_account")
    assert "wrapped_key" not in reader_columns("segment")
    assert "body" in reader_columns("ledger_entry")
    database = as_role(served, Role.READER)
    for query in (
        "SELECT username FROM user_account",
        "SELECT number, state FROM segment",
        "SELECT body FROM ledger_entry",
    ):
        with database.read() as conn:
            conn.execute(text(query))
    for query in ("SELECT password_hash FROM user_account", "SELECT wrapped_key FROM segment", "SELECT * FROM camera"):
        with pytest.raises(Unavailable, match="permission denied"), database.read() as conn:
            conn.execute(text(query))
    with pytest.raises(Unavailable), database.write() as conn:
        conn.execute(text("DELETE FROM gap"))
    database.dispose()


def test_a_process_changes_no_schema_and_says_who_must(served: tuple[Server, str], postgres_server: Server) -> None:
    """With the schema in order it starts; else it says what to do instead of failing in the middle of a migration."""
    server, name = served
    assert migrate.upgrade(server.url(name, Role.API)) == []
    empty = postgres_server.create()
    with pytest.raises(InvalidInput, match="owner"):
        migrate.upgrade(postgres_server.url(empty, Role.API))
    postgres_server.drop(empty)


def test_a_right_that_somebody_gave_by_hand_is_taken_back_by_the_next_migration(served: tuple[Server, str]) -> None:
    """Rights follow from one place; a new version's tables get theirs the same way."""
    server, name = served
    owner = Database(server.url(name))
    with owner.write() as conn:
        conn.execute(text("GRANT DELETE ON ledger_entry TO vms_api"))
        conn.execute(text("REVOKE INSERT ON gap FROM vms_ingest"))
    migrate.upgrade(server.url(name))
    with owner.read() as conn:
        asked = "SELECT has_table_privilege('vms_api', 'ledger_entry', 'DELETE'), has_table_privilege('vms_ingest', 'gap', 'INSERT')"
        assert tuple(conn.execute(text(asked)).one()) == (False, True)
        assert roles.is_owner(conn)
    owner.dispose()


def test_the_shipped_script_makes_the_roles_and_gives_an_older_database_to_the_owner(
    postgres_server: Server, tmp_path: Path
) -> None:
    """Until now the superuser of the container had made all tables. Twice: it is run again when a password changes."""
    name = postgres_server.create()
    migrate.upgrade(postgres_server.url(name))
    (tmp_path / "vms_api").write_text('it\'s \\ a "password"\n', encoding="utf-8")
    for _ in range(2):
        postgres_server.script(SCRIPT, name, VMS_ROLE_PASSWORDS=str(tmp_path))
    owner = postgres_server.url(name, "vms_owner")
    assert migrate.upgrade(owner) == list(Role)
    database = Database(owner)
    with database.read() as conn:
        assert roles.is_owner(conn)
        assert set(
            conn.execute(text("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")).scalars()
        ) == {"vms_owner"}
        powers = "SELECT bool_or(rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls) FROM pg_roles WHERE rolname ~ '^vms_[^t]'"
        assert conn.execute(text(powers)).scalar_one() is False
    database.dispose()
    superuser = Database(postgres_server.url(name))
    with superuser.read() as conn:
        kept = conn.execute(
            text("SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'vms_api'")
        ).scalar_one()
    superuser.dispose()
    assert kept is True
    postgres_server.drop(name)
