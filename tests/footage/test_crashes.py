"""Crashes, outages and full disks: nothing recorded is lost beyond the last second, nothing is deleted."""

import io
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import av
import pytest
from sqlalchemy import Connection

from tests.footage.scene import Scene, packets
from vms.clock import ManualClock, reckoning_of
from vms.db import footage_clocks, placements, segments
from vms.db.engine import Database
from vms.db.segments import Segment
from vms.errors import StorageFull, Unavailable
from vms.footage.notes import SegmentNote
from vms.footage.recorder import Packet, SegmentRecorder
from vms.footage.repair import RepairReport, repair_open_segments
from vms.footage.store import FootageStore, SegmentRef
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.model import GapCause, SegmentMode, SegmentState, Span

MINUTE = timedelta(minutes=1)


class FlakyDatabase(Database):
    """A database that can be away."""

    is_away = False

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a write transaction, unless away."""
        if self.is_away:
            raise Unavailable("away", code="database.away")
        with super().write() as conn:
            yield conn


def rows_of(scene: Scene) -> list[Segment]:
    """Return all rows."""
    everything = Span(scene.clock.now() - timedelta(days=60), scene.clock.now() + timedelta(days=60))
    with scene.db.read() as conn:
        return segments.covering(conn, scene.placement_id, everything, list(SegmentState))


def repair(scene: Scene, clock: ManualClock | None = None) -> RepairReport:
    """Take over and repair, as a new worker does."""
    epoch = scene.take_over()
    return repair_open_segments(
        db=scene.db,
        keys=scene.keys,
        store=scene.store,
        ledger=scene.ledger,
        clock=clock or scene.clock,
        placement_id=scene.placement_id,
        epoch=epoch,
    )


def feed(recorder: SegmentRecorder, taken: Iterable[Packet]) -> None:
    """Append all."""
    for packet in taken:
        recorder.append(packet)


def pictures(scene: Scene, number: int) -> int:
    """Return how many pictures a segment shows."""
    with av.open(io.BytesIO(scene.reader.segment_bytes(scene.placement_id, number))) as container:
        return len(list(container.decode(video=0)))


@pytest.mark.processes
@pytest.mark.parametrize(("fps", "padding"), [(25, 0), (25, 20_000), (5, 0), (1, 0)])
def test_kill_9_loses_at_most_the_last_second(
    sqlite_url: str, clock: ManualClock, tmp_path: Path, fps: int, padding: int
) -> None:
    """Because the second before a worker dies may be the one that matters; at few bits a second as well."""
    scene = Scene.make(Database(sqlite_url), clock, tmp_path)
    chance = random.Random(fps + padding)
    for _ in range(2):
        arguments = [sqlite_url, str(tmp_path), scene.placement_id, str(fps), str(padding)]
        command = [sys.executable, "-m", "tests.footage.recording_process", *arguments]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "."}
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(chance.randint(3, 45) * fps)]
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.readlines()
        whole = [line for line in lines if line.endswith("\n")]
        last_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(whole[-1]))
        report = repair(scene)
        assert report.lost == ()
        newest = max(rows_of(scene), key=lambda row: row.number)
        assert newest.state is SegmentState.SEALED
        assert newest.end_at is not None
        # The picture shown at `last_at` lasts until the next one, which never came.
        assert last_at - newest.end_at <= timedelta(seconds=1)
        assert pictures(scene, newest.number) > 0
    scene.db.dispose()


def test_a_crash_before_the_first_fragment_is_declared_lost(scene: Scene) -> None:
    """Because a number without footage must have its story too."""
    recorder = scene.recorder()
    feed(recorder, packets(scene.clock.now(), 0.2))
    report = repair(scene)
    assert report.lost == (1,)
    assert rows_of(scene)[0].state is SegmentState.LOST
    with scene.db.read() as conn:
        assert search(conn, Filter(acts=(Act.REC_LOST,)))
    assert not list(scene.store.files_of_day(scene.placement_id, scene.clock.now().replace(hour=0)))


def test_a_database_outage_of_minutes_loses_nothing(sqlite_url: str, clock: ManualClock, tmp_path: Path) -> None:
    """Because a database restart must not be a hole in the evidence."""
    db = FlakyDatabase(sqlite_url)
    scene = Scene.make(db, clock, tmp_path)
    recorder = scene.recorder()
    start_at = clock.now()
    feed(recorder, packets(start_at, 30))
    db.is_away = True
    feed(recorder, packets(start_at + timedelta(seconds=30), 200))
    assert recorder.waiting_jobs > 3
    db.is_away = False
    clock.advance(timedelta(seconds=10))
    recorder.tick()
    assert recorder.waiting_jobs == 0
    recorder.close()
    found = rows_of(scene)
    assert [row.number for row in found] == [1, 2, 3, 4]
    assert {row.state for row in found} == {SegmentState.SEALED}
    assert all(before.end_at == after.start_at for before, after in pairwise(found))
    assert sum(pictures(scene, row.number) for row in found) == 230 * 25
    db.dispose()


def test_a_crash_during_an_outage_loses_nothing_that_was_finished(
    sqlite_url: str, clock: ManualClock, tmp_path: Path
) -> None:
    """Because the power may fail for database and recorder together."""
    db = FlakyDatabase(sqlite_url)
    scene = Scene.make(db, clock, tmp_path)
    recorder = scene.recorder()
    db.is_away = True
    feed(recorder, packets(clock.now(), 150))
    db.is_away = False
    report = repair(scene)
    assert (len(report.sealed), report.lost, report.orphans) == (3, (), ())
    found = rows_of(scene)
    assert sum(pictures(scene, row.number) for row in found) >= 149 * 25
    assert found[0].end_at == found[1].start_at
    assert repair(scene).sealed == ()
    db.dispose()


def test_each_segment_is_known_by_which_clock_it_is_stamped(
    sqlite_url: str, clock: ManualClock, tmp_path: Path
) -> None:
    """Because its term hangs on it; also what a repair found without a row, hours later and by another clock."""
    db = FlakyDatabase(sqlite_url)
    scene = Scene.make(db, clock, tmp_path)
    right, ahead = reckoning_of(clock), timedelta(hours=30)
    for step in (timedelta(0), ahead):
        clock.step_wall_clock(step)
        recorder = scene.recorder()
        feed(recorder, packets(clock.now(), 70))
        recorder.close()
        clock.advance(timedelta(seconds=70))
    recorder = scene.recorder()
    db.is_away = True
    feed(recorder, packets(clock.now(), 70))
    clock.advance(timedelta(seconds=70))
    db.is_away = False
    clock.step_wall_clock(-ahead)
    assert repair(scene).sealed == (5, 6)
    feed(recorder := scene.recorder(), packets(clock.now(), 10))
    recorder.close()
    with db.read() as conn:
        last = placements.last_number(conn, scene.placement_id)
        found = footage_clocks.list_of(conn, scene.placement_id, right.boot_id, last)
    assert [(one.from_number, one.to_number) for one in found] == [(1, 2), (3, 6), (7, 7)]
    by_us = [one.reckoned.ahead_us - right.ahead_us for one in found]
    assert by_us == pytest.approx([0, ahead / timedelta(microseconds=1), 0], abs=2)
    db.dispose()


def test_a_note_of_before_does_not_say_by_which_clock(scene: Scene) -> None:
    """Because an update must not lose what a crash left."""
    note = SegmentNote(b"key", scene.clock.now(), SegmentMode.COPIED, 1, reckoning_of(scene.clock))
    assert SegmentNote.from_bytes(note.to_bytes()) == note
    values = json.loads(note.to_bytes())
    del values["reckoned"]
    assert SegmentNote.from_bytes(json.dumps(values).encode()).reckoned is None


def test_a_crash_after_a_clock_was_put_right_leaves_its_gap(scene: Scene) -> None:
    """Because footage stamped ahead would hide that nothing is recorded now."""
    clock = scene.clock
    for step in (timedelta(hours=30), timedelta(hours=-30)):
        clock.step_wall_clock(step)
        feed(recorder := scene.recorder(), packets(clock.now(), 5))
        recorder.close(GapCause.CLOCK_STEP)
        clock.advance(MINUTE)
    feed(scene.recorder(), packets(clock.now(), 5))
    repair(scene)
    clock.advance(MINUTE)
    repair(scene)
    with scene.db.read() as conn:
        gaps = segments.list_gaps(conn, scene.placement_id, Span(clock.now() - 2 * MINUTE, clock.now()))
    assert GapCause.WORKER_CRASHED in {gap.cause for gap in gaps}


def test_the_repair_may_crash_and_is_repeated(scene: Scene) -> None:
    """Because what crashed once crashes again."""
    from tests.retention.crashes import Moments

    feed(scene.recorder(), packets(scene.clock.now(), 10))
    for at in range(1, 12):
        with Moments().crash(at):
            repair(scene)
    repair(scene)
    assert pictures(scene, 1) >= 225
    files = list(scene.store.files_of_day(scene.placement_id, scene.clock.now().replace(hour=0)))
    assert [item.kind for item in files] == ["vseg"]


def test_a_note_without_a_file_is_cleaned_up(scene: Scene) -> None:
    """Because a crash between the two leaves it, and it would be reported as strange for ever."""
    recorder = scene.recorder()
    feed(recorder, packets(scene.clock.now(), 5))
    recorder.close()
    ref = SegmentRef(scene.placement_id, scene.clock.now() + MINUTE, 1)
    scene.store.write_note(ref, b"{}")
    scene.store.path(ref, "note.part").write_bytes(b"{")
    repair(scene)
    assert not scene.store.has_any(ref)
    assert not list(scene.store.strange_files())


def test_a_repair_writes_under_a_fresh_salt(scene: Scene) -> None:
    """Because the last chunk's nonce has been used: another text under it would give both away."""
    feed(scene.recorder(), packets(scene.clock.now(), 10))
    day = scene.clock.now().replace(hour=0)
    (before,) = [item for item in scene.store.files_of_day(scene.placement_id, day) if item.kind == "part"]
    salt = before.path.read_bytes()[:24]
    repair(scene)
    (after,) = scene.store.files_of_day(scene.placement_id, day)
    assert after.path.read_bytes()[:24] != salt


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    """A volume of three megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["/usr/bin/mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small volume needs root")
    yield folder
    subprocess.run(["/usr/bin/umount", "--lazy", str(folder)], check=True)


@pytest.mark.processes
@pytest.mark.parametrize("floor", [0, 600_000])
def test_a_full_disk_stops_recording_and_deletes_nothing(scene: Scene, small_volume: Path, floor: int) -> None:
    """Because systems that make room by themselves have deleted what was held."""
    scene.store = FootageStore(small_volume, floor)
    ballast = small_volume / "ballast"
    ballast.write_bytes(bytes(1_700_000))  # so that the segment can be written once more when it is gone
    recorder = scene.recorder()
    start_at = scene.clock.now() + timedelta(seconds=55)
    padded = [
        Packet(
            item.data + b"\x00\x00\x00\x01\x06\x05" + b"\x55" * 3000, item.captured_at, item.is_keyframe, 64, 48, "h264"
        )
        for item in packets(start_at, 60)
    ]
    with pytest.raises(StorageFull):
        feed(recorder, padded)
    with scene.db.read() as conn:
        (gap,) = segments.list_gaps(conn, scene.placement_id, Span(start_at, start_at + timedelta(days=1)))
    assert gap.cause == "storage-full"
    assert scene.reader.segment_bytes(scene.placement_id, 1)
    ballast.unlink()
    scene.clock.advance(timedelta(seconds=10))
    later = start_at + timedelta(seconds=300)
    feed(recorder, packets(later, 2))
    recorder.close()
    found = rows_of(scene)
    assert {row.state for row in found} == {SegmentState.SEALED}
    assert found[-1].start_at == later
    assert sum(pictures(scene, row.number) for row in found) * 3000 > 600_000


def test_a_worker_that_takes_over_a_healthy_placement_repairs_nothing(scene: Scene) -> None:
    """Because a restart in good order must leave no trace but its gap."""
    recorder = scene.recorder()
    feed(recorder, packets(scene.clock.now(), 5))
    recorder.close()
    assert repair(scene) == RepairReport((), (), ())


def test_a_frozen_recorder_that_wakes_up_changes_nothing(scene: Scene) -> None:
    """Because a stopped machine comes back with a full buffer and an old idea of who records."""
    old = scene.recorder()
    feed(old, packets(scene.clock.now(), 5))
    repair(scene)
    before = rows_of(scene)
    old.close()
    assert rows_of(scene) == before
    with scene.db.read() as conn:
        assert placements.get(conn, scene.placement_id).epoch == 2
