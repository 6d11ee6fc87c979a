"""What is really a dwelling in a frame: an independent camera, pixel by pixel, importing nothing of the product's geometry.

Where the product projects polygons forward and grows them, this asks of each pixel's ray at each instant of the exposure whether
it points into a dwelling (angle sum around the ray).
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pose = tuple[float, float, float]


def _about_y(angle: float) -> Floats:
    return np.array([[math.cos(angle), 0, -math.sin(angle)], [0, 1, 0], [math.sin(angle), 0, math.cos(angle)]])


def _about_x(angle: float) -> Floats:
    return np.array([[1, 0, 0], [0, math.cos(angle), math.sin(angle)], [0, -math.sin(angle), math.cos(angle)]])


def _about_z(angle: float) -> Floats:
    return np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])


@dataclass(frozen=True)
class Dwelling:
    """A polygon in true directions (azimuth, elevation), less than a hemisphere."""

    polygon_deg: tuple[tuple[float, float], ...]

    @functools.cache  # noqa: B019 - a frozen value of a test that ends soon
    def ring(self) -> Floats:
        """Return its unit vectors."""
        out = []
        for azimuth, elevation in self.polygon_deg:
            a, e = math.radians(azimuth), math.radians(elevation)
            out.append((math.cos(e) * math.sin(a), -math.sin(e), math.cos(e) * math.cos(a)))
        return np.array(out)


@dataclass(frozen=True)
class TrueCamera:
    """The camera as it really is.

    Args:
        width_px, height_px: picture.
        hfov_deg: zoom -> true horizontal field of view.
        k1: zoom -> true distortion.
        centre_rel: true principal point.
        mount_deg: pan, tilt, roll of the base.
        scales: true degrees per degree of the axes' own scale.
        offset_and_roll_deg: true tilt where the axis reads 0, and the turn of the picture about the optical axis.
        pose_at: true pose in the axes' own degrees at an instant.
        exposure_s: exposure and readout; the row decides which part of it.
    """

    width_px: int
    height_px: int
    hfov_deg: Callable[[float], float]
    k1: Callable[[float], float]
    centre_rel: tuple[float, float]
    mount_deg: tuple[float, float, float]
    scales: tuple[float, float]
    pose_at: Callable[[float], Pose]
    exposure_s: float
    offset_and_roll_deg: tuple[float, float] = (0.0, 0.0)

    def rays(self, zoom: float, stride_px: int) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
        """Return the unit rays of every `stride_px`-th pixel in camera axes, with their columns and rows."""
        columns, rows = np.meshgrid(
            np.arange(stride_px // 2, self.width_px, stride_px), np.arange(stride_px // 2, self.height_px, stride_px)
        )
        return self.rays_of(zoom, columns.ravel() + 0.5, rows.ravel() + 0.5), columns.ravel(), rows.ravel()

    def rays_of(self, zoom: float, u_px: Floats, v_px: Floats) -> Floats:
        """Return the unit rays of points of the picture in camera axes."""
        focal = self.width_px / 2 / math.tan(math.radians(self.hfov_deg(zoom)) / 2)
        x = (u_px - self.centre_rel[0] * self.width_px) / focal
        y = (v_px - self.centre_rel[1] * self.height_px) / focal
        distorted = np.hypot(x, y)
        radius = distorted.copy()
        k1 = self.k1(zoom)
        for _ in range(9):
            radius -= (radius * (1 + k1 * radius**2) - distorted) / np.maximum(1 + 3 * k1 * radius**2, 0.05)
        scale = np.where(distorted > 1e-12, radius / np.maximum(distorted, 1e-12), 1.0)
        rays = np.column_stack((x * scale, y * scale, np.ones_like(x)))
        return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))

    def turned(self, pose: Pose) -> Floats:
        """Return the rotation from world to camera axes."""
        pan, tilt, roll = (math.radians(angle) for angle in self.mount_deg)
        mount = _about_z(roll) @ _about_x(tilt) @ _about_y(pan)
        pan_true, tilt_true = math.radians(pose[0] * self.scales[0]), math.radians(pose[1] * self.scales[1])
        tilt_true += math.radians(self.offset_and_roll_deg[0])
        return _about_z(math.radians(self.offset_and_roll_deg[1])) @ _about_x(tilt_true) @ _about_y(pan_true) @ mount

    def dwelling_pixels(
        self, captured_s: float, dwellings: Sequence[Dwelling], stride_px: int = 2, instants: int = 3
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return rows and columns of the sampled pixels that show a dwelling at any instant of the exposure."""
        found = np.zeros((self.height_px, self.width_px), dtype=bool)
        for share in np.linspace(-0.5, 0.5, instants if self.exposure_s else 1):
            pose = self.pose_at(captured_s + float(share) * self.exposure_s)
            rays, columns, rows = self.rays(pose[2], stride_px)
            world = rays @ self.turned(pose)
            middle, spread = world[len(world) // 2], float(np.min(world @ world[len(world) // 2]))
            for dwelling in dwellings:
                ring = dwelling.ring()
                heart = ring.sum(axis=0) / np.linalg.norm(ring.sum(axis=0))
                reach = float(np.arccos(np.clip(np.min(ring @ heart), -1, 1)))
                if np.arccos(np.clip(middle @ heart, -1, 1)) > reach + math.acos(max(-1.0, spread)) + 0.2:
                    continue
                near = world @ heart > math.cos(min(reach + 0.01, math.pi / 2))
                if near.any():
                    inside = np.zeros(len(world), dtype=bool)
                    inside[near] = _angle_sum(world[near], ring) > math.pi
                    found[rows[inside], columns[inside]] = True
        places = np.nonzero(found)
        return places[0], places[1]


def _angle_sum(rays: Floats, ring: Floats) -> Floats:
    """Return how far around each ray the ring runs: 2 pi from inside, 0 from outside."""
    following = np.roll(ring, -1, axis=0)
    along = rays @ ring.T
    sines = rays @ np.cross(ring, following).T
    cosines = np.sum(ring * following, axis=1) - along * np.roll(along, -1, axis=1)
    return np.asarray(np.abs(np.arctan2(sines, cosines).sum(axis=1)))
