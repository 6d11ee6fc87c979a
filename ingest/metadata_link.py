"""Keep a camera's metadata stream coming in, where the camera offers one; where it fails, polling alone goes on."""

import math
import threading
from collections import deque
from collections.abc import Callable

import structlog

from ingest.failure import CameraFailure
from ingest.metadata_source import MetadataStream, StatusMessage
from ingest.telemetry import RATE_WINDOW, rate_hz
from vms.clock import Clock

FIRST_WAIT_S = 2.0
LONGEST_WAIT_S = 60.0
LOOK_EVERY_S = 1.0
WORKS_FOR_S = 3600.0
"""A stream that has said something sensible is trusted to speak up when something changes; this long without a word is too long."""

log = structlog.get_logger(__name__)


class MetadataLink:
    """Listen in a thread of its own.

    Args:
        offered: whether the camera offers such a stream; None while unknown.
        connect: opens a session; raises CameraFailure.
        take: gets each status; called in this thread.
    """

    def __init__(
        self,
        offered: Callable[[], bool | None],
        connect: Callable[[], MetadataStream],
        take: Callable[[StatusMessage], None],
        clock: Clock,
    ) -> None:
        self._offered = offered
        self._connect = connect
        self._take = take
        self._clock = clock
        self._arrivals: deque[float] = deque(maxlen=RATE_WINDOW)
        self._stream: MetadataStream | None = None
        self._garbled_before = 0
        self._garbled_at_last = 0
        self._heard_s = -math.inf

    @property
    def rate_hz(self) -> float:
        """Return how many statuses a second came lately."""
        arrivals_s, now_s = list(self._arrivals), self._clock.monotonic_s()
        return rate_hz(arrivals_s, now_s) if arrivals_s and now_s - arrivals_s[-1] < LOOK_EVERY_S else 0.0

    @property
    def heard_s(self) -> float:
        """When this session last told something, or began; monotonic."""
        return self._heard_s

    @property
    def is_open(self) -> bool:
        """Whether there is a session."""
        return self._stream is not None

    @property
    def garbled(self) -> int:
        """How many documents could not be read."""
        stream = self._stream
        return self._garbled_before + (stream.garbled if stream is not None else 0)

    def silent_s(self) -> float | None:
        """Return how long ago this session last told a status; None while there is none, or while what comes can't be read."""
        if self._stream is None or not self._arrivals or self.garbled > self._garbled_at_last:
            return None
        silent_s = self._clock.monotonic_s() - self._arrivals[-1]
        return silent_s if silent_s < WORKS_FOR_S else None

    def run(self, stop: threading.Event) -> None:
        """Listen until told to stop."""
        wait_s = FIRST_WAIT_S
        while not stop.is_set():
            if not self._offered():
                self._clock.wait(stop, LOOK_EVERY_S)
                continue
            began_s = self._clock.monotonic_s()
            try:
                with self._connect() as stream:
                    self._listen(stream, stop)
            except CameraFailure as failure:
                if wait_s == FIRST_WAIT_S:
                    log.info("no metadata stream from the camera; polling goes on", code=failure.code)
            self._garbled_before += 0 if self._stream is None else self._stream.garbled
            self._stream = None
            self._arrivals.clear()
            if self._clock.monotonic_s() - began_s > LONGEST_WAIT_S:
                wait_s = FIRST_WAIT_S
            self._clock.wait(stop, wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _listen(self, stream: MetadataStream, stop: threading.Event) -> None:
        self._stream, self._heard_s = stream, self._clock.monotonic_s()
        for message in stream.messages():
            if stop.is_set():
                return
            self._garbled_at_last = self.garbled
            self._heard_s = message.received_s
            self._arrivals.append(message.received_s)
            self._take(message)
