"""The node: what it does for placements that no worker serves any more."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from config import Settings
from ingest.adopted import digest_of, generation, list_orphans
from ingest.node import IngestNode
from ingest.takeover import take_over
from tests.footage.scene import Scene, packets
from vms.clock import Clock, ManualClock, SystemClock
from vms.db import cameras, designations, edge, placements, reports, segments
from vms.db.designations import Designation
from vms.db.edge import EdgeCheck, EdgeRecordings
from vms.db.engine import Database
from vms.db.reports import Condition, Service
from vms.footage.credentials import CredentialBox
from vms.footage.keys import KeyService
from vms.footage.store import FootageStore
from vms.heartbeat import StalledMark, beat_file, worker_name
from vms.ledger.acts import Act
from vms.ledger.log import Ledger
from vms.ledger.search import Filter, search
from vms.model import EdgeState, GapCause, SegmentState, Span


@dataclass(frozen=True)
class Parts:
    """The adapters of a node, on a scene."""

    settings: Settings
    clock: Clock
    db: Database
    ledger: Ledger
    keys: KeyService
    store: FootageStore
    credentials: CredentialBox


@pytest.fixture
def scene(sqlite_database: Database, clock: ManualClock, tmp_path: Path) -> Scene:
    """A placement with an approved plan."""
    return Scene.make(sqlite_database, clock, tmp_path)


def parts_of(scene: Scene, folder: Path) -> Parts:
    """Return the adapters of a node."""
    return Parts(
        Settings(data_dir=folder),
        scene.clock,
        scene.db,
        scene.ledger,
        scene.keys,
        scene.store,
        CredentialBox(folder / "keys"),
    )


def node_on(scene: Scene, folder: Path, program: str = "import signal; signal.pause()") -> IngestNode:
    """Return a node whose workers do nothing, or what `program` says."""
    command = [sys.executable, "-c", program]
    return IngestNode(parts_of(scene, folder), [], threading.Event(), command=lambda _placement_id: command)


def hanging(scene: Scene, folder: Path) -> str:
    """Return a worker that beats once and then hangs."""
    path = beat_file(Settings(data_dir=folder).run, worker_name(scene.placement_id))
    return (
        "import signal\nfrom pathlib import Path\nfrom vms.clock import SystemClock\nfrom vms.heartbeat import Heartbeat\n"
        f"Heartbeat(Path({str(path)!r}), SystemClock()).beat()\nsignal.pause()\n"
    )


def locked(scene: Scene, folder: Path, *, of_generation: str | None = None, has_node: bool = True) -> str:
    """Return a worker that holds its camera's lock as real ones do."""
    settings = Settings(data_dir=folder)
    with scene.db.read() as conn:
        camera = placements.get(conn, scene.placement_id).camera
    its_generation = of_generation or generation(settings, camera)
    return (
        "import os, signal\nfrom pathlib import Path\nfrom ingest.adopted import WorkerWords\n"
        "from ingest.session_lock import SessionLock\n"
        f"words = WorkerWords(os.getpid(), {scene.placement_id!r}, {its_generation!r}, {has_node!r})\n"
        f"lock = SessionLock(Path({str(settings.run)!r}), {camera.id!r}, words.to_bytes())\nsignal.pause()\n"
    )


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, with a deadline."""
    clock = SystemClock()
    give_up_s = clock.monotonic_s() + 60.0
    while not condition():
        assert clock.monotonic_s() < give_up_s
        clock.sleep(0.02)


def states(scene: Scene) -> list[SegmentState]:
    """Return the state of the placement's first segment."""
    with scene.db.read() as conn:
        return [segments.get(conn, scene.placement_id, 1).state]


def test_other_code_is_another_generation(tmp_path: Path) -> None:
    """A repair of the blanking that keeps its version number must not leave the workers of before at work."""
    module = tmp_path / "package" / "inner" / "module.py"
    module.parent.mkdir(parents=True)
    module.write_text("MARGIN = 1\n")
    before = digest_of([tmp_path / "package"])
    assert digest_of([tmp_path / "package"]) == before
    module.write_text("MARGIN = 2\n")
    changed = digest_of([tmp_path / "package"])
    module.rename(module.with_name("renamed.py"))
    assert len({before, changed, digest_of([tmp_path / "package"])}) == 3


def test_the_last_segment_of_a_placement_that_has_ended_is_sealed(scene: Scene, tmp_path: Path) -> None:
    """Because its own recorder is fenced by the end, and an unsealed segment is neither played, held nor erased on time."""
    recorder = scene.recorder()
    for packet in packets(scene.clock.now(), 10):
        recorder.append(packet)
    scene.clock.advance(timedelta(seconds=10))
    with scene.db.write() as conn:
        placements.end(conn, scene.placement_id, scene.clock.now())
    recorder.close()
    assert states(scene) == [SegmentState.OPEN]
    node_on(scene, tmp_path).look()
    assert states(scene) == [SegmentState.SEALED]
    assert scene.reader.segment_bytes(scene.placement_id, 1)
    with scene.db.read() as conn:
        assert len(search(conn, Filter(acts=(Act.REC_REPAIRED,)))) == 1


def test_the_segment_of_a_placement_that_is_being_recorded_is_left_alone(scene: Scene, tmp_path: Path) -> None:
    """Because taking over would fence the worker that writes it."""
    recorder = scene.recorder()
    for packet in packets(scene.clock.now(), 10):
        recorder.append(packet)
    node = node_on(scene, tmp_path)
    try:
        node.look()
        assert states(scene) == [SegmentState.OPEN]
        recorder.close()
        assert states(scene) == [SegmentState.SEALED]
    finally:
        node.drain()


@pytest.mark.processes
def test_a_worker_starts_anew_when_its_camera_is_changed(scene: Scene, tmp_path: Path) -> None:
    """Because the message of a refused password says to enter it again, and that must help without anybody restarting anything."""
    node, clock = node_on(scene, tmp_path), SystemClock()

    def look() -> int | None:
        scene.clock.advance(timedelta(seconds=3))
        node.look()
        return node.pids().get(scene.placement_id)

    try:
        first = look()
        assert look() == first
        with scene.db.write() as conn:
            known = placements.get(conn, scene.placement_id).camera
            cameras.change(conn, replace(known, sealed_password=b"another"))
        give_up_s = clock.monotonic_s() + 30.0
        while (pid := look()) in {first, None}:
            assert clock.monotonic_s() < give_up_s
            clock.sleep(0.05)
        assert look() == pid
    finally:
        node.drain()


def test_the_node_says_weeks_ahead_that_a_designation_ends(scene: Scene, tmp_path: Path) -> None:
    """Because recording stops with it, and a mayor's decision is not renewed in a day."""
    node = node_on(scene, tmp_path)

    def problems(left: timedelta) -> tuple[tuple[str, ...], bool]:
        with scene.db.write() as conn:
            now = scene.clock.now()
            number = f"d-{left.days}"
            designations.add(conn, Designation(number, "a1", number, "151c", now, now + timedelta(seconds=11) + left))
            placements.change(conn, scene.placement_id, name="markt", designation_id=number, at=now)
        scene.clock.advance(timedelta(seconds=11))
        node.look()
        with scene.db.read() as conn:
            [ingest] = [one for one in reports.conditions(conn, scene.clock.now()) if one.service is Service.INGEST]
        return ingest.problems, ingest.works

    try:
        assert problems(timedelta(days=29)) == ((), True)
        assert problems(timedelta(days=27)) == (("designation-ending",), True)
        assert problems(timedelta()) == (("designation-ended",), True)
    finally:
        node.drain()


def test_the_node_raises_the_alarm_of_a_camera_that_is_off_its_plan(scene: Scene, tmp_path: Path) -> None:
    """Because masks that are wider, or grey, are looked at by nobody at four in the morning."""
    node = node_on(scene, tmp_path)

    def problems(fit: str) -> tuple[tuple[str, ...], list[str]]:
        with scene.db.write() as conn:
            placements.set_status(conn, scene.placement_id, {"fit": fit}, scene.clock.now())
        scene.clock.advance(timedelta(seconds=11))
        node.look()
        with scene.db.read() as conn:
            [ingest] = [one for one in reports.conditions(conn, scene.clock.now()) if one.service is Service.INGEST]
        assert ingest.works, "a new process would not put the camera back"
        return ingest.problems, ingest.words["off_plan"]

    try:
        assert problems("stated") == ((), [])
        assert problems("wider") == (("off-plan",), [scene.placement_id])
        assert problems("grey") == (("off-plan",), [scene.placement_id])
    finally:
        node.drain()


def test_the_node_raises_the_alarm_of_a_camera_that_records_by_itself_until_it_answers_otherwise(
    scene: Scene, tmp_path: Path
) -> None:
    """Because silence since then does not empty a card, and no new process of ours would."""
    node, asked_at = node_on(scene, tmp_path), scene.clock.now()

    def problems(check: EdgeCheck) -> tuple[tuple[str, ...], list[str]]:
        with scene.db.write() as conn:
            edge.store(conn, check)
        scene.clock.advance(timedelta(seconds=11))
        node.look()
        with scene.db.read() as conn:
            [ingest] = [one for one in reports.conditions(conn, scene.clock.now()) if one.service is Service.INGEST]
        assert ingest.works
        return ingest.problems, ingest.words["edge_recording"]

    kept = EdgeCheck(scene.placement_id, asked_at, None, asked_at, EdgeRecordings(EdgeState.RECORDINGS, recordings=1))
    try:
        assert problems(replace(kept, answer=EdgeRecordings(EdgeState.EMPTY))) == ((), [])
        assert problems(kept) == (("edge-recording",), [scene.placement_id])
        silent = replace(kept, asked_at=asked_at + timedelta(days=1), reason="camera.unreachable")
        assert problems(silent) == (("edge-recording",), [scene.placement_id])
        assert problems(replace(kept, answer=EdgeRecordings(EdgeState.NONE))) == ((), [])
    finally:
        node.drain()


def test_the_node_says_that_it_lives_and_how_many_workers_run(scene: Scene, tmp_path: Path) -> None:
    """Because a node that hangs records nothing, and nobody can ask it."""
    node = node_on(scene, tmp_path)
    try:
        node.look()
        with scene.db.read() as conn:
            [ingest] = [one for one in reports.conditions(conn, scene.clock.now()) if one.service is Service.INGEST]
        assert ingest.in_order
        assert (ingest.words["placements"], ingest.words["workers"]) == (1, 1)
    finally:
        node.drain()


@pytest.mark.processes
def test_a_worker_that_hangs_is_killed_and_another_started(scene: Scene, tmp_path: Path) -> None:
    """A stuck disk, driver or decoder ends nothing by itself: recording would be over until a person comes."""
    node = node_on(scene, tmp_path, hanging(scene, tmp_path))
    beats = beat_file(Settings(data_dir=tmp_path).run, worker_name(scene.placement_id))
    mark = StalledMark(Settings(data_dir=tmp_path).run, scene.placement_id)
    try:
        node.look()
        first = node.pids()[scene.placement_id]
        until(beats.exists)
        began_s = scene.clock.monotonic_s()

        def replaced() -> bool:
            if not mark.is_set():
                scene.clock.advance(timedelta(seconds=0.5))
            node.look()
            if mark.is_set() and not node.pids():
                scene.clock.advance(timedelta(seconds=0.5))
            return node.pids().get(scene.placement_id, first) != first

        until(replaced)
        assert scene.clock.monotonic_s() - began_s < 18.0
    finally:
        node.drain()


def test_the_gap_of_a_worker_that_hung_says_so(scene: Scene, tmp_path: Path) -> None:
    """Blaming the camera, or a crash, would send the technician to the wrong place; the next crash is a crash again."""
    parts = parts_of(scene, tmp_path)

    def causes() -> list[GapCause]:
        recorder = scene.recorder()
        for packet in packets(scene.clock.now(), 10):
            recorder.append(packet)
        scene.clock.advance(timedelta(minutes=1))
        take_over(parts, scene.placement_id)
        with scene.db.read() as conn:
            span = Span(scene.clock.now() - timedelta(days=1), scene.clock.now() + timedelta(days=1))
            return [gap.cause for gap in segments.list_gaps(conn, scene.placement_id, span)]

    StalledMark(parts.settings.run, scene.placement_id).set()
    assert causes() == [GapCause.WORKER_STALLED]
    assert causes() == [GapCause.WORKER_STALLED, GapCause.WORKER_CRASHED]


@contextmanager
def orphan(scene: Scene, folder: Path, program: str) -> Iterator[int]:
    """Run a worker whose node has died."""
    dead = node_on(scene, folder, program)
    try:
        dead.look()
        run_dir = Settings(data_dir=folder).run
        until(lambda: any(path.read_bytes() for path in run_dir.glob("*.lock")))
        yield dead.pids()[scene.placement_id]
    finally:
        dead.drain()


@pytest.mark.processes
def test_the_next_node_adopts_the_workers_of_one_that_died(scene: Scene, tmp_path: Path) -> None:
    """Recording goes on under the same epoch: a new start would cost every camera half a minute."""
    with orphan(scene, tmp_path, locked(scene, tmp_path)) as pid:
        node = node_on(scene, tmp_path)
        for _ in range(5):
            node.look()
            scene.clock.advance(timedelta(seconds=3))
        assert node.pids() == {scene.placement_id: pid}
        node.drain()
        assert list_orphans(Settings(data_dir=tmp_path).run) == []


@pytest.mark.processes
def test_a_worker_that_takes_its_lock_after_the_next_node_came_is_adopted_too(scene: Scene, tmp_path: Path) -> None:
    """Found at the first look only, it went on beside the new node, whose own worker failed for ever on the lock."""
    node = node_on(scene, tmp_path, "raise SystemExit(1)")
    node.look()
    with orphan(scene, tmp_path, locked(scene, tmp_path)) as pid:

        def adopted() -> bool:
            scene.clock.advance(timedelta(seconds=1))
            node.look()
            return node.pids() == {scene.placement_id: pid}

        until(adopted)
        node.drain()
        assert list_orphans(Settings(data_dir=tmp_path).run) == []


@pytest.mark.processes
def test_a_node_that_ends_before_it_looked_drains_the_workers_of_the_last_one(scene: Scene, tmp_path: Path) -> None:
    """Otherwise they would go on for two minutes after keys and database were stopped."""
    with orphan(scene, tmp_path, locked(scene, tmp_path)):
        node_on(scene, tmp_path).drain()
        assert list_orphans(Settings(data_dir=tmp_path).run) == []


@pytest.mark.processes
def test_a_worker_of_other_settings_or_another_camera_is_replaced(scene: Scene, tmp_path: Path) -> None:
    """It goes by what it was started with: an old version, old settings, an old password."""
    with orphan(scene, tmp_path, locked(scene, tmp_path, of_generation="another")) as pid:
        node = node_on(scene, tmp_path)

        def replaced() -> bool:
            scene.clock.advance(timedelta(seconds=0.1))
            node.look()
            return node.pids().get(scene.placement_id, pid) != pid

        try:
            until(replaced)
        finally:
            node.drain()


@pytest.mark.processes
def test_a_worker_that_a_person_started_is_not_adopted(scene: Scene, tmp_path: Path) -> None:
    """It would be ended with the node, and whoever started it is looking at it."""
    with orphan(scene, tmp_path, locked(scene, tmp_path, has_node=False)):
        assert list_orphans(Settings(data_dir=tmp_path).run) == []


@pytest.mark.processes
def test_a_worker_whose_placement_ended_meanwhile_is_drained(scene: Scene, tmp_path: Path) -> None:
    """Nobody else would end it, and nothing may be recorded there any more."""
    with orphan(scene, tmp_path, locked(scene, tmp_path)):
        scene.clock.advance(timedelta(minutes=1))
        with scene.db.write() as conn:
            placements.end(conn, scene.placement_id, scene.clock.now())
        node = node_on(scene, tmp_path)

        def ended() -> bool:
            node.look()
            return not node.pids()

        try:
            until(ended)
        finally:
            node.drain()


def test_the_node_raises_the_alarm_of_cameras_and_storage(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full volume, or the only camera dead for a minute, was reported as in order."""
    node = node_on(scene, tmp_path)
    free = [1 << 40]
    monkeypatch.setattr(FootageStore, "free_bytes", lambda _self: free[0])

    def told(**status: object) -> Condition:
        scene.clock.advance(timedelta(seconds=11))
        with scene.db.write() as conn:
            said = {"state": "live", "recording": "on", **status}
            placements.set_status(conn, scene.placement_id, said, scene.clock.now())
        node.look()
        with scene.db.read() as conn:
            [ingest] = [one for one in reports.conditions(conn, scene.clock.now()) if one.service is Service.INGEST]
        assert ingest.works, "starting the node anew would help nobody, and take the other cameras' pictures too"
        return ingest

    try:
        assert told().in_order
        since = (scene.clock.now() - timedelta(minutes=1)).isoformat()
        away = told(state="offline", state_since_at=since, unrecorded_since_at=since)
        assert set(away.problems) == {"camera-away", "recording-stopped"}
        assert away.words["cameras"]["camera-away"] == [scene.placement_id]
        assert told(problems=["camera-moved"]).problems == ("camera-moved",), "a word of the worker's own"
        free[0] = 0
        full = told(recording="full")
        assert set(full.problems) == {"recording-stopped", "storage-full"}
        assert full.words["hours_until_full"] == 0.0
        free[0] = 1 << 40
        assert told().in_order
    finally:
        node.drain()
