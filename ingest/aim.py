"""Where to turn so that a point of the picture comes to its middle. Equations: design section 11."""

import math
from bisect import bisect_right

from blanking.plan import DirectionPlan
from blanking.plan_values import Point

_UNDISTORT_STEPS = 8


def pose_for_point(plan: DirectionPlan, pose: tuple[float, float, float], dx: float, dy: float) -> tuple[float, float]:
    """Return (pan_deg, tilt_deg), as the camera reports them, that bring a point of the picture to its middle.

    Args:
        plan: holds the camera model.
        pose: pan_deg, tilt_deg and zoom now.
        dx, dy: where the point is, from the middle, in shares of the picture's width and height; right and down.
    """
    model, (pan_deg, tilt_deg, zoom) = plan.camera_model, pose
    hfov_deg = math.degrees(2 * math.atan(1 / math.exp(_interpolated(_log_focal(model.zoom_hfov_deg), zoom))))
    focal_px = plan.width_px / 2 / math.tan(math.radians(hfov_deg) / 2)
    x, y = _undistorted(
        dx * plan.width_px / focal_px, dy * plan.height_px / focal_px, _interpolated(model.zoom_k1, zoom)
    )
    roll = math.radians(model.sensor_roll_deg)
    x, y = x * math.cos(roll) + y * math.sin(roll), y * math.cos(roll) - x * math.sin(roll)
    pan, tilt = (
        math.radians(pan_deg * model.pan_scale),
        math.radians(tilt_deg * model.tilt_scale + model.tilt_offset_deg),
    )
    # d = Ry(pan)^T Rx(tilt)^T [x, y, 1]: the mount's rotation plays no part, pan and tilt are those of the same axes.
    up, forward = y * math.cos(tilt) - math.sin(tilt), y * math.sin(tilt) + math.cos(tilt)
    right, ahead = x * math.cos(pan) + forward * math.sin(pan), -x * math.sin(pan) + forward * math.cos(pan)
    turned_deg = math.degrees(math.atan2(right, ahead)) / model.pan_scale
    raised_deg = (math.degrees(math.atan2(-up, math.hypot(right, ahead))) - model.tilt_offset_deg) / model.tilt_scale
    return turned_deg, raised_deg


def _log_focal(rows: tuple[Point, ...]) -> tuple[Point, ...]:
    return tuple((zoom, -math.log(math.tan(math.radians(hfov_deg) / 2))) for zoom, hfov_deg in rows)


def _interpolated(rows: tuple[Point, ...], at: float) -> float:
    if at <= rows[0][0]:
        return rows[0][1]
    if at >= rows[-1][0]:
        return rows[-1][1]
    index = bisect_right([row[0] for row in rows], at)
    (low, below), (high, above) = rows[index - 1], rows[index]
    return below + (at - low) / (high - low) * (above - below)


def _undistorted(xd: float, yd: float, k1: float) -> Point:
    x, y = xd, yd
    for _ in range(_UNDISTORT_STEPS):
        scale = max(0.2, 1 + k1 * (x * x + y * y))
        x, y = xd / scale, yd / scale
    return x, y
