"""What a worker counts of itself, for the wall and the technician's page. No picture is in it."""

import threading
from collections import deque
from typing import Any

from vms.clock import Clock

WINDOW_S = 5.0
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
            return {
                "state": self._state,
                "reason": self._reason or None,
                "since_at": self._since_at.isoformat().replace("+00:00", "Z"),
                "fps": round(len(self._packets) / WINDOW_S, 1),
                "bitrate_bps": round(sum(size for _, size in self._packets) * 8 / WINDOW_S),
                "delay_ms": round(delays[len(delays) // 2]) if delays else None,
                **self._facts,
            }

    def _become(self, state: str, reason: str) -> None:
        with self._lock:
            if (state, reason) != (self._state, self._reason):
                self._state, self._reason = state, reason
                self._since_at = self._clock.now()

    def _forget(self, now_s: float) -> None:
        while self._packets and self._packets[0][0] < now_s - WINDOW_S:
            self._packets.popleft()
