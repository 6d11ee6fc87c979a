"""The clock by which footage is stamped and its term begins. It does not follow a wall clock that is set where it can't be right.

A wall clock that is set 40 days ahead would let footage live 40 days too long once it is put right, and one that is set 40 days back would
have it erased at once. So time goes on along the clock since boot until the wall clock is back, or until two persons have said that it is
right (then the retention daemon stores a new trusted moment). Only a small step back is followed at once: the first clock of a boot is
trusted although it may be ahead, and a step back by as much may be what puts it right; nothing may live longer meanwhile.
"""

import threading
from datetime import UTC, datetime, timedelta

from ingest.parts import IngestParts
from vms.clock import LONGEST_ABSENCE, Clock
from vms.db import sweeps
from vms.db.sweeps import ClockSample

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_BACK_S = LONGEST_ABSENCE.total_seconds()
"""So far ahead may the first clock of a boot be and still be trusted."""


class SteadyClock:
    """A clock whose `now` is the wall clock, as long as that can be right by the trusted moment; the other clocks are the machine's.

    A trusted moment of an earlier boot is only a floor: what is far before it can't be now. Without any the wall clock counts.

    Args:
        clock: the machine's.
        tolerance: how far the wall clock may be from the trusted time.
    """

    def __init__(self, clock: Clock, tolerance: timedelta) -> None:
        self._clock = clock
        self._boot_id = clock.boot_id()
        self._tolerance_s = tolerance.total_seconds()
        self._sample: ClockSample | None = None
        # Seconds from the clock since boot to civil time: as it is trusted (and whether that is only a floor), and as the wall clock
        # had it when it was believed last. One tuple: other threads read it meanwhile.
        self._trusted: tuple[float, bool] | None = None
        self._believed_s: float | None = None

    def trust(self, sample: ClockSample | None) -> None:
        """Take the newest trusted moment."""
        if sample == self._sample:
            return
        self._sample = sample
        if sample is None:
            self._trusted = None
            return
        is_floor = sample.boot_id != self._boot_id
        # It was before this boot began, so now is later than it by all that has passed since.
        then_s = 0.0 if is_floor else sample.boottime_us / 1_000_000
        self._trusted = (_seconds(sample.wall_at) - then_s, is_floor)

    def now(self) -> datetime:
        """Return the wall clock; while it is off, what it would be without the step."""
        wall_at, ahead_s, trusted = self._read()
        if self._is_believed(ahead_s, trusted):
            self._believed_s = ahead_s
            return wall_at
        return wall_at + timedelta(seconds=self._carried_s(ahead_s, trusted) - ahead_s)

    def off_s(self) -> float:
        """Return by how many seconds the wall clock is ahead of what counts now (negative: behind); 0 while it is believed."""
        _, ahead_s, trusted = self._read()
        return 0.0 if self._is_believed(ahead_s, trusted) else ahead_s - self._carried_s(ahead_s, trusted)

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

    def _read(self) -> tuple[datetime, float, tuple[float, bool] | None]:
        wall_at = self._clock.now()
        return wall_at, _seconds(wall_at) - self._clock.boottime_s(), self._trusted

    def _is_believed(self, ahead_s: float, trusted: tuple[float, bool] | None) -> bool:
        if trusted is None:
            return True
        off_s = ahead_s - trusted[0]
        return off_s >= -_LONGEST_BACK_S and (trusted[1] or off_s <= self._tolerance_s)

    def _carried_s(self, ahead_s: float, trusted: tuple[float, bool] | None) -> float:
        """Return the offset that goes on: the wall clock's own from before the step, so that instants don't jump by the tolerance."""
        believed_s = self._believed_s
        if believed_s is not None and self._is_believed(believed_s, trusted):
            return believed_s
        return ahead_s if trusted is None else trusted[0]


def steadied(parts: IngestParts) -> SteadyClock:
    """Return a steady clock that knows the newest trusted moment.

    Raises:
        Unavailable: the database does not answer.
    """
    steady = SteadyClock(parts.clock, timedelta(seconds=parts.settings.clock_tolerance_s))
    with parts.db.read() as conn:
        steady.trust(sweeps.get_clock_sample(conn))
    return steady


def _seconds(at: datetime) -> float:
    return (at - _EPOCH).total_seconds()
