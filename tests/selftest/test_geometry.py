"""Where dwellings are, worked out a third time: compared with the campaign's truth, which was written for the blanking."""

import math
import random

import numpy as np
import pytest

from tests.blanking.truth import Dwelling, TrueCamera
from tests.blanking.worlds import REGIMES, make_world
from vms.selftest.geometry import Points, Slack, grid, inside_direction_masks, inside_image_masks


@pytest.mark.parametrize("seed", range(6))
def test_it_agrees_with_the_truth_pixel_by_pixel(seed: int) -> None:
    """Random optics, mounts, scales and polygons; two implementations that share nothing."""
    world = make_world(seed, REGIMES["wild"], seconds=1.0)
    document, rng = world.plan_document, random.Random(seed)
    masks, model = document["masks"], document["camera_model"]
    assert isinstance(masks, list)
    # Drawn outlines lie beside their dwellings: compared are the outlines, as both see them.
    outlines = [Dwelling(tuple(map(tuple, mask["polygon_deg"]))) for mask in masks]
    assert isinstance(model, dict)
    knots, bent = model["zoom"], model["k1"]

    def hfov_deg(zoom: float) -> float:
        logs = [math.log(1 / math.tan(math.radians(row[1]) / 2)) for row in knots]
        return math.degrees(2 * math.atan(1 / math.exp(float(np.interp(zoom, [row[0] for row in knots], logs)))))

    for _ in range(4):
        pose = world.camera.pose_at(rng.uniform(0, 1))
        camera = TrueCamera(
            world.camera.width_px, world.camera.height_px, hfov_deg,
            lambda zoom: float(np.interp(zoom, [row[0] for row in bent], [row[1] for row in bent])),
            tuple(model["principal_point"]), world.camera.mount_deg, world.camera.scales, lambda _t, pose=pose: pose, 0.0,
            (model["tilt_offset_deg"], model["sensor_roll_deg"]),
        )  # fmt: skip
        rows, columns = camera.dwelling_pixels(0.0, outlines, stride_px=5, instants=1)
        points = grid(camera.width_px, camera.height_px, 5, (2, 2))
        inside = inside_direction_masks(document, pose, points)
        found = set(zip(points.rows[inside].tolist(), points.columns[inside].tolist(), strict=True))
        true = set(zip(rows.tolist(), columns.tolist(), strict=True))
        assert len(found ^ true) <= max(2, len(true) // 500)


def test_a_slack_keeps_what_is_inside_under_every_pose_within_it() -> None:
    """Whatever the mask's shape: a notch between two poses is not accused."""
    ring = [[-8, -6], [8, -6], [8, 6], [0.6, 6], [0, -4], [-0.6, 6], [-8, 6]]
    document = {
        "frame": {"width": 320, "height": 180},
        "camera_model": {"zoom": [[0.0, 40.0], [1.0, 8.0]], "k1": [[0.0, -0.1]]},
        "masks": [{"id": "m", "polygon_deg": ring}],
    }
    points, rng = grid(320, 180, 2), random.Random(3)
    certain = inside_direction_masks(document, (1.0, -2.0, 0.2), points, Slack(math.radians(1.0), 0.05))
    assert 0 < certain.sum() < inside_direction_masks(document, (1.0, -2.0, 0.2), points).sum()
    for _ in range(40):
        pose = (1.0 + rng.uniform(-0.7, 0.7), -2.0 + rng.uniform(-0.7, 0.7), 0.2 + rng.uniform(-0.02, 0.02))
        assert not (certain & ~inside_direction_masks(document, pose, points)).any()


def test_masks_in_the_picture_are_filled_by_the_pixels_centre() -> None:
    """Concave ones too."""
    document = {
        "frame": {"width": 10, "height": 10},
        "masks": [{"id": "m", "polygon_rel": [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.5, 0.4], [0.2, 0.8]]}],
    }
    points = grid(10, 10, 1)
    inside = inside_image_masks(document, points).reshape(10, 10)
    assert inside[2, 2:8].all()
    assert not inside[:2].any()
    assert not inside[6, 5]
    assert inside[6, 2]
    assert inside[6, 7]


def test_behind_the_camera_there_is_no_dwelling() -> None:
    """A ring winds around its own opposite as well."""
    ring = Dwelling(((170.0, -5.0), (-170.0, -5.0), (-170.0, 5.0), (170.0, 5.0)))
    document = {
        "frame": {"width": 64, "height": 36},
        "camera_model": {"zoom": [[0.0, 60.0]]},
        "masks": [{"id": "m", "polygon_deg": [list(corner) for corner in ring.polygon_deg]}],
    }
    middle = Points(np.array([32]), np.array([18]))
    assert inside_direction_masks(document, (180.0, 0.0, 0.0), middle).all()
    assert not inside_direction_masks(document, (0.0, 0.0, 0.0), middle).any()
