"""What the camera says about its pose: late, rounded, jittered, and on command worse.

A status answer is about the pose at one instant; its ``UtcTime`` is that instant on the camera's clock, off by a
bounded jitter. With a register refresh set, the pose is that of the last refresh while the time stamp still says now:
the hidden staleness that real cameras have; so is a lag, by which the register trails the motors.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from sample_streams.device.clock import CameraClock
from sample_streams.device.mechanics import Mechanics, Pose


class TelemetryFault(StrEnum):
    """The ways in which telemetry can fail."""

    NONE = "none"
    CUT = "cut"  # the connection is dropped without an answer
    SILENT = "silent"  # the connection stays open, no answer comes
    ABSENT = "absent"  # an answer without a position
    FROZEN = "frozen"  # the position of the moment at which the fault was set, with a fresh time
    NONSENSE = "nonsense"  # positions out of every range, or not numbers


@dataclass(frozen=True, slots=True)
class TelemetryTraits:
    """How good the telemetry of a camera is, and which of the field's bad habits it has.

    Args:
        utc_quantum_s: the time stamp is cut to multiples of this; 1 prints whole seconds.
        utc_shift_s: a wrong zone, or another century.
        utc_absent, pan_tilt_absent, zoom_absent: 1 leaves the element out.
        move_stuck: 1 says MOVING for ever.
        fov_factor: 0 tells no field of view, 1 the true one, anything else a wrong one.
    """

    quantum_deg: float = 0.05
    quantum_zoom: float = 0.001
    latency_low_s: float = 0.015
    latency_high_s: float = 0.06
    time_jitter_s: float = 0.003
    refresh_s: float = 0.0
    lag_s: float = 0.0
    utc_quantum_s: float = 0.001
    utc_shift_s: float = 0.0
    utc_absent: float = 0.0
    pan_tilt_absent: float = 0.0
    zoom_absent: float = 0.0
    move_stuck: float = 0.0
    fov_factor: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One status answer before it becomes XML; texts, because nonsense need not be a number."""

    pan: str | None
    tilt: str | None
    zoom: str | None
    pan_tilt_status: str
    zoom_status: str
    device_at: datetime
    utc: str | None
    field_of_view: tuple[float, float] | None
    delay_s: float


class Telemetry:
    """Read the pose as a client is told it."""

    def __init__(
        self,
        mechanics: Mechanics,
        clock: CameraClock,
        traits: TelemetryTraits,
        rng: random.Random,
        view_deg: Callable[[float], tuple[float, float]] = lambda _zoom: (60.0, 36.0),
    ) -> None:
        self._view_deg = view_deg
        self._mechanics = mechanics
        self._clock = clock
        self._rng = rng
        self.traits = traits
        self.fault = TelemetryFault.NONE
        self.is_homing = False
        self._frozen: Pose | None = None

    def set_fault(self, fault: TelemetryFault, now_s: float) -> None:
        """Let the telemetry fail in some way from now on."""
        self.fault = fault
        self._frozen = self._mechanics.pose_at(now_s) if fault is TelemetryFault.FROZEN else None

    def set_traits(self, **changes: float) -> None:
        """Change how good the telemetry is."""
        self.traits = replace(self.traits, **changes)

    def read(self, now_s: float, *, shift_s: float = 0.0) -> Reading:
        """Return what a status request that came in now is told; ``shift_s`` puts its time stamp elsewhere."""
        traits = self.traits
        seen_s = now_s - traits.lag_s
        sampled_s = seen_s - seen_s % traits.refresh_s if traits.refresh_s > 0 else seen_s
        pose = self._frozen or self._mechanics.pose_at(sampled_s)
        jitter_s = self._rng.uniform(-traits.time_jitter_s, traits.time_jitter_s)
        pan_tilt, zoom = self._mechanics.is_moving()
        texts: tuple[str | None, str | None, str | None] = (
            _rounded(pose.pan_deg, traits.quantum_deg),
            _rounded(pose.tilt_deg, traits.quantum_deg),
            _rounded(pose.zoom, traits.quantum_zoom),
        )
        if self.fault is TelemetryFault.NONSENSE:
            texts = self._rng.choice(
                [("NaN", "NaN", "NaN"), ("1e9", "-720.5", "17"), ("", "", ""), ("pan", "tilt", "x")]
            )
        if self.fault is TelemetryFault.ABSENT or self.is_homing:
            texts = (None, None, None)
        if traits.pan_tilt_absent:
            texts = (None, None, texts[2])
        if traits.zoom_absent:
            texts = (texts[0], texts[1], None)
        stuck = self.is_homing or traits.move_stuck > 0
        return Reading(
            *texts,
            pan_tilt_status="MOVING" if pan_tilt or stuck else "IDLE",
            zoom_status="MOVING" if zoom or stuck else "IDLE",
            device_at=self._clock.camera_utc(now_s + jitter_s),
            utc=None if traits.utc_absent else self._stamp(now_s + jitter_s + shift_s),
            field_of_view=self._told_view(pose.zoom),
            delay_s=self._rng.uniform(traits.latency_low_s, max(traits.latency_low_s, traits.latency_high_s)),
        )

    def _stamp(self, at_s: float) -> str:
        traits = self.traits
        at = self._clock.camera_utc(at_s) + timedelta(seconds=traits.utc_shift_s)
        if traits.utc_quantum_s >= 1:
            return at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"

    def _told_view(self, zoom: float) -> tuple[float, float] | None:
        factor = self.traits.fov_factor
        if factor <= 0:
            return None
        horizontal, vertical = (
            math.degrees(2 * math.atan(math.tan(math.radians(angle) / 2) * factor)) for angle in self._view_deg(zoom)
        )
        return horizontal, vertical


def _rounded(value: float, quantum: float) -> str:
    return f"{round(value / quantum) * quantum:.4f}" if quantum > 0 else f"{value:.6f}"
