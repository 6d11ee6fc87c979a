"""The camera's RTSP stream through PyAV: one session, compressed pictures with their instants, failures with their cause.

What PyAV and FFmpeg do differently from what one expects stands in docs/ingest.md, with the figures.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from ingest import failure
from ingest.address import CameraAddress
from ingest.failure import CameraFailure
from ingest.loss_log import MISSED_PACKETS
from ingest.mediatime import TICKS_PER_S, MediaTimeline, StallWatch
from vms.clock import Clock

TICK = Fraction(1, TICKS_PER_S)
READY_S = 0.002
LOSS_REACH = 3
"""Pictures that a missed packet may belong to: FFmpeg tells of it when it meets the gap, and gives out a picture when the next begins."""
_USABLE_CODECS = {"h264": "h264", "hevc": "h265"}


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """How patient to be.

    Args:
        silence_s: without a byte or an answer.
        stall_s: how much older than at its youngest the media may become.
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
        lost: RTP packets were missed, of this picture or of one beside it.
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

    def __init__(self, container: InputContainer, stream: VideoStream, clock: Clock, limits: SourceLimits) -> None:
        self._container = container
        self._stream = stream
        self._clock = clock
        self._timeline = MediaTimeline()
        self._watch = StallWatch(limits.stall_s)
        self._waited_s = 0.0
        self._doubtful = 0
        self.codec = _USABLE_CODECS[stream.codec_context.name]
        self.parameter_sets = bytes(stream.codec_context.extradata or b"")
        self.stated_fps = float(stream.average_rate) if stream.average_rate else None

    def decoding_context(self) -> "av.VideoCodecContext":
        """Return a fresh context for decoding this stream, apart from the one that the demuxer holds."""
        context = av.CodecContext.create(self._stream.codec_context.name, "r")
        if not isinstance(context, av.VideoCodecContext):
            raise TypeError("a video decoder was expected")
        if self.parameter_sets:
            context.extradata = self.parameter_sets
        return context

    def packets(self) -> Iterator[SourcePacket]:
        """Yield the compressed pictures in decoding order.

        Raises:
            CameraFailure: the stream ended, broke or stands still.
        """
        first: tuple[av.Packet[VideoStream], float] | None = None
        for packet, arrived_s in self._demuxed():
            lost, self._doubtful = self._doubtful > 0, max(0, self._doubtful - 1)
            # FFmpeg gives the first packet, a keyframe, no time stamp: it waits for the next one's.
            if packet.pts is None:
                first = first or (packet, arrived_s)
                continue
            if first is not None:
                held, held_arrived_s = first
                first = None
                held.pts = packet.pts - self._first_ticks(held, packet)
                yield self._placed(held, held_arrived_s, lost=lost)
            placed = self._placed(packet, arrived_s, lost=lost)
            # A packet that was there already when we asked says that we are slow, not that the camera is.
            if self._waited_s > READY_S and self._watch.stalled(placed.media_s, arrived_s):
                raise failure.stalled("its time stamps fall behind")
            yield placed

    def close(self) -> None:
        """End the session; harmless when repeated."""
        # Closing sends TEARDOWN to a camera that may be gone.
        with contextlib.suppress(av.error.FFmpegError):
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _first_ticks(self, held: "av.Packet[VideoStream]", following: "av.Packet[VideoStream]") -> int:
        """Return how long the first picture lasted: by the camera's clock where it is told, else as usual for the stream."""
        began_s, ended_s = camera_clock(held), camera_clock(following)
        if began_s is not None and ended_s is not None:
            return round((ended_s - began_s) / float(following.time_base or TICK))
        return following.duration or _nominal_ticks(self._stream)

    def _demuxed(self) -> Iterator[tuple["av.Packet[VideoStream]", float]]:
        packets = self._container.demux(self._stream)
        while True:
            asked_s = self._clock.monotonic_s()
            heard = MISSED_PACKETS.count()
            try:
                packet = next(packets)
            except StopIteration:
                raise failure.connection_lost() from None
            except (av.error.TimeoutError, av.error.ExitError):
                raise failure.stalled("nothing came") from None
            except (av.error.FFmpegError, OSError) as error:
                raise translated(error) from None
            if packet.size == 0:  # FFmpeg's way to say that the camera closed the connection
                raise failure.connection_lost()
            arrived_s = self._clock.monotonic_s()
            self._waited_s = arrived_s - asked_s
            if MISSED_PACKETS.count() != heard:
                self._doubtful = LOSS_REACH
            yield packet, arrived_s

    def _placed(self, packet: "av.Packet[VideoStream]", arrived_s: float, *, lost: bool) -> SourcePacket:
        pts_s = float((packet.pts or 0) * (packet.time_base or TICK))
        media_s, jumped = self._timeline.place(pts_s, arrived_s)
        ticks = round(media_s * TICKS_PER_S)
        packet.time_base = TICK
        packet.pts = packet.dts = ticks
        return SourcePacket(
            packet=packet,
            media_ticks=ticks,
            arrived_s=arrived_s,
            camera_s=camera_clock(packet),
            reported=packet.has_sidedata("rtcp_sr"),
            jumped=jumped,
            is_keyframe=packet.is_keyframe,
            lost=lost,
        )


def open_stream(address: CameraAddress, clock: Clock, limits: SourceLimits) -> CameraStream:
    """Connect, authenticate (digest or basic) and play; only video is asked for.

    Raises:
        CameraFailure: with its cause.
    """
    # `timeout=` of av.open would install a callback that takes the interpreter's lock at every read.
    # FFmpeg's own surfaces after twice its value.
    options = {
        "rtsp_transport": address.transport,
        "probesize": "32",
        "timeout": str(int(limits.silence_s / 2 * 1e6)),
        "allowed_media_types": "video",
        "max_delay": "200000",
        "buffer_size": str(2 * 1024 * 1024),
    }
    if address.transport == "tcp":
        # Without a queue FFmpeg passes over gaps in silence: cameras drop packets here too, when their own buffers are full.
        options["reorder_queue_size"] = "2"
    try:
        container = av.open(address.url_with_credentials(), options=options)
    except (av.error.FFmpegError, OSError) as error:
        # Not "from error": PyAV puts the address with its password into its message.
        raise translated(error) from None
    if not container.streams.video or container.streams.video[0].codec_context.name not in _USABLE_CODECS:
        container.close()
        raise failure.unusable("no H.264 or H.265 video")
    return CameraStream(container, container.streams.video[0], clock, limits)


def translated(error: Exception) -> CameraFailure:
    """Return our failure for one of FFmpeg's, without any text that could hold the address."""
    match error:
        case av.error.HTTPUnauthorizedError() | av.error.HTTPForbiddenError():
            return failure.wrong_password()
        case av.error.HTTPNotFoundError():
            return failure.stream_not_found()
        case av.error.HTTPClientError() | av.error.HTTPServerError():
            return failure.refused(type(error).__name__)
        case av.error.InvalidDataError():
            return failure.unreachable("what answers there speaks no RTSP")
        case ConnectionRefusedError():
            return failure.unreachable("connection refused")
        case TimeoutError() | av.error.ExitError():
            return failure.unreachable("no answer in time")
        case ConnectionError() | av.error.EOFError():
            return failure.connection_lost()
        case _:
            return failure.unreachable(type(error).__name__)


def camera_clock(packet: Any) -> float | None:
    """Read AVProducerReferenceTime: a packet's instant on the camera's clock, int64 microseconds since 1970."""
    if not packet.has_sidedata("prft"):
        return None
    return int.from_bytes(bytes(packet.get_sidedata("prft"))[:8], "little", signed=True) / 1e6


def _nominal_ticks(stream: VideoStream) -> int:
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    return round(1 / rate / (stream.time_base or TICK))
