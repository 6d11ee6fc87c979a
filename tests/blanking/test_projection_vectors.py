"""The editor's projection and ours are held to the same numbers: a file of vectors, made here, read by the pages' tests too."""

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blanking.cover import mount_rotation, rotation
from blanking.optics import Optics, radial_scale
from blanking.plan import parse_plan
from blanking.plan_values import CameraModel, DirectionPlan
from blanking.sphere import directions

FILE = Path(__file__).with_name("projection_vectors.json")
MODELS: list[dict[str, Any]] = [
    {"zoom": [[0.0, 62.8], [0.5, 12.1], [1.0, 2.3]]},
    {
        "zoom": [[0.0, 70.0], [1.0, 4.0]],
        "k1": [[0.0, -0.12], [1.0, 0.02]],
        "principal_point": [0.507, 0.488],
        "mount_deg": {"pan": 31.0, "tilt": 0.7, "roll": -1.1},
        "pan_scale": 0.998,
        "tilt_scale": 1.003,
    },
]
FRAMES = ({"width": 1280, "height": 720}, {"width": 704, "height": 576})
POSES = ((0.0, 0.0, 0.0), (-170.0, -25.0, 0.3), (100.0, -80.0, 0.9), (179.9, 12.0, 1.0))


def project(model: CameraModel, frame: dict[str, int], pose: tuple[float, ...], point_deg: list[float]) -> list[float]:
    """Return the pixel of a direction, by the steps that blanking takes (docs/blanking.md)."""
    pan_deg, tilt_deg, zoom = pose
    optics = Optics(model, frame["width"], frame["height"])
    tilt = math.radians(model.tilt_scale * tilt_deg + getattr(model, "tilt_offset_deg", 0.0))
    turn = rotation(math.radians(model.pan_scale * pan_deg), tilt) @ mount_rotation(model)
    [[x, y, z]] = directions([(point_deg[0], point_deg[1])]) @ turn.T
    roll = math.radians(getattr(model, "sensor_roll_deg", 0.0))
    x, y = (math.cos(roll) * x - math.sin(roll) * y) / z, (math.sin(roll) * x + math.cos(roll) * y) / z
    scale = optics.focal_px(zoom) * float(radial_scale(np.array([x * x + y * y]), optics.k1_at(zoom))[0])
    return [optics.centre_px[0] + scale * x, optics.centre_px[1] + scale * y]


def model_of(values: dict[str, Any]) -> CameraModel:
    """Return a camera model as plans state it."""
    accuracy = {"pan_tilt_deg": 0.1, "zoom_rel": 0.01, "time_s": 0.02, "exposure_s": 0.01}
    plan = parse_plan(
        {"frame": FRAMES[0], "kind": "directions", "camera_model": values, "accuracy": accuracy, "masks": []}
    )
    assert isinstance(plan, DirectionPlan)
    return plan.camera_model


def vectors() -> list[dict[str, Any]]:
    """Return directions in and somewhat beyond view, with their pixels."""
    found = []
    for values, frame, pose in itertools.product(MODELS, FRAMES, POSES):
        model = model_of(values)
        still = replace(model, zoom_hfov_deg=model.zoom_hfov_deg)
        mount = values.get("mount_deg", {})
        hfov_deg = math.degrees(2 * math.atan(frame["width"] / 2 / Optics(still, **sizes(frame)).focal_px(pose[2])))
        for right, up in ((0.0, 0.0), (0.4, 0.1), (-0.45, -0.2), (0.6, 0.4)):
            azimuth = pose[0] * model.pan_scale + mount.get("pan", 0.0) + right * hfov_deg
            elevation = max(-89.0, min(89.0, pose[1] * model.tilt_scale + up * hfov_deg))
            point = [round(azimuth, 6), round(elevation, 6)]
            pixel = [round(value, 6) for value in project(model, frame, pose, point)]
            found.append({"model": values, "frame": frame, "pose": list(pose), "point_deg": point, "pixel": pixel})
    return found


def sizes(frame: dict[str, int]) -> dict[str, int]:
    """Return a frame's size as arguments."""
    return {"width_px": frame["width"], "height_px": frame["height"]}


def test_the_file_of_vectors_is_what_blanking_computes() -> None:
    """If the equations change, the file must too, and with it the editor. To write it anew: run this module."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    made = vectors()
    assert [{**row, "pixel": None} for row in stored] == [{**row, "pixel": None} for row in made]
    for one, other in zip(stored, made, strict=True):
        assert one["pixel"] == pytest.approx(other["pixel"], abs=1e-5)


if __name__ == "__main__":
    FILE.write_text("[\n" + ",\n".join(json.dumps(row) for row in vectors()) + "\n]\n", encoding="utf-8")
