"""Runs that end badly leave nothing behind but a line in the ledger; the camera is nobody's else's meanwhile."""

import threading
from typing import Any

import numpy as np
import pytest

from blanking.frames import RawFrame
from blanking.pose import PoseSample
from ingest.calibrating.desk import CalibrationDesk, Records
from ingest.calibrating.eye import CalibrationEye
from ingest.ptz_control import PtzControl
from ingest.ptz_space import SPHERICAL_URI, PositionSpace, PtzSpaces, Range
from tests import builders
from tests.ingest.running import until
from vms.bus.commands import CalibrationCancel, CalibrationStart, CalibrationStatus, PtzContinuous, PtzStop
from vms.clock import SystemClock
from vms.db import calibrations
from vms.db.engine import Database
from vms.errors import Conflict, InvalidInput, Unavailable
from vms.ledger.log import Ledger
from vms.ledger.search import search
from vms.model import CameraKind, PlacementId

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


class Bench:
    """A desk with a fake camera, and somebody who tells poses and shows grey pictures."""

    def __init__(self, database: Database) -> None:
        self.db, self.ledger = database, Ledger("test.example/log", CLOCK)
        with database.write() as conn:
            builders.add_people(conn)
            camera_id = builders.add_camera(conn, "dome", CameraKind.PTZ, onvif_url="http://127.0.0.1:1/")
            builders.add_placement(conn, PLACE, camera_id=camera_id)
        self.camera, self.eye = FakeCamera(), CalibrationEye(CLOCK)
        self.busy: list[bool] = []
        self.desk = CalibrationDesk(
            self.camera, self.eye, Records(PLACE, database, self.ledger, self.busy.append), CLOCK
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
def bench(sqlite_database: Database) -> Any:
    """A bench that is ended."""
    made = Bench(sqlite_database)
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


def test_a_camera_that_does_not_move_is_not_calibrated(sqlite_database: Database) -> None:
    """There is nothing to measure: its masks lie in the picture."""
    records = Records(PLACE, sqlite_database, Ledger("test.example/log", CLOCK), lambda _runs: None)
    desk = CalibrationDesk(None, CalibrationEye(CLOCK), records, CLOCK)
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
