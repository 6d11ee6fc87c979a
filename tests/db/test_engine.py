"""Transactions and errors are the same on both databases."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text

from tests import builders
from vms.db import engine, placements
from vms.db.engine import Database
from vms.db.placements import Area
from vms.db.tables import area, clock_sample
from vms.errors import Conflict, IntegrityLost, InvalidInput, Unavailable
from vms.model import CameraId, PlacementId


def test_a_block_that_ends_well_is_committed(database: Database) -> None:
    """Callers never commit by hand."""
    with database.write() as conn:
        placements.add_area(conn, Area("a", "A"))
    with database.read() as conn:
        assert placements.list_areas(conn) == [Area("a", "A")]


def test_any_exception_rolls_the_whole_block_back(database: Database) -> None:
    """An act without its ledger entry, or the reverse, must not exist."""

    def add_and_fail() -> None:
        with database.write() as conn:
            placements.add_area(conn, Area("a", "A"))
            raise RuntimeError("something else went wrong")

    with pytest.raises(RuntimeError):
        add_and_fail()
    with database.read() as conn:
        assert placements.list_areas(conn) == []


def test_a_read_transaction_can_not_write(database: Database) -> None:
    """A write through the wrong door would escape the write lock."""
    with pytest.raises(Unavailable), database.read() as conn:
        placements.add_area(conn, Area("a", "A"))
    with database.write() as conn:
        placements.add_area(conn, Area("b", "B"))


def test_a_read_transaction_sees_one_snapshot(database: Database) -> None:
    """A report must not mix two moments."""
    with database.read() as reader:
        assert placements.list_areas(reader) == []
        with database.write() as writer:
            placements.add_area(writer, Area("a", "A"))
        assert placements.list_areas(reader) == []
    with database.read() as reader:
        assert len(placements.list_areas(reader)) == 1


def test_a_value_that_no_column_holds_is_wrong_input(database: Database) -> None:
    """The drivers disagree about whose error that is; callers must not see the difference."""
    sample = {"id": 1, "wall_at": datetime(2026, 11, 1, tzinfo=UTC), "boottime_us": 2**70, "boot_id": "b"}
    with pytest.raises(InvalidInput), database.write() as conn:
        conn.execute(insert(clock_sample).values(sample))


def test_a_broken_constraint_is_a_conflict_without_the_values(database: Database) -> None:
    """The caller reacts to the class; logs must not get names or notes out of a statement's parameters."""
    with database.write() as conn:
        placements.add_area(conn, Area("a", "first"))
    with pytest.raises(Conflict) as caught, database.write() as conn:
        placements.add_area(conn, Area("a", "very secret name"))
    assert "very secret name" not in str(caught.value)


def test_a_foreign_key_is_enforced(database: Database) -> None:
    """SQLite enforces them only where asked, on every connection."""
    stray = placements.NewPlacement(
        PlacementId("p"), CameraId("no-such-camera"), "no-such-designation", "p", from_at=builders.SPRING
    )
    with pytest.raises(Conflict), database.write() as conn:
        placements.add(conn, stray)


def test_waiting_too_long_for_a_lock_is_unavailable(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stuck process must not hang all others for ever."""
    monkeypatch.setattr(engine, "LOCK_TIMEOUT_MS", 200)
    impatient = Database(database.url)
    with database.write() as holder:
        placements.add_area(holder, Area("a", "A"))
        with pytest.raises(Unavailable), impatient.write() as conn:
            placements.add_area(conn, Area("a", "A"))
    impatient.dispose()


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    """The recorder goes on into its spool on exactly this error."""
    for url in (f"sqlite:///{tmp_path / 'no' / 'folder' / 'x.sqlite'}", "postgresql://nobody@127.0.0.1:1/x"):
        database = Database(url)
        with pytest.raises(Unavailable), database.read():
            pass
        with pytest.raises(Unavailable), database.write():
            pass


def test_a_file_that_is_no_database_is_an_incident(tmp_path: Path) -> None:
    """Garbage in place of the database must never be answered by making a new one."""
    path = tmp_path / "garbage.sqlite"
    path.write_bytes(b"not a database, but long enough to be looked at" * 100)
    database = Database(f"sqlite:///{path}")
    with pytest.raises(IntegrityLost), database.read() as conn:
        conn.execute(select(area))


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:", ""])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    """A database in memory would forget the ledger at the next start."""
    with pytest.raises(InvalidInput, match="sqlite:///"):
        Database(url)


def test_the_short_postgresql_address_uses_our_driver() -> None:
    """Administrators copy addresses from elsewhere; they never name the driver."""
    assert engine.parsed("postgresql://vms@db/vms").drivername == "postgresql+psycopg"


def test_the_database_clock_is_read_and_aware(database: Database) -> None:
    """The clock guard compares it with the wall clock."""
    with database.read() as conn:
        assert abs(database.now(conn) - datetime.now(UTC)) < timedelta(seconds=5)


def test_sqlite_is_set_up_for_durability_and_real_deletion(sqlite_database: Database) -> None:
    """synchronous=FULL: a commit survives a power cut; secure_delete: a deleted key is overwritten."""
    with sqlite_database.read() as conn:
        found = {
            name: conn.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 10_000,
    }


def test_deleted_bytes_leave_the_sqlite_files(sqlite_database: Database) -> None:
    """The row of a wiped key must not be found by looking at the disk."""
    needle = b"NEEDLE-IN-THE-FILE"
    path = Path(sqlite_database.url.removeprefix("sqlite:///"))
    with sqlite_database.write() as conn:
        builders.add_camera(conn, sealed_password=needle * 20)
    with sqlite_database.write() as conn:
        conn.execute(text("UPDATE camera SET sealed_password = x'00'"))
    sqlite_database.checkpoint_wal()
    sqlite_database.dispose()
    assert not any(needle in file.read_bytes() for file in path.parent.glob("vms.sqlite*"))


def test_many_threads_count_without_losing_one(database: Database) -> None:
    """Read-modify-write under write() is safe, whoever else writes."""
    with database.write() as conn:
        builders.add_people(conn)
        builders.add_placement(conn)

    def take_over_often() -> None:
        for _ in range(10):
            with database.write() as conn:
                placements.take_over(conn, PlacementId("place-1"))

    threads = [threading.Thread(target=take_over_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as conn:
        assert placements.get(conn, PlacementId("place-1")).epoch == 40
