"""What is wrong with cameras and storage, in words: which condition gives which word, and which never does."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ingest.camera_problems import StorageTrend, problems_of_cameras
from ingest.gauge import Gauge
from tests import builders
from vms.clock import ManualClock
from vms.db import placements
from vms.db.engine import Database
from vms.db.placements import Placement
from vms.model import PlacementId

HERE = PlacementId("place-1")
GIB = 1 << 30


@pytest.fixture
def placement(sqlite_database: Database) -> Placement:
    """A placed camera."""
    with sqlite_database.write() as conn:
        builders.add_people(conn)
        builders.add_placement(conn, HERE)
        return placements.get(conn, HERE)


def words(placement: Placement, clock: ManualClock, *, silent_s: float = 0.0, **status: Any) -> list[str]:
    """Return the words for what a worker said so long ago; `..._ago_s` are instants."""
    now = clock.now()
    said = {
        name.removesuffix("_ago_s") + "_at" if name.endswith("_ago_s") else name: (
            now - timedelta(seconds=value)
        ).isoformat()
        if name.endswith("_ago_s") and value is not None
        else value
        for name, value in ({"state": "live", "recording": "on"} | status).items()
    }
    one = replace(placement, status=said, status_at=now - timedelta(seconds=silent_s))
    found = problems_of_cameras([one], now)
    assert all(ids == [HERE] for ids in found.values())
    return sorted(found)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, []),
        ({"state_since_ago_s": 86_400.0}, []),
        ({"recording": "full"}, ["recording-stopped"]),
        ({"unrecorded_since_ago_s": 60.0}, ["recording-stopped"]),
        ({"unrecorded_since_ago_s": 10.0}, []),
        ({"unrecorded_since_ago_s": 600.0, "recording": "off"}, []),
        (
            {"state": "offline", "state_since_ago_s": 60.0, "unrecorded_since_ago_s": 60.0},
            ["camera-away", "recording-stopped"],
        ),
        ({"state": "offline", "state_since_ago_s": 10.0}, []),
        ({"state": "starting", "state_since_ago_s": 60.0}, ["camera-away"]),
        ({"slow_since_ago_s": 60.0}, ["camera-slow"]),
        ({"slow_since_ago_s": 10.0}, []),
        ({"slow_since_ago_s": None}, []),
        ({"state": "grey", "state_since_ago_s": 240.0}, ["grey"]),
        ({"state": "grey", "state_since_ago_s": 60.0}, []),
        ({"state": "grey", "state_since_ago_s": 86_400.0, "recording": "off"}, []),
        ({"telemetry_problem": "camera.onvif", "telemetry_problem_since_ago_s": 60.0}, ["camera-onvif"]),
        ({"telemetry_problem": "camera.onvif", "telemetry_problem_since_ago_s": 10.0}, []),
        ({"telemetry_problem": None, "telemetry_problem_since_ago_s": None}, []),
        (
            {"silent_s": 31.0, "telemetry_problem": "camera.onvif", "telemetry_problem_since_ago_s": 60.0},
            ["recording-stopped"],
        ),
        ({"problems": ["camera-moved"]}, ["camera-moved"]),
        (
            {"silent_s": 31.0, "state": "offline", "problems": ["camera-moved"], "state_since_ago_s": 600.0},
            ["recording-stopped"],
        ),
    ],
)
def test_each_condition_has_its_word(
    placement: Placement, clock: ManualClock, status: dict[str, Any], expected: list[str]
) -> None:
    """A minute without pictures, or minutes of grey, are told; a hiccup is not, nor a camera that still waits for its plan."""
    assert words(placement, clock, **status) == expected


def test_a_camera_whose_worker_never_said_anything_is_the_matter_of_the_node(
    placement: Placement, clock: ManualClock
) -> None:
    """It is starting, or its worker is down, and both are told already."""
    assert problems_of_cameras([placement], clock.now()) == {}


def test_a_camera_is_slow_by_its_own_usual_pace(clock: ManualClock) -> None:
    """0.4 of 15 pictures a second is no live picture, though each that comes is new; half a rate at night is."""
    gauge = Gauge(clock)

    def play(seconds: float, arriving_fps: float, shown_fps: float) -> dict[str, Any]:
        for step in range(round(seconds * 100)):
            clock.advance(timedelta(seconds=0.01))
            for fps, count in ((arriving_fps, gauge.arrived), (shown_fps, lambda: gauge.packet(100))):
                if int((step + 1) * fps / 100) > int(step * fps / 100):
                    count()
            if step % 200 == 0:
                gauge.status()
        gauge.frame(None)
        return gauge.status()

    told = play(20, 15, 15)
    assert told["usual_fps"] == pytest.approx(15, abs=0.5)
    assert told["slow_since_at"] is None
    assert play(20, 15, 8)["slow_since_at"] is None
    began = clock.now()
    slow = play(20, 15, 0.4)
    assert slow["slow_since_at"] is not None
    assert began.isoformat() <= slow["slow_since_at"] <= (began + timedelta(seconds=8)).isoformat()
    assert play(20, 0.4, 0.4)["slow_since_at"] == slow["slow_since_at"], "whether the camera or the worker is slow"
    assert play(20, 15, 15)["slow_since_at"] is None
    gauge.offline("camera.unreachable")
    clock.advance(timedelta(seconds=30))
    assert gauge.status()["slow_since_at"] is None, "a camera that is away is not slow"


def test_a_camera_that_was_slow_before_its_worker_started_is_slow(clock: ManualClock) -> None:
    """A new process knows the usual pace from the last one's status."""
    gauge = Gauge(clock)
    gauge.usual(15.0)
    gauge.frame(None)
    clock.advance(timedelta(seconds=6))
    assert gauge.status()["slow_since_at"] is not None


def test_the_state_lasts_though_its_reason_changes(clock: ManualClock) -> None:
    """A camera that is grey for ten reasons in turn is grey all the time."""
    gauge = Gauge(clock)
    began = clock.now()
    for reason in ("pose-late", "contradiction", "pose-late") * 3:
        for _ in range(3):
            gauge.frame(reason)
        clock.advance(timedelta(seconds=30))
    assert gauge.status()["state_since_at"] == began.isoformat().replace("+00:00", "Z")


def trend(*free: tuple[float, float], floor: int = GIB) -> StorageTrend:
    """A volume with so many GiB free at these hours."""
    found = StorageTrend(floor)
    for hour, gibibytes in free:
        found.see(round(gibibytes * GIB), hour * 3600)
    return found


@pytest.mark.parametrize(
    ("free", "problem", "hours"),
    [
        (((0, 100), (1, 99)), None, 98.0),
        (((0, 21), (1, 20)), "storage-low", 19.0),
        (((0, 0.9),), "storage-full", 0.0),
        (((0, 3), (1, 3)), None, None),
        (((0, 3), (1, 4)), None, None),
        (((0, 21), (0.1, 19)), None, None),
        (((0, 900), (1, 10), (7, 10), (8, 10)), None, None),
    ],
    ids=["days left", "a day left", "full", "in balance", "more room", "too soon to say", "an old fall is forgotten"],
)
def test_how_long_the_room_lasts_is_what_recording_takes_less_what_erasing_gives(
    free: tuple[tuple[float, float], ...], problem: str | None, hours: float | None
) -> None:
    """A volume that is full of footage which is erased as fast as it grows must not alarm for ever."""
    found = trend(*free)
    assert found.problem() == problem
    assert found.hours_until_full() == (None if hours is None else pytest.approx(hours))
