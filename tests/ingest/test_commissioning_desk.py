"""The worker's part of the commissioning view, on a real database and a real socket: it believes the database and its clocks only."""

import asyncio
import os
import resource
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, aclosing, contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from blanking.pose import PoseSample
from ingest.adopted import AdoptedWorker
from ingest.commissioning import CommissioningDesk, CommissioningTap
from tests import builders
from tests.blanking.conftest import raw_frame
from tests.ingest.running import until
from vms.bus import commissioning as bus_commissioning
from vms.bus.commissioning import CommissioningCounter, CommissioningPicture, LocalCommissioning, Pose
from vms.bus.wire import socket_path
from vms.clock import ManualClock, SystemClock
from vms.db import commissioning, placements, sessions, users
from vms.db.engine import Database
from vms.db.tables import commissioning as leaves
from vms.db.tables import placement as places
from vms.errors import Unavailable
from vms.hardening import raise_descriptor_limit
from vms.ledger.log import Ledger
from vms.ledger.search import Filter, search
from vms.model import CommissioningId, PlacementId, Role

HERE = PlacementId("place-1")
LEAVE = CommissioningId("c-1")
VIEW = "v-of-the-officer"
CLOCK = SystemClock()


def give_leave(db: Database, at: datetime, *, minutes: int = 10, look: bool = True) -> None:
    """An officer asks, the director approves, and a look is opened."""
    with db.write() as conn:
        people = builders.add_people(conn)
        builders.add_placement(conn, HERE)
        placements.take_over(conn, HERE)
        for user_id in (people.officer, people.director):
            sessions.start(
                conn,
                f"token of {user_id}",
                session_id=f"s-{user_id}",
                user_id=user_id,
                at=at,
                ends_at=at + timedelta(hours=8),
                origin="10.0.0.1",
            )
        commissioning.request(
            conn,
            LEAVE,
            placement_id=HERE,
            reason="new scaffolding in sight",
            minutes=minutes,
            requested_by=people.officer,
            requested_as=Role.BLANKING_OFFICER,
            at=at,
        )
        commissioning.approve(
            conn, LEAVE, by=people.director, role=Role.DIRECTOR, session_id=f"s-{people.director}", at=at
        )
        if look:
            commissioning.open_view(conn, VIEW, LEAVE, f"s-{people.officer}", at)


def acts(db: Database) -> list[tuple[str, Any]]:
    """What the ledger has of it, oldest first: acts and how many pictures."""
    with db.read() as conn:
        found = search(conn, Filter(), limit=100)
    return [(entry.act.value, entry.document["obj"].get("pictures")) for entry in reversed(found)]


def desk(db: Database, clock: Any, tap: CommissioningTap, folder: Path, *, epoch: int = 1) -> CommissioningDesk:
    """A worker's desk."""
    return CommissioningDesk(
        placement_id=HERE,
        epoch=epoch,
        run_dir=folder,
        db=db,
        ledger=Ledger("test.example/log", clock),
        clock=clock,
        tap=tap,
        tell=lambda _open: None,
    )


# --- Whether there is leave: by a clock turned by hand ------------------------------------------------------------------------------------


@pytest.fixture
def given(sqlite_database: Database, clock: ManualClock) -> Database:
    """A leave of ten minutes with an open look."""
    give_leave(sqlite_database, clock.now())
    return sqlite_database


def changed(table: Any, **values: Any) -> Callable[[Database, ManualClock], None]:
    """A change of the database by whatever hand."""

    def change(db: Database, _clock: ManualClock) -> None:
        with db.write() as conn:
            conn.execute(update(table).values(**values))

    return change


def later(**span: float) -> Callable[[Database, ManualClock], None]:
    """Time passes, and the ledger goes on having it."""

    def wait(db: Database, clock: ManualClock) -> None:
        clock.advance(timedelta(**span))
        with db.write() as conn:
            commissioning.note_seen(conn, VIEW, clock.now())

    return wait


def signed_out(user_id: str) -> Callable[[Database, ManualClock], None]:
    """Somebody signs out."""

    def end(db: Database, clock: ManualClock) -> None:
        with db.write() as conn:
            sessions.end(conn, f"s-{user_id}", clock.now())

    return end


def role_taken(user_id: str, role: Role) -> Callable[[Database, ManualClock], None]:
    """Somebody's role is taken away."""

    def take(db: Database, _clock: ManualClock) -> None:
        with db.write() as conn:
            users.revoke(conn, builders.UserId(user_id), role)

    return take


def closed(db: Database, clock: ManualClock) -> None:
    """Somebody ends it."""
    with db.write() as conn:
        commissioning.close(conn, LEAVE, "ended", clock.now())


def left(db: Database, clock: ManualClock) -> None:
    """The officer closes the page."""
    with db.write() as conn:
        commissioning.close_view(conn, VIEW, clock.now())


def account_closed(db: Database, clock: ManualClock) -> None:
    """The second person's account is closed."""
    with db.write() as conn:
        users.disable(conn, builders.UserId("u-director"), clock.now())


def unwritten(_db: Database, clock: ManualClock) -> None:
    """Nobody writes the look down any more."""
    clock.advance(timedelta(seconds=26))


def set_back(_db: Database, clock: ManualClock) -> None:
    """The wall clock is set back before the approval."""
    clock.step_wall_clock(timedelta(seconds=-1))


ENDS: dict[str, Callable[[Database, ManualClock], None]] = {
    "ended by somebody": closed,
    "the officer left": left,
    "its time is over": later(minutes=10),
    "not written down any more": unwritten,
    "the clock was set back": set_back,
    "another recorder took over": changed(places, epoch=2),
    "never approved": changed(
        leaves,
        state="requested",
        decided_by=None,
        decided_as=None,
        decided_session=None,
        decided_at=None,
        from_at=None,
        until_at=None,
    ),
    "the officer signed out": signed_out("u-officer"),
    "the second person signed out": signed_out("u-director"),
    "the officer's role was taken": role_taken("u-officer", Role.BLANKING_OFFICER),
    "the second person's role was taken": role_taken("u-director", Role.DIRECTOR),
    "the second person's account was closed": account_closed,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_leave_counts_until_anything_that_it_hangs_on_is_gone(
    given: Database, clock: ManualClock, tmp_path: Path, end: Callable[[Database, ManualClock], None]
) -> None:
    """The worker finds out by itself, whatever the API does or forgets; and then nothing is reduced any more."""
    tap = CommissioningTap(HERE, clock, moves=False)
    worker = desk(given, clock, tap, tmp_path / "run")
    assert worker.look()
    tap.offer(raw_frame(), clock.now())
    assert tap.take() is not None
    end(given, clock)
    assert not worker.look()
    clock.advance(timedelta(seconds=1))
    tap.offer(raw_frame(), clock.now())
    assert tap.take() is None


def test_a_worker_that_cannot_read_the_leave_shows_nothing(given: Database, clock: ManualClock, tmp_path: Path) -> None:
    """The database is away: what it would say now is not known."""
    tap = CommissioningTap(HERE, clock, moves=False)
    worker = desk(given, clock, tap, tmp_path / "run")
    assert worker.look()
    worker._db = Database(f"sqlite:///{tmp_path / 'nowhere' / 'none.sqlite'}")
    assert not worker.look()
    tap.offer(raw_frame(), clock.now())
    assert tap.take() is None


def test_leave_that_is_not_read_again_runs_out_by_itself(given: Database, clock: ManualClock, tmp_path: Path) -> None:
    """A desk that hangs must not leave the tap open; and a picture made in time is not handed out late."""
    tap = CommissioningTap(HERE, clock, moves=False)
    assert desk(given, clock, tap, tmp_path / "run").look()
    tap.offer(raw_frame(), clock.now())
    clock.advance(timedelta(seconds=3))
    assert tap.take() is None
    tap.offer(raw_frame(), clock.now())
    assert tap.take() is None


def test_at_most_three_pictures_a_second_are_made(given: Database, clock: ManualClock, tmp_path: Path) -> None:
    """What is not made can't leak, and it costs the recording nothing."""
    tap = CommissioningTap(HERE, clock, moves=False)
    assert desk(given, clock, tap, tmp_path / "run").look()
    made = 0
    for _ in range(50):
        clock.advance(timedelta(seconds=0.04))
        tap.offer(raw_frame(), clock.now())
        made += tap.take() is not None
    assert 5 <= made <= 7


def sample(at_s: float, pan_deg: float, tilt_deg: float = -5.0, zoom: float = 0.2) -> PoseSample:
    """What the camera says of itself at an instant."""
    return PoseSample(at_s, at_s, at_s + 0.05, pan_deg, tilt_deg, zoom)


@pytest.mark.parametrize(
    ("before", "after", "pose"),
    [
        (sample(0.9, 179.99), sample(1.1, -179.99), Pose(-179.99, -5.0, 0.2, still=True)),
        (sample(0.9, 10.0), sample(1.1, 10.2), Pose(10.2, -5.0, 0.2, still=False)),
        (sample(0.9, 10.0), sample(1.1, 10.0, zoom=0.25), Pose(10.0, -5.0, 0.25, still=False)),
        (sample(0.9, 10.0), None, Pose(10.0, -5.0, 0.2, still=False)),
        (None, sample(1.1, 10.0), Pose(10.0, -5.0, 0.2, still=False)),
        (None, None, None),
    ],
)
def test_a_picture_says_where_the_camera_looked_and_whether_it_stood_still(
    given: Database,
    clock: ManualClock,
    tmp_path: Path,
    before: PoseSample | None,
    after: PoseSample | None,
    pose: Pose | None,
) -> None:
    """A mask drawn on a moving picture lies beside the window: drawing needs a pose from both sides of the instant."""
    tap = CommissioningTap(HERE, clock, moves=True)
    assert desk(given, clock, tap, tmp_path / "run").look()
    if before is not None:
        tap.sample(before)
    tap.offer(raw_frame(1.0), clock.now())
    assert tap.take() is None
    if after is not None:
        tap.sample(after)
    else:
        clock.advance(timedelta(seconds=0.7))
        tap.offer(raw_frame(1.7), clock.now())
    picture = tap.take()
    assert picture is not None
    assert picture.pose == pose


# --- Handing over: threads, a socket, real time -------------------------------------------------------------------------------------------


@contextmanager
def working(db: Database, folder: Path) -> Iterator[CommissioningTap]:
    """A desk at work, with a camera of 25 pictures a second."""
    tap, stop = CommissioningTap(HERE, CLOCK, moves=False), threading.Event()
    worker = desk(db, CLOCK, tap, folder)

    def film() -> None:
        while not stop.wait(0.04):
            tap.offer(raw_frame(), CLOCK.now())

    threads = [threading.Thread(target=lambda: worker.run(stop)), threading.Thread(target=film)]
    for thread in threads:
        thread.start()
    try:
        yield tap
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def looked(folder: Path, view_id: str, wanted: int, *, wait_s: float = 10.0) -> list[CommissioningPicture]:
    """Look until there are so many pictures, or the worker ends it."""

    async def look() -> list[CommissioningPicture]:
        got: list[CommissioningPicture] = []
        async with aclosing(LocalCommissioning(folder, wait_s).look(HERE, view_id)) as pictures:
            async for picture in pictures:
                got.append(picture)
                if len(got) >= wanted:
                    break
        return got

    return asyncio.run(look())


def test_pictures_go_to_who_names_the_open_look_and_the_ledger_has_both_ends(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """The worker's own entries count what really left it."""
    give_leave(sqlite_database, CLOCK.now())
    with working(sqlite_database, tmp_path / "run"):
        pictures = looked(tmp_path / "run", VIEW, 3)
        assert [act for act, _ in acts(sqlite_database)] == ["commissioning.serve"]
        assert (tmp_path / "run" / "place-1.draw").stat().st_mode & 0o777 == 0o600
    assert [(one.columns, one.rows, one.width_px, one.height_px) for one in pictures] == [(160, 90, 640, 360)] * 3
    (begun, _), (ended, count) = acts(sqlite_database)
    assert (begun, ended) == ("commissioning.serve", "commissioning.served")
    assert count >= 3
    assert not list((tmp_path / "run").iterdir())


def test_who_names_another_look_gets_nothing(sqlite_database: Database, tmp_path: Path) -> None:
    """The API's word is not enough: the look must be the one in the database."""
    give_leave(sqlite_database, CLOCK.now())
    with working(sqlite_database, tmp_path / "run"):
        with pytest.raises(Unavailable):
            looked(tmp_path / "run", "v-of-somebody-else", 1, wait_s=3.0)
        assert looked(tmp_path / "run", VIEW, 1) != []


def test_without_an_open_look_the_worker_does_not_even_listen(sqlite_database: Database, tmp_path: Path) -> None:
    """An approval alone shows nothing to anybody."""
    give_leave(sqlite_database, CLOCK.now(), look=False)
    with working(sqlite_database, tmp_path / "run"), pytest.raises(Unavailable):
        looked(tmp_path / "run", VIEW, 1, wait_s=2.5)
    assert acts(sqlite_database) == []


def test_pictures_stop_when_the_leave_is_closed_in_the_database(sqlite_database: Database, tmp_path: Path) -> None:
    """The kill switch needs nobody's cooperation but the worker's."""
    give_leave(sqlite_database, CLOCK.now())
    with working(sqlite_database, tmp_path / "run"):
        ended: list[list[CommissioningPicture]] = []
        looker = threading.Thread(target=lambda: ended.append(looked(tmp_path / "run", VIEW, 10_000)))
        looker.start()
        until(lambda: acts(sqlite_database), 20, "the worker serves")
        with sqlite_database.write() as conn:
            commissioning.close(conn, LEAVE, "ended", CLOCK.now())
        looker.join(20)
        assert not looker.is_alive()
        assert len(ended) == 1


def test_no_entry_no_picture(sqlite_database: Database, tmp_path: Path) -> None:
    """A ledger that can't be written to stops the first picture, not only the next one."""
    give_leave(sqlite_database, CLOCK.now())
    with sqlite_database.write() as conn:
        conn.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON ledger_entry BEGIN SELECT RAISE(ABORT, 'no more'); END"
        )
    with working(sqlite_database, tmp_path / "run"), pytest.raises(Unavailable):
        looked(tmp_path / "run", VIEW, 1, wait_s=3.0)
    assert acts(sqlite_database) == []


def test_a_second_looker_is_turned_away(tmp_path: Path) -> None:
    """One look is one pair of eyes at one desk."""
    counter = CommissioningCounter(tmp_path / "run", HERE)
    counter.open()
    picture = CommissioningPicture(1, 1, 4, 4, 0, None, b"abc")
    results: list[list[CommissioningPicture]] = []

    def second_look() -> None:
        with pytest.raises(Unavailable):
            looked(tmp_path / "run", VIEW, 1, wait_s=1.0)

    try:
        first = threading.Thread(target=lambda: results.append(looked(tmp_path / "run", VIEW, 2)))
        first.start()
        until(lambda: counter.meet(VIEW, 0.05) or counter.has_looker, 10, "the first is let in")
        second = threading.Thread(target=second_look)
        second.start()
        until(lambda: counter.meet(VIEW, 0.05) or not second.is_alive(), 20, "the second is turned away")
        second.join()
        assert results == []
        assert counter.hand_over(picture)
        assert counter.hand_over(picture)
        first.join()
        assert results == [[picture, picture]]
    finally:
        counter.close()


@pytest.mark.parametrize(
    "wrong",
    [(241, 1, b"\0" * 723), (1, 241, b"\0" * 723), (0, 1, b""), (2, 2, b"\0" * 11)],
)
def test_a_larger_picture_does_not_exist(wrong: tuple[int, int, bytes]) -> None:
    """The bound holds on the way too, in either process."""
    with pytest.raises(ValueError, match="commissioning picture"):
        CommissioningPicture(wrong[0], wrong[1], 1920, 1080, 0, None, wrong[2])


def test_a_counter_and_an_adopted_worker_work_at_high_descriptors(tmp_path: Path) -> None:
    """select(2) fails at descriptor 1024, which a process with many connections reaches."""
    with ExitStack() as held:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        raise_descriptor_limit()
        for _ in range(1024):
            held.callback(os.close, os.open("/dev/null", os.O_RDONLY))
        counter = CommissioningCounter(tmp_path, HERE)
        counter.open()
        held.callback(counter.close)
        looker = held.enter_context(socket.socket(socket.AF_UNIX))
        looker.connect(str(socket_path(tmp_path, HERE, "draw")))
        looker.sendall(VIEW.encode().ljust(64, b"\0"))
        counter.meet(VIEW, 30)
        counter.notice_leaving()
        assert counter.has_looker
        looker.close()
        until(lambda: counter.notice_leaving() or not counter.has_looker, 10, "it sees that nobody looks")
        child = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE)
        worker = AdoptedWorker(child.pid, os.pidfd_open(child.pid))
        assert worker.poll() is None
        child.communicate()
        assert worker.wait(30) is not None


def test_who_drips_the_name_of_a_look_is_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece bought the worker's thread for another while; the name comes in one piece, or it is none."""
    monkeypatch.setattr(bus_commissioning, "_ASK_WITHIN_S", 20.0)
    counter, name = CommissioningCounter(tmp_path, HERE), VIEW.encode().ljust(64, b"\0")
    counter.open()
    with socket.socket(socket.AF_UNIX) as looker:
        looker.connect(str(socket_path(tmp_path, HERE, "draw")))
        looker.sendall(name[:1])
        meeting = threading.Thread(target=counter.meet, args=(VIEW, 30))
        meeting.start()
        meeting.join(10)  # over at once, unless it waits for the rest
        with suppress(BrokenPipeError):
            looker.sendall(name[1:])
        meeting.join(30)
        assert not counter.has_looker
    counter.close()
