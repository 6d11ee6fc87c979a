"""The one place that reads a clock.

Everything else takes a `Clock`. `ManualClock` is turned by hand, in tests and in the time-travel runs of the retention daemon.
"""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

LONGEST_ABSENCE = timedelta(hours=96)
"""How far the wall clock may have moved across a reboot without anybody confirming it: a long weekend switched off."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Wall clock, monotonic clock and waiting."""

    def now(self) -> datetime:
        """Return the wall clock as an aware UTC datetime."""

    def monotonic_s(self) -> float:
        """Return seconds that never jump; the zero is arbitrary."""

    def boottime_s(self) -> float:
        """Return seconds since boot, suspend included; comparable between processes of one boot."""

    def boot_id(self) -> str:
        """Return a word that changes with every boot."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait for the event, at most `timeout_s`; return whether it is set."""


def thread_cpu_s() -> float:
    """Return the processor time that the calling thread has used, in seconds."""
    return time.thread_time()


@dataclass(frozen=True, slots=True)
class Reckoning:
    """How civil time was reckoned from the clock since boot when something was stamped.

    Args:
        boot_id: of which boot.
        ahead_us: microseconds since 1970 at that boot's zero, as it was believed.
    """

    boot_id: str
    ahead_us: int


def reckoning_at(now: datetime, boottime_s: float, boot_id: str) -> Reckoning:
    """Return how civil time is reckoned by readings that were taken together."""
    return Reckoning(boot_id, (now - _EPOCH) // timedelta(microseconds=1) - round(boottime_s * 1_000_000))


def reckoning_of(clock: Clock) -> Reckoning:
    """Return how a clock reckons now."""
    return reckoning_at(clock.now(), clock.boottime_s(), clock.boot_id())


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Return the wall clock as an aware UTC datetime."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Return seconds that never jump."""
        return time.monotonic()

    def boottime_s(self) -> float:
        """Return seconds since boot, suspend included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def boot_id(self) -> str:
        """Return the kernel's random id of this boot."""
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Wait for the event, at most `timeout_s`."""
        return event.wait(timeout_s)


class ManualClock:
    """A clock that moves only when told; waiting moves it.

    Args:
        now: where the wall clock starts, aware UTC.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._elapsed_s = 1000.0
        self._boot = 1

    def now(self) -> datetime:
        """Return the wall clock as an aware UTC datetime."""
        return self._now

    def monotonic_s(self) -> float:
        """Return seconds that never jump."""
        return self._elapsed_s

    def boottime_s(self) -> float:
        """Return seconds since the simulated boot."""
        return self._elapsed_s

    def boot_id(self) -> str:
        """Return the simulated boot's number."""
        return f"boot-{self._boot}"

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.advance(timedelta(seconds=seconds))

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Return at once if the event is set, else move on by the whole timeout."""
        if not event.is_set():
            self.sleep(timeout_s)
        return event.is_set()

    def advance(self, span: timedelta) -> None:
        """Let time pass on all clocks."""
        self._now += span
        self._elapsed_s += span.total_seconds()

    def step_wall_clock(self, span: timedelta) -> None:
        """Move the wall clock alone, as a wrong time server does."""
        self._now += span

    def reboot(self, after_s: float = 0.0) -> None:
        """Start a new boot: the boot-time clock begins again."""
        self._boot += 1
        self._now += timedelta(seconds=after_s)
        self._elapsed_s = 0.0
