"""Encode blanked pictures to H.264 with x264; this module and the decoder are the ones that know the codec library.

The settings are those of facts/media.md: ultrafast + CABAC + deblocking + 8x8 transform at constant QP, one thread, no B pictures,
parameter sets in every key picture, so that any key picture can start a file, a fragment or a viewer.
"""

from collections import deque
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import av
import av.error
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from blanking.frames import BlankedFrame, Fields, VideoSignal
from ingest.bitstream import NAL_IDR, NAL_SEI, NAL_SLICE, join_annexb, split_nals
from ingest.display_sei import fields_sei, orientation_sei
from vms.errors import Unavailable

_CLOCK = Fraction(1, 90_000)
_TICKS = 3000
_WRAPPED_ROWS = 4
"""Pictures whose height is a multiple of this are handed over without a copy."""


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """One access unit.

    Args:
        data: Annex B, without x264's own SEI; a key picture starts with its parameter sets.
        is_keyframe: an IDR picture.
        pts: as given to `encode`.
        captured_s: the blanked frame's instant.
        width_px, height_px: size of the picture.
        orientation: the display matrix, None for none.
    """

    data: bytes
    is_keyframe: bool
    pts: int
    captured_s: float
    width_px: int
    height_px: int
    orientation: tuple[int, ...] | None = None


class _Wanted(NamedTuple):
    """What an encoder is opened for."""

    width_px: int
    height_px: int
    pixel_format: str
    signal: VideoSignal
    states_fields: bool
    qp: int


class PictureEncoder:
    """An x264 encoder that takes blanked frames only.

    It reopens by itself, with a key picture, when size, sample range, QP or what the pictures say of themselves change.

    Args:
        qp: constant quantiser, 0 (lossless) .. 51.
        gop_frames: a key picture at least every so many frames.
        preset: x264's speed preset.
        states_orientation: say in key pictures how they are turned; a file's container says it instead.
    """

    def __init__(
        self, *, qp: int = 24, gop_frames: int = 50, preset: str = "ultrafast", states_orientation: bool = True
    ) -> None:
        if not 0 <= qp <= 51 or gop_frames < 1:
            raise ValueError(f"qp {qp} or gop_frames {gop_frames} out of range")
        self._qp = qp
        self._gop_frames = gop_frames
        self._preset = preset
        self._context: VideoCodecContext | None = None
        self._states_orientation = states_orientation
        self._opened_for: _Wanted | None = None
        self._since_key = 0
        self._ticks = 0
        self._inside: deque[tuple[int, float, Fields | None]] = deque()

    def set_qp(self, qp: int) -> None:
        """Use another quantiser from the next key picture on."""
        if not 0 <= qp <= 51:
            raise ValueError(f"qp {qp} out of range")
        self._qp = qp

    def encode(self, frame: BlankedFrame, pts: int, *, force_keyframe: bool = False) -> list[EncodedPicture]:
        """Encode one picture; with these settings its access unit comes back at once.

        Raises:
            Unavailable: the encoder failed; make another one.
        """
        if not isinstance(frame, BlankedFrame):
            raise TypeError("only blanked frames are encoded")
        out: list[EncodedPicture] = []
        key = force_keyframe or self._context is None or self._since_key >= self._gop_frames
        wanted = self._wanted(frame)
        if self._opened_for is None or wanted[:-1] != self._opened_for[:-1] or (key and wanted != self._opened_for):
            out += self.flush()
            self._open(wanted)
            key = True
        assert self._context is not None
        picture = _video_frame(frame)
        # x264 gets a clock of its own: cameras' time stamps repeat and go backwards, and it only passes them through.
        picture.pts, picture.time_base = self._ticks, _CLOCK
        picture.pict_type = PictureType.I if key else PictureType.NONE
        self._ticks += _TICKS
        self._since_key = 1 if key else self._since_key + 1
        self._inside.append((pts, frame.captured_s, frame.signal.fields))
        return out + self._coded(picture)

    def flush(self) -> list[EncodedPicture]:
        """Return what is still inside and close the encoder; the next picture opens it again."""
        if self._context is None:
            return []
        out = self._coded(None)
        self._context, self._opened_for = None, None
        self._inside.clear()
        return out

    def close(self) -> None:
        """Drop the encoder."""
        self._context, self._opened_for = None, None
        self._inside.clear()

    def _wanted(self, frame: BlankedFrame) -> _Wanted:
        """Return what an encoder for this picture is opened for. Once fields were stated they go on being: cameras mix both kinds."""
        before = self._opened_for
        states_fields = frame.signal.fields is not None or (before is not None and before.states_fields)
        signal = replace(frame.signal, fields=None)
        return _Wanted(frame.width_px, frame.height_px, frame.pixel_format, signal, states_fields, self._qp)

    def _open(self, wanted: _Wanted) -> None:
        width_px, height_px, pixel_format, signal, states_fields, qp = wanted
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = width_px, height_px, pixel_format
        context.time_base, context.framerate = _CLOCK, Fraction(_CLOCK.denominator, _TICKS)
        context.colorspace, context.color_primaries, context.color_trc = (
            signal.matrix,
            signal.primaries,
            signal.transfer,
        )
        if signal.aspect is not None:
            context.sample_aspect_ratio = Fraction(*signal.aspect)
        context.thread_count = 1
        context.max_b_frames = 0
        context.gop_size = 1_000_000  # key pictures are forced by count, so that all cameras' settings mean the same
        context.options = {
            "preset": self._preset,
            "tune": "zerolatency",
            "qp": str(qp),
            "forced-idr": "1",
            # Fields are stated and the pictures coded whole: browsers' hardware decoders refuse what is coded by field.
            "x264-params": f"cabac=1:no-deblock=0:8x8dct=1:stitchable=1:scenecut=0:pic-struct={int(states_fields)}",
        }
        try:
            context.open()
        except av.error.FFmpegError as error:
            raise Unavailable(f"x264 cannot be opened for {width_px}x{height_px} {pixel_format}: {error}") from error
        self._context, self._opened_for = context, wanted

    def _coded(self, picture: VideoFrame | None) -> list[EncodedPicture]:
        assert self._context is not None
        assert self._opened_for is not None
        try:
            packets = self._context.encode(picture)
        except av.error.FFmpegError as error:
            raise Unavailable(f"x264 failed: {error}") from error
        out = []
        for packet in packets:
            if not packet.size:
                continue
            pts, captured_s, fields = self._inside.popleft()
            nals = [nal for nal in split_nals(bytes(packet)) if nal[0] & 0x1F != NAL_SEI]
            orientation = self._opened_for.signal.orientation
            said = [fields_sei(fields)] if self._opened_for.states_fields else []
            if orientation is not None and packet.is_keyframe and self._states_orientation:
                said.append(orientation_sei(orientation))
            first_slice = next(index for index, nal in enumerate(nals) if nal[0] & 0x1F in {NAL_SLICE, NAL_IDR})
            nals[first_slice:first_slice] = said
            out.append(
                EncodedPicture(
                    data=join_annexb(nals),
                    is_keyframe=packet.is_keyframe,
                    pts=pts,
                    captured_s=captured_s,
                    width_px=self._opened_for.width_px,
                    height_px=self._opened_for.height_px,
                    orientation=orientation,
                )
            )
        return out


def _video_frame(frame: BlankedFrame) -> VideoFrame:
    """Return the library's frame: on the same memory where it takes the planes at their own sizes, else a copy of them.

    The library reckons the height from the rows of the whole buffer, in steps of four: of 718 it would make 716.
    """
    if frame.pixel_format.endswith("420p") and frame.height_px % _WRAPPED_ROWS == 0:
        picture = VideoFrame.from_numpy_buffer(frame.buffer, frame.pixel_format)
    else:
        picture = VideoFrame(frame.width_px, frame.height_px, frame.pixel_format)
        for plane, samples in zip(picture.planes, frame.planes, strict=True):
            lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
            lines[: samples.shape[0], : samples.shape[1]] = samples
    if [(plane.height, plane.width) for plane in picture.planes] != [samples.shape for samples in frame.planes]:
        raise Unavailable(f"the codec library takes {frame!r} for {picture!r}")
    return picture
