"""Poll a PTZ camera's position and turn each answer into a pose sample: an interval on the camera's clock, never an instant."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from blanking.pose import PoseSample
from ingest.agreement import MAX_VIDEO_DELAY_S, ClockAgreement
from ingest.position import Position
from ingest.ptz_space import PtzSpaces
from vms.clock import Clock

HIGHEST_RATE_HZ = 20.0
LONGEST_PAUSE_S = 2.0
UNSTAMPED_AGE_S = 1.0
"""How old a pose without a time stamp may be when it arrives (design section 11)."""
RATE_WINDOW = 40
MOST_FAILURES = 30
"""After so many in a row the link is made anew: a camera that has been reset may have other profiles."""

log = structlog.get_logger(__name__)


class Asker(Protocol):
    """Whoever can ask the camera for its position."""

    def ask(self) -> Position | None:
        """Return the answer, or None."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer with the monotonic instants of its request and its arrival."""

    position: Position
    sent_s: float
    received_s: float


class SampleMaker:
    """Turn answers into samples on the camera's clock.

    Args:
        spaces: what the camera's numbers mean.
        agreement: learns the camera's clock from the answers' time stamps, and maps arrival where there are none.
    """

    def __init__(self, spaces: PtzSpaces, agreement: ClockAgreement) -> None:
        self._spaces = spaces
        self._agreement = agreement
        self._sub_second = False

    def sample(self, exchange: Exchange) -> PoseSample | None:
        """Return the sample; None while its place on the camera's clock is unknown."""
        position = exchange.position
        bounds = self._unstamped(exchange) if position.utc_s is None else self._stamped(exchange, position.utc_s)
        if bounds is None:
            return None
        low_s, high_s, arrived_s = bounds
        pan_deg, tilt_deg, zoom = self.pose(position)
        return PoseSample(low_s, high_s, arrived_s, pan_deg, tilt_deg, zoom, position.moving)

    def pose(self, position: Position) -> tuple[float | None, float | None, float | None]:
        """Return an answer's pan and tilt in degrees and zoom 0..1, each None where unknown."""
        degrees = None
        if position.pan is not None and position.tilt is not None:
            degrees = self._spaces.pan_tilt_deg(position.pan, position.tilt, position.space)
        zoom = None if position.zoom is None else self._spaces.zoom_share(position.zoom)
        return (*(degrees or (None, None)), zoom)

    def _stamped(self, exchange: Exchange, utc_s: float) -> tuple[float, float, float]:
        # ".000" in every answer is no resolution of a millisecond: it counts as whole seconds until another fraction was seen.
        self._sub_second = self._sub_second or utc_s % 1 != 0
        resolution_s = 10.0**-exchange.position.utc_digits if self._sub_second else 1.0
        # Whether a camera cuts or rounds is not told: both are covered.
        low_s, high_s = utc_s - resolution_s, utc_s + resolution_s
        self._agreement.see_pose(low_s - exchange.received_s, high_s - exchange.sent_s, exchange.received_s)
        offset = self._agreement.pose_offset
        by_request = exchange.sent_s + offset.low_s, exchange.received_s + offset.high_s
        low_s, high_s = max(low_s, by_request[0]), max(min(high_s, by_request[1]), low_s)
        return low_s, max(low_s, high_s), exchange.received_s + offset.middle_s

    def _unstamped(self, exchange: Exchange) -> tuple[float, float, float] | None:
        self._agreement.see_unstamped_pose(exchange.received_s)
        offset_s = self._agreement.video_offset_s
        if offset_s is None:
            return None
        # The video's offset is too small by its unknown delay: the sample may be that much later.
        arrived_s = exchange.received_s + offset_s
        return exchange.sent_s + offset_s - UNSTAMPED_AGE_S, arrived_s + MAX_VIDEO_DELAY_S, arrived_s


class TelemetryPoll:
    """Ask as often as the camera sustains, in a thread of its own.

    Args:
        asker: whom to ask.
        take: gets each answer; called in this thread.
    """

    def __init__(self, asker: Asker, take: Callable[[Exchange], None], clock: Clock, stop: threading.Event) -> None:
        self._asker = asker
        self._take = take
        self._clock = clock
        self._stop = stop
        self._arrivals: deque[float] = deque(maxlen=RATE_WINDOW)
        self._failures = 0

    @property
    def rate_hz(self) -> float:
        """Return how many answers a second came lately."""
        arrivals = list(self._arrivals)
        if len(arrivals) < 2:
            return 0.0
        silence_s = self._clock.monotonic_s() - arrivals[-1]
        return (len(arrivals) - 1) / max(1e-3, arrivals[-1] - arrivals[0] + (silence_s if silence_s > 1.0 else 0.0))

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
                log.warning("the camera's position is unknown; its picture is grey until it answers again")
            return min(LONGEST_PAUSE_S, 0.05 * (1 << min(self._failures, 10)))
        if self._failures:
            log.info("the camera tells its position again", failures=self._failures)
        self._failures = 0
        self._arrivals.append(received_s)
        self._take(Exchange(position, sent_s, received_s))
        return max(1.0 / HIGHEST_RATE_HZ - took_s, 0.25 * took_s)
