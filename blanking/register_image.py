"""Proposed masks of a camera that does not turn: the directions of `register`, projected into its picture.

Everything that is not known exactly makes a mask larger: field of view, tilt and roll by their errors, a bent lens by the errors too.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely

from blanking.plan_values import Point
from blanking.register import Proposal
from blanking.sphere import Vectors

_Shape = Any
"""A shapely geometry: its operators carry no types."""
_LEAST_COS = 0.15
"""What is nearer than this to the plane across the axis has no place in a picture of this kind."""
_STEP_DEG = 1.0
_OUTSIDE_REL = 0.02
"""Masks reach this far over the picture's edge, so that none ends on it."""
_LEAST_AREA_PX = 16.0
_SIMPLER_PX = 1.5


@dataclass(frozen=True, slots=True)
class FixedView:
    """How a camera that does not turn looks; its heading is that of the stand, azimuth 0 in the middle of the picture.

    Args:
        hfov_deg: horizontal field of view.
        tilt_deg: of the axis, > 0 up.
        roll_deg: of the picture about the axis, > 0 turns what is right of the middle down.
        hfov_error_rel: bound on the focal length's relative error, a bent lens included.
        angle_error_deg: bound on tilt and roll.
    """

    width_px: int
    height_px: int
    hfov_deg: float
    tilt_deg: float
    roll_deg: float = 0.0
    hfov_error_rel: float = 0.05
    angle_error_deg: float = 1.0


@dataclass(frozen=True, slots=True)
class ImageProposal:
    """One mask in fractions of width and height that a person may accept."""

    name: str
    polygon_rel: tuple[Point, ...]
    origin: Any


def in_picture(proposals: Sequence[Proposal], view: FixedView) -> list[ImageProposal]:
    """Return what of the proposals lies in the picture; one that its edge cuts apart becomes several."""
    return [found for one in proposals for found in _seen(one, view)]


def _seen(proposal: Proposal, view: FixedView) -> Iterator[ImageProposal]:
    ahead = _clipped(_vectors(proposal.polygon_deg) @ _rotation(view).T)
    if len(ahead) < 3:
        return
    focal_px = view.width_px / 2 / math.tan(math.radians(view.hfov_deg) / 2)
    flat = ahead[:, :2] / ahead[:, 2:]
    ends = [flat * focal_px * factor for factor in (1 / (1 + view.hfov_error_rel), 1 + view.hfov_error_rel)]
    # Between the two focal lengths every edge sweeps a quadrangle.
    swept = [
        shapely.MultiPoint(np.stack((a, b, c, d))).convex_hull
        for (a, b), (c, d) in zip(pairwise(_closed(ends[0])), pairwise(_closed(ends[1])), strict=True)
    ]
    shape: _Shape = shapely.union_all([*swept, *(shapely.make_valid(shapely.Polygon(end)) for end in ends)])
    middle = (view.width_px / 2, view.height_px / 2)
    radius = math.hypot(*middle) / focal_px
    # An angle about the axis moves a point by its radius, one across it by up to 1 + r^2; both may be off.
    reach_px = (
        focal_px
        * (1 + view.hfov_error_rel)
        * math.tan(math.radians(view.angle_error_deg))
        * (1 + radius + radius * radius)
    )
    shape = shape.buffer(reach_px + _SIMPLER_PX, join_style="mitre").simplify(_SIMPLER_PX)
    room = (_OUTSIDE_REL * view.width_px, _OUTSIDE_REL * view.height_px)
    box = shapely.box(-middle[0] - room[0], -middle[1] - room[1], middle[0] + room[0], middle[1] + room[1])
    parts = [
        part for part in shapely.get_parts(shape & box) if part.geom_type == "Polygon" and part.area >= _LEAST_AREA_PX
    ]
    for number, part in enumerate(parts, 1):
        points = shapely.get_coordinates(part.exterior)[:-1]
        yield ImageProposal(
            proposal.name if len(parts) == 1 else f"{proposal.name}-{chr(96 + number)}",
            tuple(
                (round(float(x) / view.width_px + 0.5, 5), round(float(y) / view.height_px + 0.5, 5)) for x, y in points
            ),
            proposal.origin,
        )


def _closed(points: Vectors) -> Vectors:
    return np.concatenate((points, points[:1]))


def _vectors(polygon_deg: Sequence[Point]) -> Vectors:
    """Return an outline as directions (x right, y down, z ahead), its edges along great circles in small steps."""
    angles = np.radians(np.asarray(polygon_deg))
    flat = np.cos(angles[:, 1])
    corners = np.column_stack((flat * np.sin(angles[:, 0]), -np.sin(angles[:, 1]), flat * np.cos(angles[:, 0])))
    steps = []
    for a, b in pairwise(_closed(corners)):
        count = max(1, math.ceil(math.degrees(math.acos(max(-1.0, min(1.0, float(a @ b))))) / _STEP_DEG))
        steps.append(a + (b - a) * (np.arange(count) / count)[:, None])
    return np.asarray(np.concatenate(steps))


def _rotation(view: FixedView) -> Vectors:
    """Return the rotation from directions to the camera's axes, as docs/blanking.md has them."""
    tilt, roll = math.radians(view.tilt_deg), math.radians(view.roll_deg)
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, math.cos(tilt), math.sin(tilt)], [0.0, -math.sin(tilt), math.cos(tilt)]])
    about_z = np.array([[math.cos(roll), -math.sin(roll), 0.0], [math.sin(roll), math.cos(roll), 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(about_z @ about_x)


def _clipped(points: Vectors) -> Vectors:
    """Return the part of an outline that lies well ahead (Sutherland and Hodgman against one plane)."""
    kept: list[Vectors] = []
    depth = points[:, 2] - _LEAST_COS * np.linalg.norm(points, axis=1)
    for i, (point, here) in enumerate(zip(points, depth, strict=True)):
        before, there = points[i - 1], depth[i - 1]
        if (here >= 0) != (there >= 0):
            kept.append(before + (point - before) * (there / (there - here)))
        if here >= 0:
            kept.append(point)
    return np.array(kept).reshape(-1, 3)
