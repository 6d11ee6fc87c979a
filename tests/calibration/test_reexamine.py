"""Masks under another camera model."""

from dataclasses import replace

import pytest

from blanking.calibration.reexamine import reexamine
from blanking.plan_values import Accuracy, CameraModel, DirectionMask, DirectionPlan

MODEL = CameraModel(
    ((0.0, 62.0), (0.5, 20.0), (1.0, 4.0)), ((0.0, -0.1), (0.4, 0.0)), mount_pan_deg=70.0, mount_tilt_deg=1.0
)
ACCURACY = Accuracy(pan_tilt_deg=0.1, zoom_rel=0.01, time_s=0.02, exposure_s=0.02)
NEAR = DirectionMask("near", ((-70.0, -3.0), (-68.0, -3.0), (-68.0, -1.0), (-70.0, -1.0)))
WIDE = DirectionMask("wide", ((90.0, -12.0), (120.0, -12.0), (120.0, 2.0), (90.0, 2.0)))
PLAN = DirectionPlan(1280, 720, MODEL, ACCURACY, (NEAR, WIDE))


def test_the_same_model_moves_nothing() -> None:
    """A calibration that was repeated must not send anybody back to the drawing board."""
    assert [move.moved_deg for move in reexamine(PLAN, MODEL, ACCURACY)] == pytest.approx([0.0, 0.0], abs=1e-6)


@pytest.mark.parametrize(
    ("what", "change", "least_deg"),
    [
        ("tilt zero", {"tilt_offset_deg": 0.5}, 0.49),
        ("sensor roll", {"sensor_roll_deg": 2.0}, 0.5),
        ("tilt scale", {"tilt_scale": 1.05}, 0.1),
        ("pan scale", {"pan_scale": -1.0}, 90.0),
        ("focal length", {"zoom_hfov_deg": ((0.0, 66.0), (0.5, 21.4), (1.0, 4.3))}, 0.5),
        ("distortion", {"zoom_k1": ((0.0, 0.0),)}, 0.2),
        ("principal point", {"principal_point_rel": (0.52, 0.5)}, 0.5),
    ],
)
def test_whatever_changed_is_seen_in_the_masks(what: str, change: dict[str, object], least_deg: float) -> None:
    """Each part of a model moves what was drawn through it by what geometry says."""
    moves = reexamine(PLAN, replace(MODEL, **change), ACCURACY)  # type: ignore[arg-type]  # one field at a time
    assert max(move.moved_deg for move in moves) >= least_deg, what
    assert any(move.redraw for move in moves), what


def test_a_small_change_within_the_stated_error_needs_no_new_drawing() -> None:
    """The plan's own bound covers it: that is what the bound is for."""
    moves = reexamine(PLAN, replace(MODEL, tilt_offset_deg=0.05), ACCURACY)
    assert all(0.04 < move.moved_deg < 0.07 for move in moves)
    assert not any(move.redraw for move in moves)


def test_the_mount_plays_no_part() -> None:
    """It can't be measured from pictures; the register's zero ties both models to each other."""
    moves = reexamine(PLAN, replace(MODEL, mount_pan_deg=0.0, mount_tilt_deg=0.0), ACCURACY)
    assert not any(move.redraw for move in moves)
