"""The clock by which footage is stamped and its term begins: the wall clock, as long as the erasing trusts it.

A wall clock that is set 40 days ahead would let footage live 40 days too long once it is put right, and one that is set back would
have it erased 40 days too soon. So a step is not followed here: time goes on along the clock since boot until the wall clock is back,
or until two persons have said that it is right (then the retention daemon stores a new trusted moment).

Without a trusted moment of this boot (before the daemon's first good sweep, or with the daemon on another machine) the wall clock counts.
"""

import threading
from datetime import UTC, datetime, timedelta

from vms.clock import Clock
from vms.db.sweeps import ClockSample

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SteadyClock:
    """A clock whose `now` does not step with the wall clock; the other clocks are the machine's.

    Args:
        clock: the machine's.
        tolerance: how far the wall clock may be from the trusted time.
    """

    def __init__(self, clock: Clock, tolerance: timedelta) -> None:
        self._clock = clock
        self._tolerance_s = tolerance.total_seconds()
        self._boot_id = clock.boot_id()
        # Seconds from the clock since boot to civil time: as the daemon trusts it, and as the wall clock had it when last believed.
        self._trusted_s: float | None = None
        self._believed_s: float | None = None

    def trust(self, sample: ClockSample | None) -> None:
        """Take the newest trusted moment."""
        if sample is None or sample.boot_id != self._boot_id:
            self._trusted_s = None
            return
        self._trusted_s = (sample.wall_at - _EPOCH).total_seconds() - sample.boottime_us / 1_000_000

    def now(self) -> datetime:
        """Return the wall clock; while it is off, what it would be without the step."""
        wall_at, boottime_s = self._clock.now(), self._clock.boottime_s()
        ahead_s = (wall_at - _EPOCH).total_seconds() - boottime_s
        if self._is_believed(ahead_s):
            self._believed_s = ahead_s
            return wall_at
        return _EPOCH + timedelta(seconds=boottime_s + self._carried_s(ahead_s))

    def off_s(self) -> float:
        """Return by how many seconds the wall clock is off now; 0 while it is believed."""
        ahead_s = (self._clock.now() - _EPOCH).total_seconds() - self._clock.boottime_s()
        return 0.0 if self._is_believed(ahead_s) else ahead_s - self._carried_s(ahead_s)

    def monotonic_s(self) -> float:
        """Return seconds that never jump."""
        return self._clock.monotonic_s()

    def boottime_s(self) -> float:
        """Return seconds since boot."""
        return self._clock.boottime_s()

    def boot_id(self) -> str:
        """Return which boot it is."""
        return self._boot_id

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self._clock.sleep(seconds)

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait for the event, at most `timeout_s`."""
        return self._clock.wait(event, timeout_s)

    def _is_believed(self, ahead_s: float) -> bool:
        return self._trusted_s is None or abs(ahead_s - self._trusted_s) <= self._tolerance_s

    def _carried_s(self, ahead_s: float) -> float:
        """Return the offset that goes on: the wall clock's own from before the step, so that instants don't jump by the tolerance."""
        trusted_s = ahead_s if self._trusted_s is None else self._trusted_s
        believed_s = self._believed_s
        if believed_s is not None and abs(believed_s - trusted_s) <= self._tolerance_s:
            return believed_s
        return trusted_s
