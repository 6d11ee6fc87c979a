"""Let a camera look around for its panorama, when nobody steers it: pose by pose, as long as the panorama takes a picture of each.

It is ordinary operation: the picture is blanked, recorded and shown as ever. Whoever steers the camera ends the scan at once.
"""

import math
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

import structlog

from blanking.panorama import TOP_DEG
from blanking.plan_values import CameraModel, DirectionPlan
from blanking.pose import is_near
from ingest.ptz_space import PtzSpaces
from vms.bus.commands import PanoramaScan, PanoramaScanCancel, PanoramaScanStatus
from vms.clock import Clock
from vms.errors import Conflict, InvalidInput, VmsError

Pose = tuple[float, float, float]

OVERLAP: Final = 0.8
"""From one pose to the next, in pictures."""
ARRIVE_WITHIN_S: Final = 12.0
TAKE_WITHIN_S: Final = 6.0
"""The panorama takes a picture in two seconds, and none of what is grey."""
MOST_MISSED: Final = 3
"""Poses in a row at which the camera did not arrive: somebody else moves it, or it is stuck."""
LOOK_EVERY_S: Final = 0.1

log = structlog.get_logger(__name__)


class Camera(Protocol):
    """What the scan needs of the camera; each call may raise a VmsError."""

    def go_to(self, pan_deg: float, tilt_deg: float, zoom: float) -> None:
        """Go to a pose."""

    def spaces(self) -> PtzSpaces:
        """Tell where it can go."""


class Taking(Protocol):
    """What the scan needs of the panorama."""

    taken: int

    def store_soon(self) -> None:
        """Store what is new within seconds."""


class PanoramaScanner:
    """Run one scan at a time, in a thread of its own.

    Args:
        camera: None for one that does not move.
        pose: gives the newest pose and its age in seconds, None while unknown.
        plan: gives the plan that counts.
        panorama: takes a picture wherever the camera stands still.
    """

    def __init__(
        self,
        camera: Camera | None,
        pose: Callable[[], tuple[Pose, float] | None],
        plan: Callable[[], object],
        panorama: Taking,
        clock: Clock,
    ) -> None:
        self._camera = camera
        self._pose = pose
        self._plan = plan
        self._panorama = panorama
        self._clock = clock
        self._moving = threading.Lock()
        self._cancelled = threading.Event()
        self._is_steered = False
        self._thread: threading.Thread | None = None
        self._progress: dict[str, Any] = {"state": "idle"}

    @property
    def running(self) -> bool:
        """Whether the camera is looking around."""
        return self._thread is not None and self._thread.is_alive()

    def obey(self, command: PanoramaScan | PanoramaScanStatus | PanoramaScanCancel) -> dict[str, Any]:
        """Do what is asked; return how the scan stands.

        Raises:
            InvalidInput: the camera does not move, or has no plan to be blanked by.
            Conflict: a scan goes on already.
        """
        if isinstance(command, PanoramaScan):
            self._start(command.by)
        elif isinstance(command, PanoramaScanCancel):
            self.cancel()
        return dict(self._progress)

    def cancel(self, *, steered: bool = False) -> None:
        """End a scan, if one goes on.

        Args:
            steered: somebody steers the camera: once this has returned no movement of the scan is begun, not even the way back.
        """
        with self._moving:
            self._is_steered = self._is_steered or steered
            if self.running and not self._cancelled.is_set():
                self._cancelled.set()
                self._progress |= {"state": "steered" if steered else "cancelled"}

    def _start(self, by: str) -> None:
        camera, plan = self._camera, self._plan()
        if camera is None:
            raise InvalidInput("this camera does not move: it has no panorama", code="ptz.fixed")
        if not isinstance(plan, DirectionPlan):
            raise InvalidInput("without an approved plan everything is grey: approve one first", code="ptz.no-model")
        if self.running:
            raise Conflict("this camera is looking around already", code="panorama.scans")
        where = poses(plan, camera.spaces())
        self._cancelled, self._is_steered = threading.Event(), False
        self._progress = {"state": "running", "share": 0.0, "by": by}
        self._thread = threading.Thread(target=self._work, args=(camera, where), name="panorama-scan", daemon=True)
        self._thread.start()

    def _work(self, camera: Camera, where: list[Pose]) -> None:
        home = self._pose()
        missed = 0
        try:
            for number, pose in enumerate(where):
                self._progress |= {"share": round(number / len(where), 3)}
                missed = 0 if self._looked(camera, pose) else missed + 1
                if missed >= MOST_MISSED:
                    self._end("failed", code="panorama.not-there")
                if self._cancelled.is_set():
                    break
            else:
                self._end("done", share=1.0)
            with self._moving:
                if home is not None and not self._is_steered:
                    camera.go_to(*home[0])
        except VmsError as error:
            log.warning("the camera stopped looking around", code=error.code, cause=str(error))
            self._end("failed", code=error.code)
        self._panorama.store_soon()
        log.info("looked around for the panorama", ended=self._progress["state"], poses=len(where))

    def _end(self, state: str, **words: Any) -> None:
        with self._moving:
            if not self._cancelled.is_set():
                self._cancelled.set()
                self._progress = {**self._progress, **words, "state": state}

    def _looked(self, camera: Camera, pose: Pose) -> bool:
        """Go to a pose and stay until the panorama has taken a picture there, or will not; return whether the camera got there."""
        with self._moving:
            if self._cancelled.is_set():
                return False
            camera.go_to(*pose)
        if not self._until(lambda: self._is_near(pose), ARRIVE_WITHIN_S):
            return False
        # One that was taken on the way here does not count.
        before = self._panorama.taken
        self._until(lambda: self._panorama.taken > before + 1, TAKE_WITHIN_S)
        return True

    def _until(self, condition: Callable[[], bool], within_s: float) -> bool:
        give_up_s = self._clock.monotonic_s() + within_s
        while not condition():
            if self._clock.monotonic_s() >= give_up_s or self._clock.wait(self._cancelled, LOOK_EVERY_S):
                return False
        return True

    def _is_near(self, pose: Pose) -> bool:
        known = self._pose()
        return known is not None and is_near(known[0], pose)


def poses(plan: DirectionPlan, spaces: PtzSpaces) -> list[Pose]:
    """Return where to look, in the camera's own degrees: rows from the top down, to and fro, at the widest zoom."""
    model = plan.camera_model
    across_deg = model.zoom_hfov_deg[0][1]
    upright_deg = math.degrees(2 * math.atan(math.tan(math.radians(across_deg) / 2) * plan.height_px / plan.width_px))
    out: list[Pose] = []
    for row, tilt in enumerate(_tilts(model, spaces, OVERLAP * upright_deg)):
        elevation_deg = min(80.0, abs(model.tilt_scale * tilt + model.tilt_offset_deg))
        # Near the poles a picture spans more azimuth.
        step_deg = OVERLAP * across_deg / math.cos(math.radians(elevation_deg)) / abs(model.pan_scale)
        pans = _spread(spaces.degrees.x.low, spaces.degrees.x.high, step_deg)
        out += [(pan, tilt, 0.0) for pan in (pans if row % 2 == 0 else reversed(pans))]
    return out


def _tilts(model: CameraModel, spaces: PtzSpaces, step_deg: float) -> list[float]:
    """Return reported tilts from the top down: never past the poles, nor where a panorama shows nothing."""
    ends = [model.tilt_scale * end + model.tilt_offset_deg for end in (spaces.degrees.y.low, spaces.degrees.y.high)]
    lowest, highest = max(min(ends), -89.0), min(max(ends), TOP_DEG)
    elevations = _spread(lowest, max(lowest, highest), step_deg)
    return [(one - model.tilt_offset_deg) / model.tilt_scale for one in reversed(elevations)]


def _spread(low: float, high: float, step: float) -> list[float]:
    """Return values no farther apart than a step, half a step from both ends; the middle of a short span."""
    count = max(1, math.ceil((high - low) / step))
    return [low + (i + 0.5) * (high - low) / count for i in range(count)]
