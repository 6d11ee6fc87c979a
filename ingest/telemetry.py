"""Poll a PTZ camera's position: as often as it sustains, less often where its metadata stream tells of every movement."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

import structlog

from ingest.position import Position
from ingest.samples import Exchange, SampleMaker
from ingest.sliding import SlidingLeast
from vms.clock import Clock

__all__ = ["Exchange", "PollPace", "SampleMaker", "TelemetryPoll"]

HIGHEST_RATE_HZ = 20.0
LOWEST_RATE_HZ = 2.0
BESIDE_SPEAKING_STREAM_HZ = 5.0
"""How often a stream that tells of a movement is checked by a question."""
BESIDE_SILENT_STREAM_HZ = 10.0
"""The heartbeat: a stream that is silent says neither that the camera stands still nor that it is there."""
SILENT_AFTER_S = 0.25
LONGEST_PAUSE_S = 2.0
RATE_WINDOW = 40
MOST_FAILURES = 30
"""After so many in a row the link is made anew: a camera that has been reset may have other profiles."""
USUAL_WINDOW_S = 60.0
SLOW_FACTOR = 2.0
SLOW_S = 0.05
"""An answer that takes this much longer than SLOW_FACTOR times the usual says that the camera is busy."""

log = structlog.get_logger(__name__)


class Asker(Protocol):
    """Whoever can ask the camera for its position."""

    def ask(self) -> Position | None:
        """Return the answer, or None."""


class PollPace:
    """Find the highest rate that the camera sustains: a little faster after each prompt answer, much slower after a slow one."""

    def __init__(self) -> None:
        self._usual = SlidingLeast(USUAL_WINDOW_S)
        self._interval_s = 1.0 / HIGHEST_RATE_HZ

    @property
    def highest_hz(self) -> float:
        """Return the rate that the camera is now believed to sustain."""
        return 1.0 / self._interval_s

    def pause_s(self, took_s: float, now_s: float, stream_silent_s: float | None) -> float:
        """Return how long to wait before the next question.

        Args:
            took_s: how long the last answer took.
            stream_silent_s: how long ago the metadata stream last said something; None where there is none that works.
        """
        usual_s = self._usual.add(now_s, took_s)
        if took_s > SLOW_FACTOR * usual_s + SLOW_S:
            self._interval_s *= 1.25
        else:
            self._interval_s *= 0.98
        self._interval_s = min(max(self._interval_s, 1.0 / HIGHEST_RATE_HZ), 1.0 / LOWEST_RATE_HZ)
        wanted_s = self._interval_s
        if stream_silent_s is not None:
            enough_hz = BESIDE_SILENT_STREAM_HZ if stream_silent_s > SILENT_AFTER_S else BESIDE_SPEAKING_STREAM_HZ
            wanted_s = max(wanted_s, 1.0 / enough_hz)
        # A fifth of the time is the camera's own.
        return max(wanted_s - took_s, 0.25 * took_s)


class TelemetryPoll:
    """Ask in a thread of its own.

    Args:
        asker: whom to ask.
        take: gets each answer; called in this thread.
        stream_silent_s: how long ago the metadata stream last said something, None where there is none that works.
    """

    def __init__(
        self,
        asker: Asker,
        take: Callable[[Exchange], None],
        clock: Clock,
        stop: threading.Event,
        stream_silent_s: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._asker = asker
        self._take = take
        self._clock = clock
        self._stop = stop
        self._stream_silent_s = stream_silent_s
        self._pace = PollPace()
        self._arrivals: deque[float] = deque(maxlen=RATE_WINDOW)
        self._took_s: deque[float] = deque(maxlen=RATE_WINDOW)
        self._failures = 0

    @property
    def rate_hz(self) -> float:
        """Return how many answers a second came lately."""
        return rate_hz(list(self._arrivals), self._clock.monotonic_s())

    @property
    def round_trip_ms(self) -> float | None:
        """Return how long an answer usually takes, None before the first."""
        took_s = sorted(self._took_s)
        return took_s[len(took_s) // 2] * 1000 if took_s else None

    def run(self) -> None:
        """Ask until told to stop, or until the camera has failed to answer for long."""
        while not self._stop.is_set() and self._failures < MOST_FAILURES:
            pause_s = self.step()
            self._clock.wait(self._stop, pause_s)

    def step(self) -> float:
        """Ask once; return how long to pause. A camera that answers slowly is asked less often."""
        sent_s = self._clock.monotonic_s()
        position = self._asker.ask()
        received_s = self._clock.monotonic_s()
        took_s = received_s - sent_s
        if position is None:
            self._failures += 1
            if self._failures == 1:
                log.warning("the camera does not tell its position; its picture is grey until it does again")
            return min(LONGEST_PAUSE_S, 0.05 * (1 << min(self._failures, 10)))
        if self._failures:
            log.info("the camera tells its position again", failures=self._failures)
        self._failures = 0
        self._arrivals.append(received_s)
        self._took_s.append(took_s)
        self._take(Exchange(position, sent_s, received_s))
        return self._pace.pause_s(took_s, received_s, self._stream_silent_s())


def rate_hz(arrivals_s: list[float], now_s: float) -> float:
    """Return how many a second arrived lately."""
    if len(arrivals_s) < 2:
        return 0.0
    silence_s = now_s - arrivals_s[-1]
    return (len(arrivals_s) - 1) / max(1e-3, arrivals_s[-1] - arrivals_s[0] + (silence_s if silence_s > 1.0 else 0.0))
