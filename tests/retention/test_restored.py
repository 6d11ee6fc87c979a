"""A database and a footage folder put back from an old copy, on SQLite (its file) and on PostgreSQL (pg_dump, pg_restore).

Keys are never in a backup (docs/erasing.md): they are as they were when the copy came back. What was erased since stays unreadable,
by whatever the copy holds, and is erased again; what is held stays; and a copy that may have forgotten holds erases nothing.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from retention.clockguard import Doubt
from retention.reconcile import erase_overdue, reconcile
from retention.sweep import Witnessed, run_sweep
from tests.auditor.bundles import signer_of
from tests.footage.scene import KEEP_FOR
from tests.postgres import Server
from tests.retention.asking import confirm_clock
from tests.retention.outsider import Outsider
from tests.retention.town import LIMITS, Recorded, Town
from vms.clock import ManualClock
from vms.db import segments
from vms.db.engine import Database
from vms.errors import IntegrityLost
from vms.ledger import outside
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.model import PlacementId, SegmentState

P0, P1 = PlacementId("p0"), PlacementId("p1")
DAY = timedelta(days=1)


@dataclass
class Backup:
    """A town, and how its database is copied and put back.

    Args:
        town: see there.
        dump: return a copy of the database as it is.
        restore: make a database of a copy; return its address.
    """

    town: Town
    dump: Callable[[], bytes]
    restore: Callable[[bytes], str]

    def copy(self) -> tuple[bytes, Path]:
        """Copy database and footage, not the keys."""
        folder = self.town.folder / "backup"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.town.folder / "footage", folder)
        return self.dump(), folder

    def put_back(self, database: bytes, footage: Path | None) -> None:
        """Put copies in place of what is there; footage is laid over what is there, as most people would."""
        self.town.db.dispose()
        self.town.db = Database(self.restore(database))
        if footage is not None:
            shutil.copytree(footage, self.town.folder / "footage", dirs_exist_ok=True)
        self.town.restart()


@pytest.fixture(params=["sqlite", "postgresql"])
def backup(request: pytest.FixtureRequest, clock: ManualClock, quick_folder: Path) -> Iterator[Backup]:
    """Two placements, once on SQLite and once on PostgreSQL."""
    made: list[str] = []
    if request.param == "sqlite":
        town = Town(Database(request.getfixturevalue("quick_url")), clock, quick_folder)

        def dump() -> bytes:
            town.db.checkpoint_wal()
            return (quick_folder / "vms.sqlite").read_bytes()

        def restore(copy: bytes) -> str:
            path = quick_folder / f"restored-{len(made)}.sqlite"
            path.write_bytes(copy)
            made.append(path.name)
            return f"sqlite:///{path}"

        yield Backup(town, dump, restore)
        town.db.dispose()
        return
    server: Server = request.getfixturevalue("postgres_server")
    town = Town(Database(request.getfixturevalue("postgres_url")), clock, quick_folder)

    def restore_dump(copy: bytes) -> str:
        made.append(server.restore(copy))
        return server.url(made[-1])

    yield Backup(town, lambda: server.dump(str(make_url(town.db.url).database)), restore_dump)
    town.db.dispose()
    for name in made:
        server.drop(name)


def sweep(town: Town) -> None:
    """Erase what is due, as the daemon does."""
    assert run_sweep(town.parts, LIMITS).doubts == ()
    erase_overdue(town.parts, KEEP_FOR, town.clock.now())
    assert reconcile(town.parts, KEEP_FOR, town.clock.now()).strange_files == []
    town.db.checkpoint_wal()


def state_of(town: Town, item: Recorded) -> SegmentState:
    """Return a segment's state."""
    with town.db.read() as conn:
        return segments.get(conn, item.ref.placement_id, item.ref.number or 0).state


def entries_of(town: Town, act: Act) -> int:
    """Count the entries of an act."""
    with town.db.read() as conn:
        return len(search(conn, Filter(acts=frozenset({act})), limit=1000))


def age(town: Town, by: timedelta) -> None:
    """Let time pass, with a sweep a day."""
    for _ in range(by // DAY):
        town.clock.advance(DAY)
        sweep(town)


def test_what_was_erased_stays_unreadable_and_is_erased_again_and_what_is_held_stays(backup: Backup) -> None:
    """The yearly test of restoring (BIO 8.13.04) has to end like this."""
    town, thief = backup.town, Outsider(backup.town)
    sweep(town)
    erased, held = [town.record(P0), town.record(P1)], town.record(P0)
    town.clock.advance(timedelta(minutes=5))
    hold_id = town.place(town.request(held.span, P0)).hold.id
    also = [item for item in erased if item.holds]
    erased = [item for item in erased if not item.holds]
    database, footage = backup.copy()
    thief.steal()
    age(town, 20 * DAY)
    young = town.record(P1)
    age(town, 9 * DAY)
    assert [state_of(town, item) for item in erased] == [SegmentState.DESTROYED] * len(erased)

    backup.put_back(database, footage)
    thief.town = town
    thief.steal()
    for item in erased:
        assert state_of(town, item) is SegmentState.SEALED, "the copy must say that it is there"
        assert town.store.exists(item.ref), "and its file must be back"
        assert not town.readable(item), "and nobody can read it all the same"
    assert all(town.readable(item) for item in (held, *also))

    confirm_clock(town)
    sweep(town)
    for item in erased:
        assert state_of(town, item) is SegmentState.DESTROYED
        assert not town.store.has_any(item.ref)
    assert all(town.readable(item) for item in (held, *also)), "nothing that is held is lost"
    assert town.store.has_any(young.ref), "a file whose row the copy does not know waits until it would be due"
    age(town, 20 * DAY)
    assert not town.store.has_any(young.ref)
    assert all(town.readable(item) for item in (held, *also))
    town.recorded.remove(young)  # its row is lost, and with it the word of the ledger
    thief.check(swept=True)
    town.release(hold_id)
    sweep(town)
    assert not town.readable(held)
    thief.check(swept=True)


def test_a_copy_that_does_not_know_a_hold_erases_nothing_of_it(backup: Backup) -> None:
    """By its word everything would be nobody's: the ledger, as others know it, contradicts it, and it has to wait for a person."""
    town, signer = backup.town, signer_of(backup.town)
    sweep(town)
    held, other = town.record(P0), town.record(P1)
    database, _ = backup.copy()
    town.clock.advance(timedelta(minutes=5))
    town.place(town.request(held.span, P0))
    age(town, 27 * DAY)
    with town.db.write() as conn:
        outside.keep(town.folder / "keys", town.parts.ledger.checkpoint(conn, signer))
    present = backup.dump()

    backup.put_back(database, None)
    with town.db.read() as conn, pytest.raises(IntegrityLost, match="older copy"):
        town.parts.ledger.verify_tail(conn, signer.verifier, outside.kept(town.folder / "keys"))
    # A daemon that ran already, or one whose note outside was put back too, has the witness' word.
    town.clock.advance(3 * DAY)
    report = run_sweep(town.parts, LIMITS, Witnessed(contradicts=True))
    assert Doubt.LEDGER_CONTRADICTED in report.doubts
    assert report.claimed == 0
    assert entries_of(town, Act.DESTROY_INTENT) == 0
    assert town.store.exists(held.ref)

    backup.put_back(present, None)
    assert town.readable(held), "with the database that belongs here it is there"
    confirm_clock(town)
    sweep(town)
    assert town.readable(held)
    assert not town.readable(other)


def test_footage_alone_put_back_is_erased_again_and_its_keys_stay_dead(backup: Backup) -> None:
    """A folder from a backup of somebody who did not know that footage must not be in one."""
    town, thief = backup.town, Outsider(backup.town)
    sweep(town)
    item = town.record(P0)
    _, footage = backup.copy()
    thief.steal()
    age(town, 28 * DAY)
    assert not town.store.has_any(item.ref)
    shutil.copytree(footage, town.folder / "footage", dirs_exist_ok=True)
    assert not town.readable(item)
    sweep(town)
    assert not town.store.has_any(item.ref)
    assert entries_of(town, Act.ORPHAN_ERASED) == 1
    thief.check(swept=True)
