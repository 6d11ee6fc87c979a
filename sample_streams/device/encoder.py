"""The camera's encoder: planes in, NAL units out, parameter sets in front of every keyframe."""

from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from sample_streams.wire.nal import Codec, ParameterSets, is_sei, parameter_sets, split_annex_b

Plane = NDArray[np.uint8]
_X264_PARAMS = "cabac=1:no-deblock=0:8x8dct=1:scenecut=0"
_X265_PARAMS = (
    "pools=none:frame-threads=1:wpp=0:repeat-headers=1:info=0:log-level=none:scenecut=0:bframes=0:"
    "ctu=16:max-tu-size=16:early-skip=1:rskip=1:rd=1:subme=0:me=dia:merange=8:aq-mode=0:sao=0:weightp=0:rect=0:amp=0"
)
_BT709 = 1
_GLOBAL_HEADER = 1 << 22


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """What an encoder is opened with; ``qp`` 0 is lossless for H.264."""

    codec: Codec
    width_px: int
    height_px: int
    fps: float
    qp: int = 24
    keyframe_interval: int = 12


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One encoded picture."""

    units: list[bytes]
    is_keyframe: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """Writable 4:2:0 planes."""

    y: Plane
    u: Plane
    v: Plane


class Encoder:
    """Encode pictures drawn into ``picture``, which stays the same memory for the encoder's life."""

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        self._frame = av.VideoFrame(settings.width_px, settings.height_px, "yuv420p")
        self.picture = Picture(*(plane_view(plane) for plane in self._frame.planes))
        for plane, value in zip(self.planes(), (16, 128, 128), strict=True):
            plane[:] = value
        self.parameters = self._probe_parameters()
        self._context = self._open()
        self._count = 0
        self._group: int | None = None

    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Return the three planes of the picture."""
        return self.picture.y, self.picture.u, self.picture.v

    def encode(self, number: int, *, force_keyframe: bool) -> AccessUnit:
        """Encode the picture as it stands.

        Args:
            number: The frame number; keyframes fall on its multiples of the keyframe interval, whenever the
                encoder was opened, so that two runs have them at the same frames. Where such a frame was left out
                because the machine was busy, the next one is the keyframe.
            force_keyframe: Make this one a keyframe too.
        """
        self.place_keyframe(self._frame, number, force=force_keyframe or self._count == 0)
        self._frame.pts = self._count
        self._frame.time_base = Fraction(1, 1000)
        self._count += 1
        packets = self._context.encode(self._frame)
        data = b"".join(bytes(packet) for packet in packets)
        units = [unit for unit in split_annex_b(data) if not is_sei(self.settings.codec, unit)]
        return AccessUnit(units, is_keyframe=any(packet.is_keyframe for packet in packets))

    def place_keyframe(self, frame: av.VideoFrame, number: int, *, force: bool = False) -> bool:
        """Mark a frame as keyframe when it is the first of its group; returns whether it is one."""
        group = number // self.settings.keyframe_interval
        is_key = force or group != self._group
        self._group = group
        frame.pict_type = PictureType.I if is_key else PictureType.P
        return is_key

    def configure(self, context: VideoCodecContext, *, has_global_header: bool = False) -> None:
        """Set a codec context up as this encoder's own."""
        settings = self.settings
        context.width, context.height, context.pix_fmt = settings.width_px, settings.height_px, "yuv420p"
        context.time_base = Fraction(1, 1000)
        context.framerate = Fraction(settings.fps).limit_denominator(1000)
        context.thread_count = 1
        context.max_b_frames = 0
        context.gop_size = 10_000  # keyframes are placed by number
        context.color_range = 1
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        if has_global_header:
            context.flags |= _GLOBAL_HEADER
        name, parameters = ("x264", _X264_PARAMS) if settings.codec is Codec.H264 else ("x265", _X265_PARAMS)
        context.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "forced-idr": "1",
            f"{name}-params": f"{parameters}:qp={settings.qp}",
        }

    def _open(self) -> VideoCodecContext:
        context = av.CodecContext.create("libx264" if self.settings.codec is Codec.H264 else "libx265", "w")
        assert isinstance(context, VideoCodecContext)
        self.configure(context)
        return context

    def _probe_parameters(self) -> ParameterSets:
        # A session description needs them before the first real picture exists; the encoder is deterministic, so those
        # of a throw-away twin are the same.
        twin = self._open()
        self._frame.pts, self._frame.pict_type = 0, PictureType.I
        packets = [*twin.encode(self._frame), *twin.encode(None)]
        return parameter_sets(self.settings.codec, split_annex_b(b"".join(bytes(packet) for packet in packets)))


def plane_view(plane: VideoPlane) -> Plane:
    """Return a plane of a frame as an array without the padding at the ends of its lines; writing goes through."""
    rows: Plane = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]
