"""The motors of a PTZ camera: three axes with top speed, acceleration limit and soft limits.

Time advances in fixed steps, so that the same commands at the same step give the same motion. Between two steps the
pose is interpolated; with 2 ms steps the error of that is below 0.001 degrees.
"""

import math
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

STEP_S = 0.002
HISTORY_S = 6.0
STRAIGHT_DOWN_DEG = -90.0


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the camera truly looks: degrees, and zoom from 0 (wide) to 1 (tele). Pan is in [-180, 180)."""

    pan_deg: float
    tilt_deg: float
    zoom: float


def flipped(pose: Pose) -> Pose:
    """Return the pose whose picture is shown with e-flip: past straight down, that of looking from the other side."""
    if pose.tilt_deg >= STRAIGHT_DOWN_DEG:
        return pose
    return Pose(math.remainder(pose.pan_deg + 180.0, 360.0), 2 * STRAIGHT_DOWN_DEG - pose.tilt_deg, pose.zoom)


@dataclass(frozen=True, slots=True)
class AxisLimits:
    """What an axis can do; an endless axis has no soft limits and wraps in what it reports."""

    low: float
    high: float
    top_speed: float
    acceleration: float
    is_endless: bool = False


@dataclass(slots=True)
class Axis:
    """One motor; positions in the axis's own unit, speeds in units a second."""

    limits: AxisLimits
    position: float = 0.0
    speed: float = 0.0
    target: float | None = None
    wanted_speed: float = 0.0
    speed_cap: float = math.inf

    def go_to(self, target: float, speed_cap: float = math.inf) -> None:
        """Move to a position, clamped to the soft limits; an endless axis takes the shorter way."""
        if self.limits.is_endless:
            target = self.position + (target - self.position + 180.0) % 360.0 - 180.0
        else:
            target = min(max(target, self.limits.low), self.limits.high)
        self.target, self.speed_cap = target, speed_cap

    def run(self, speed: float) -> None:
        """Move at a speed until told otherwise."""
        self.target = None
        self.wanted_speed = min(max(speed, -self.limits.top_speed), self.limits.top_speed)

    @property
    def is_moving(self) -> bool:
        """Whether the next step may change the position."""
        if self.target is not None:
            return self.speed != 0.0 or self.position != self.target
        return self.speed != 0.0 or (self.wanted_speed != 0.0 and not self._is_at_stop(self.wanted_speed))

    def step(self) -> None:
        """Advance by one step, never changing the speed by more than the acceleration allows."""
        limits, change = self.limits, self.limits.acceleration * STEP_S
        if self.target is not None:
            distance = self.target - self.position
            cap = min(limits.top_speed, self.speed_cap)
            wanted = math.copysign(min(cap, _braking_speed(abs(distance), limits.acceleration)), distance)
        else:
            wanted = self.wanted_speed
            if not limits.is_endless:
                room = (limits.high - self.position) if wanted > 0 else (self.position - limits.low)
                wanted = math.copysign(min(abs(wanted), _braking_speed(max(room, 0.0), limits.acceleration)), wanted)
        self.speed += min(max(wanted - self.speed, -change), change)
        self.position += self.speed * STEP_S
        self._settle(change)

    def _settle(self, change: float) -> None:
        if (
            self.target is not None
            and abs(self.speed) <= change
            and abs(self.target - self.position) <= change * STEP_S
        ):
            self.position, self.speed, self.wanted_speed = self.target, 0.0, 0.0
        if not self.limits.is_endless:
            inside = min(max(self.position, self.limits.low), self.limits.high)
            if inside != self.position and abs(self.speed) <= 2 * change:
                self.position, self.speed = inside, 0.0
        if self.target is None and self.wanted_speed == 0.0 and abs(self.speed) < 1e-9:
            self.speed = 0.0

    def _is_at_stop(self, wanted: float) -> bool:
        if self.limits.is_endless:
            return False
        return self.position >= self.limits.high if wanted > 0 else self.position <= self.limits.low


def _braking_speed(distance: float, acceleration: float) -> float:
    """Return the highest speed from which steps of this size still stop within a distance."""
    change = acceleration * STEP_S
    return change * (math.sqrt(0.25 + 2.0 * distance / (change * STEP_S)) - 0.5)


@dataclass(frozen=True, slots=True)
class Limits:
    """The three axes of a camera."""

    pan: AxisLimits = AxisLimits(-180.0, 180.0, top_speed=90.0, acceleration=220.0, is_endless=True)
    tilt: AxisLimits = AxisLimits(-60.0, 25.0, top_speed=60.0, acceleration=180.0)
    zoom: AxisLimits = AxisLimits(0.0, 1.0, top_speed=0.45, acceleration=1.6)


class Mechanics:
    """Three axes on one clock, with a short memory of where they were. Safe to use from several threads."""

    def __init__(self, limits: Limits, start: Pose, now_s: float) -> None:
        self.limits = limits
        self._axes = (
            Axis(limits.pan, start.pan_deg),
            Axis(limits.tilt, start.tilt_deg),
            Axis(limits.zoom, start.zoom),
        )
        self._lock = threading.RLock()
        self._now_s = now_s
        self._stop_at_s: float | None = None
        self._autopilot: Callable[[float], tuple[float, float, float]] | None = None
        self._history: deque[tuple[float, float, float, float]] = deque()
        self._remember()

    def move_to(
        self, at_s: float, pan: float | None, tilt: float | None, zoom: float | None, speed_share: float = 1.0
    ) -> None:
        """Go to a pose; axes given as None stay as they are."""
        with self._lock:
            self.advance(at_s)
            self._stop_at_s = None
            for axis, target in zip(self._axes, (pan, tilt, zoom), strict=True):
                if target is not None:
                    axis.go_to(target, axis.limits.top_speed * min(max(speed_share, 0.01), 1.0))

    def run(
        self, at_s: float, pan: float | None, tilt: float | None, zoom: float | None, timeout_s: float | None = None
    ) -> None:
        """Run at speeds in units a second, for at most ``timeout_s``; axes given as None stay as they are."""
        with self._lock:
            self.advance(at_s)
            self._stop_at_s = None if timeout_s is None else at_s + timeout_s
            for axis, speed in zip(self._axes, (pan, tilt, zoom), strict=True):
                if speed is not None:
                    axis.run(speed)

    def stop(self, at_s: float, *, pan_tilt: bool = True, zoom: bool = True) -> None:
        """Brake to a stand."""
        with self._lock:
            self.advance(at_s)
            for axis, named in zip(self._axes, (pan_tilt, pan_tilt, zoom), strict=True):
                if named:
                    axis.run(0.0)

    def follow(self, at_s: float, autopilot: Callable[[float], tuple[float, float, float]] | None) -> None:
        """Let a function of time give the three speeds (it is asked at every step), or stop letting it."""
        with self._lock:
            self.advance(at_s)
            self._autopilot = autopilot
            if autopilot is None:
                self.stop(at_s)

    def place(self, at_s: float, pose: Pose) -> None:
        """Put the camera at a pose at once, standing still, with no memory of the way there."""
        with self._lock:
            self.advance(at_s)
            self._history.clear()
            for axis, value in zip(self._axes, (pose.pan_deg, pose.tilt_deg, pose.zoom), strict=True):
                axis.position, axis.speed, axis.target, axis.wanted_speed = value, 0.0, None, 0.0
            self._remember()

    def pose_at(self, at_s: float) -> Pose:
        """Return the true pose at an instant within the last seconds, or now."""
        with self._lock:
            self.advance(at_s)
            history = self._history
            i = bisect_right(history, at_s, key=lambda one: one[0])
            if i == 0 or i == len(history):
                _, pan, tilt, zoom = history[0 if i == 0 else -1]
            else:
                t0, *a = history[i - 1]
                t1, *b = history[i]
                share = (at_s - t0) / (t1 - t0)
                pan, tilt, zoom = (p + share * (q - p) for p, q in zip(a, b, strict=True))
            return Pose((pan + 180.0) % 360.0 - 180.0, tilt, zoom)

    def speeds(self) -> tuple[float, float, float]:
        """Return the present speeds of pan, tilt and zoom."""
        with self._lock:
            pan, tilt, zoom = (axis.speed for axis in self._axes)
            return pan, tilt, zoom

    def is_moving(self) -> tuple[bool, bool]:
        """Return whether pan or tilt move, and whether zoom moves."""
        with self._lock:
            pan, tilt, zoom = self._axes
            return pan.is_moving or tilt.is_moving, zoom.is_moving

    def advance(self, to_s: float) -> None:
        """Bring the axes up to an instant; an instant in the past changes nothing."""
        with self._lock:
            while self._now_s < to_s:
                if self._is_at_rest():
                    self._now_s = to_s
                    self._remember()
                    return
                if self._stop_at_s is not None and self._now_s >= self._stop_at_s:
                    self._stop_at_s = None
                    for axis in self._axes:
                        if axis.target is None:
                            axis.run(0.0)
                if self._autopilot is not None:
                    for axis, speed in zip(self._axes, self._autopilot(self._now_s), strict=True):
                        axis.run(speed)
                for axis in self._axes:
                    if axis.is_moving:
                        axis.step()
                self._now_s += STEP_S
                self._remember()

    def _is_at_rest(self) -> bool:
        return self._autopilot is None and not any(axis.is_moving for axis in self._axes)

    def _remember(self) -> None:
        pan, tilt, zoom = self._axes
        self._history.append((self._now_s, pan.position, tilt.position, zoom.position))
        while self._history[0][0] < self._now_s - HISTORY_S and len(self._history) > 2:
            self._history.popleft()


def shifted(pose: Pose, pan_deg: float, tilt_deg: float, zoom: float) -> Pose:
    """Return a pose moved by some amounts, pan wrapped."""
    return replace(
        pose,
        pan_deg=(pose.pan_deg + pan_deg + 180.0) % 360.0 - 180.0,
        tilt_deg=pose.tilt_deg + tilt_deg,
        zoom=pose.zoom + zoom,
    )
