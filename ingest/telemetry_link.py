"""Keep a PTZ camera's position coming in from every source it has: polling, and its metadata stream where it offers one."""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog

from ingest.agreement import ClockAgreement
from ingest.camera_desk import CameraDesk
from ingest.gauge import Gauge
from ingest.metadata_link import MetadataLink
from ingest.metadata_source import MetadataStream, StatusMessage
from ingest.ptz_control import Pose
from ingest.samples import Exchange, SampleMaker
from ingest.telemetry import TelemetryPoll
from vms.clock import Clock
from vms.errors import InvalidInput, NotFound, VmsError

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 15.0
HOPELESS_WAIT_S = 60.0
UNANSWERED: Final = "camera.position-unanswered"
"""The camera can be linked to, and then does not say where it looks."""
_MOST_SAID_CHARS = 300
LATE_S = 0.25
"""A streamed status that may be older than this when it arrives does not replace questions."""

KEEP_ALIVE_S = 12.0
"""FFmpeg asks for its metadata session to be kept only when a document comes, and a parked camera has none to send: so often, at
least, one is asked for. Cameras end a session after a silence of 60 s, some of 30."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why there are no positions, what the camera said, and since when."""

    code: str
    said: str
    since_at: datetime


class TelemetryLink:
    """Run the sources, each in a thread, and know the newest pose for the others.

    Args:
        put: gets each answer and message.
        listen: opens the metadata stream; raises CameraFailure.
        ask_for_status: asks the camera to tell its status in the stream now, without waiting for that.
    """

    def __init__(
        self,
        desk: CameraDesk,
        agreement: ClockAgreement,
        put: Callable[[Exchange | StatusMessage], None],
        gauge: Gauge,
        clock: Clock,
        *,
        listen: Callable[[], MetadataStream],
        ask_for_status: Callable[[], None] = lambda: None,
    ) -> None:
        self._desk = desk
        self._agreement = agreement
        self._put = put
        self._gauge = gauge
        self._clock = clock
        self._poll: TelemetryPoll | None = None
        self._newest: Exchange | StatusMessage | None = None
        self._maker: SampleMaker | None = None
        self._offers_stream: bool | None = None
        self._ask_for_status = ask_for_status
        self._asked_s = -math.inf
        self._problem: _Problem | None = None
        self._stream = MetadataLink(lambda: self._offers_stream, listen, self._take, clock)

    @property
    def rate_hz(self) -> float:
        """Return how many positions a second came lately, from all sources."""
        return (0.0 if self._poll is None else self._poll.rate_hz) + self._stream.rate_hz

    def facts(self) -> dict[str, Any]:
        """Return what the technician may know of the sources."""
        poll, maker, problem = self._poll, self._maker, self._problem
        streams = self._stream_silent_s() is not None
        round_trip_ms = None if poll is None else poll.round_trip_ms
        return {
            "telemetry_hz": round(self.rate_hz, 1),
            "telemetry_source": "stream+poll" if streams else "poll",
            "telemetry_poll_hz": None if poll is None else round(poll.rate_hz, 1),
            "telemetry_poll_ms": None if round_trip_ms is None else round(round_trip_ms, 1),
            "telemetry_stream": self._stream_state(),
            "telemetry_garbled": self._stream.garbled,
            "telemetry_problem": None if problem is None else problem.code,
            "telemetry_problem_said": None if problem is None else problem.said,
            "telemetry_problem_since_at": None if problem is None else problem.since_at.isoformat(),
            "telemetry_zone_s": None if maker is None else max(maker.zone_s.values(), key=abs),
        }

    def maker(self) -> SampleMaker | None:
        """Return what makes samples of answers; None while the camera's spaces are unknown."""
        return self._maker

    def pose(self) -> tuple[Pose, float] | None:
        """Return the newest pose in degrees and its age in seconds."""
        newest, maker = self._newest, self._maker
        if newest is None or maker is None:
            return None
        pan_deg, tilt_deg, zoom = maker.pose(newest.position)
        if pan_deg is None or tilt_deg is None or zoom is None:
            return None
        return (pan_deg, tilt_deg, zoom), self._clock.monotonic_s() - newest.received_s

    def run(self, stop: threading.Event) -> None:
        """Link and poll until told to stop."""
        wait_s = FIRST_WAIT_S
        while not stop.is_set():
            try:
                client, spaces, self._offers_stream = self._desk.telemetry()
            except (InvalidInput, NotFound) as error:
                # A person must change the camera; until then its picture is grey.
                log.error("the camera's position can't be used", code=error.code, message=str(error))  # noqa: TRY400 - expected
                self._note_problem(error.code, _said(error))
                self._clock.wait(stop, HOPELESS_WAIT_S)
                self._desk.forget()
                continue
            except VmsError as error:
                log.warning("no link to the camera's position", code=error.code, message=str(error))
                self._note_problem(error.code, _said(error))
                self._clock.wait(stop, wait_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                continue
            wait_s = FIRST_WAIT_S
            self._maker = SampleMaker(spaces, self._agreement)
            # For the mask editor's panorama: how far down and up the camera can look at all.
            self._gauge.fact(tilt_range_deg=[spaces.degrees.y.low, spaces.degrees.y.high])
            with client:
                self._poll = TelemetryPoll(client, self._take, self._clock, stop, self._stream_silent_s)
                self._poll.run()
            if not stop.is_set():
                self._note_problem(UNANSWERED, "")
            self._desk.forget()

    def listen(self, stop: threading.Event) -> None:
        """Listen to the metadata stream until told to stop."""
        self._stream.run(stop)

    def _stream_silent_s(self) -> float | None:
        """Return how long the stream has been silent; None while there is none, or while what it tells comes too late to be of use."""
        maker = self._maker
        usable = maker is not None and maker.stream_lag_s < LATE_S
        return self._stream.silent_s() if usable else None

    def _stream_state(self) -> str:
        if not self._offers_stream:
            return "none"
        if not self._stream.is_open:
            return "away"
        return "silent" if self._stream.rate_hz == 0.0 else "speaking"

    def _keep_stream_alive(self, now_s: float) -> None:
        """Have a silent stream say something, so that its session does not end."""
        if self._stream.is_open and now_s - max(self._asked_s, self._stream.heard_s) >= KEEP_ALIVE_S:
            self._asked_s = now_s
            self._ask_for_status()

    def _note_problem(self, code: str, said: str) -> None:
        since_at = self._clock.now() if self._problem is None else self._problem.since_at
        self._problem = _Problem(code, said, since_at)

    def _take(self, told: Exchange | StatusMessage) -> None:
        self._newest = told
        # Only a position shows that it works again: a link is made to cameras too that answer nothing else.
        self._problem = None
        if isinstance(told, Exchange):
            # Polling goes on whatever the stream does: it is the clock of this.
            self._keep_stream_alive(told.received_s)
        self._put(told)


def _said(error: VmsError) -> str:
    """Return what came from the camera where the error holds it, else the error's own sentence."""
    return str(error.details.get("came") or error.details.get("reason") or error)[:_MOST_SAID_CHARS]
