"""The lens of a plan's camera model: zoom to focal length and distortion, and how far off the axis the picture sees.

Tangent coordinates (x, y) = (X/Z, Y/Z) are those of an ideal camera of focal length 1. The picture is u = cx + f x (1 + k1 r2).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanking.plan_values import CameraModel

_FOLD_RESERVE = 0.98
"""Share of the radius of folding up to which the polynomial is used; beyond it goes on straight (docs/blanking.md)."""


@dataclass(frozen=True, slots=True)
class LensRange:
    """All lenses that a frame may have been seen through.

    Args:
        focal_lo_px, focal_hi_px: bounds of the focal length.
        k1_lo, k1_hi: bounds of the distortion coefficient.
    """

    focal_lo_px: float
    focal_hi_px: float
    k1_lo: float
    k1_hi: float


class Optics:
    """Evaluate a camera model's tables for a frame size."""

    def __init__(self, model: CameraModel, width_px: int, height_px: int) -> None:
        self._zoom = np.array([row[0] for row in model.zoom_hfov_deg])
        half_angles = np.radians([row[1] for row in model.zoom_hfov_deg]) / 2
        self._log_focal = np.log(width_px / 2 / np.tan(half_angles))
        self._k1_zoom = np.array([row[0] for row in model.zoom_k1])
        self._k1 = np.array([row[1] for row in model.zoom_k1])
        self.zoom_lo = float(self._zoom[0]) if len(self._zoom) > 1 else 0.0
        self.zoom_hi = float(self._zoom[-1]) if len(self._zoom) > 1 else 1.0
        self.centre_px = (model.principal_point_rel[0] * width_px, model.principal_point_rel[1] * height_px)
        self.corner_px = math.hypot(
            max(self.centre_px[0], width_px - self.centre_px[0]), max(self.centre_px[1], height_px - self.centre_px[1])
        )
        steps = np.abs(np.diff(self._log_focal)) / np.maximum(np.diff(self._zoom), 1e-9)
        self.steepest_log_focal = float(steps.max()) if len(steps) else 0.0
        self.flattest_log_focal = float(steps.min()) if len(steps) else 0.0

    def focal_px(self, zoom: float) -> float:
        """Return the focal length at a zoom."""
        return math.exp(float(np.interp(zoom, self._zoom, self._log_focal)))

    def k1_at(self, zoom: float) -> float:
        """Return the distortion coefficient at a zoom."""
        return float(np.interp(zoom, self._k1_zoom, self._k1))

    def zooms_between(self, focal_lo_px: float, focal_hi_px: float) -> tuple[float, float] | None:
        """Return the zooms whose focal lengths lie between two, None where the table does not rise throughout."""
        if len(self._zoom) < 2 or bool(np.any(np.diff(self._log_focal) <= 1e-6)):
            return None
        lo, hi = np.interp(np.log((focal_lo_px, focal_hi_px)), self._log_focal, self._zoom)
        return float(lo), float(hi)

    def knots(self) -> NDArray[np.float64]:
        """Return every zoom at which one of the tables has a row."""
        return np.unique(np.concatenate((self._zoom, self._k1_zoom)))

    def over(self, zoom_lo: float, zoom_hi: float, zoom_rel: float) -> LensRange:
        """Return the lenses of a span of zooms: extremes of piecewise linear tables lie at its ends or at rows inside it."""
        log_focal = _extremes(self._zoom, self._log_focal, zoom_lo, zoom_hi)
        k1 = _extremes(self._k1_zoom, self._k1, zoom_lo, zoom_hi)
        return LensRange(math.exp(log_focal[0]) * (1 - zoom_rel), math.exp(log_focal[1]) / (1 - zoom_rel), *k1)


def _extremes(
    zooms: NDArray[np.float64], values: NDArray[np.float64], zoom_lo: float, zoom_hi: float
) -> tuple[float, float]:
    ends = np.interp((zoom_lo, zoom_hi), zooms, values)
    lo, hi = min(ends[0], ends[1]), max(ends[0], ends[1])
    for zoom, value in zip(zooms, values, strict=True):
        if zoom_lo < zoom < zoom_hi:
            lo, hi = min(lo, value), max(hi, value)
    return float(lo), float(hi)


def fold_radius(k1: float) -> float:
    """Return the tangent radius up to which r (1 + k1 r2) is used as it stands."""
    return _FOLD_RESERVE / math.sqrt(-3.0 * k1) if k1 < 0 else math.inf


def radial_scale(radius2: NDArray[np.float64], k1: float) -> NDArray[np.float64]:
    """Return u / (f x) for squared tangent radii; beyond the fold the picture radius goes on with its last slope."""
    scale = 1.0 + k1 * radius2
    limit = fold_radius(k1)
    if math.isinf(limit) or float(radius2.max(initial=0.0)) <= limit * limit:
        return scale
    radius = np.sqrt(np.maximum(radius2, 1e-30))
    beyond = limit * (1.0 + k1 * limit * limit) + (radius - limit) * (1.0 + 3.0 * k1 * limit * limit)
    return np.where(radius > limit, beyond / radius, scale)


def view_radius(corner_px: float, focal_px: float, k1: float) -> float | None:
    """Return the tangent radius seen at a distance from the principal point, None where the polynomial never reaches it."""
    wanted = corner_px / focal_px
    limit = fold_radius(k1)
    # Up to the fold the picture radius is at least two thirds of the tangent radius.
    top = min(limit, 1.6 * wanted) if k1 < 0 else wanted
    if top * (1.0 + k1 * top * top) < wanted:
        return None
    bottom = 0.0
    for _ in range(40):
        middle = (bottom + top) / 2
        if middle * (1.0 + k1 * middle * middle) < wanted:
            bottom = middle
        else:
            top = middle
    return top


def folds_inside_picture(model: CameraModel, width_px: int, height_px: int) -> float | None:
    """Return a zoom at which the picture's corner has no direction, None when there is none."""
    optics = Optics(model, width_px, height_px)
    for zoom in np.unique(np.concatenate((optics.knots(), np.linspace(0.0, 1.0, 33)))):
        if view_radius(optics.corner_px, optics.focal_px(float(zoom)), optics.k1_at(float(zoom))) is None:
            return float(zoom)
    return None
