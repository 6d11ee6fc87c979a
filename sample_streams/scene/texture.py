"""Textures: painted once in BGR, kept as luma and chroma with smaller copies for the distance."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
# BT.709, limited range; rows Y, U, V over B, G, R and an offset.
_TO_YUV = np.array(
    [
        [0.0620, 0.6142, 0.1826, 16.0],
        [0.4392, -0.3386, -0.1006, 128.0],
        [-0.0403, -0.3989, 0.4392, 128.0],
    ]
)


def to_yuv(bgr: Image) -> Image:
    """Turn a BGR picture into YUV of the same size."""
    return np.asarray(cv2.transform(bgr, _TO_YUV), dtype=np.uint8)


def halved(picture: Image) -> Image:
    """Return a picture at half the size, each pixel the mean of four."""
    height, width = picture.shape[:2]
    return np.asarray(
        cv2.resize(picture, (max(width // 2, 1), max(height // 2, 1)), interpolation=cv2.INTER_AREA), np.uint8
    )


PAD_PX = 8  # a frame of repeated pixels around every level, so that sampling at an edge finds no foreign colour


@dataclass(slots=True)
class Level:
    """One size of a texture: luma, chroma at half that size (two channels), and where it is solid; all padded."""

    px_per_m: float
    luma: Image
    chroma: Image
    alpha: Image | None


@dataclass(slots=True)
class Texture:
    """A texture with its sizes, largest first; ``alpha`` above 127 is solid, None is solid throughout."""

    levels: list[Level] = field(default_factory=list)

    def nearest(self, px_per_m: float) -> Level:
        """Return the smallest level that still has the wanted resolution, or the largest."""
        fitting = [level for level in self.levels if level.px_per_m >= px_per_m * 0.75]
        return fitting[-1] if fitting else self.levels[0]


def patch(level: Level, yuv: Image, *, left_m: float, top_m: float, width_m: float, height_m: float) -> None:
    """Replace a rectangle of a level by a picture (YUV, any size), as when a lamp goes on in a room."""
    for plane, ppm in ((level.luma, level.px_per_m), (level.chroma, level.px_per_m / 2)):
        x0, y0 = round(left_m * ppm) + PAD_PX, round(top_m * ppm) + PAD_PX
        x1, y1 = round((left_m + width_m) * ppm) + PAD_PX, round((top_m + height_m) * ppm) + PAD_PX
        x1, y1 = min(max(x1, x0 + 1), plane.shape[1]), min(max(y1, y0 + 1), plane.shape[0])
        if x1 > x0 and y1 > y0:
            scaled = cv2.resize(yuv, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
            plane[y0:y1, x0:x1] = scaled[:, :, 0] if plane.ndim == 2 else scaled[:, :, 1:]


def make_texture(bgr: Image, px_per_m: float, alpha: Image | None = None, smallest_px: int = 24) -> Texture:
    """Build a texture and its smaller copies from a painted picture."""
    texture = Texture()
    yuv, mask = to_yuv(bgr), alpha
    while True:
        chroma = halved(np.ascontiguousarray(yuv[:, :, 1:]))
        padded_mask = None if mask is None else _padded(mask)
        texture.levels.append(Level(px_per_m, _padded(yuv[:, :, 0]), _padded(chroma), padded_mask))
        if min(yuv.shape[:2]) < 2 * smallest_px or px_per_m < 6:
            return texture
        yuv, px_per_m = halved(yuv), px_per_m / 2
        mask = None if mask is None else halved(mask)


def _padded(picture: Image) -> Image:
    widths = [(PAD_PX, PAD_PX), (PAD_PX, PAD_PX)] + [(0, 0)] * (picture.ndim - 2)
    return np.ascontiguousarray(np.pad(picture, widths, mode="edge"))
