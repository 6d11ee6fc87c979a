"""Write the blanking plan of a camera as its surveyor would have drawn it, in the PLAN.json format of the design."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sample_streams.device.mechanics import Limits
from sample_streams.optics import azimuth_elevation_deg
from sample_streams.roster import NOMINAL, CameraKind, CameraSpec
from sample_streams.scene.place import Place
from sample_streams.scene.world import Dwelling, Panel

Floats = NDArray[np.float64]
IMAGE_GROWTH_PX = 3.0
MIN_AREA_PX = 12.0
NEAR_COS = 0.17


def plan_document(spec: CameraSpec, place: Place) -> dict[str, Any]:
    """Return the plan: masks as directions for a PTZ camera, as image fractions for a fixed one."""
    frame = {"width": spec.optics.width_px, "height": spec.optics.height_px}
    if spec.kind is CameraKind.PTZ:
        masks = [
            {"id": dwelling.dwelling_id, "polygon_deg": _degrees(panel, dwelling)}
            for panel in place.panels_with_dwellings()
            for dwelling in panel.dwellings
        ]
        return {
            "frame": frame,
            "kind": "directions",
            "camera_model": _camera_model(spec),
            "accuracy": _accuracy(spec),
            "masks": masks,
        }
    masks = []
    for panel in place.panels_with_dwellings():
        for dwelling in panel.dwellings:
            fractions = _fractions(spec, panel, dwelling)
            if fractions:
                masks.append({"id": dwelling.dwelling_id, "polygon_rel": fractions})
    return {"frame": frame, "kind": "image", "masks": masks}


def _camera_model(spec: CameraSpec) -> dict[str, Any]:
    optics = spec.planned_optics
    return {
        "zoom": [list(row) for row in optics.hfov_deg],
        "k1": [list(row) for row in optics.k1],
        "principal_point": list(optics.principal_point),
        "mount_deg": {"pan": optics.mount_pan_deg, "tilt": optics.mount_tilt_deg, "roll": optics.mount_roll_deg},
        "pan_scale": optics.pan_scale,
        "tilt_scale": optics.tilt_scale,
    }


def _accuracy(spec: CameraSpec) -> dict[str, float]:
    limits = Limits()
    return {
        "pan_tilt_deg": spec.pan_tilt_accuracy_deg,
        "zoom_rel": spec.zoom_accuracy_rel,
        "time_s": spec.time_accuracy_s,
        "exposure_s": spec.exposure_s,
        "staleness_s": spec.telemetry.refresh_s,
        "max_speed_deg_s": 1.2 * limits.pan.top_speed,
        "max_acceleration_deg_s2": 1.4 * limits.pan.acceleration,
        "max_zoom_rate": 1.2 * limits.zoom.top_speed,
        "max_zoom_acceleration": 1.2 * limits.zoom.acceleration,
    }


def _degrees(panel: Panel, dwelling: Dwelling) -> list[list[float]]:
    return [[round(value, 5) for value in azimuth_elevation_deg(panel.point(*point))] for point in dwelling.outline_m]


def _fractions(spec: CameraSpec, panel: Panel, dwelling: Dwelling) -> list[list[float]]:
    """Return the outline in image fractions, grown a little as careful people draw; empty when out of the picture."""
    optics = spec.planned_optics
    points = np.array([panel.point(*point) for point in dwelling.outline_m]) @ optics.rotation(NOMINAL).T
    clipped = clip_before_camera(points)
    if len(clipped) < 3:
        return []
    focal, (cx, cy) = optics.focal_px(0.0), optics.centre_px
    polygon = clipped[:, :2] / clipped[:, 2:] * focal + np.array([cx, cy])
    polygon = clip_to_box(_grown(polygon), (0.0, 0.0), (float(optics.width_px), float(optics.height_px)))
    if len(polygon) < 3 or _area(polygon) < MIN_AREA_PX:
        return []
    return [[round(float(x) / optics.width_px, 6), round(float(y) / optics.height_px, 6)] for x, y in polygon]


def clip_before_camera(points: Floats) -> Floats:
    """Clip a polygon in camera coordinates to what lies well before the camera."""
    kept = []
    for a, b in zip(points, np.roll(points, -1, axis=0), strict=True):
        depth_a, depth_b = a[2] - NEAR_COS * np.linalg.norm(a), b[2] - NEAR_COS * np.linalg.norm(b)
        if depth_a >= 0:
            kept.append(a)
        if (depth_a >= 0) != (depth_b >= 0):
            low, high = 0.0, 1.0
            for _ in range(40):
                middle = (low + high) / 2
                point = a + middle * (b - a)
                is_like_a = (point[2] - NEAR_COS * np.linalg.norm(point) >= 0) == (depth_a >= 0)
                low, high = (middle, high) if is_like_a else (low, middle)
            kept.append(a + low * (b - a))
    return np.array(kept).reshape(-1, 3)


def _area(polygon: Floats) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2


def _grown(polygon: Floats) -> Floats:
    """Push every corner outwards along its neighbours' normals."""
    x, y = polygon[:, 0], polygon[:, 1]
    sign = 1.0 if np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)) > 0 else -1.0
    edges = np.roll(polygon, -1, axis=0) - polygon
    lengths = np.maximum(np.linalg.norm(edges, axis=1, keepdims=True), 1e-9)
    normals = sign * np.stack([edges[:, 1], -edges[:, 0]], axis=1) / lengths
    before = np.roll(normals, 1, axis=0)
    cosine = np.sum(normals * before, axis=1, keepdims=True)
    push = (normals + before) / np.maximum(1 + cosine, 0.4)
    return np.asarray(polygon + IMAGE_GROWTH_PX * push)


def clip_to_box(polygon: Floats, low: tuple[float, float], high: tuple[float, float]) -> Floats:
    """Clip a polygon in the plane to a rectangle."""
    for axis, bound, sign in ((0, low[0], 1.0), (0, high[0], -1.0), (1, low[1], 1.0), (1, high[1], -1.0)):
        kept = []
        for a, b in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            is_a_in, is_b_in = sign * (a[axis] - bound) >= 0, sign * (b[axis] - bound) >= 0
            if is_a_in:
                kept.append(a)
            if is_a_in != is_b_in:
                kept.append(a + (bound - a[axis]) / (b[axis] - a[axis]) * (b - a))
        polygon = np.array(kept).reshape(-1, 2)
        if len(polygon) == 0:
            break
    return polygon
