"""Move the camera and wait until it stands; move it at full speed and listen to what it says on the way."""

import math
import threading
from typing import Final, Protocol

import numpy as np

from blanking.calibration.features import features_of
from blanking.calibration.poses import Reach
from blanking.calibration.sight import Floats, Pose
from blanking.calibration.values import Still
from blanking.pose import PoseSample, is_near
from ingest.calibrating.eye import CalibrationEye, Picture, pose_of
from ingest.ptz_space import PtzSpaces
from vms.clock import Clock
from vms.errors import InvalidInput, Unavailable

STANDS_FOR_S: Final = 0.3
STANDS_SAMPLES: Final = 3
THERE_WITHIN_S: Final = 20.0
PICTURE_WITHIN_S: Final = 8.0
REGISTER_MARGIN_S: Final = 0.25
"""A register may still trail: the picture is taken so much later than it came to rest."""
REPEAT_S: Final = 0.4
_WHOLE_TURN_DEG = 359.0
_ZOOM_END = 0.003


class Cancelled(Exception):  # noqa: N818 - no error: somebody wanted it
    """Somebody cancelled the run, or the worker ends."""


class Motors(Protocol):
    """What moves the camera; each call may raise a VmsError."""

    def move(self, pan: float, tilt: float, zoom: float) -> None:
        """Move at shares of the top speed."""

    def stop(self) -> None:
        """Stop."""

    def go_to(self, pan_deg: float, tilt_deg: float, zoom: float) -> None:
        """Go to a pose."""


class Drive:
    """One run's hands and eye.

    Args:
        cancelled: set to end the run.
    """

    def __init__(self, motors: Motors, eye: CalibrationEye, clock: Clock, cancelled: threading.Event) -> None:
        self._motors = motors
        self.eye = eye
        self._clock = clock
        self._cancelled = cancelled
        self._stand = -1
        self._stood: tuple[float, float] | None = None
        self.size_px = (0, 0)
        self.frame_px = (0, 0)

    def go(self, pose: Pose) -> Pose:
        """Go to a pose, wait until the camera stands, and return where it says it is.

        Raises:
            Unavailable: it does not tell, or does not come to rest there.
            Cancelled: somebody does not want it any more.
        """
        self.look_whether_wanted()
        self._motors.go_to(*pose)
        return self.rest(pose)

    def rest(self, near: Pose | None = None) -> Pose:
        """Wait until the camera stands (near a pose); return where."""
        after = self.eye.newest()
        since_s = after.at_hi_s if after is not None else -math.inf

        def stands(samples: list[PoseSample]) -> bool:
            self.look_whether_wanted()
            return _at_rest([one for one in samples[-200:] if one.at_lo_s > since_s], near)

        if not self.eye.wait_for_pose(stands, THERE_WITHIN_S):
            last = self.eye.newest()
            if last is None or last is after:
                raise Unavailable(
                    "the camera does not tell where it looks: calibrate when it answers again",
                    code="calibration.no-positions",
                )
            raise Unavailable(
                "the camera did not come to rest where it was sent; does somebody else move it, or does it patrol by itself?",
                code="calibration.not-there",
            )
        newest = self.eye.newest()
        found = None if newest is None else pose_of(newest)
        if found is None:
            raise Unavailable(
                "the camera does not tell where it looks: calibrate when it answers again",
                code="calibration.no-positions",
            )
        return found

    def still(self, pose: Pose, most: int) -> Still:
        """Go to a pose and return what the picture shows there."""
        found = self.go(pose)
        return self.look(found, most)

    def look(self, found: Pose, most: int) -> Still:
        """Return what the picture shows where the camera stands now."""
        picture = self.picture()
        if self._stood != found[:2]:
            self._stand, self._stood = self._stand + 1, found[:2]
        return Still(found, features_of(picture.luma, most), self._stand)

    def picture(self) -> Picture:
        """Return a picture of the standing camera."""
        newest = self.eye.newest()
        after_s = (newest.at_hi_s if newest is not None else -math.inf) + REGISTER_MARGIN_S
        picture = self.eye.still(after_s, PICTURE_WITHIN_S)
        size_px = (picture.luma.shape[1], picture.luma.shape[0])
        if self.size_px not in {(0, 0), size_px}:
            raise Unavailable("the camera's picture changed its size while it was measured", code="calibration.size")
        self.size_px, self.frame_px = size_px, picture.frame_px
        return picture

    def run(self, speeds: Pose, seconds: float, *, stop: bool = True) -> None:
        """Move at shares of the top speeds for a while; a zoom that has come to its end need not go on."""
        until_s = self._clock.monotonic_s() + seconds
        while (left_s := until_s - self._clock.monotonic_s()) > 0:
            self.look_whether_wanted()
            self._motors.move(*speeds)
            self._clock.wait(self._cancelled, min(left_s, REPEAT_S))
            if speeds[2] and self._zoom_is_at_end(speeds[2]):
                break
        if stop:
            self._motors.stop()

    def full_speed(self, axis: int, speeds: Pose, seconds: float) -> tuple[Floats, Floats]:
        """Move at full speed from rest to rest; return instants and reported values of an axis (pan without jumps)."""
        self.rest()
        newest = self.eye.newest()
        since_s = newest.at_lo_s if newest is not None else -math.inf
        self.run(speeds, seconds)
        self.rest()
        rows = []
        for sample in self.eye.samples(since_s):
            pose = pose_of(sample)
            if pose is not None:
                rows.append(((sample.at_lo_s + sample.at_hi_s) / 2, pose[axis]))
        table = np.array(sorted(rows)).reshape(-1, 2)
        values = np.degrees(np.unwrap(np.radians(table[:, 1]))) if axis == 0 else table[:, 1]
        return table[:, 0], values

    def _zoom_is_at_end(self, way: float) -> bool:
        newest = self.eye.newest()
        if newest is None or newest.zoom is None:
            return False
        return newest.zoom >= 1.0 - _ZOOM_END if way > 0 else newest.zoom <= _ZOOM_END

    def halt(self) -> None:
        """Stop all movement."""
        self._motors.stop()

    def look_whether_wanted(self) -> None:
        """Raise `Cancelled` when somebody does not want the run any more."""
        if self._cancelled.is_set():
            raise Cancelled


def reach_of(spaces: PtzSpaces) -> Reach:
    """Return where a camera can go.

    Raises:
        InvalidInput: it tells shares of its range only: focal length and degrees per share would explain each other's error away.
    """
    if spaces.shares is not None:
        raise InvalidInput(
            "the camera tells only shares of its range (-1..1): switch it to degrees (spherical position space), or enter its "
            "range in a plan by hand (docs/blanking.md, register)",
            code="calibration.shares",
        )
    pan, tilt = spaces.degrees.x, spaces.degrees.y
    return Reach(tilt.low, tilt.high, pan.low, pan.high, is_endless=pan.high - pan.low >= _WHOLE_TURN_DEG)


def _at_rest(samples: list[PoseSample], near: Pose | None) -> bool:
    if not samples:
        return False
    last = pose_of(samples[-1])
    if last is None or (near is not None and not is_near(last, near)):
        return False
    same = []
    for sample in reversed(samples):
        if pose_of(sample) != last:
            break
        same.append(sample)
    return len(same) >= STANDS_SAMPLES and same[0].at_hi_s - same[-1].at_hi_s >= STANDS_FOR_S
