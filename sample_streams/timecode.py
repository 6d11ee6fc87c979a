"""Burn a frame number into a picture and read it back from whatever reached a recording or a screen.

The code is a strip of 32 black or white squares of 8 x 8 pixels: 24 bits of frame number, most significant first, then
8 check bits (CRC-8, polynomial 0x07). It survives re-encoding at quantiser 28 and more, because each bit is carried by
64 samples at full contrast.
"""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

BLOCK_PX = 8
NUMBER_BITS = 24
CHECK_BITS = 8
STRIP_WIDTH_PX = BLOCK_PX * (NUMBER_BITS + CHECK_BITS)
BLACK_LUMA = 16
WHITE_LUMA = 235
DARK_BELOW_LUMA = 96
BRIGHT_ABOVE_LUMA = 150

Plane = NDArray[np.uint8]


class Corner(StrEnum):
    """Where in the picture a strip lies; its long side runs along the picture's edge."""

    TOP_LEFT = "top_left"
    TOP_RIGHT = "top_right"
    BOTTOM_LEFT = "bottom_left"
    BOTTOM_RIGHT = "bottom_right"


def strip_origin_px(corner: Corner, width_px: int, height_px: int) -> tuple[int, int]:
    """Return the left and top of a strip in a picture of this size."""
    left = 0 if corner in {Corner.TOP_LEFT, Corner.BOTTOM_LEFT} else width_px - STRIP_WIDTH_PX
    top = 0 if corner in {Corner.TOP_LEFT, Corner.TOP_RIGHT} else height_px - BLOCK_PX
    return left, top


def burn_code(y: Plane, u: Plane, v: Plane, number: int, corners: Sequence[Corner]) -> None:
    """Write the code of one frame number into 4:2:0 planes, in place, in each of the corners."""
    row = np.repeat(np.where(_bits(number), WHITE_LUMA, BLACK_LUMA).astype(np.uint8), BLOCK_PX)
    height, width = y.shape
    for corner in corners:
        left, top = strip_origin_px(corner, width, height)
        y[top : top + BLOCK_PX, left : left + STRIP_WIDTH_PX] = row
        for chroma in (u, v):
            chroma[top // 2 : (top + BLOCK_PX) // 2, left // 2 : (left + STRIP_WIDTH_PX) // 2] = 128


def read_code(luma: Plane) -> int | None:
    """Read the frame number from a decoded luma plane at the camera's own resolution.

    Args:
        luma: height x width, limited or full range.

    Returns:
        The number, or None when no corner holds a strip whose check bits agree (blanked, cropped or damaged).
    """
    height, width = luma.shape
    if width < STRIP_WIDTH_PX or height < BLOCK_PX:
        return None
    for corner in Corner:
        left, top = strip_origin_px(corner, width, height)
        number = _read_strip(luma[top : top + BLOCK_PX, left : left + STRIP_WIDTH_PX])
        if number is not None:
            return number
    return None


def _read_strip(strip: Plane) -> int | None:
    # The outer ring of each square is where the codec and the scaler mix neighbours: read the middle.
    middles = strip.reshape(BLOCK_PX, -1, BLOCK_PX)[2:6, :, 2:6].mean(axis=(0, 2))
    bright = middles > BRIGHT_ABOVE_LUMA
    if not np.all(bright | (middles < DARK_BELOW_LUMA)):
        return None
    word = int("".join("1" if bit else "0" for bit in bright), 2)
    number, check = word >> CHECK_BITS, word & ((1 << CHECK_BITS) - 1)
    return number if _crc8(number) == check else None


def _bits(number: int) -> NDArray[np.bool_]:
    number &= (1 << NUMBER_BITS) - 1
    word = (number << CHECK_BITS) | _crc8(number)
    total = NUMBER_BITS + CHECK_BITS
    return np.array([(word >> (total - 1 - i)) & 1 for i in range(total)], dtype=np.bool_)


def _crc8(number: int) -> int:
    crc = 0xA5  # not zero, so that an all-black strip is no valid code of frame 0
    for byte in number.to_bytes(NUMBER_BITS // 8, "big"):
        crc ^= byte
        for _ in range(8):
            crc = ((crc << 1) ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc
