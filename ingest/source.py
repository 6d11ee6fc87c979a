"""The camera's pictures from the wire: one RTSP session, compressed pictures with their instants, failures with their cause."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

import av
import structlog
from av.video.stream import VideoStream

from ingest import failure
from ingest.address import CameraAddress
from ingest.bitstream import join_annexb
from ingest.mediatime import TICKS_PER_S, MediaTimeline, StallWatch
from ingest.rtsp.access_unit import AccessUnit, AccessUnitJoiner
from ingest.rtsp.description import Track
from ingest.rtsp.h264 import H264Unpacker
from ingest.rtsp.h265 import H265Unpacker
from ingest.rtsp.rtp import SenderReport, signed_32
from ingest.rtsp.sequence import RtpCounts
from ingest.rtsp.session import Reported, RtspSession, open_session
from vms.clock import Clock

TICK = Fraction(1, TICKS_PER_S)
READY_S = 0.002

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """How patient to be.

    Args:
        silence_s: without a packet of a picture.
        stall_s: how much older than at its youngest the media may become within a short time.
    """

    silence_s: float = 10.0
    stall_s: float = 10.0


@dataclass(frozen=True, slots=True)
class SourcePacket:
    """One compressed picture.

    Args:
        packet: its pts and dts are `media_ticks`.
        media_ticks: continuous media time since the session began, 1/90000 s.
        arrived_s: monotonic.
        camera_s: instant by the camera's clock, seconds since 1970 UTC; None before the first RTCP sender report.
        reported: a sender report came with it.
        jumped: its time stamp jumped.
        lost: a part of it, or a picture before it, may be missing.
    """

    packet: "av.Packet[VideoStream]"
    media_ticks: int
    arrived_s: float
    camera_s: float | None
    reported: bool
    jumped: bool
    is_keyframe: bool
    lost: bool = False

    @property
    def media_s(self) -> float:
        """Return the media time in seconds."""
        return self.media_ticks / TICKS_PER_S


class CameraStream:
    """An open session. Iterate `packets()` in one thread; the iteration ends only by a failure.

    Attributes:
        codec: `h264` or `h265`.
        parameter_sets: Annex B, from the session description; empty if it gave none.
        stated_fps: the rate that the session description states.
    """

    def __init__(self, session: RtspSession, clock: Clock, limits: SourceLimits) -> None:
        self._session = session
        self._clock = clock
        self._limits = limits
        self._timeline = MediaTimeline()
        self._watch = StallWatch(limits.stall_s)
        self._report: SenderReport | None = None
        self._reported = False
        self._ticks: tuple[int, int] | None = None
        self.codec = session.track.codec
        self.parameter_sets = session.track.parameter_sets
        self.stated_fps = session.track.stated_fps

    @property
    def counts(self) -> RtpCounts:
        """What became of the session's RTP packets."""
        return self._session.counts

    def packets(self) -> Iterator[SourcePacket]:
        """Yield the compressed pictures in decoding order.

        Raises:
            CameraFailure: the stream ended, broke or stands still.
        """
        units = self._units()
        while True:
            asked_s = self._clock.monotonic_s()
            unit = next(units)
            waited_s = self._clock.monotonic_s() - asked_s
            placed = self._placed(unit)
            # A packet that was there already when we asked says that we are slow, not that the camera is.
            if waited_s > READY_S and self._watch.stalled(placed.media_s, unit.arrived_s):
                raise failure.stalled("its time stamps fall behind")
            yield placed

    def close(self) -> None:
        """End the session; harmless when repeated."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _units(self) -> Iterator[AccessUnit]:
        joiner = AccessUnitJoiner(H264Unpacker() if self.codec == "h264" else H265Unpacker())
        for one in self._session.received(self._limits.silence_s):
            if isinstance(one, Reported):
                self._report, self._reported = one.report, True
            else:
                yield from joiner.add(one)

    def _placed(self, unit: AccessUnit) -> SourcePacket:
        clock_hz = self._session.track.clock_hz
        media_s, jumped = self._timeline.place(self._unwrapped(unit.timestamp) / clock_hz, unit.arrived_s)
        ticks = round(media_s * TICKS_PER_S)
        packet: av.Packet[Any] = av.Packet(join_annexb(unit.nals))
        packet.time_base = TICK
        packet.pts = packet.dts = ticks
        packet.is_keyframe = unit.is_keyframe
        camera_s = None
        if self._report is not None:
            camera_s = self._report.camera_s(unit.timestamp, clock_hz, self._clock.now().timestamp())
        reported, self._reported = self._reported, False
        return SourcePacket(
            packet=packet,
            media_ticks=ticks,
            arrived_s=unit.arrived_s,
            camera_s=camera_s,
            reported=reported,
            jumped=jumped,
            is_keyframe=unit.is_keyframe,
            lost=unit.lost,
        )

    def _unwrapped(self, timestamp: int) -> int:
        """Return a time stamp without the 32 bits' going round."""
        if self._ticks is None:
            self._ticks = timestamp, 0
        before, ticks = self._ticks
        ticks += signed_32(timestamp - before)
        self._ticks = timestamp, ticks
        return ticks


def open_stream(address: CameraAddress, clock: Clock, limits: SourceLimits) -> CameraStream:
    """Connect, sign in and play; only video is asked for.

    Raises:
        CameraFailure: with its cause.
    """
    return CameraStream(open_session(address, "video", _first_usable, clock), clock, limits)


def _first_usable(tracks: list[Track]) -> Track:
    if not tracks:
        raise failure.unusable("no H.264 or H.265 video")
    if len(tracks) > 1:
        log.warning(
            "the camera offers several video tracks: the first one is taken", codecs=[one.codec for one in tracks]
        )
    return tracks[0]
