"""Make raw frames of what a decoder gives: in a format that can be burned, with what the picture says of itself."""

import logging
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Literal

import av.error
import numpy as np
from av.sidedata.sidedata import Type as SideDataType
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from blanking.frames import Fields, Plane, RawFrame, VideoSignal, is_subsampled

_UNSTATED_RANGE, _FULL_RANGE = 0, 2
_NEUTRAL = 128
_RGB_BECOMES = 6
"""The matrix by which the library makes brightness and colour of R, G and B: BT.601's."""
_NOTHING: Plane = np.empty((0, 0), np.uint8)
_NO_PLANES = (_NOTHING, _NOTHING, _NOTHING)
_log = logging.getLogger(__name__)


def raw_frame(
    frame: VideoFrame,
    instant_of: Callable[[int], float],
    aspect: Fraction | None = None,
    *,
    has_full_range_grey: bool = False,
    is_bottom_first: bool = False,
) -> RawFrame:
    """Wrap a decoded frame without copying it; formats that cannot be burned directly are converted first.

    Args:
        frame: the decoder's.
        instant_of: maps its time stamp to seconds.
        aspect: of its samples.
        has_full_range_grey: brightness alone (4:0:0) that states no range uses 0..255.
        is_bottom_first: an interlaced picture begins with its bottom field.

    Returns:
        A raw frame of 4:2:0 (even sizes), or of the decoder's own 4:2:0 or 4:4:4 (odd sizes).
    """
    signal, pts = signal_of(frame, aspect, is_bottom_first=is_bottom_first), frame.pts
    is_grey = frame.format.name == "gray" or frame.format.name.startswith("gray1")
    full_range = frame.color_range == _FULL_RANGE or frame.format.name.startswith("yuvj")
    full_range = full_range or (is_grey and has_full_range_grey and frame.color_range == _UNSTATED_RANGE)
    if is_grey:
        name, planes = "yuv420p", _grey_planes(frame)
    else:
        frame = _convertible(frame, full_range=full_range)
        name, planes = frame.format.name, _NO_PLANES
        if name.endswith(("420p", "444p")):
            planes = (_plane_view(frame, 0), _plane_view(frame, 1), _plane_view(frame, 2))
    return RawFrame(
        planes=planes,
        width_px=frame.width,
        height_px=frame.height,
        pixel_format=name,
        captured_s=instant_of(pts) if pts is not None else float("nan"),
        pts=pts,
        owner=frame,
        full_range=full_range,
        signal=signal,
    )


def signal_of(frame: VideoFrame, aspect: Fraction | None, *, is_bottom_first: bool = False) -> VideoSignal:
    """Return what a decoded frame says of how it is to be shown."""
    is_rgb = frame.format.is_rgb
    told: Any = frame.side_data
    sides = [told[index] for index in range(len(told))]
    turned = next((side for side in sides if side.type is SideDataType.DISPLAYMATRIX), None)
    fields = Fields.BOTTOM_FIRST if is_bottom_first else Fields.TOP_FIRST
    return VideoSignal(
        matrix=_RGB_BECOMES if is_rgb else frame.colorspace,
        primaries=frame.color_primaries,
        transfer=frame.color_trc,
        aspect=(aspect.numerator, aspect.denominator) if aspect else None,
        orientation=None if turned is None else tuple(np.frombuffer(bytes(turned), np.int32).tolist()),
        fields=fields if frame.interlaced_frame else None,
    )


def _convertible(frame: VideoFrame, *, full_range: bool) -> VideoFrame:
    """Return the frame in a format that can be burned, as it is if it can't be converted."""
    even = is_subsampled(frame.width, frame.height)
    direct = {"yuv420p", "yuvj420p"} if even else {"yuv420p", "yuvj420p", "yuv444p", "yuvj444p"}
    if frame.format.name in direct:
        return frame
    family: Literal["yuvj", "yuv"] = "yuvj" if full_range else "yuv"
    ranged = ColorRange.JPEG if full_range else ColorRange.MPEG
    colours = {"dst_colorspace": Colorspace.ITU601} if frame.format.is_rgb else {"src_color_range": ranged}
    try:
        return frame.reformat(format=family + ("420p" if even else "444p"), dst_color_range=ranged, **colours)
    except (av.error.FFmpegError, ValueError) as error:
        _log.warning("pixel format %s cannot be converted: %s", frame.format.name, error)
        return frame


def _grey_planes(frame: VideoFrame) -> tuple[Plane, Plane, Plane]:
    """Return the samples of a picture that has brightness alone as they are, with neutral colour.

    The library's conversion takes them for 0..255 and squeezes them.
    """
    luma = _plane_view(frame, 0)
    if frame.format.name != "gray":
        bits = frame.format.components[0].bits
        samples = np.frombuffer(memoryview(frame.planes[0]), ">u2" if frame.format.name.endswith("be") else "<u2")
        luma = (
            samples.reshape(-1, frame.planes[0].line_size // 2)[: frame.height, : frame.width] >> (bits - 8)
        ).astype(np.uint8)
    neutral = np.full((-(-frame.height // 2), -(-frame.width // 2)), _NEUTRAL, np.uint8)
    return luma, neutral, neutral


def _plane_view(frame: VideoFrame, index: int) -> Plane:
    plane = frame.planes[index]
    lines: Plane = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, abs(plane.line_size))
    # Lines that run upwards lie in memory from the last one on.
    view = (lines[::-1] if plane.line_size < 0 else lines)[: plane.height, : plane.width]
    view.flags.writeable = False  # these samples are the decoder's references
    return view
