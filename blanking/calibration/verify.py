"""Hold the measured camera against pictures that were not fitted, by the poses that the camera reported: as blanking will use it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blanking.calibration.features import matched
from blanking.calibration.sight import Floats, Pose, Sight
from blanking.calibration.values import Fit, Still
from blanking.plan_values import CameraModel

_MOST_RATIO = 2.6
"""Pictures that differ more in scale have too little detail in common."""
_ROUNDS = 12
_SOFT_PX = 1.0


@dataclass(frozen=True, slots=True)
class Checked:
    """How a picture lies against what the model says.

    Args:
        pose: as reported.
        shift_deg: how far everything is off in direction.
        scale_rel: by how much everything is too large.
        rms_px: what remains when both are taken out.
        matches: points compared.
    """

    pose: Pose
    shift_deg: float
    scale_rel: float
    rms_px: float
    matches: int


def model_of(fit: Fit, width_px: int, height_px: int) -> CameraModel:
    """Return the camera model in the plan's words."""
    return CameraModel(
        zoom_hfov_deg=tuple(
            (_tidy(zoom), math.degrees(2.0 * math.atan(width_px / 2.0 / math.exp(log_focal))))
            for zoom, log_focal in zip(fit.zooms, fit.log_focal, strict=True)
        ),
        zoom_k1=tuple((_tidy(zoom), round(float(k1), 6)) for zoom, k1 in zip(fit.zooms, fit.k1, strict=True)),
        principal_point_rel=(fit.centre_px[0] / width_px, fit.centre_px[1] / height_px),
        pan_scale=fit.pan_scale,
        tilt_scale=fit.tilt_scale,
        tilt_offset_deg=math.degrees(fit.tilt_offset),
        sensor_roll_deg=math.degrees(fit.roll),
    )


def check(model: CameraModel, size_px: tuple[int, int], stills: Sequence[Still], one: Still) -> Checked | None:
    """Compare a picture with all stills that show the same at about the same scale; None when there are none."""
    sight = Sight(model, *size_px, in_base=True)
    focal = sight.focal_px(one.pose[2])
    predicted, found = [], []
    for other in stills:
        ratio = sight.focal_px(other.pose[2]) / focal
        if other is one or not 1.0 / _MOST_RATIO < ratio < _MOST_RATIO:
            continue
        pairs = matched(other.features, one.features, turned=True, width_px=size_px[0])
        if len(pairs):
            directions = sight.unproject(other.pose, other.features.points_px[pairs[:, 0]])
            predicted.append(sight.project(one.pose, directions))
            found.append(one.features.points_px[pairs[:, 1]])
    if not predicted:
        return None
    return compared(one.pose, np.concatenate(predicted), np.concatenate(found), focal, size_px)


def compared(pose: Pose, predicted: Floats, found: Floats, focal_px: float, size_px: tuple[int, int]) -> Checked | None:
    """Return shift and scale between where points should be and where they are, robustly."""
    usable = np.all(np.isfinite(predicted), axis=1)
    predicted, found = predicted[usable], found[usable]
    if len(found) < 12:
        return None
    middle = np.array(size_px) / 2.0
    around = predicted - middle
    off = found - predicted
    weight = np.ones(len(off))
    shift, scale = np.median(off, axis=0), 0.0
    for _ in range(_ROUNDS):
        left = off - shift - scale * around
        weight = 1.0 / (1.0 + np.sum(left * left, axis=1) / _SOFT_PX**2)
        total = float(weight.sum())
        centre = (weight[:, None] * around).sum(axis=0) / total
        mean = (weight[:, None] * off).sum(axis=0) / total
        spread = float((weight[:, None] * (around - centre) ** 2).sum())
        scale = float((weight[:, None] * (around - centre) * (off - mean)).sum()) / max(spread, 1e-9)
        shift = mean - scale * centre
    left = off - shift - scale * around
    size = np.linalg.norm(left, axis=1)
    close = size < max(1.5, 4.0 * float(np.median(size)))
    if int(close.sum()) < 12:
        return None
    rms = float(np.sqrt(np.mean(left[close] ** 2)))
    return Checked(pose, math.degrees(float(np.linalg.norm(shift)) / focal_px), scale, rms, int(close.sum()))


def _tidy(zoom: float) -> float:
    return round(min(max(float(zoom), 0.0), 1.0), 6)
