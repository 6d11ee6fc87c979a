"""A worker records and shows nothing that no decision covers, also while nobody answers it."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from config import Settings
from ingest.gauge import Gauge
from ingest.live import LiveFeed
from ingest.output import Output
from ingest.plan_watch import ActivePlan
from ingest.record_permit import RecordPermit
from ingest.recording import Recording
from ingest.steady_clock import SteadyClock
from ingest.worker_process import run_worker
from tests.footage.scene import Scene, packets
from tests.footage.test_crashes import FlakyDatabase
from tests.ingest.test_node import Parts, node_on
from vms.clock import ManualClock, SystemClock
from vms.db import cameras, designations, placements, segments, sweeps
from vms.db.designations import Designation
from vms.db.engine import Database
from vms.db.segments import Gap
from vms.db.sweeps import ClockSample
from vms.errors import Denied
from vms.footage.credentials import CredentialBox
from vms.footage.recorder import Packet
from vms.heartbeat import Heartbeat
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.model import GapCause, SegmentMode, SegmentState, Span

PLAN = ActivePlan(1, None, no_dwelling_in_sight=True)


@pytest.fixture
def scene(sqlite_database: Database, clock: ManualClock, tmp_path: Path) -> Scene:
    """A placement with an approved plan, on a database that can be away."""
    return Scene.make(FlakyDatabase(sqlite_database.url), clock, tmp_path)


class FakeLive:
    """Remembers what was shown."""

    def __init__(self) -> None:
        self.shown: list[datetime] = []
        self.states: list[object] = []

    def packet(self, packet: Packet) -> None:
        """Show a packet."""
        self.shown.append(packet.captured_at)

    def state(self, state: object) -> None:
        """Say how the camera is."""
        self.states.append(state)

    def interrupt(self) -> None:
        """Stop showing."""


def withdraw(scene: Scene, at: datetime) -> None:
    """End the designation then."""
    with scene.db.write() as conn:
        designations.withdraw(conn, "d1", withdrawn_at=at, entered_at=scene.clock.now())


def record(scene: Scene, ends_at: datetime, seconds: float, *, loses_database_at: datetime | None = None) -> FakeLive:
    """Let pictures come in while a worker goes by a designation that ends at an instant; return what viewers saw."""
    with scene.db.read() as conn:
        law = placements.law(conn, scene.placement_id)
    assert law.decisions[0].ends_at == ends_at
    live, recorder = FakeLive(), scene.recorder()
    recording = Recording(lambda _plan, _mode: recorder)
    output = Output(recording, cast("LiveFeed", live), Gauge(scene.clock), RecordPermit(law))
    output.under(PLAN, SegmentMode.COPIED)
    for packet in packets(scene.clock.now(), seconds):
        output.packet(packet)
    assert isinstance(scene.db, FlakyDatabase)
    scene.db.is_away = loses_database_at is not None
    recording.close(GapCause.NO_DECISION)
    recording.run()
    scene.db.is_away = False
    scene.clock.advance(timedelta(seconds=seconds))
    return live


def gaps(scene: Scene) -> list[Gap]:
    """Return the placement's gaps."""
    now = scene.clock.now()
    with scene.db.read() as conn:
        return segments.list_gaps(conn, scene.placement_id, Span(now - timedelta(hours=1), now + timedelta(hours=1)))


def recorded_until(scene: Scene) -> datetime:
    """Return where the footage ends."""
    with scene.db.read() as conn:
        last = segments.get(conn, scene.placement_id, placements.last_number(conn, scene.placement_id))
    assert last.state is SegmentState.SEALED
    assert last.end_at is not None
    return last.end_at


def test_pictures_after_the_end_of_the_designation_go_nowhere(scene: Scene) -> None:
    """Because a camera that nobody has decided on is a camera that must not exist, live and recorded alike."""
    start_at = scene.clock.now()
    ends_at = start_at + timedelta(seconds=4)
    withdraw(scene, ends_at)
    live = record(scene, ends_at, 10.0)
    assert live.shown[-1] == ends_at - timedelta(milliseconds=40)
    assert live.states[-1]["reason"] == "no-decision"  # type: ignore[index]  # a fake's
    assert abs(recorded_until(scene) - ends_at) <= timedelta(milliseconds=1)
    assert [(gap.start_at, gap.cause) for gap in gaps(scene)] == [(ends_at, GapCause.NO_DECISION)]


def test_an_end_that_comes_while_the_database_is_away_loses_nothing_and_adds_nothing(
    scene: Scene, tmp_path: Path
) -> None:
    """What was recorded lawfully may be held: the node gives it its row when the database is back, and says why it ends."""
    ends_at = scene.clock.now() + timedelta(seconds=4)
    withdraw(scene, ends_at)
    record(scene, ends_at, 10.0, loses_database_at=scene.clock.now())
    with scene.db.read() as conn:
        assert placements.last_number(conn, scene.placement_id) == 0
    node_on(scene, tmp_path).look()
    assert abs(recorded_until(scene) - ends_at) <= timedelta(milliseconds=1)
    [gap] = gaps(scene)
    assert (gap.start_at, gap.cause) == (recorded_until(scene), GapCause.NO_DECISION)


def test_what_was_recorded_before_a_withdrawal_was_known_gets_no_row(scene: Scene, tmp_path: Path) -> None:
    """Because no decision allowed it: nobody may ever watch it. A worker that was cut off can't know that."""
    begin_at = scene.clock.now()
    with scene.db.read() as conn:
        known = placements.law(conn, scene.placement_id)
    record(scene, known.decisions[0].ends_at, 10.0, loses_database_at=begin_at)
    withdraw(scene, begin_at - timedelta(minutes=1))
    node_on(scene, tmp_path).look()
    with scene.db.read() as conn:
        assert placements.last_number(conn, scene.placement_id) == 0
        assert search(conn, Filter(acts=(Act.REC_REPAIRED,))) == []


def test_a_renewal_that_is_known_goes_on_without_a_picture_missing(scene: Scene) -> None:
    """Because the next decision begins where the last one ends, and is known weeks ahead."""
    start_at = scene.clock.now()
    ends_at = start_at + timedelta(seconds=4)
    withdraw(scene, ends_at)
    with scene.db.write() as conn:
        designations.add(conn, Designation("d2", "a1", "2", "151c", ends_at, ends_at + timedelta(days=9)))
        placements.change(conn, scene.placement_id, name="markt", designation_id="d2", at=start_at)
    live = record(scene, ends_at, 10.0)
    assert len(live.shown) == 250
    assert all(gap.cause is not GapCause.NO_DECISION or gap.start_at > ends_at for gap in gaps(scene))


def test_a_wall_clock_that_is_set_back_revives_no_designation(scene: Scene) -> None:
    """Because whoever can set the clock could otherwise record for as long as they like."""
    with scene.db.read() as conn:
        law = placements.law(conn, scene.placement_id)
    clock = scene.clock
    sample = ClockSample(clock.now(), round(clock.boottime_s() * 1_000_000), clock.boot_id())
    steady = SteadyClock(clock, timedelta(seconds=60))
    steady.trust(sample)
    permitted = RecordPermit(law)
    assert permitted.left_s(steady, 2.0) == 2.0
    clock.advance(law.decisions[0].ends_at - clock.now() - timedelta(seconds=1))
    assert permitted.left_s(steady, 2.0) == 1.0
    clock.advance(timedelta(seconds=1))
    assert permitted.left_s(steady, 2.0) == 0.0
    clock.step_wall_clock(-timedelta(days=40))
    assert permitted.left_s(steady, 2.0) == 0.0


def test_the_node_starts_no_worker_by_a_wall_clock_that_is_set_back(scene: Scene, tmp_path: Path) -> None:
    """The same for whoever starts workers: it would start them for ever, each to be refused."""
    clock = scene.clock
    with scene.db.write() as conn:
        ends_at = placements.law(conn, scene.placement_id).decisions[0].ends_at
        clock.advance(ends_at - clock.now())
        sweeps.set_clock_sample(conn, ClockSample(clock.now(), round(clock.boottime_s() * 1_000_000), clock.boot_id()))
    clock.step_wall_clock(-timedelta(days=40))
    node = node_on(scene, tmp_path)
    node.look()
    assert node.pids() == {}


def worker_parts(scene: Scene, folder: Path) -> Parts:
    """Return the adapters of a worker on the machine's clock, with a camera that does not answer."""
    clock = SystemClock()
    box = CredentialBox(folder / "keys")
    with scene.db.write() as conn:
        camera = placements.get(conn, scene.placement_id).camera
        cameras.change(conn, replace(camera, rtsp_url="rtsp://127.0.0.1:1/", sealed_password=box.seal("x")))
    return Parts(Settings(data_dir=folder), clock, scene.db, scene.ledger, scene.keys, scene.store, box)


def test_a_worker_that_is_started_by_hand_refuses_where_no_decision_is_in_force(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The side door: only the supervisor's list looked at the dates."""
    monkeypatch.setattr("ingest.worker_process.harden", lambda: None)
    withdraw(scene, scene.clock.now())
    parts = worker_parts(scene, tmp_path)
    with pytest.raises(Denied, match="decision-withdrawn"):
        run_worker(parts, scene.placement_id, threading.Event(), Heartbeat(tmp_path / "beat", SystemClock()))


def test_a_worker_ends_by_itself_when_its_designation_does(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to tell it: whoever would may be gone."""
    monkeypatch.setattr("ingest.worker_process.harden", lambda: None)
    parts = worker_parts(scene, tmp_path)
    now = parts.clock.now()
    with scene.db.write() as conn:
        designations.add(
            conn, Designation("d2", "a1", "2", "151c", now - timedelta(days=1), now + timedelta(seconds=3))
        )
        placements.change(conn, scene.placement_id, name="markt", designation_id="d2", at=now)
    run_worker(parts, scene.placement_id, threading.Event(), Heartbeat(tmp_path / "beat", SystemClock()))
    with scene.db.read() as conn:
        status = placements.get(conn, scene.placement_id).status
    assert status is not None
    assert (status["state"], status["reason"]) == ("offline", "no-decision")
