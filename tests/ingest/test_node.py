"""The node: what it does for placements that no worker serves any more."""

import sys
import threading
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from config import Settings
from ingest.node import IngestNode
from tests.footage.scene import Scene, packets
from vms.clock import Clock, ManualClock, SystemClock
from vms.db import cameras, edge, placements, reports, segments
from vms.db.edge import EdgeCheck, EdgeRecordings
from vms.db.engine import Database
from vms.db.reports import Service
from vms.footage.credentials import CredentialBox
from vms.footage.keys import KeyService
from vms.footage.store import FootageStore
from vms.ledger.acts import Act
from vms.ledger.log import Ledger
from vms.ledger.search import Filter, search
from vms.model import EdgeState, SegmentState


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


def node_on(scene: Scene, folder: Path) -> IngestNode:
    """Return a node whose workers do nothing."""
    parts = Parts(
        Settings(data_dir=folder),
        scene.clock,
        scene.db,
        scene.ledger,
        scene.keys,
        scene.store,
        CredentialBox(folder / "keys"),
    )
    idle = [sys.executable, "-c", "import signal; signal.pause()"]
    return IngestNode(parts, [], threading.Event(), command=lambda _placement_id: idle)


def states(scene: Scene) -> list[SegmentState]:
    """Return the state of the placement's first segment."""
    with scene.db.read() as conn:
        return [segments.get(conn, scene.placement_id, 1).state]


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
            designation = placements.get(conn, scene.placement_id).designation
            ends_at = scene.clock.now() + timedelta(seconds=11) + left
            placements.change_designation(conn, replace(designation, valid_until_at=ends_at))
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
