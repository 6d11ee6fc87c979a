"""Real volumes that are full to the last block: of the footage, and of the database.

No room is made with what is held; erasing needs no room on the volume of the footage, so it goes on and makes some; and where the
ledger can't be written nothing is erased and no hold is said to be placed.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from retention.daemon import RetentionDaemon
from retention.holds import HoldRequest, place_hold
from retention.parts import RetentionParts
from retention.reconcile import erase_overdue
from retention.sweep import run_sweep
from tests.auditor.bundles import signer_of
from tests.footage.scene import INVESTIGATOR, KEEP_FOR, Scene, packets
from tests.postgres import Server
from tests.retention.asking import confirm_clock
from tests.retention.outsider import Outsider
from tests.retention.town import LIMITS, PERSON, Town
from tests.volumes import Volume, mounted
from vms.clock import ManualClock
from vms.db import segments
from vms.db.engine import Database
from vms.db.migrate import upgrade
from vms.errors import StorageFull
from vms.footage.recorder import Packet, SegmentRecorder
from vms.footage.store import FootageStore
from vms.ledger.acts import Act
from vms.ledger.entries import Entry
from vms.ledger.search import Filter, search
from vms.ledger.standing import Checkpoints
from vms.model import PlacementId, SegmentState, Span

P0, P1 = PlacementId("p0"), PlacementId("p1")
DAY = timedelta(days=1)
FILL = b"\x00\x00\x00\x01\x06\x05" + b"\x55" * 3000


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    """A volume of twelve megabytes, its journal included."""
    with mounted(tmp_path / "image", tmp_path / "volume", 12) as found:
        yield found


@pytest.fixture
def template(_postgres_template: str) -> str:
    """The name of a migrated, empty database to copy."""
    return _postgres_template


def large(scene: Scene, seconds: float) -> list[Packet]:
    """Return pictures of 3 kB."""
    taken = packets(scene.clock.now(), seconds)
    return [Packet(one.data + FILL, one.captured_at, one.is_keyframe, 64, 48, "h264") for one in taken]


def feed(recorder: SegmentRecorder, taken: list[Packet]) -> None:
    """Hand pictures to a recorder."""
    for packet in taken:
        recorder.append(packet)


def record(scene: Scene, seconds: float) -> int:
    """Record from now on in one go; return the first segment's number."""
    recorder = scene.recorder()
    before = len(all_rows(scene))
    feed(recorder, large(scene, seconds))
    scene.clock.advance(timedelta(seconds=seconds))
    recorder.close()
    return before + 1


def all_rows(scene: Scene) -> list[segments.Segment]:
    """Return every row."""
    ever = Span(scene.clock.now() - 60 * DAY, scene.clock.now() + DAY)
    with scene.db.read() as conn:
        return segments.covering(conn, scene.placement_id, ever, list(SegmentState))


def test_a_full_footage_volume_loses_nothing_held_and_erasing_makes_room(
    sqlite_database: Database, clock: ManualClock, tmp_path: Path, volume: Volume
) -> None:
    """Systems that make room by themselves have deleted what was held; others could not even erase any more."""
    scene = Scene.make(sqlite_database, clock, tmp_path / "scene")
    scene.store = FootageStore(volume.folder / "footage")
    parts = RetentionParts(scene.db, scene.keys, scene.store, scene.ledger, clock)
    run_sweep(parts, LIMITS)
    held_from = clock.now()
    held = record(scene, 20)
    held_span = Span(held_from, clock.now())
    clock.advance(timedelta(minutes=5))
    due = [record(scene, 20)]
    request = HoldRequest(
        "r-1",
        "PL0900-2026-123456",
        "wpg-8",
        "assault near the fountain",
        (scene.placement_id,),
        held_span,
        clock.now() + 14 * DAY,
        INVESTIGATOR,
    )
    place_hold(parts, request, PERSON)
    before = scene.reader.segment_bytes(scene.placement_id, held)
    clock.advance(KEEP_FOR + timedelta(hours=2))

    recorder = scene.recorder()
    full_from = clock.now()
    ballast = volume.fill()
    ballast.write_bytes(bytes(600_000))  # a little room again: it runs full in the middle of a segment
    files = set(scene.store.folder.rglob("*.vseg"))
    with pytest.raises(StorageFull) as full:
        feed(recorder, large(scene, 600))
    assert "no space left" in str(full.value)
    volume.fill()
    with scene.db.read() as conn:
        gaps = segments.list_gaps(conn, scene.placement_id, Span(full_from, full_from + DAY))
        told = search(conn, Filter(acts={Act.REC_GAP}), limit=10)
    assert [gap.cause for gap in gaps if gap.start_at > full_from] == ["storage-full"]
    assert told, "the gap is in the ledger"
    assert files <= set(scene.store.folder.rglob("*.vseg")), "nothing was deleted to make room"
    assert scene.reader.segment_bytes(scene.placement_id, held) == before

    free = scene.store.free_bytes()
    report = run_sweep(parts, LIMITS)
    assert (report.claimed, report.doubts) == (len(due), ())
    assert scene.store.free_bytes() > free
    states = {row.number: row.state for row in all_rows(scene)}
    assert [states[number] for number in due] == [SegmentState.DESTROYED] * len(due)
    assert scene.reader.segment_bytes(scene.placement_id, held) == before

    (volume.folder / "filler").unlink()
    clock.advance(timedelta(minutes=15))
    feed(recorder, large(scene, 10))
    clock.advance(timedelta(seconds=10))
    recorder.close()
    newest = all_rows(scene)[-1]
    assert newest.state is SegmentState.SEALED
    assert scene.reader.segment_bytes(scene.placement_id, newest.number)
    assert {row.state for row in all_rows(scene)} <= {SegmentState.SEALED, SegmentState.DESTROYED}


def test_a_full_database_volume_stops_holds_and_erasing_with_a_clear_error_and_both_go_on(
    clock: ManualClock, tmp_path: Path, volume: Volume
) -> None:
    """What can't be written down may not happen."""
    url = f"sqlite:///{volume.folder / 'vms.sqlite'}"
    upgrade(url)
    db = Database(url)
    town = Town(db, clock, tmp_path / "town")
    run_sweep(town.parts, LIMITS)
    held, due = town.record(P0), town.record(P1)
    clock.advance(KEEP_FOR - DAY)
    town.place(town.request(held.span, P0))
    young = town.record(P1)
    clock.advance(DAY + timedelta(hours=1))
    files = {path for path in town.store.folder.rglob("*") if path.is_file()}
    hours = town.keys.hours()
    checkpoints = Checkpoints(signer_of(town), town.folder / "keys")
    daemon = RetentionDaemon(town.parts, LIMITS, checkpoints, sweep_every_s=60, stop=threading.Event())
    db.checkpoint_wal()
    filler = volume.fill()

    request = town.request(young.span, P1)
    with pytest.raises(StorageFull, match="the volume of the database is full") as refused:
        town.place(request)
    assert refused.value.code == "database.full"
    for _ in range(2):
        with pytest.raises(StorageFull, match="the volume of the database is full"):
            run_sweep(town.parts, LIMITS)
        with capture_logs() as lines:
            daemon.run_once()
        assert {line["part"] for line in lines if line.get("code") == "database.full"} >= {"sweep"}
        assert daemon.status()["errors"]["sweep"] == "database.full"
    assert {path for path in town.store.folder.rglob("*") if path.is_file()} == files, "nothing is erased unwritten"
    assert town.keys.hours() == hours
    assert all(town.readable(item) for item in (held, due, young)), "and reading needs no room"

    filler.unlink()
    town.place(request)
    assert run_sweep(town.parts, LIMITS).claimed == 1
    clock.advance(28 * DAY)
    confirm_clock(town)
    daemon.run_once()
    assert daemon.status()["errors"] == {}
    assert not town.store.has_any(due.ref)
    assert town.readable(held)
    assert town.readable(young)
    town.check_promises(swept=True)
    with db.read() as conn:
        town.parts.ledger.verify_all(conn)
    db.dispose()


def test_a_full_postgresql_volume_lets_nothing_happen_unwritten(
    clock: ManualClock, tmp_path: Path, postgres_server: Server, template: str
) -> None:
    """Half-full pages still take rows there: an act may succeed as a whole or fail as a whole."""
    # Not below the test's own folder: the server runs as another user.
    with ExitStack() as stack:
        open_folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vms-volume-")))
        open_folder.chmod(0o755)
        volume = stack.enter_context(mounted(tmp_path / "image", open_folder / "volume", 48))
        tables = volume.folder / "tables"
        tables.mkdir()
        name = stack.enter_context(postgres_server.on_volume(tables, template))
        db = Database(postgres_server.url(name))
        stack.callback(db.dispose)
        town = Town(db, clock, tmp_path / "town")
        outsider = Outsider(town)
        run_sweep(town.parts, LIMITS)
        held = town.record(P0)
        town.place(town.request(held.span, P0))
        clock.advance(timedelta(minutes=5))
        due = []
        for _ in range(3):
            due.append(town.record(P1))
            clock.advance(timedelta(minutes=1))
        clock.advance(KEEP_FOR + timedelta(hours=2))
        outsider.steal()
        filler = volume.fill()
        with pytest.raises(StorageFull, match="the volume of the database is full"):
            _write_until_full(town)
        for _ in range(3):
            with pytest.raises(StorageFull, match="the volume of the database is full"):
                run_sweep(town.parts, LIMITS)
            outsider.check(swept=False)
        assert all(town.readable(item) for item in (held, *due))
        filler.unlink()
        assert run_sweep(town.parts, LIMITS).claimed == len(due)
        erase_overdue(town.parts, KEEP_FOR, town.clock.now())
        outsider.check(swept=True)
        assert town.readable(held)


def _write_until_full(town: Town) -> None:
    """Write small entries until not even those fit."""
    for size in (4000, 400, 40, 0):
        while True:
            try:
                with town.db.write() as conn:
                    words = {"program": "x" * size}
                    town.parts.ledger.append(conn, Entry(Act.SYSTEM_START, PERSON.actor, PERSON.origin, words))
            except StorageFull:
                if size == 0:
                    raise
                break
