"""The only maker of blanked frames: copies a picture and greys whole 16 x 16 blocks in Y, U and V at once."""

import sys

import numpy as np

from blanking.blocks import BLOCK_PX
from blanking.decision import Blank, BlankAll, GreyReason
from blanking.frames import _SEAL, BlankedFrame, Plane, RawFrame, is_subsampled, plane_views

GREY = 128
"""Y = U = V = 128 is a neutral grey in limited and in full range."""

_FORMATS = {"yuv420p": 2, "yuvj420p": 2, "yuv444p": 1, "yuvj444p": 1}
"""Formats that can be burned, with the width of a chroma sample in pixels."""


class UnburnableFrameError(ValueError):
    """The planes are not what the pixel format promises."""


class BufferPool:
    """Reuse the big buffers of frames that nobody holds any more: fresh ones cost a page fault per 4 KiB."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._buffers: list[Plane] = []

    def take(self, rows: int, columns: int) -> Plane:
        """Return a buffer (rows, columns) that nobody else refers to; its content is that of some earlier blanked frame."""
        for index in range(len(self._buffers)):
            # Referred to by the list and getrefcount's argument; every view and every av frame on it counts too. A loop over the
            # buffers themselves, or enumerate's own tuple, would be one more, and no buffer would ever look free.
            if sys.getrefcount(self._buffers[index]) <= 2:
                if self._buffers[index].shape == (rows, columns):
                    return self._buffers[index]
                del self._buffers[index]
                break
        buffer = np.empty((rows, columns), dtype=np.uint8)
        if len(self._buffers) < self._most:
            self._buffers.append(buffer)
        return buffer


def is_burnable(pixel_format: str) -> bool:
    """Tell whether pictures of this format can be burned."""
    return pixel_format in _FORMATS


def burn(raw: RawFrame, decision: Blank, pool: BufferPool) -> BlankedFrame:
    """Return a copy of the picture with the decision's blocks grey. The decoder's planes are only read.

    Raises:
        UnburnableFrameError: the planes do not have the shapes of the pixel format.
    """
    width_px, height_px = raw.width_px, raw.height_px
    subsampled = is_subsampled(width_px, height_px)
    _check_planes(raw, subsampled=subsampled)
    buffer = pool.take(_buffer_rows(width_px, height_px), width_px)
    planes = plane_views(buffer, width_px, height_px)
    if subsampled:
        for target, source in zip(planes, raw.planes, strict=True):
            np.copyto(target, source)
    else:
        np.copyto(planes[0], raw.planes[0])
        step = _FORMATS[raw.pixel_format]
        for target, source in zip(planes[1:], raw.planes[1:], strict=True):
            # Repeating chroma samples, unlike interpolating them, carries none across the mask's outline.
            np.copyto(target, np.repeat(np.repeat(source, step, axis=0), step, axis=1)[:height_px, :width_px])
    chroma_px = 2 if subsampled else 1
    grey_px = 0
    for box in decision.rectangles:
        left, right = box.left * BLOCK_PX, min(box.right * BLOCK_PX, width_px)
        top, bottom = box.top * BLOCK_PX, min(box.bottom * BLOCK_PX, height_px)
        grey_px += (right - left) * (bottom - top)
        planes[0][top:bottom, left:right] = GREY
        span = slice(left // chroma_px, -(-right // chroma_px))
        for plane in planes[1:]:
            plane[top // chroma_px : -(-bottom // chroma_px), span] = GREY
    return BlankedFrame(
        _SEAL,
        buffer=buffer,
        width_px=width_px,
        height_px=height_px,
        captured_s=raw.captured_s,
        pts=raw.pts,
        full_range=raw.full_range,
        signal=raw.signal,
        decision=decision,
        grey_rel=grey_px / (width_px * height_px),
    )


def grey_frame(raw: RawFrame, width_px: int, height_px: int, reason: GreyReason) -> BlankedFrame:
    """Return a wholly grey frame of the given size at the raw frame's instant; none of its pixels is read."""
    return BlankedFrame(
        _SEAL,
        buffer=np.full((_buffer_rows(width_px, height_px), width_px), GREY, np.uint8),
        width_px=width_px,
        height_px=height_px,
        captured_s=raw.captured_s,
        pts=raw.pts,
        full_range=raw.full_range,
        signal=raw.signal,
        decision=BlankAll(reason),
        grey_rel=1.0,
    )


def _buffer_rows(width_px: int, height_px: int) -> int:
    return height_px * 3 // 2 if is_subsampled(width_px, height_px) else height_px * 3


def _check_planes(raw: RawFrame, *, subsampled: bool) -> None:
    if raw.pixel_format not in _FORMATS:
        raise UnburnableFrameError(f"cannot burn pixel format {raw.pixel_format}")
    step = _FORMATS[raw.pixel_format]
    if subsampled and step == 1:
        raise UnburnableFrameError(f"{raw.pixel_format} of even size must be converted to 4:2:0 first")
    chroma = (-(-raw.height_px // step), -(-raw.width_px // step))
    if [plane.shape for plane in raw.planes] != [(raw.height_px, raw.width_px), chroma, chroma]:
        raise UnburnableFrameError(f"planes of {raw!r} have other sizes than its format promises")
