"""Which directions count as in a mask, where the picture is looked at for other purposes than blanking."""

import dataclasses
import math

import numpy as np
import pytest

from blanking.cover import MaskSphere
from blanking.plan_values import Accuracy, CameraModel, DirectionMask, DirectionPlan

SQUARE = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))
PLAN = DirectionPlan(
    640,
    360,
    CameraModel(zoom_hfov_deg=((0.0, 60.0), (1.0, 6.0))),
    Accuracy(pan_tilt_deg=0.1, zoom_rel=0.01, time_s=0.01, exposure_s=0.01),
    (DirectionMask("m1", SQUARE),),
)


@pytest.mark.parametrize(
    ("outline", "azimuth_deg", "hidden"),
    [
        ({}, 0.9, True),
        ({}, 1.4, True),
        ({}, 1.6, False),
        ({"drawing_deg": 0.2}, 1.6, True),
        ({"parallax_deg": 0.2}, 1.6, True),
        ({"drawing_deg": 0.2, "parallax_deg": 0.2}, 1.8, True),
        ({"drawing_deg": 0.2, "parallax_deg": 0.2}, 2.0, False),
    ],
)
def test_near_a_mask_counts_from_where_it_may_reach(
    outline: dict[str, float],
    azimuth_deg: float,
    hidden: bool,  # noqa: FBT001 - a table
) -> None:
    """Half a degree of margin, beside a square that ends at 1 degree: no corner for registration, no landmark is taken there."""
    accuracy = dataclasses.replace(PLAN.accuracy, **outline)
    sphere = MaskSphere(dataclasses.replace(PLAN, accuracy=accuracy))
    azimuth = math.radians(azimuth_deg)
    ahead = np.array([[math.sin(azimuth), 0.0, math.cos(azimuth)]])
    assert bool(sphere.near(ahead, math.radians(0.5))[0]) is hidden
