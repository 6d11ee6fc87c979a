"""What a worker counts of itself, for the wall and the technician's page. No picture is in it."""

import threading
from collections import deque
from datetime import datetime
from typing import Any

from vms.clock import Clock

WINDOW_S = 5.0
SLOW_SHARE = 0.5
"""Of its usual pictures; fewer, and the camera is slow."""
USUAL_HALVES_S = 12 * 3600.0
GREY_TOLD_AFTER = 3
"""Grey frames in a row before the state says so: one lost answer is no news."""


class Gauge:
    """Count frames, bits and delays; several threads report, anyone reads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._packets: deque[tuple[float, int]] = deque()
        self._delays_ms: deque[float] = deque(maxlen=100)
        self._state, self._reason = "starting", ""
        self._since_at = clock.now()
        self._grey_run = 0
        self._facts: dict[str, Any] = {}
        self._state_since_at = self._since_at
        self._arrived: deque[float] = deque()
        self._usual_fps = 0.0
        self._usual_s = clock.monotonic_s()
        self._slow_since_at: datetime | None = None

    def usual(self, fps: float) -> None:
        """Take over what an earlier worker knew of the camera's usual pace."""
        with self._lock:
            self._usual_fps = max(self._usual_fps, fps)

    def arrived(self) -> None:
        """Count a picture that came from the camera."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._arrived.append(now_s)
            _forget(self._arrived, now_s)
            # The pace of the busiest seconds, forgotten over a day: a camera that is set to fewer pictures is not slow for ever.
            self._usual_fps *= 0.5 ** ((now_s - self._usual_s) / USUAL_HALVES_S)
            self._usual_s = now_s
            self._usual_fps = max(self._usual_fps, len(self._arrived) / WINDOW_S)

    def frame(self, grey_reason: str | None) -> None:
        """Count a finished frame."""
        self._grey_run = self._grey_run + 1 if grey_reason else 0
        if not grey_reason:
            self._become("live", "")
        elif self._grey_run >= GREY_TOLD_AFTER:
            self._become("grey", grey_reason)

    def packet(self, size_bytes: int) -> None:
        """Count a packet."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._packets.append((now_s, size_bytes))
            self._forget(now_s)

    def delay(self, delay_ms: float) -> None:
        """Count how long a frame took from arrival to its packet."""
        with self._lock:
            self._delays_ms.append(delay_ms)

    def offline(self, reason: str) -> None:
        """Note that the camera gives nothing."""
        self._grey_run = 0
        self._become("offline", reason)

    def fact(self, **facts: Any) -> None:
        """Set what else is known, e.g. codec and size."""
        with self._lock:
            self._facts |= facts

    def state(self) -> dict[str, Any]:
        """Return the state for viewers."""
        with self._lock:
            state = {"state": self._state, "reason": self._reason or None, "shedding": self._facts.get("shedding")}
            # Everybody who watches may know that somebody sees this camera unblanked.
            return state | ({"commissioning": True} if self._facts.get("commissioning") else {})

    def status(self) -> dict[str, Any]:
        """Return everything, as it stands in the database."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._forget(now_s)
            delays = sorted(self._delays_ms)
            fps = len(self._packets) / WINDOW_S
            is_slow = self._state != "offline" and fps < SLOW_SHARE * self._usual_fps
            self._slow_since_at = (self._slow_since_at or self._clock.now()) if is_slow else None
            return {
                "state": self._state,
                "reason": self._reason or None,
                "since_at": _text(self._since_at),
                "state_since_at": _text(self._state_since_at),
                "fps": round(fps, 1),
                "usual_fps": round(self._usual_fps, 1),
                "slow_since_at": None if self._slow_since_at is None else _text(self._slow_since_at),
                "bitrate_bps": round(sum(size for _, size in self._packets) * 8 / WINDOW_S),
                "delay_ms": round(delays[len(delays) // 2]) if delays else None,
                **self._facts,
            }

    def _become(self, state: str, reason: str) -> None:
        with self._lock:
            if (state, reason) == (self._state, self._reason):
                return
            self._since_at = self._clock.now()
            if state != self._state:
                self._state_since_at = self._since_at
            self._state, self._reason = state, reason

    def _forget(self, now_s: float) -> None:
        while self._packets and self._packets[0][0] < now_s - WINDOW_S:
            self._packets.popleft()


def _forget(instants_s: deque[float], now_s: float) -> None:
    while instants_s and instants_s[0] < now_s - WINDOW_S:
        instants_s.popleft()


def _text(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
