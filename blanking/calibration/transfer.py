"""From a pixel of one picture to that of another of the same camera turned elsewhere, for many pixels at once.

Equations: docs/blanking.md, without the mount, which cancels. Angles in radians.
"""

from dataclasses import dataclass, replace

import numpy as np

from blanking.calibration.sight import Floats, straightened


@dataclass(frozen=True, slots=True)
class Side:
    """The camera as it was for each match, on one side: arrays (n,)."""

    pan: Floats
    tilt: Floats
    log_focal: Floats
    k1: Floats

    def shifted(self, name: str, by: float) -> "Side":
        """Return it with one quantity moved."""
        return replace(self, **{name: getattr(self, name) + by})


@dataclass(frozen=True, slots=True)
class Sensor:
    """What is the same for all pictures."""

    cx: float
    cy: float
    roll: float

    def shifted(self, name: str, by: float) -> "Sensor":
        """Return it with one quantity moved."""
        return replace(self, **{name: getattr(self, name) + by})


def transferred(from_px: Floats, one: Side, other: Side, sensor: Sensor) -> Floats:
    """Return where (n, 2) pixels of one picture lie in another; far outside for what is behind it."""
    return seen(*ray(from_px, one, sensor), other, sensor)


def ray(pixels: Floats, side: Side, sensor: Sensor) -> tuple[Floats, Floats, Floats]:
    """Return the directions (not of unit length) of pixels in the camera's base."""
    bent = (pixels - np.array([sensor.cx, sensor.cy])) * np.exp(-side.log_focal)[:, None]
    flat = straightened(bent, side.k1)
    c, s = np.cos(sensor.roll), np.sin(sensor.roll)
    x, y = c * flat[:, 0] + s * flat[:, 1], c * flat[:, 1] - s * flat[:, 0]
    c, s = np.cos(side.tilt), np.sin(side.tilt)
    y, z = c * y - s, s * y + c
    c, s = np.cos(side.pan), np.sin(side.pan)
    return c * x + s * z, y, c * z - s * x


def seen(x: Floats, y: Floats, z: Floats, side: Side, sensor: Sensor) -> Floats:
    """Return the pixels of directions."""
    c, s = np.cos(side.pan), np.sin(side.pan)
    x, z = c * x - s * z, s * x + c * z
    c, s = np.cos(side.tilt), np.sin(side.tilt)
    y, z = c * y + s * z, c * z - s * y
    depth = np.where(z > 0.1, z, 0.1)
    x, y = x / depth, y / depth
    c, s = np.cos(sensor.roll), np.sin(sensor.roll)
    x, y = c * x - s * y, s * x + c * y
    scale = (1.0 + side.k1 * np.minimum(x * x + y * y, 1.5)) * np.exp(side.log_focal)
    return np.column_stack((sensor.cx + x * scale, sensor.cy + y * scale))
