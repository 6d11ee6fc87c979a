"""What a worker that a hostile camera has taken over can do in the database with the rights of its role, and what not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from tests import builders
from tests.postgres import Server
from vms.clock import ManualClock
from vms.db import erasing, hour_keys, segments
from vms.db.engine import Database
from vms.db.roles import Role
from vms.errors import Conflict, Unavailable, VmsError
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.log import Ledger
from vms.model import GapCause, HourKeyState, PlacementId, hour_of

START = datetime(2026, 11, 1, 12, 0, 30, tzinfo=UTC)
PLACE = PlacementId("place-1")
OPENED = (
    "INSERT INTO commissioning (id, placement_id, state, reason, minutes, requested_by, requested_as, requested_at, decided_by, decided_as,"
    " decided_session, decided_at, from_at, until_at) SELECT 'c', 'place-1', 'approved', 'x', 30, 'u-officer', 'blanking-officer', 1,"
    " 'u-director', 'director', 's', 2, 2, 3"
)


def fill(conn: Connection) -> None:
    """Record a segment and a gap that has ended."""
    builders.add_people(conn)
    builders.add_placement(conn)
    builders.add_sealed_segment(conn, PLACE, START)
    segments.open_gap(conn, PLACE, START + timedelta(minutes=5), GapCause.OVERLOAD)
    segments.close_gap(conn, PLACE, START + timedelta(minutes=6))


@pytest.fixture
def taken_over(postgres_url: str, postgres_server: Server) -> Iterator[Database]:
    """A worker's connection to a database with footage."""
    owner = Database(postgres_url)
    with owner.write() as conn:
        fill(conn)
    worker = Database(postgres_server.url_of(postgres_url)(Role.INGEST))
    yield worker
    worker.dispose()
    owner.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        OPENED,
        "INSERT INTO commissioning_view (id, commissioning_id, session_id, opened_at, seen_at) VALUES ('v', 'c', 's', 1, 1)",
        "UPDATE hour_key SET state = 'dying'",
        "UPDATE hour_key SET destroyed_at = 1",
        "INSERT INTO hour_key (hour_at, state) VALUES (7200000000, 'dying')",
        "UPDATE segment SET state = 'expiring'",
        "UPDATE segment SET state = 'damaged'",
        "UPDATE segment SET wrapped_key = 'x'::bytea",
        "UPDATE segment SET sha256 = 'x', size_bytes = 1",
        "DELETE FROM gap",
        "UPDATE gap SET end_at = end_at + 1",
        "UPDATE gap SET cause = 'planned'",
    ],
)
def test_it_can_open_no_raw_picture_and_end_no_footage(taken_over: Database, statement: str) -> None:
    """With one statement the daemon destroyed the keys of all hours; with two another worker handed out raw pictures."""
    refusals = r"permission denied|being written|needs it|begins live|to destroyed|has ended|destroyed_at_an_instant"
    with pytest.raises(VmsError, match=refusals), taken_over.write() as conn:
        conn.execute(text(statement))


@pytest.mark.parametrize("role", [Role.INGEST, Role.RETENTION, Role.SELFTEST])
def test_only_processes_of_people_write_in_the_name_of_people(
    postgres_url: str, postgres_server: Server, role: Role
) -> None:
    """A signature under a proof could be forged by whoever could write any entry."""
    ledger = Ledger("test.example/log", ManualClock(START))
    database = Database(postgres_server.url_of(postgres_url)(role))
    person = Actor.person("u-director", role="director", session_id="s-1")
    with pytest.raises(Conflict, match="name of a person"), database.write() as conn:
        ledger.append(conn, Entry(Act.PROOF_SIGN, person, Origin("10.0.0.1"), {"month": "2026-10"}))
    with database.write() as conn:
        ledger.append(
            conn, Entry(Act.SYSTEM_START, Actor.service("ingest"), Origin("x"), {"odd": "\x00 \\u0000 \\ \u2028"})
        )
    database.dispose()


def test_it_records_all_the_same(taken_over: Database) -> None:
    """Opening, sealing, locking an hour, a gap."""
    with taken_over.write() as conn:
        hour_keys.require_live(conn, hour_of(START))
        hour_keys.require_live(conn, hour_of(START) + timedelta(hours=5))
        segments.open_gap(conn, PLACE, START + timedelta(minutes=8), GapCause.OVERLOAD)
        assert segments.close_gap(conn, PLACE, START + timedelta(minutes=9)) is not None
        builders.add_sealed_segment(conn, PLACE, START + timedelta(minutes=2))


@pytest.mark.parametrize("state", ["dying", "destroyed"])
def test_an_hour_key_lives_while_footage_needs_it(database: Database, state: str) -> None:
    """Whatever program says otherwise, on both databases; and it ends when nothing needs it, step by step."""
    with database.write() as conn:
        fill(conn)
    with pytest.raises(Conflict), database.write() as conn:
        conn.exec_driver_sql(
            f"UPDATE hour_key SET state = '{state}', destroyed_at = {'NULL' if state == 'dying' else 1}"  # noqa: S608 - a case
        )
    with database.write() as conn:
        assert not erasing.end_hour(conn, hour_of(START))
        conn.exec_driver_sql("UPDATE segment SET state = 'expiring'")
        conn.exec_driver_sql("UPDATE segment SET state = 'destroyed', wrapped_key = NULL, destroyed_at = 1")
        assert erasing.end_hour(conn, hour_of(START))
    for statement in ("UPDATE hour_key SET state = 'live'", "UPDATE hour_key SET hour_at = 0"):
        with pytest.raises(Conflict), database.write() as conn:
            conn.exec_driver_sql(statement)
    with database.write() as conn:
        assert erasing.mark_hour_destroyed(conn, hour_of(START), START)
    with pytest.raises((Conflict, Unavailable)), database.write() as conn:
        conn.exec_driver_sql("UPDATE hour_key SET destroyed_at = destroyed_at + 1")
    with database.read() as conn:
        found = hour_keys.get(conn, hour_of(START))
    assert found is not None
    assert found.state is HourKeyState.DESTROYED
