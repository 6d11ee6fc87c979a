"""A camera model as a pair of functions: directions to pixels, and back (docs/blanking.md has the equations)."""

import math

import numpy as np
from numpy.typing import NDArray

from blanking.cover import mount_rotation, rotation
from blanking.optics import Optics
from blanking.plan_values import CameraModel

Floats = NDArray[np.float64]
Pose = tuple[float, float, float]
"""Pan and tilt in degrees and zoom, all as the camera reports them."""

_UNDISTORT_ROUNDS = 12


def turn(roll: float) -> Floats:
    """Return Rz(roll), radians."""
    c, s = math.cos(roll), math.sin(roll)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


class Sight:
    """What a camera of this model sees where.

    Args:
        model: the camera.
        width_px, height_px: of its pictures.
        in_base: directions are those of the camera's base (pan axis down), not of the world: its mount is left out.
    """

    def __init__(self, model: CameraModel, width_px: int, height_px: int, *, in_base: bool = False) -> None:
        self._model = model
        self._optics = Optics(model, width_px, height_px)
        self._mount = np.eye(3) if in_base else mount_rotation(model)
        self._roll = turn(math.radians(model.sensor_roll_deg))
        self.size_px = (width_px, height_px)

    def rotation(self, pose: Pose) -> Floats:
        """Return the matrix that turns a direction into camera axes."""
        model = self._model
        pan = math.radians(pose[0] * model.pan_scale)
        tilt = math.radians(pose[1] * model.tilt_scale + model.tilt_offset_deg)
        return np.asarray(self._roll @ rotation(pan, tilt) @ self._mount)

    def focal_px(self, zoom: float) -> float:
        """Return the focal length."""
        return self._optics.focal_px(zoom)

    def project(self, pose: Pose, directions: Floats) -> Floats:
        """Return pixels (n, 2) of directions (n, 3); not a number for those not before the camera."""
        turned = directions @ self.rotation(pose).T
        depth = np.where(turned[:, 2] > 1e-6, turned[:, 2], np.nan)
        flat = turned[:, :2] / depth[:, None]
        scale = 1.0 + self._optics.k1_at(pose[2]) * np.sum(flat * flat, axis=1, keepdims=True)
        return np.asarray(flat * scale * self._optics.focal_px(pose[2]) + np.array(self._optics.centre_px))

    def unproject(self, pose: Pose, pixels: Floats) -> Floats:
        """Return unit directions (n, 3) of pixels (n, 2)."""
        bent = (pixels - np.array(self._optics.centre_px)) / self._optics.focal_px(pose[2])
        flat = straightened(bent, self._optics.k1_at(pose[2]))
        ahead = np.column_stack((flat, np.ones(len(flat)))) @ self.rotation(pose)
        return np.asarray(ahead / np.linalg.norm(ahead, axis=1, keepdims=True))


def straightened(bent: Floats, k1: float | Floats) -> Floats:
    """Undo radial distortion: return (x, y) for (x, y)(1 + k1 r2)."""
    factor = np.asarray(k1, dtype=np.float64)
    flat = bent
    for _ in range(_UNDISTORT_ROUNDS):
        scale = np.maximum(1.0 + factor * np.sum(flat * flat, axis=-1), 0.3)
        flat = bent / scale[..., None]
    return np.asarray(flat)


def degrees_between(one: Floats, other: Floats) -> Floats:
    """Return the angles between unit directions, row by row."""
    return np.asarray(np.degrees(2.0 * np.arcsin(np.clip(np.linalg.norm(one - other, axis=1) / 2.0, 0.0, 1.0))))
