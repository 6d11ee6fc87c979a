"""The true optics of a simulated camera: which direction each pixel sees.

Conventions (those of the plans that the city writes): pan > 0 to the right, tilt > 0 up; camera frame x right, y down,
z forward; a direction with azimuth a and elevation e is ``[cos e sin a, -sin e, cos e cos a]``; a pixel with index i
covers image coordinates i..i+1.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sample_streams.device.mechanics import Pose

Floats = NDArray[np.float64]
Table = tuple[tuple[float, float], ...]


def direction(azimuth_deg: float, elevation_deg: float) -> Floats:
    """Return the unit vector of a direction."""
    a, e = np.radians(azimuth_deg), np.radians(elevation_deg)
    return np.array([np.cos(e) * np.sin(a), -np.sin(e), np.cos(e) * np.cos(a)])


def azimuth_elevation_deg(vector: Floats) -> tuple[float, float]:
    """Return azimuth and elevation of a vector of any length."""
    x, y, z = vector / np.linalg.norm(vector)
    return float(np.degrees(np.arctan2(x, z))), float(np.degrees(np.arcsin(-y)))


def _ry(p: float) -> Floats:
    c, s = np.cos(p), np.sin(p)
    return np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])


def _rx(t: float) -> Floats:
    c, s = np.cos(t), np.sin(t)
    return np.array([[1, 0, 0], [0, c, s], [0, -s, c]])


def _rz(r: float) -> Floats:
    c, s = np.cos(r), np.sin(r)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


@dataclass(frozen=True, slots=True)
class Optics:
    """A camera model; the true one of a camera, or the slightly different one that its plan states."""

    width_px: int
    height_px: int
    hfov_deg: Table
    k1: Table
    principal_point: tuple[float, float] = (0.5, 0.5)
    mount_pan_deg: float = 0.0
    mount_tilt_deg: float = 0.0
    mount_roll_deg: float = 0.0
    pan_scale: float = 1.0
    tilt_scale: float = 1.0
    focal_factor: float = 1.0
    tilt_offset_deg: float = 0.0
    sensor_roll_deg: float = 0.0

    def focal_px(self, zoom: float) -> float:
        """Return the focal length in pixels; its logarithm is linear over zoom between the table's rows."""
        zooms = [row[0] for row in self.hfov_deg]
        logs = [np.log(self.width_px / 2 / np.tan(np.radians(row[1]) / 2)) for row in self.hfov_deg]
        return float(np.exp(np.interp(zoom, zooms, logs))) * self.focal_factor

    def view_deg(self, zoom: float) -> tuple[float, float]:
        """Return the horizontal and vertical field of view at a zoom, distortion left out."""
        focal = self.focal_px(zoom)
        horizontal, vertical = (
            float(np.degrees(2 * np.arctan(size / 2 / focal))) for size in (self.width_px, self.height_px)
        )
        return horizontal, vertical

    def k1_at(self, zoom: float) -> float:
        """Return the radial distortion at a zoom."""
        return float(np.interp(zoom, [row[0] for row in self.k1], [row[1] for row in self.k1]))

    @property
    def centre_px(self) -> tuple[float, float]:
        """The principal point in image coordinates."""
        return self.principal_point[0] * self.width_px, self.principal_point[1] * self.height_px

    def rotation(self, pose: Pose) -> Floats:
        """Return the matrix that turns a world direction into the camera frame."""
        mount = (
            _rz(np.radians(self.mount_roll_deg))
            @ _rx(np.radians(self.mount_tilt_deg))
            @ _ry(np.radians(self.mount_pan_deg))
        )
        tilt = _rx(np.radians(self.tilt_scale * pose.tilt_deg + self.tilt_offset_deg))
        return _rz(np.radians(self.sensor_roll_deg)) @ tilt @ _ry(np.radians(self.pan_scale * pose.pan_deg)) @ mount

    def project(self, pose: Pose, vectors: Floats) -> Floats:
        """Return image coordinates (n x 2) of directions (n x 3); those behind the camera become nan."""
        x, y, z = self.rotation(pose) @ vectors.T
        with np.errstate(divide="ignore", invalid="ignore"):
            x, y = np.where(z > 1e-6, x / z, np.nan), np.where(z > 1e-6, y / z, np.nan)
        f, (cx, cy) = self.focal_px(pose.zoom), self.centre_px
        stretch = 1 + self.k1_at(pose.zoom) * (x * x + y * y)
        return np.stack([cx + f * x * stretch, cy + f * y * stretch], axis=1)

    def undistorted(self, zoom: float, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Return x and y on the plane at distance one that image coordinates see, distortion undone."""
        f, (cx, cy), k1 = self.focal_px(zoom), self.centre_px, self.k1_at(zoom)
        xd, yd = (u - cx) / f, (v - cy) / f
        x, y = xd, yd
        for _ in range(12):
            stretch = 1 + k1 * (x * x + y * y)
            x, y = xd / stretch, yd / stretch
        return x, y

    def sight(self, pose: Pose, u: Floats, v: Floats) -> Floats:
        """Return the world directions (not of unit length, last axis 3) that image coordinates see."""
        x, y = self.undistorted(pose.zoom, u, v)
        return np.stack([x, y, np.ones_like(x)], axis=-1) @ self.rotation(pose)

    def to_json(self) -> dict[str, Any]:
        """Return the model as plain values."""
        return {
            "width_px": self.width_px,
            "height_px": self.height_px,
            "hfov_deg": [list(row) for row in self.hfov_deg],
            "k1": [list(row) for row in self.k1],
            "principal_point": list(self.principal_point),
            "mount_deg": [self.mount_pan_deg, self.mount_tilt_deg, self.mount_roll_deg],
            "scales": [self.pan_scale, self.tilt_scale],
            "focal_factor": self.focal_factor,
            "tilt_offset_deg": self.tilt_offset_deg,
            "sensor_roll_deg": self.sensor_roll_deg,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what ``to_json`` wrote."""
        pan, tilt, roll = data["mount_deg"]
        pan_scale, tilt_scale = data["scales"]
        return cls(
            data["width_px"],
            data["height_px"],
            tuple((float(a), float(b)) for a, b in data["hfov_deg"]),
            tuple((float(a), float(b)) for a, b in data["k1"]),
            (data["principal_point"][0], data["principal_point"][1]),
            pan,
            tilt,
            roll,
            pan_scale,
            tilt_scale,
            data["focal_factor"],
            data.get("tilt_offset_deg", 0.0),
            data.get("sensor_roll_deg", 0.0),
        )
