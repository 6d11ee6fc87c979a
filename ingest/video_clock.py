"""The clock on which a placement's pictures are blanked: the camera's own for PTZ, ours for a fixed camera."""

from typing import Protocol

from blanking.decision import GreyReason
from ingest.agreement import ClockAgreement
from ingest.source import SourcePacket


class VideoClock(Protocol):
    """Place packets and the present on one clock."""

    @property
    def steps(self) -> int:
        """How often the clock has been set: what was placed before can't be compared with what comes after."""

    @property
    def last_step(self) -> str:
        """What was set last, for the log."""

    def captured_s(self, packet: SourcePacket) -> float:
        """Return when a packet's picture was taken; not a number while unknown."""

    def now_s(self, monotonic_s: float) -> float:
        """Return the present, given our monotonic clock; never falls."""

    def grey_reason(self, packet: SourcePacket) -> GreyReason | None:
        """Return why a packet's picture must be grey whatever the poses say."""


class ArrivalClock:
    """Our monotonic clock: for masks that don't move, time does not matter."""

    steps = 0
    last_step = ""

    def captured_s(self, packet: SourcePacket) -> float:
        """Return the arrival."""
        return packet.arrived_s

    def now_s(self, monotonic_s: float) -> float:
        """Return the argument."""
        return monotonic_s

    def grey_reason(self, packet: SourcePacket) -> GreyReason | None:
        """Return None."""
        del packet
        return None


class CameraClock:
    """The camera's clock, by its sender reports; poses are on it too, so that our clock's errors cancel.

    Args:
        agreement: whether pictures and poses agree about it.
    """

    def __init__(self, agreement: ClockAgreement) -> None:
        self._agreement = agreement
        self._latest_s = float("-inf")
        self._steps = 0

    @property
    def steps(self) -> int:
        """How often the camera's clock has been set."""
        return self._agreement.steps

    @property
    def last_step(self) -> str:
        """What was set last."""
        return self._agreement.last_step

    def captured_s(self, packet: SourcePacket) -> float:
        """Return the packet's instant on the camera's clock; not a number before the first sender report."""
        return float("nan") if packet.camera_s is None else packet.camera_s

    def now_s(self, monotonic_s: float) -> float:
        """Return the camera's present: by its poses' time stamps, else by the quickest recent picture."""
        if self._steps != self._agreement.steps:
            self._steps, self._latest_s = self._agreement.steps, float("-inf")
        offset = self._agreement.pose_offset
        offset_s = offset.middle_s if offset.known else (self._agreement.video_offset_s or 0.0)
        self._latest_s = max(self._latest_s, monotonic_s + offset_s)
        return self._latest_s

    def grey_reason(self, packet: SourcePacket) -> GreyReason | None:
        """Return `clock-unsynchronised` before the first report, and after a step until the clocks agree again."""
        if packet.camera_s is None or not self._agreement.agreed():
            return GreyReason.CLOCK_UNSYNCHRONISED
        return None
