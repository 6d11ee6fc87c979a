"""Which pixels of a picture show a dwelling, by the plan's document and a pose: pixel by pixel, from the pixel to the direction.

The blanking projects polygons forward and grows them; this asks of each pixel's ray whether it points into a polygon. It follows the
equations of the plan's format (docs/blanking.md) and imports nothing of the blanking, so that a fault there is not repeated here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Angles = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]
Pose = tuple[float, float, float]
"""Pan and tilt in the axes' own degrees, zoom 0..1."""

_NEWTON_ROUNDS = 12
_SLACK_RAD = 0.01


@dataclass(frozen=True, slots=True)
class Points:
    """Sampled pixels: their columns and rows."""

    columns: NDArray[np.intp]
    rows: NDArray[np.intp]


def grid(width_px: int, height_px: int, stride_px: int, phase: tuple[int, int] = (0, 0)) -> Points:
    """Return every `stride_px`-th pixel of a picture, the first at `phase`."""
    columns, rows = np.meshgrid(np.arange(phase[0], width_px, stride_px), np.arange(phase[1], height_px, stride_px))
    return Points(columns.ravel(), rows.ravel())


def inside_image_masks(document: Mapping[str, Any], points: Points) -> Flags:
    """Return which pixels' centres lie in a mask of a plan of kind `image`."""
    size = (float(document["frame"]["width"]), float(document["frame"]["height"]))
    x, y = points.columns + 0.5, points.rows + 0.5
    found = np.zeros(len(x), dtype=np.bool_)
    for mask in document["masks"]:
        corners = [(a * size[0], b * size[1]) for a, b in mask["polygon_rel"]]
        odd = np.zeros(len(x), dtype=np.bool_)
        for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
            if y1 == y2:
                continue
            crosses = (y1 > y) != (y2 > y)
            odd ^= crosses & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
        found |= odd
    return found


def inside_on_sphere(document: Mapping[str, Any], azimuth_deg: Angles, elevation_deg: Angles) -> Flags:
    """Return which directions lie in a mask of a plan of kind `directions`."""
    rays = _ring(np.column_stack((azimuth_deg, elevation_deg)))
    found = np.zeros(len(rays), dtype=np.bool_)
    for mask in document["masks"]:
        ring = _ring(mask["polygon_deg"])
        # From the far side of the sphere a ring runs around a direction too, the other way round.
        heart = ring.sum(axis=0)
        found |= (_turns(rays, ring) > math.pi) & (rays @ heart > 0.0)
    return found


@dataclass(frozen=True, slots=True)
class Slack:
    """By how much a pose may be another one.

    Args:
        turn_rad: any direction may be shifted by so much.
        focal_rel: the focal length may be longer or shorter by so much of itself.
    """

    turn_rad: float
    focal_rel: float


EXACT = Slack(0.0, 0.0)


def inside_direction_masks(document: Mapping[str, Any], pose: Pose, points: Points, slack: Slack = EXACT) -> Flags:
    """Return which pixels' rays point into a mask of a plan of kind `directions` under a pose, and under all within a slack of it.

    What lies farther from a mask's outline than the slack can carry it is inside under each of those poses, whatever the mask's shape.
    """
    seen = _rays(document, pose[2], points)
    rays = seen @ _world_to_camera(document["camera_model"], pose)
    off_axis = np.arccos(np.clip(seen[:, 2], -1.0, 1.0))
    distance = slack.turn_rad + slack.focal_rel * off_axis
    found = np.zeros(len(rays), dtype=np.bool_)
    for mask in document["masks"]:
        ring = _ring(mask["polygon_deg"])
        heart = ring.sum(axis=0) / np.linalg.norm(ring.sum(axis=0))
        reach = math.acos(max(-1.0, min(1.0, float((ring @ heart).min()))))
        near = np.nonzero(rays @ heart > math.cos(min(reach + _SLACK_RAD, math.pi / 2)))[0]
        inside = near[_turns(rays[near], ring) > math.pi] if len(near) else near
        if slack != EXACT and len(inside):
            inside = inside[_to_outline(rays[inside], ring) > distance[inside]]
        found[inside] = True
    return found


def log_focal(document: Mapping[str, Any], zoom: float) -> float:
    """Return the logarithm of the focal length in pixels at a zoom."""
    half = float(document["frame"]["width"]) / 2
    table = document["camera_model"]["zoom"]
    logs = [math.log(half / math.tan(math.radians(hfov_deg) / 2)) for _, hfov_deg in table]
    return float(np.interp(zoom, [row[0] for row in table], logs))


def _rays(document: Mapping[str, Any], zoom: float, points: Points) -> Floats:
    """Return the pixels' unit rays in camera axes: x right, y down, z forward."""
    model = document["camera_model"]
    width, height = float(document["frame"]["width"]), float(document["frame"]["height"])
    focal = math.exp(log_focal(document, zoom))
    bent = model.get("k1", [[0.0, 0.0]])
    k1 = float(np.interp(zoom, [row[0] for row in bent], [row[1] for row in bent]))
    centre = model.get("principal_point", [0.5, 0.5])
    x = (points.columns + 0.5 - centre[0] * width) / focal
    y = (points.rows + 0.5 - centre[1] * height) / focal
    seen = np.hypot(x, y)
    radius = seen.copy()
    for _ in range(_NEWTON_ROUNDS):
        radius -= (radius * (1 + k1 * radius**2) - seen) / np.maximum(1 + 3 * k1 * radius**2, 0.05)
    scale = np.where(seen > 1e-12, radius / np.maximum(seen, 1e-12), 1.0)
    rays = np.column_stack((x * scale, y * scale, np.ones_like(x)))
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True))


def _world_to_camera(model: Mapping[str, Any], pose: Pose) -> Floats:
    mount = model.get("mount_deg", {})
    roll, tilt, pan = (math.radians(mount.get(name, 0.0)) for name in ("roll", "tilt", "pan"))
    base = _about_z(roll) @ _about_x(tilt) @ _about_y(pan)
    pan_true = math.radians(pose[0] * model.get("pan_scale", 1.0))
    tilt_true = math.radians(pose[1] * model.get("tilt_scale", 1.0) + model.get("tilt_offset_deg", 0.0))
    sensor = _about_z(math.radians(model.get("sensor_roll_deg", 0.0)))
    return np.asarray(sensor @ _about_x(tilt_true) @ _about_y(pan_true) @ base)


def _about_y(angle: float) -> Floats:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])


def _about_x(angle: float) -> Floats:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])


def _about_z(angle: float) -> Floats:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _ring(polygon_deg: Sequence[Sequence[float]] | Angles) -> Floats:
    angles = np.radians(np.asarray(polygon_deg, dtype=np.float64))
    azimuth, elevation = angles[:, 0], angles[:, 1]
    return np.column_stack(
        (np.cos(elevation) * np.sin(azimuth), -np.sin(elevation), np.cos(elevation) * np.cos(azimuth))
    )


def _turns(rays: Floats, ring: Floats) -> Floats:
    """Return how far the ring runs around each ray: 2 pi from inside, 0 from outside."""
    following = np.roll(ring, -1, axis=0)
    along = rays @ ring.T
    sines = rays @ np.cross(ring, following).T
    cosines = np.sum(ring * following, axis=1) - along * np.roll(along, -1, axis=1)
    return np.asarray(np.abs(np.arctan2(sines, cosines).sum(axis=1)))


def _to_outline(rays: Floats, ring: Floats) -> Floats:
    """Return each ray's angle to the nearest point of the ring's edges."""
    least = np.full(len(rays), math.pi)
    for tail, head in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        normal = np.cross(tail, head)
        length = float(np.linalg.norm(normal))
        ends = np.arccos(np.clip(np.maximum(rays @ tail, rays @ head), -1.0, 1.0))
        if length > 1e-12:
            normal /= length
            height = rays @ normal
            # The foot of the perpendicular lies on the edge when the ray is on the inner side of both ends.
            between = (rays @ np.cross(normal, tail) > 0.0) & (rays @ np.cross(head, normal) > 0.0)
            ends = np.where(between, np.arcsin(np.clip(np.abs(height), 0.0, 1.0)), ends)
        least = np.minimum(least, ends)
    return least
