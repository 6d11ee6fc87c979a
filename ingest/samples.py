"""Turn a camera's answers and messages into pose samples: intervals on the camera's clock, never instants."""

from dataclasses import dataclass

from blanking.pose import PoseSample
from blanking.witness import Witness
from ingest.agreement import MAX_VIDEO_DELAY_S, ClockAgreement
from ingest.metadata_source import StatusMessage
from ingest.position import Position
from ingest.ptz_space import PtzSpaces

UNSTAMPED_AGE_S = 1.0
"""How old a pose without a time stamp may be when it arrives (design section 11)."""
LONGEST_ON_ITS_WAY_S = 1.0
"""Between a streamed status' own time and that of its packet; more, or a status from after its packet, is no time of this clock."""
EARLIER_S = 0.05
ZONE_S = 900.0
MOST_ZONES = 14 * 4
"""Time zones are whole quarters of an hour, at most 14 hours from UTC."""
ZONE_REST_S = (-2.5, 3.0)
POLLED, STREAMED = "poll", "stream"


_WORDS = {POLLED: "polling", STREAMED: "metadata"}


def told_by(witness: Witness) -> str:
    """Return what told the positions next to a frame: `metadata`, `polling`, `metadata+polling`, or `none`."""
    return "+".join(sorted(_WORDS.get(source, source) for source in witness.sources)) or "none"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer with the monotonic instants of its request and its arrival."""

    position: Position
    sent_s: float
    received_s: float


class SampleMaker:
    """Make samples on the camera's clock.

    Args:
        spaces: what the camera's numbers mean.
        agreement: learns the camera's clock from the answers' time stamps, and maps arrival where there are none.

    Attributes:
        stream_lag_s: how much older than its arrival the last streamed status may have been; a late or vague one is large.
        zone_s: how far each source's time stamps are off by a wrong time zone, 0 for none.
    """

    def __init__(self, spaces: PtzSpaces, agreement: ClockAgreement) -> None:
        self._spaces = spaces
        self._agreement = agreement
        self._sub_second = {POLLED: False, STREAMED: False}
        self.stream_lag_s = 0.0
        self.zone_s = {POLLED: 0.0, STREAMED: 0.0}

    def sample(self, told: Exchange | StatusMessage) -> PoseSample | None:
        """Return the sample; None while its place on the camera's clock is unknown."""
        polled = isinstance(told, Exchange)
        bounds = self._polled(told) if isinstance(told, Exchange) else self._streamed(told)
        if bounds is None:
            return None
        if not polled:
            self.stream_lag_s = bounds[2] - bounds[0]
        position = told.position
        return PoseSample(
            *bounds,
            *self.pose(position),
            position.moving,
            source=POLLED if polled else STREAMED,
            hfov_deg=position.hfov_deg,
            hfov_step_deg=position.hfov_step_deg,
            in_shares=self._spaces.shares is not None,
        )

    def pose(self, position: Position) -> tuple[float | None, float | None, float | None]:
        """Return an answer's pan and tilt in degrees and zoom 0..1, each None where unknown."""
        degrees = None
        if position.pan is not None and position.tilt is not None:
            degrees = self._spaces.pan_tilt_deg(position.pan, position.tilt, position.space)
        return (*(degrees or (None, None)), self._spaces.zoom_share(position.zoom))

    def _polled(self, exchange: Exchange) -> tuple[float, float, float] | None:
        utc_s = self._in_zone(POLLED, exchange.position.utc_s, exchange.received_s)
        if utc_s is None:
            return self._unstamped(exchange)
        resolution_s = self._resolution_s(POLLED, utc_s, exchange.position.utc_digits)
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

    def _streamed(self, message: StatusMessage) -> tuple[float, float, float] | None:
        """Return the bounds of a streamed status: by its own time if that agrees with its packet's, else by the packet's."""
        offset = self._agreement.pose_offset
        offset_s = offset.middle_s if offset.known else self._agreement.video_offset_s
        if offset_s is None:
            return None
        arrived_s, packet_s = message.received_s + offset_s, message.camera_s
        utc_s = self._in_zone(STREAMED, message.position.utc_s, message.received_s)
        if utc_s is not None:
            resolution_s = self._resolution_s(STREAMED, utc_s, message.position.utc_digits)
            low_s, high_s = utc_s - resolution_s, utc_s + resolution_s
            # Before the first sender report the arrival has to do: it is later than the packet.
            way_s = (arrived_s if packet_s is None else packet_s) - utc_s
            if -resolution_s - EARLIER_S <= way_s <= LONGEST_ON_ITS_WAY_S + resolution_s:
                latest_s = arrived_s + MAX_VIDEO_DELAY_S if not offset.known else message.received_s + offset.high_s
                # It arrived after it was read. The camera's clock is known by half a round trip only, and a status is under way for
                # less than that: the middle of what is known may lie before the status' own time. Beyond the bound the clock was set.
                return low_s, max(low_s, min(high_s, latest_s)), max(arrived_s, min(low_s, latest_s))
        if packet_s is None:
            return None
        return packet_s - UNSTAMPED_AGE_S, packet_s, arrived_s

    def _resolution_s(self, source: str, utc_s: float, digits: int) -> float:
        # ".000" in every answer is no resolution of a millisecond: it counts as whole seconds until another fraction was seen.
        self._sub_second[source] = self._sub_second[source] or utc_s % 1 != 0
        return 10.0**-digits if self._sub_second[source] else 1.0

    def _in_zone(self, source: str, utc_s: float | None, received_s: float) -> float | None:
        """Return a time stamp with a wrong zone put right by the pictures' clock; None for another century, which is no time."""
        offset_s = self._agreement.video_offset_s
        if utc_s is None or offset_s is None:
            return utc_s
        ahead_s = utc_s - received_s - offset_s
        zones = round(ahead_s / ZONE_S)
        if abs(zones) > MOST_ZONES:
            return None
        rest_s = ahead_s - zones * ZONE_S
        # A rest that no delay explains is a clock that was set: the agreement must see it as it is.
        self.zone_s[source] = zones * ZONE_S if ZONE_REST_S[0] <= rest_s <= ZONE_REST_S[1] else 0.0
        return utc_s - self.zone_s[source]
