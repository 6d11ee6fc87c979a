"""Obey an operator's PTZ commands, and stop the camera when the operator falls silent."""

import threading
from collections.abc import Callable
from typing import Any, Protocol

import structlog

from blanking.plan import DirectionPlan
from ingest.aim import pose_for_point
from ingest.calibrating.desk import CalibrationDesk
from ingest.panorama_scan import PanoramaScanner
from ingest.ptz_space import Preset
from vms.bus.commands import (
    CalibrationCancel,
    CalibrationCheck,
    CalibrationStart,
    CalibrationStatus,
    Command,
    PanoramaScan,
    PanoramaScanCancel,
    PanoramaScanStatus,
    PtzAbsolute,
    PtzContinuous,
    PtzGotoPreset,
    PtzPresets,
    PtzRelativeView,
    PtzStop,
    StatusQuery,
)
from vms.clock import Clock
from vms.errors import Conflict, InvalidInput, Unavailable, VmsError

DEAD_MAN_S = 0.5
"""A continuous move must be repeated within this time."""
LOOK_EVERY_S = 0.05
POSE_FRESH_S = 2.0
STEERED_S = 30.0
"""So long after the last command of a person a camera does not begin to look around by itself."""

log = structlog.get_logger(__name__)

Pose = tuple[float, float, float]


class PtzDevice(Protocol):
    """What can be asked of the camera; each call may raise a VmsError."""

    def move(self, pan: float, tilt: float, zoom: float) -> None:
        """Move at shares of the top speed."""

    def stop(self) -> None:
        """Stop."""

    def go_to(self, pan_deg: float, tilt_deg: float, zoom: float) -> None:
        """Go to a pose."""

    def presets(self) -> list[Preset]:
        """List stored poses."""

    def go_to_preset(self, preset_id: str) -> None:
        """Go to a stored pose."""


class PtzControl:
    """Turn commands into calls of the camera. Commands come from one thread, the dead-man look from another.

    Args:
        device: None for a camera that can't move.
        pose: gives the newest pose and its age in seconds, None while unknown.
        plan: gives the placement's plan, whose camera model says what a point of the picture means.
        status: gives the worker's status.
        calibration: obeys its own commands, and has the camera to itself while it runs.
        scanner: obeys its own commands, and gives way to everybody else.
    """

    def __init__(
        self,
        device: PtzDevice | None,
        pose: Callable[[], tuple[Pose, float] | None],
        plan: Callable[[], object],
        status: Callable[[], dict[str, Any]],
        clock: Clock,
        *,
        calibration: CalibrationDesk | None = None,
        scanner: PanoramaScanner | None = None,
    ) -> None:
        self._device = device
        self._pose = pose
        self._plan = plan
        self._status = status
        self._clock = clock
        self._calibration = calibration
        self._scanner = scanner
        self._lock = threading.Lock()
        self._stop_by_s: float | None = None
        self._moved_s = clock.monotonic_s()

    def idle_s(self) -> float:
        """For how long nobody has moved the camera; a look around for the panorama moves it too."""
        if self._scanner is not None and self._scanner.running:
            return 0.0
        return self._clock.monotonic_s() - self._moved_s

    def obey(self, command: Command) -> dict[str, Any]:
        """Do what is asked; return the reply.

        Raises:
            VmsError: the camera can't, refuses, or does not answer.
        """
        if isinstance(command, StatusQuery):
            return self._status()
        if isinstance(command, CalibrationStart | CalibrationCheck | CalibrationStatus | CalibrationCancel):
            return self._calibrate(command)
        if isinstance(command, PanoramaScan | PanoramaScanStatus | PanoramaScanCancel):
            return self._scan(command)
        if self._device is None:
            raise InvalidInput("this camera can't be moved", code="ptz.none")
        with self._lock:
            if isinstance(command, PtzPresets):
                return self._obey(self._device, command)
            self._moved_s = self._clock.monotonic_s()
            if self._calibration is not None and self._calibration.running and not self._calibration.give_way():
                raise _calibrating()
            if self._scanner is not None:
                self._scanner.cancel(steered=True)
            return self._obey(self._device, command)

    def _scan(self, command: PanoramaScan | PanoramaScanStatus | PanoramaScanCancel) -> dict[str, Any]:
        if self._scanner is None:
            raise InvalidInput("this camera does not move: it has no panorama", code="ptz.fixed")
        with self._lock:
            if isinstance(command, PanoramaScan):
                if self._calibration is not None and self._calibration.running:
                    raise _calibrating()
                if self._clock.monotonic_s() - self._moved_s < STEERED_S:
                    raise Conflict(
                        f"somebody steers this camera, or did less than {STEERED_S:.0f} s ago", code="panorama.steered"
                    )
            return self._scanner.obey(command)

    def _calibrate(
        self, command: CalibrationStart | CalibrationCheck | CalibrationStatus | CalibrationCancel
    ) -> dict[str, Any]:
        if self._calibration is None:
            raise InvalidInput("this camera does not move: there is nothing to calibrate", code="calibration.fixed")
        with self._lock:
            if isinstance(command, CalibrationStart | CalibrationCheck):
                self._stop_by_s = None
                if self._scanner is not None:
                    self._scanner.cancel(steered=True)
            return self._calibration.obey(command)

    def look(self) -> None:
        """Stop the camera when a continuous move was not repeated in time. Call it often."""
        with self._lock:
            if self._device is None or self._stop_by_s is None or self._clock.monotonic_s() < self._stop_by_s:
                return
            try:
                self._device.stop()
            except VmsError as error:
                # Asked again at the next look; the camera's own timeout of a second stops it too.
                log.warning("the camera could not be stopped yet", cause=str(error))
                self._stop_by_s = self._clock.monotonic_s() + DEAD_MAN_S
                return
            self._stop_by_s = None
            log.info("the camera was stopped: the operator fell silent")

    def watch(self, stop: threading.Event) -> None:
        """Look until told to stop; then stop the camera if it still moves."""
        while not self._clock.wait(stop, LOOK_EVERY_S):
            self.look()
        if self._stop_by_s is not None:
            self._stop_by_s = 0.0
            self.look()

    def _obey(self, device: PtzDevice, command: Command) -> dict[str, Any]:
        moving = False
        match command:
            case PtzContinuous(pan=0, tilt=0, zoom=0) | PtzStop():
                device.stop()
            case PtzContinuous():
                moving = True
                # Armed before the call: a call that hangs may still have set the camera moving.
                self._stop_by_s = self._clock.monotonic_s() + DEAD_MAN_S
                device.move(command.pan, command.tilt, command.zoom)
            case PtzAbsolute():
                device.go_to(command.pan_deg, command.tilt_deg, command.zoom)
            case PtzRelativeView():
                self._turn_to_point(device, command)
            case PtzGotoPreset():
                device.go_to_preset(command.preset)
            case PtzPresets():
                return {"presets": [{"id": preset.id, "name": preset.name} for preset in device.presets()]}
            case _:
                return self._status()
        self._stop_by_s = self._clock.monotonic_s() + DEAD_MAN_S if moving else None
        return {"pose": self._told_pose()}

    def _turn_to_point(self, device: PtzDevice, command: PtzRelativeView) -> None:
        plan, known = self._plan(), self._pose()
        if not isinstance(plan, DirectionPlan):
            raise InvalidInput(
                "this camera has no camera model yet: approve a blanking plan first", code="ptz.no-model"
            )
        if known is None or known[1] > POSE_FRESH_S:
            raise Unavailable("the camera does not tell where it looks now; try again", code="ptz.pose-unknown")
        pan_deg, tilt_deg = pose_for_point(plan, known[0], command.dx, command.dy)
        device.go_to(pan_deg, tilt_deg, known[0][2])

    def _told_pose(self) -> dict[str, float] | None:
        known = self._pose()
        if known is None:
            return None
        pan_deg, tilt_deg, zoom = known[0]
        return {"pan_deg": pan_deg, "tilt_deg": tilt_deg, "zoom": zoom}


def _calibrating() -> Conflict:
    return Conflict("this camera is being calibrated; it moves by itself until that is done", code="ptz.calibrating")
