"""Runs that end badly leave nothing behind but a line in the ledger; the camera is nobody's else's meanwhile."""

import threading
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from blanking.frames import RawFrame
from blanking.plan_values import Accuracy, CameraModel, DirectionPlan
from blanking.pose import PoseSample
from ingest.calibrating.daily import DailyCheck
from ingest.calibrating.desk import CalibrationDesk, Records
from ingest.calibrating.eye import CalibrationEye
from ingest.calibrating.recheck import Rechecker, Subject
from ingest.ptz_control import PtzControl
from ingest.ptz_space import SPHERICAL_URI, PositionSpace, PtzSpaces, Range
from tests import builders
from tests.ingest.running import until
from vms.bus.commands import (
    CalibrationCancel,
    CalibrationCheck,
    CalibrationStart,
    CalibrationStatus,
    PtzContinuous,
    PtzStop,
)
from vms.clock import ManualClock, SystemClock
from vms.db import calibrations, rechecks
from vms.db.engine import Database
from vms.errors import Conflict, InvalidInput, Unavailable
from vms.footage.keys import FileKeyring
from vms.ledger.log import Ledger
from vms.ledger.search import search
from vms.model import CameraKind, CheckOutcome, PlacementId

PLACE = PlacementId("place-1")
CLOCK = SystemClock()


class FakeCamera:
    """Stands still and notes what it is told; `away` lets every order fail."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.away = False

    def _tell(self, *what: Any) -> None:
        if self.away:
            raise Unavailable("the camera is away", code="camera.unreachable")
        self.told.append(what)

    def move(self, pan: float, tilt: float, zoom: float) -> None:
        """Note a move."""
        self._tell("move", pan, tilt, zoom)

    def stop(self) -> None:
        """Note a stop."""
        self._tell("stop")

    def go_to(self, pan_deg: float, tilt_deg: float, zoom: float) -> None:
        """Note a pose."""
        self._tell("go_to", pan_deg, tilt_deg, zoom)

    def spaces(self) -> PtzSpaces:
        """Tell a spherical space."""
        degrees = PositionSpace(SPHERICAL_URI, Range(-180.0, 180.0), Range(-60.0, 25.0))
        return PtzSpaces(degrees, (), Range(0.0, 1.0))

    def profile(self) -> str:
        """Tell a token."""
        return "profile"

    def presets(self) -> list[Any]:
        """Have none."""
        return []

    def go_to_preset(self, preset_id: str) -> None:
        """Note a preset."""
        self._tell("preset", preset_id)


PLAN = DirectionPlan(
    160,
    90,
    CameraModel(zoom_hfov_deg=((0.0, 60.0), (1.0, 5.0))),
    Accuracy(pan_tilt_deg=0.1, zoom_rel=0.01, time_s=0.02, exposure_s=0.04),
    (),
)


class CountingDesk:
    """Counts re-checks."""

    running = False

    def __init__(self) -> None:
        self.checks: list[str] = []

    def check(self, by: str) -> None:
        """Count one."""
        self.checks.append(by)


class Bench:
    """A desk with a fake camera, and somebody who tells poses and shows grey pictures."""

    def __init__(self, database: Database, keys: FileKeyring) -> None:
        self.db, self.ledger = database, Ledger("test.example/log", CLOCK)
        with database.write() as conn:
            builders.add_people(conn)
            camera_id = builders.add_camera(conn, "dome", CameraKind.PTZ, onvif_url="onvif:camera")
            builders.add_placement(conn, PLACE, camera_id=camera_id)
        self.camera, self.eye = FakeCamera(), CalibrationEye(CLOCK)
        self.busy: list[bool] = []
        self.subject: Subject | None = None
        self.desk = CalibrationDesk(
            self.camera,
            self.eye,
            Records(PLACE, database, self.ledger, self.busy.append),
            CLOCK,
            rechecker=Rechecker(PLACE, database, keys, CLOCK, timedelta(days=28)),
            subject=lambda: self.subject,
        )
        self.control = PtzControl(self.camera, lambda: None, lambda: None, dict, CLOCK, calibration=self.desk)
        self._stop = threading.Event()
        self._pose = (20.0, -4.0, 0.0)
        self._feeder = threading.Thread(target=self._feed, daemon=True)
        self._feeder.start()

    def _feed(self) -> None:
        blank = np.full((90, 160), 90, np.uint8)
        none = np.full((45, 80), 128, np.uint8)
        while not self._stop.is_set():
            now_s = CLOCK.monotonic_s()
            for told in [one for one in list(self.camera.told) if one[0] == "go_to"][-1:]:
                self._pose = told[1:]
            self.eye.sample(PoseSample(now_s, now_s, now_s, *self._pose))
            self.eye.offer(
                RawFrame(
                    planes=(blank, none, none), width_px=160, height_px=90, pixel_format="yuv420p", captured_s=now_s
                )
            )
            CLOCK.wait(self._stop, 0.02)

    def status(self) -> dict[str, Any]:
        """How the run stands."""
        return self.control.obey(CalibrationStatus())

    def ended(self) -> dict[str, Any]:
        """Wait for the end of the run."""
        return dict(until(lambda: (s := self.status())["state"] not in {"running", "idle"} and s, 60))

    def acts(self) -> list[tuple[str, str | None]]:
        """What the ledger says."""
        with self.db.read() as conn:
            return [(e.document["act"], e.document["why"]) for e in search(conn, limit=50)]

    def close(self) -> None:
        """End the feeder."""
        self.desk.close()
        self._stop.set()
        self._feeder.join()


@pytest.fixture
def bench(sqlite_database: Database, tmp_path: Path) -> Any:
    """A bench that is ended."""
    made = Bench(sqlite_database, FileKeyring(tmp_path / "keys"))
    yield made
    made.close()


def _nothing_is_left(bench: Bench) -> None:
    with bench.db.read() as conn:
        assert calibrations.list_versions(conn, PLACE) == []
    assert not bench.eye.busy
    assert bench.busy == [True, False]
    assert bench.eye.samples() == []


def test_a_view_without_detail_fails_and_says_so_and_the_camera_goes_back(bench: Bench) -> None:
    """At night nothing is claimed, and the street is watched as before."""
    bench.control.obey(CalibrationStart("u-officer", thorough=False))
    ended = bench.ended()
    assert (ended["state"], ended["code"]) == ("failed", "calibration.too-few-features")
    _nothing_is_left(bench)
    assert bench.camera.told[-1] == ("go_to", 20.0, -4.0, 0.0)
    assert ("calibration.failed", "calibration.too-few-features") in bench.acts()


def test_a_camera_that_goes_away_fails_the_run_and_changes_nothing(bench: Bench) -> None:
    """The model that counted goes on counting."""
    bench.camera.away = True
    bench.control.obey(CalibrationStart("u-officer", thorough=False))
    assert bench.ended()["code"] == "camera.unreachable"
    _nothing_is_left(bench)


def test_meanwhile_nobody_moves_the_camera_and_a_second_run_is_refused(bench: Bench) -> None:
    """A hand on the stick would spoil what is measured, and the pose masks are drawn by."""
    bench.control.obey(CalibrationStart("u-officer", thorough=False))
    for command in (PtzContinuous(0.5, 0.0, 0.0), PtzStop()):
        with pytest.raises(Conflict, match="being calibrated"):
            bench.control.obey(command)
    with pytest.raises(Conflict, match="already"):
        bench.control.obey(CalibrationStart("u-officer", thorough=False))
    bench.control.obey(CalibrationCancel())
    assert bench.ended()["state"] == "cancelled"
    _nothing_is_left(bench)
    bench.control.obey(PtzStop())


def test_a_re_check_of_a_street_that_shows_nothing_says_so_and_changes_nothing(bench: Bench) -> None:
    """Fog is no proof of anything: what was known before goes on counting."""
    bench.subject = Subject(1, "sha256:m", PLAN)
    bench.control.obey(CalibrationCheck("u-officer"))
    ended = bench.ended()
    assert (ended["state"], ended["code"], ended["check"]) == ("failed", "calibration.unrecognised", True)
    with bench.db.read() as conn:
        (found,) = rechecks.list_checks(conn, PLACE)
        assert rechecks.last_found(conn, PLACE, "sha256:m") is None
        assert rechecks.LANDMARKS.find(conn, PLACE) is None
    assert (found.outcome, found.document) == (CheckOutcome.NOT_POSSIBLE, {"code": "calibration.unrecognised"})
    assert bench.acts()[0] == ("calibration.check", "calibration.unrecognised")
    assert bench.camera.told[-1] == ("go_to", 20.0, -4.0, 0.0)


def test_a_re_check_gives_way_to_an_operator(bench: Bench) -> None:
    """Nobody waits for a routine while something happens in the street; the camera stays with the operator."""
    bench.subject = Subject(1, "sha256:m", PLAN)
    bench.control.obey(CalibrationCheck("u-officer"))
    bench.control.obey(PtzContinuous(0.5, 0.0, 0.0))
    assert bench.ended()["state"] == "cancelled"
    assert [one[0] for one in bench.camera.told[-2:]] == ["stop", "move"]
    assert bench.control.idle_s() < 5.0


def test_without_a_plan_there_is_nothing_to_check(bench: Bench) -> None:
    """No model says where things should be."""
    with pytest.raises(InvalidInput, match="no approved plan"):
        bench.control.obey(CalibrationCheck("u-officer"))


@pytest.mark.parametrize(
    ("now", "found_days_ago", "idle_s", "starts"),
    [
        ("10:31", 1.0, 400.0, True),
        ("10:31", None, 400.0, True),
        ("10:29", 0.8, 400.0, False),
        ("16:31", 1.0, 400.0, False),
        ("12:00", 0.01, 400.0, False),
        ("12:00", 1.0, 20.0, False),
    ],
)
def test_once_a_day_when_nobody_steers(now: str, found_days_ago: float | None, idle_s: float, starts: bool) -> None:  # noqa: FBT001 - a table
    """From the hour that the settings name, and not all day."""
    clock = ManualClock(datetime.fromisoformat(f"2026-11-03T{now}:00+00:00"))
    desk = CountingDesk()
    ago = None if found_days_ago is None else clock.now() - timedelta(days=found_days_ago)
    daily = DailyCheck(time(10, 30), cast("CalibrationDesk", desk), clock, idle_s=lambda: idle_s, found_at=lambda: ago)
    daily.look()
    daily.look()
    assert desk.checks == (["schedule"] if starts else [])


def test_a_day_whose_first_try_found_nothing_has_another_an_hour_later() -> None:
    """Fog lifts."""
    clock, desk = ManualClock(datetime(2026, 11, 3, 10, 31, tzinfo=UTC)), CountingDesk()
    daily = DailyCheck(time(10, 30), cast("CalibrationDesk", desk), clock, idle_s=lambda: 900.0, found_at=lambda: None)
    for minutes in (0, 30, 31):
        clock.advance(timedelta(minutes=minutes))
        daily.look()
    assert desk.checks == ["schedule", "schedule"]


def test_a_camera_that_does_not_move_is_not_calibrated(sqlite_database: Database, tmp_path: Path) -> None:
    """There is nothing to measure: its masks lie in the picture."""
    records = Records(PLACE, sqlite_database, Ledger("test.example/log", CLOCK), lambda _runs: None)
    rechecker = Rechecker(PLACE, sqlite_database, FileKeyring(tmp_path / "keys"), CLOCK, timedelta(days=28))
    desk = CalibrationDesk(None, CalibrationEye(CLOCK), records, CLOCK, rechecker=rechecker, subject=lambda: None)
    with pytest.raises(InvalidInput, match="does not move"):
        desk.obey(CalibrationStart("u-officer"))


def test_pictures_are_copied_only_when_somebody_waits_for_one() -> None:
    """A raw picture that nobody needs must not be anywhere."""
    eye = CalibrationEye(CLOCK)
    plane = np.zeros((4, 4), np.uint8)
    frame = RawFrame(planes=(plane, plane, plane), width_px=4, height_px=4, pixel_format="yuv444p", captured_s=1.0)
    eye.offer(frame)
    eye.begin()
    eye.offer(frame)
    with pytest.raises(Unavailable, match="no usable picture"):
        eye.still(0.0, within_s=0.0)
    eye.film()
    eye.offer(frame)
    eye.end()
    assert eye.developed() == []
