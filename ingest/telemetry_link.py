"""Keep a PTZ camera's position coming in: link to its PTZ service, poll, and link again when it has been away."""

import threading
from collections.abc import Callable

import structlog

from ingest.agreement import ClockAgreement
from ingest.camera_desk import CameraDesk
from ingest.gauge import Gauge
from ingest.ptz_control import Pose
from ingest.telemetry import Exchange, SampleMaker, TelemetryPoll
from vms.clock import Clock
from vms.errors import InvalidInput, NotFound, VmsError

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 15.0
HOPELESS_WAIT_S = 60.0

log = structlog.get_logger(__name__)


class TelemetryLink:
    """Run the poll in a thread, and know the newest pose for the others.

    Args:
        put: gets each answer.
    """

    def __init__(
        self, desk: CameraDesk, agreement: ClockAgreement, put: Callable[[Exchange], None], gauge: Gauge, clock: Clock
    ) -> None:
        self._desk = desk
        self._agreement = agreement
        self._put = put
        self._gauge = gauge
        self._clock = clock
        self._poll: TelemetryPoll | None = None
        self._newest: Exchange | None = None
        self._maker: SampleMaker | None = None

    @property
    def rate_hz(self) -> float:
        """Return how many answers a second came lately."""
        return 0.0 if self._poll is None else self._poll.rate_hz

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
                client, spaces = self._desk.position_client()
            except (InvalidInput, NotFound) as error:
                # A person must change the camera; until then its picture is grey.
                log.error("the camera's position can't be used", code=error.code, message=str(error))  # noqa: TRY400 - expected
                self._gauge.fact(telemetry_problem=error.code)
                self._clock.wait(stop, HOPELESS_WAIT_S)
                self._desk.forget()
                continue
            except VmsError as error:
                log.warning("no link to the camera's position", code=error.code, message=str(error))
                self._gauge.fact(telemetry_problem=error.code)
                self._clock.wait(stop, wait_s)
                wait_s = min(wait_s * 2, LONGEST_WAIT_S)
                continue
            wait_s = FIRST_WAIT_S
            self._gauge.fact(telemetry_problem=None)
            self._maker = SampleMaker(spaces, self._agreement)
            # For the mask editor's panorama: how far down and up the camera can look at all.
            self._gauge.fact(tilt_range_deg=[spaces.degrees.y.low, spaces.degrees.y.high])
            with client:
                self._poll = TelemetryPoll(client, self._take, self._clock, stop)
                self._poll.run()
            self._desk.forget()

    def _take(self, exchange: Exchange) -> None:
        self._newest = exchange
        self._put(exchange)
