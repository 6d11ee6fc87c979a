"""Decode a camera's packets to raw frames, and say of each whether the bit stream behind it was whole.

One decoder thread: more of them add a frame of delay each (facts/media.md).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeAlias

import av
import av.error
from av.codec.context import ThreadType
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from blanking.frames import RawFrame
from ingest.bitstream import join_annexb, parameter_nals, split_sample
from ingest.instant_order import InstantOrder
from ingest.loss import Finding, H264LossDetector, LossDetector
from ingest.loss_h265 import H265LossDetector
from ingest.pace import PaceWatch
from ingest.raw_picture import raw_frame
from vms.errors import InvalidInput

_MOST_OUTSTANDING = 32
"""Pictures that a decoder may hold back for reordering: more than any codec's 16."""
_BOTTOM_FIRST = frozenset({3, 5})
"""Orders of fields (FFmpeg's AVFieldOrder BB, BT) in which the bottom one is shown first; a live stream's order is not told (0)."""
_log = logging.getLogger(__name__)

Packet: TypeAlias = "av.Packet[Any]"


@dataclass(frozen=True, slots=True, eq=False)
class _Tag:
    """Goes with a packet through the library, which knows it by its address alone: equal numbers would be one object to it."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    Args:
        frame: the raw frame.
        suspect: it may show pixels of a lost or damaged picture: grey it.
        is_keyframe: it predicts from no other picture.
        sequence: number of the packet that it came in, counted from 0; None if the decoder does not tell.
    """

    frame: RawFrame
    suspect: bool
    is_keyframe: bool
    sequence: int | None = None


class PictureDecoder:
    """Decode one video stream.

    After a lost or damaged picture everything is suspect until the next clean IDR. `note_loss` says so from outside (RTP
    sequence gap, reconnect). A picture whose instant contradicts the order in which pictures are shown has no instant.

    Args:
        codec: FFmpeg's name, e.g. h264, hevc; or the context that a container made for its stream, which knows things that
            only the container says (the size of FFV1, say). It is this decoder's alone from then on.
        extradata: the stream's parameter sets as the container gives them.
        instant_of: maps a time stamp (in the stream's time base) to seconds on the video's clock.
        fps: the rate that the session description or the container states; the stream's own word counts more.
        aspect: width of a sample by its height as the container states it, which counts more than the stream's own word.
    """

    def __init__(
        self,
        codec: str | VideoCodecContext,
        extradata: bytes | None,
        instant_of: Callable[[int], float],
        fps: float | None = None,
        aspect: Fraction | None = None,
    ) -> None:
        context = _new_context(codec) if isinstance(codec, str) else codec
        codec = context.name
        self._context = _configured(context, extradata)
        self._extradata = extradata
        self._instant_of = instant_of
        self._aspect = aspect
        self._detector: LossDetector | None = None
        self._pace = PaceWatch()
        self._pace.expect(fps)
        self._prefix_bytes = 0
        if codec in {"h264", "hevc"}:
            self._detector = H264LossDetector() if codec == "h264" else H265LossDetector()
            nals, self._prefix_bytes = parameter_nals(extradata, hevc=codec == "hevc")
            for nal in nals:
                self._learn(nal)
        self._intact = False
        self._leading_suspect = True
        self._is_leading = False
        self._sequence = 0
        self._order = InstantOrder()
        self._suspect_of: dict[int, bool] = {}
        self._held: list[tuple[int, Picture]] = []
        self._clean_starts: list[int] = []

    def note_loss(self) -> None:
        """Treat everything up to the next clean IDR as suspect."""
        self._intact = False
        for sequence in self._suspect_of:
            self._suspect_of[sequence] = True

    @property
    def stated_fps(self) -> float | None:
        """The rate that the stream's parameter sets state; None if they don't, or the codec has none."""
        return self._detector.stated_fps if self._detector is not None else None

    def begin_anew(self) -> None:
        """The clock of the instants was set: what comes is not held against what came."""
        self._order.begin_anew()

    def decode(self, packet: Packet, *, lost: bool = False) -> list[Picture]:
        """Return the pictures that this packet completes, in the order in which they are shown.

        Args:
            packet: one access unit.
            lost: a part of it may be missing, although what is there may decode without complaint.
        """
        if not packet.size:
            return []
        sequence = self._sequence
        self._sequence += 1
        was_intact = self._intact
        suspect = self._judge(packet, sequence, lost=lost)
        # A picture before the keyframe at which decoding began never comes out: nothing may wait for it.
        if not (suspect and self._is_leading):
            self._suspect_of[sequence] = suspect
            if packet.pts is not None:
                self._order.put_in(sequence, self._instant_of(packet.pts))
        if sequence and self._intact and not was_intact:
            self._renew_context(sequence)
        packet.opaque = _Tag(sequence)
        try:
            frames = self._context.decode(packet)
        except av.error.FFmpegError as error:
            _log.info("picture damaged: %s", error)
            self._suspect_of.pop(sequence, None)
            self._order.give_up(sequence)
            self.note_loss()
            return self._releasable()
        for frame in frames:
            self._take(frame)
        self._give_up_on_old(sequence)
        return self._releasable()

    def flush(self) -> list[Picture]:
        """Return the pictures still held back; the decoder starts afresh afterwards."""
        try:
            for frame in self._context.decode(None):
                self._take(frame)
        except av.error.FFmpegError as error:
            _log.info("end of stream damaged: %s", error)
        for sequence in self._suspect_of:
            self._order.give_up(sequence)
        self._suspect_of.clear()
        pictures = self._releasable()
        self._context.flush_buffers()
        self._intact = False
        return pictures

    def _renew_context(self, clean_start: int) -> None:
        """Begin with a fresh decoder: FFmpeg's for H.264 carries damage across an IDR, even when flushed (decision 0012)."""
        if not isinstance(self._detector, H264LossDetector):
            return
        suspect = self._suspect_of.pop(clean_start)
        try:
            for frame in self._context.decode(None):
                self._take(frame)
        except av.error.FFmpegError as error:
            _log.info("what was still in the decoder is damaged: %s", error)
        for sequence in self._suspect_of:
            self._order.give_up(sequence)
        self._suspect_of = {clean_start: suspect}
        self._intact = True
        extradata = self._extradata if self._prefix_bytes else join_annexb(self._detector.parameter_sets())
        self._context = _configured(_new_context(self._context.name), extradata)

    def _learn(self, nal: bytes) -> None:
        assert self._detector is not None
        try:
            self._detector.learn(nal)
        except (EOFError, IndexError):
            _log.warning("a parameter set of the stream cannot be read; its pictures will be grey")

    def _judge(self, packet: Packet, sequence: int, *, lost: bool) -> bool:
        """Return whether the packet's picture is suspect."""
        self._is_leading = False
        if lost or packet.is_corrupt:
            self.note_loss()
            return True
        if self._detector is None:
            finding = Finding.CLEAN_START if packet.is_keyframe else Finding.CONTINUES
        else:
            nals = split_sample(bytes(packet), self._prefix_bytes)
            finding = Finding.LOST if nals is None else self._detector.see(nals)
            self._pace.expect(self._detector.stated_fps)
            room = self._pace.room(packet.pts, packet.time_base)
            # Half: what is measured of the pace may be off, and a counter that has gone round shows nothing at all.
            if room >= self._detector.counts_to / 2 and finding is not Finding.CLEAN_START:
                finding = Finding.LOST
        if finding is Finding.CLEAN_START:
            self._leading_suspect = not self._intact
            self._intact = True
            self._clean_starts = [*self._clean_starts[-_MOST_OUTSTANDING:], sequence]
        elif finding is Finding.LOST:
            self._intact = False
        elif finding is Finding.LEADING:
            self._is_leading = True
            return self._leading_suspect or not self._intact
        return not self._intact

    def _take(self, frame: VideoFrame) -> None:
        tag = frame.opaque
        sequence = tag.sequence if isinstance(tag, _Tag) else None
        suspect = True if sequence is None else self._suspect_of.pop(sequence, True)
        if frame.is_corrupt:
            self._damage_from(sequence)
            suspect = True
        raw = raw_frame(
            frame,
            self._instant_of,
            self._aspect or self._context.sample_aspect_ratio,
            has_full_range_grey=self._detector is None,
            is_bottom_first=self._context.field_order in _BOTTOM_FIRST,
        )
        if not self._order.take_out(sequence, raw.captured_s):
            raw.captured_s = float("nan")
        picture = Picture(raw, suspect, frame.key_frame, sequence)
        self._held.append((sequence if sequence is not None else -1, picture))

    def _damage_from(self, sequence: int | None) -> None:
        """Make everything decoded after a damaged picture suspect, unless an IDR came in between."""
        first = -1 if sequence is None else sequence
        later_clean = min((s for s in self._clean_starts if s > first), default=None)
        for other in self._suspect_of:
            if other > first and (later_clean is None or other < later_clean):
                self._suspect_of[other] = True
        self._held = [
            (s, replace(p, suspect=True)) if s > first and (later_clean is None or s < later_clean) else (s, p)
            for s, p in self._held
        ]
        if later_clean is None:
            self._intact = False

    def _give_up_on_old(self, newest: int) -> None:
        """Treat a picture that never came out as lost: the decoder dropped it, and what follows it may lack it."""
        reorders = self._detector is None or self._context.has_b_frames > 0
        overdue = [s for s in self._suspect_of if s < newest - _MOST_OUTSTANDING or not reorders]
        for sequence in overdue:
            del self._suspect_of[sequence]
            self._order.give_up(sequence)
        if overdue and self._detector is not None and not self._detector.interlaced:
            self.note_loss()

    def _releasable(self) -> list[Picture]:
        """Return the held pictures whose predecessors in decoding order have all come out, so that damage is known."""
        if self._detector is None:
            held, self._held = self._held, []
            return [picture for _sequence, picture in held]
        oldest = min(self._suspect_of, default=self._sequence)
        count = 0
        for sequence, _picture in self._held:
            if sequence > oldest:
                break
            count += 1
        out, self._held = self._held[:count], self._held[count:]
        return [picture for _sequence, picture in out]


def _new_context(codec: str) -> VideoCodecContext:
    try:
        context = av.CodecContext.create(codec, "r")
    except (av.error.FFmpegError, ValueError) as error:
        raise InvalidInput(f"There is no decoder for {codec!r} video: {error}.", code="video.codec") from error
    if not isinstance(context, VideoCodecContext):
        raise InvalidInput(f"{codec!r} is not a video codec.", code="video.codec")
    return context


def _configured(context: VideoCodecContext, extradata: bytes | None) -> VideoCodecContext:
    context.thread_count, context.thread_type = 1, ThreadType.SLICE
    context.copy_opaque = True
    if extradata and context.extradata != extradata:
        context.extradata = extradata
    return context
