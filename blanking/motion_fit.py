"""The robust fit behind picture registration: the movement in pan, tilt and focal length that most corners agree on."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

_SCALES_PX = (8.0, 4.0, 2.0, 1.2, 0.8, 0.6, 0.6)
"""Width of the robust kernel, round by round: wide first, so that a guess that is a little off still finds the crowd."""
_LEAST_DEPTH = 0.15


@dataclass(frozen=True, slots=True)
class LensAt:
    """A lens at one zoom, in reduced pixels.

    Args:
        focal_px: focal length.
        k1: distortion.
        centre_px: principal point, from the picture's edge.
        size_px: width and height of the picture.
        roll: how far the sensor is turned about the optical axis, radians.
    """

    focal_px: float
    k1: float
    centre_px: tuple[float, float]
    size_px: tuple[int, int]
    roll: float = 0.0

    def turn(self) -> NDArray[np.float64]:
        """Return the rotation from tangent coordinates to those of the sensor."""
        return np.array([[math.cos(self.roll), -math.sin(self.roll)], [math.sin(self.roll), math.cos(self.roll)]])


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted movement.

    Args:
        motion: pan and tilt in radians, log of the ratio of focal lengths.
        sigma: standard deviations of these from the residuals of those that agree.
        per_px: how much of each a shift of all corners by one pixel is worth.
        agree: which corners agree.
        rms_px: root mean square residual of those.
    """

    motion: tuple[float, float, float]
    sigma: tuple[float, float, float]
    per_px: tuple[float, float, float]
    agree: NDArray[np.bool_]
    rms_px: float


def to_tangent(points_px: Points, lens: LensAt, log_scale: float = 0.0) -> Points:
    """Return ideal tangent coordinates of points given by whole pixel centres, for a focal length e^log_scale times the lens's."""
    focal_px = lens.focal_px * math.exp(log_scale)
    bent = (points_px + (0.5 - np.array(lens.centre_px))) / focal_px
    if lens.roll != 0.0:
        bent = bent @ lens.turn()
    if lens.k1 == 0.0:
        return np.asarray(bent)
    seen2 = (bent * bent).sum(axis=1)
    scale = np.ones(len(bent))
    for _ in range(4):
        # Newton's method on s (1 + k1 s^2 r^2) = 1.
        square = lens.k1 * seen2 * scale * scale
        scale -= (scale * (1.0 + square) - 1.0) / np.maximum(1.0 + 3.0 * square, 0.05)
    return np.asarray(bent * scale[:, None])


def turned(before: Points, tilt: float, pan_by: float, tilt_by: float) -> tuple[Points, NDArray[np.float64]]:
    """Return where directions (tangent coordinates at `tilt`) are after turning both axes, with their depths."""
    ca, sa = math.cos(tilt), math.sin(tilt)
    cb, sb = math.cos(tilt + tilt_by), math.sin(tilt + tilt_by)
    cp, sp = math.cos(pan_by), math.sin(pan_by)
    x, y = before[:, 0], before[:, 1]
    # Undo the tilt, turn about the pan axis, tilt again.
    up, ahead = ca * y - sa, sa * y + ca
    side, forth = cp * x - sp * ahead, sp * x + cp * ahead
    depth = cb * forth - sb * up
    safe = np.maximum(depth, _LEAST_DEPTH)
    return np.column_stack((side / safe, (cb * up + sb * forth) / safe)), depth


def carried(
    before: Points, tilt: float, motion: tuple[float, float, float], focal_px: float, lens: LensAt
) -> tuple[Points, NDArray[np.bool_]]:
    """Return where corners appear after a movement, whole pixel centres, and which are in front of the camera."""
    flat, depth = turned(before, tilt, motion[0], motion[1])
    bend = 1.0 + lens.k1 * (flat * flat).sum(axis=1)
    points = flat * (bend * focal_px * math.exp(motion[2]))[:, None]
    if lens.roll != 0.0:
        points = points @ lens.turn().T
    return points + (np.array(lens.centre_px) - 0.5), (depth > _LEAST_DEPTH) & (bend > 0.3)


@dataclass(frozen=True, slots=True)
class Problem:
    """Corners seen twice.

    Args:
        before: tangent coordinates of the corners in the first picture.
        now_px: where they are in the second.
        tilt: of the first picture, radians.
        focal_px: of the first picture.
        lens: of the second, its focal length as a first guess only.
        allowed_px: residual up to which a corner agrees.
    """

    before: Points
    now_px: Points
    tilt: float
    focal_px: float
    lens: LensAt
    allowed_px: NDArray[np.float64]


def fit_motion(problem: Problem, start: tuple[float, float, float]) -> Fit | None:
    """Fit a movement by weighted Gauss-Newton steps, None when the corners do not determine one.

    Args:
        problem: the corners.
        start: pan and tilt in radians, log of the ratio of focal lengths.
    """
    before, now_px, allowed_px = problem.before, problem.now_px, problem.allowed_px
    tilt, focal_px, lens = problem.tilt, problem.focal_px, problem.lens
    motion = np.array(start)
    scale_of = LensAt(focal_px, lens.k1, lens.centre_px, lens.size_px, lens.roll)
    normal = np.eye(3)
    off = np.zeros(len(before))
    for width_px in (*_SCALES_PX, 0.0):
        flat, _ = turned(before, tilt, float(motion[0]), float(motion[1]))
        seen = to_tangent(now_px, scale_of, float(motion[2]))
        focal_now_px = focal_px * math.exp(float(motion[2]))
        residual = seen - flat
        off = np.hypot(residual[:, 0], residual[:, 1]) * focal_now_px
        slopes_x, slopes_y = _slopes(flat, seen, tilt + float(motion[1]))
        last = width_px == 0.0
        weight = (off <= allowed_px) * 1.0 if last else 1.0 / (1.0 + (off / (width_px * allowed_px)) ** 2) ** 2
        normal = (slopes_x * weight) @ slopes_x.T + (slopes_y * weight) @ slopes_y.T
        if last:
            break
        wanted = slopes_x @ (weight * residual[:, 0]) + slopes_y @ (weight * residual[:, 1])
        try:
            step = np.linalg.solve(normal + np.eye(3) * 1e-9, wanted)
        except np.linalg.LinAlgError:
            return None
        if not np.all(np.abs(step) < 0.5):
            return None
        motion = motion + step
    agree = off <= allowed_px
    count = int(agree.sum())
    if count < 4:
        return None
    rms_px = math.sqrt(float((off[agree] ** 2).sum()) / count)
    try:
        spread = np.sqrt(np.maximum(np.diag(np.linalg.inv(normal + np.eye(3) * 1e-12)), 0.0))
    except np.linalg.LinAlgError:
        return None
    per_px = spread * math.sqrt(count) / (focal_px * math.exp(float(motion[2])))
    sigma = per_px * rms_px / math.sqrt(count)
    return Fit(_triple(motion), _triple(sigma), _triple(per_px), agree, rms_px)


def _slopes(flat: Points, seen: Points, tilt: float) -> tuple[Points, Points]:
    """Return what turning pan, turning tilt and zooming do to each corner's residual, in x and in y, (3, n) each."""
    x, y = flat[:, 0], flat[:, 1]
    ct, st = math.cos(tilt), math.sin(tilt)
    # A residual is seen - carried: turning moves what is carried, zooming shrinks what is seen.
    by_x = np.stack((-ct * (1.0 + x * x) - st * y, x * y, seen[:, 0]))
    by_y = np.stack((st * x - ct * x * y, 1.0 + y * y, seen[:, 1]))
    return by_x, by_y


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
