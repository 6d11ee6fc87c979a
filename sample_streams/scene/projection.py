"""Draw panels into a picture: one homography per panel, clipped in front of the eye."""

import math
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from sample_streams.scene.texture import PAD_PX, Image, Level
from sample_streams.scene.world import Panel

Floats = NDArray[np.float64]
NEAR_M = 0.3
SOFT_STEP = 4
SUBPIXEL_BITS = 4
FAR_PX = 30_000
_PLAIN = (128.0, 128.0, 128.0, 128.0)


@dataclass(frozen=True, slots=True)
class Pinhole:
    """A camera without distortion: rotation from world to camera, focal length, centre and size of the picture."""

    rotation: Floats
    focal_px: float
    centre_px: tuple[float, float]
    width_px: int
    height_px: int

    def inverse_matrix(self) -> Floats:
        """Return the matrix from image coordinates to directions."""
        f, (cx, cy) = self.focal_px, self.centre_px
        return np.array([[1 / f, 0, -cx / f], [0, 1 / f, -cy / f], [0, 0, 1.0]])


@dataclass(frozen=True, slots=True)
class Canvas:
    """Luma and interleaved chroma at half size."""

    luma: Image
    chroma: Image


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of a picture, half-open, on even pixels so that chroma fits."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it."""
        return self.right <= self.left or self.bottom <= self.top

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top

    def halved(self) -> "Area":
        """Return the same area in chroma."""
        return Area(self.left // 2, self.top // 2, self.right // 2, self.bottom // 2)

    def intersection(self, other: "Area") -> "Area":
        """Return what both cover."""
        return Area(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )


def outline_px(camera: Pinhole, points: Floats) -> Floats | None:
    """Project a polygon given relative to the eye, clipped to what lies before the camera; None when nothing does."""
    seen = points @ camera.rotation.T
    depths = seen[:, 2]
    if depths.max() < NEAR_M:
        return None
    if depths.min() < NEAR_M:
        seen = _clipped(seen)
        if len(seen) < 3:
            return None
    return np.asarray(seen[:, :2] / seen[:, 2:] * camera.focal_px + np.array(camera.centre_px))


def _clipped(points: Floats) -> Floats:
    kept = []
    for i, a in enumerate(points):
        b = points[(i + 1) % len(points)]
        if a[2] >= NEAR_M:
            kept.append(a)
        if (a[2] >= NEAR_M) != (b[2] >= NEAR_M):
            kept.append(a + (NEAR_M - a[2]) / (b[2] - a[2]) * (b - a))
    return np.array(kept).reshape(-1, 3)


def bounding_area(polygon_px: Floats, width_px: int, height_px: int) -> Area:
    """Return the area of a picture that a polygon touches, with a pixel around it."""
    low_x, low_y = polygon_px.min(axis=0)
    high_x, high_y = polygon_px.max(axis=0)
    return Area(
        max(int(max(low_x, -9.0)) - 2, 0) // 2 * 2,
        max(int(max(low_y, -9.0)) - 2, 0) // 2 * 2,
        min((int(min(high_x, 1e6)) + 4) // 2 * 2, width_px),
        min((int(min(high_y, 1e6)) + 4) // 2 * 2, height_px),
    )


def fill_outline(plane: Image, polygon_px: Floats, value: int | tuple[int, int], step: int = 1) -> None:
    """Fill a polygon given in image coordinates on a plane that has one sample per ``step`` pixels."""
    points = np.clip(polygon_px / step - 0.5, -FAR_PX, FAR_PX) * (1 << SUBPIXEL_BITS)
    cv2.fillPoly(plane, [np.round(points).astype(np.int32)], value, shift=SUBPIXEL_BITS)


@dataclass(frozen=True, slots=True)
class View:
    """A panel as one camera at one pose sees it, worked out once for as long as the camera stands still."""

    panel: Panel
    polygon_px: Floats
    area: Area
    to_panel: Floats
    level: Level


def view_of(camera: Pinhole, panel: Panel) -> View | None:
    """Work out how a panel is seen; None when it is not."""
    polygon = outline_px(camera, panel.corners())
    if polygon is None:
        return None
    area = bounding_area(polygon, camera.width_px, camera.height_px)
    if area.is_empty:
        return None
    level = panel.texture.nearest(_resolution(camera, panel, polygon))
    to_panel = panel.from_eye() @ camera.rotation.T @ camera.inverse_matrix()
    return View(panel, polygon, area, np.asarray(to_panel, np.float64), level)


class Painter:
    """Draw panels; keeps scratch memory of the picture's size, because fresh memory costs more than drawing."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self._luma = np.zeros((height_px, width_px), np.uint8)
        self._chroma = np.zeros((height_px // 2, width_px // 2, 2), np.uint8)
        self._mask = np.zeros((height_px, width_px), np.uint8)
        self._alpha = np.zeros((height_px, width_px), np.uint8)

    def draw(self, canvas: Canvas, view: View, only: Area | None = None) -> None:
        """Draw a panel, or the part of it that falls into one area."""
        area = view.area if only is None else view.area.intersection(only)
        if area.is_empty:
            return
        level, to_panel = view.level, view.to_panel
        width, height = area.size
        mask = self._mask[:height, :width]
        mask[:] = 0
        fill_outline(mask, view.polygon_px - np.array([area.left, area.top]), 255)
        if level.alpha is not None:
            alpha = self._alpha[:height, :width]
            into = _indices(to_panel, area, 1, level.px_per_m)
            _warp(alpha, level.alpha, into, cv2.INTER_LINEAR, repeats_border=True)
            cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY, dst=alpha)
            cv2.bitwise_and(mask, alpha, dst=mask)
        self._paint(canvas, view, area, mask)

    def _paint(self, canvas: Canvas, view: View, area: Area, mask: Image) -> None:
        level, to_panel = view.level, view.to_panel
        width, height = area.size
        half = area.halved()
        luma, chroma = self._luma[:height, :width], self._chroma[: half.size[1], : half.size[0]]
        if view.panel.is_soft:
            _warp_coarsely(luma, level.luma, to_panel, area, level.px_per_m)
        else:
            into = _indices(to_panel, area, 1, level.px_per_m)
            _warp(luma, level.luma, into, cv2.INTER_LINEAR, repeats_border=view.panel.layer <= 0)
        # The eye forgives chroma that is half a pixel off, and this is half the cost.
        into = _indices(to_panel, half, 2, level.px_per_m / 2)
        _warp(chroma, level.chroma, into, cv2.INTER_NEAREST, repeats_border=view.panel.layer <= 0)
        cv2.copyTo(luma, mask, canvas.luma[area.top : area.bottom, area.left : area.right])
        half_mask = np.ascontiguousarray(mask[::2, ::2])
        cv2.copyTo(chroma, half_mask, canvas.chroma[half.top : half.bottom, half.left : half.right])


def _warp(target: Image, source: Image, matrix: Floats, interpolation: int, *, repeats_border: bool) -> None:
    """Draw a texture.

    Repeating its border costs as much again as drawing it, and is needed where one pixel spans more of the texture than
    its padding: on ground seen at a flat angle. Elsewhere the padding does, and a plain border hides the rest.
    """
    size = (target.shape[1], target.shape[0])
    flags = interpolation | cv2.WARP_INVERSE_MAP
    border = cv2.BORDER_REPLICATE if repeats_border else cv2.BORDER_CONSTANT
    cv2.warpPerspective(source, matrix, size, dst=target, flags=flags, borderMode=border, borderValue=_PLAIN)


def _warp_coarsely(target: Image, source: Image, to_panel: Floats, area: Area, px_per_m: float) -> None:
    """Draw something smooth (the sky) at a quarter of the resolution."""
    size = (-(-target.shape[1] // SOFT_STEP), -(-target.shape[0] // SOFT_STEP))
    matrix = _indices(to_panel, area, 1, px_per_m) @ np.array(
        [[SOFT_STEP, 0, SOFT_STEP / 2 - 0.5], [0, SOFT_STEP, SOFT_STEP / 2 - 0.5], [0, 0, 1.0]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    small = cv2.warpPerspective(source, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    large = cv2.resize(small, (size[0] * SOFT_STEP, size[1] * SOFT_STEP), interpolation=cv2.INTER_LINEAR)
    target[:] = large[: target.shape[0], : target.shape[1]]


def _resolution(camera: Pinhole, panel: Panel, polygon_px: Floats) -> float:
    """Return about how many picture pixels one metre of the panel takes."""
    points = polygon_px.tolist()
    area_px = abs(sum(a[0] * b[1] - a[1] * b[0] for a, b in pairwise([*points, points[0]]))) / 2
    by_area = math.sqrt(area_px / (panel.width_m * panel.height_m))
    return by_area if by_area < 1e4 else camera.focal_px / panel.distance_m


def _indices(to_panel: Floats, area: Area, step: int, px_per_m: float) -> Floats:
    """Return the matrix from pixel indices of an area of a plane to pixel indices of a padded texture."""
    offset = step * 0.5
    into_picture = np.array([[step, 0, step * area.left + offset], [0, step, step * area.top + offset], [0, 0, 1.0]])
    shift = PAD_PX - 0.5
    into_texture = np.array([[px_per_m, 0, shift], [0, px_per_m, shift], [0, 0, 1.0]])
    return np.asarray(into_texture @ to_panel @ into_picture)
