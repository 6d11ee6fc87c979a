"""Keep one session with the camera: connect, hand on its packets, and connect again with backoff when it is lost."""

import threading
from collections.abc import Callable

import structlog

from ingest.backoff import Backoff
from ingest.failure import CameraFailure
from ingest.inbox import Ended, Inbox, Opened
from ingest.source import CameraStream
from vms.clock import Clock

log = structlog.get_logger(__name__)


class CameraReader:
    """Read a camera in a thread of its own.

    Args:
        connect: opens a session; raises CameraFailure.
        inbox: gets sessions, packets and failures.
    """

    def __init__(
        self, connect: Callable[[], CameraStream], inbox: Inbox, backoff: Backoff, clock: Clock, stop: threading.Event
    ) -> None:
        self._connect = connect
        self._inbox = inbox
        self._backoff = backoff
        self._clock = clock
        self._stop = stop
        self._again = threading.Event()
        self.progress_s = clock.monotonic_s()
        """When this thread last came by; a thread that hangs in FFmpeg does not."""
        self.sessions = 0
        """How many sessions the camera has given so far."""
        self.last_failure: str | None = None
        """The code of what ended a session, or kept one from beginning, most lately."""
        self._stream: CameraStream | None = None

    def reconnect(self) -> None:
        """End the session at its next packet and begin another."""
        self._again.set()

    def facts(self) -> dict[str, int | str | None]:
        """Return for the status how the sessions went, and what became of the RTP packets of the newest one."""
        facts: dict[str, int | str | None] = {"reconnects": max(0, self.sessions - 1), "error": self.last_failure}
        if self._stream is None:
            return facts
        counts = self._stream.counts
        return facts | {
            "rtp_missed": counts.missed,
            "rtp_duplicates": counts.duplicates,
            "rtp_contradicting": counts.contradicting,
        }

    def run(self) -> None:
        """Connect and read until told to stop."""
        told = ""
        while not self._stop.is_set():
            began_s: float | None = None
            try:
                with self._connect() as stream:
                    began_s = self._clock.monotonic_s()
                    self.sessions += 1
                    self._stream = stream
                    self._inbox.put(Opened(stream))
                    told = ""
                    self._read(stream)
                    if self._stop.is_set():
                        return
                    log.info("the session with the camera is renewed")
                    continue
            except CameraFailure as failure:
                if failure.code != told:
                    log.warning(
                        "no pictures from the camera", cause=failure.cause, code=failure.code, message=str(failure)
                    )
                told = self.last_failure = failure.code
                self._inbox.put(Ended(failure))
            now_s = self.progress_s = self._clock.monotonic_s()
            self._clock.wait(self._stop, self._backoff.wait_s(0.0 if began_s is None else now_s - began_s))

    def _read(self, stream: CameraStream) -> None:
        self._again.clear()
        for packet in stream.packets():
            self.progress_s = packet.arrived_s
            self._inbox.put(packet)
            if self._stop.is_set() or self._again.is_set():
                return
