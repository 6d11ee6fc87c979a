"""Masks proposed from the building register: dwellings' facades as a camera at a known spot would see them.

A proposal is only that: a person accepts, edits or rejects each. Every doubt makes a proposal larger, none makes it smaller: unknown
heights are taken high, a facade counts as hidden only behind a building that surely hides all of it, and simplification only grows.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
import shapely.affinity
import shapely.geometry

from blanking.plan_values import Point
from blanking.register_file import Building
from blanking.sphere import Vectors

_Shape = Any
"""A shapely geometry: its operators carry no types."""
_WIDEST_PIECE_DEG = 10.0
_WIDEST_MASK_DEG = 50.0
_NEAREST_M = 1.0
_NEAR_ERRORS = 3.0
_SURE_M = 0.5
"""What a register's outline may be off; hiding buildings are made smaller by it."""
_SURE_HEIGHT_M = 1.0
_CELLAR_M = 0.5
_SIMPLER = math.tan(math.radians(0.15))


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a camera stands.

    Args:
        x_m, y_m: RD New.
        height_m: of the lens above the ground at the dwellings' feet.
        heading_deg: bearing (clockwise from north) of the plan's azimuth 0.
        position_error_m, heading_error_deg: bounds; they become margin.
        range_m: dwellings farther off are not proposed.
    """

    x_m: float
    y_m: float
    height_m: float
    heading_deg: float
    position_error_m: float = 1.0
    heading_error_deg: float = 1.0
    range_m: float = 150.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """One mask that a person may accept.

    Args:
        name: what the mask would be called.
        polygon_deg: azimuth and elevation.
        origin: the register's number, distance and height, and how the height is known.
    """

    name: str
    polygon_deg: tuple[Point, ...]
    origin: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of facade: its two feet in metres from the camera, and the bearings they are seen at."""

    feet_m: tuple[Point, Point]
    azimuths_deg: tuple[float, float]


def propose(buildings: Sequence[Building], stand: Stand) -> list[Proposal]:
    """Return proposed masks, nearest dwelling first."""
    spot = shapely.Point(stand.x_m, stand.y_m)
    near = [
        (float(building.footprint.distance(spot)), building)
        for building in buildings
        if building.footprint.distance(spot) <= stand.range_m
    ]
    # The sight line of a camera that stands a metre off runs within a metre of the one drawn here: a building that still closes it with
    # that much taken off all round hides from there too.
    sure_m = _SURE_M + stand.position_error_m
    hiding: list[tuple[_Shape, float]] = [
        (
            shapely.affinity.translate(building.footprint, -stand.x_m, -stand.y_m).buffer(-sure_m),
            building.sure_height_m,
        )
        for _, building in near
        if building.sure_height_m is not None
    ]
    found: list[Proposal] = []
    for distance_m, building in sorted(near, key=lambda pair: (pair[0], pair[1].id)):
        if building.is_dwelling and not _is_too_near(distance_m, stand):
            found.extend(_of_building(building, distance_m, stand, hiding))
    return found


def too_near(buildings: Sequence[Building], stand: Stand) -> list[str]:
    """Return the dwellings so near that the camera's own spot is not known well enough: they are drawn by hand."""
    spot = shapely.Point(stand.x_m, stand.y_m)
    return [one.id for one in buildings if one.is_dwelling and _is_too_near(one.footprint.distance(spot), stand)]


def _is_too_near(distance_m: float, stand: Stand) -> bool:
    return distance_m < max(_NEAREST_M, _NEAR_ERRORS * stand.position_error_m)


def _of_building(
    building: Building, distance_m: float, stand: Stand, hiding: Sequence[tuple[_Shape, float]]
) -> Iterator[Proposal]:
    footprint: _Shape = shapely.affinity.translate(building.footprint, -stand.x_m, -stand.y_m)
    pieces = [
        piece
        for piece in _facing(footprint)
        if not any(_hides(solid, top_m, piece, building, stand) for solid, top_m in hiding if solid.area > 0)
    ]
    origin = {
        "source": "register",
        "register_id": building.id,
        "distance_m": round(distance_m, 1),
        "height_m": round(building.height_m, 1),
        "height_from": building.height_from,
    }
    groups = list(_groups(pieces))
    for number, group in enumerate(groups, 1):
        name = building.id if len(groups) == 1 else f"{building.id}-{number}"
        # Who looks down on a roof sees its far edge and what stands on it.
        above = footprint if stand.height_m > building.height_m else None
        yield Proposal(name, _outline(group, building, stand, distance_m, above if len(groups) == 1 else None), origin)


def _facing(footprint: shapely.Polygon) -> list[_Piece]:
    """Return the stretches of the outer wall that face the camera at the origin, none wider than 10 degrees, by bearing."""
    ring = shapely.get_coordinates(shapely.geometry.polygon.orient(footprint).exterior)
    pieces = []
    for (ax, ay), (bx, by) in pairwise(ring):
        # Counter-clockwise: the outside is on the right, and is seen when the camera lies there.
        if (bx - ax) * (-ay) - (by - ay) * (-ax) >= 0:
            continue
        first, last = (math.degrees(math.atan2(x, y)) for x, y in ((ax, ay), (bx, by)))
        last = first + (last - first + 180.0) % 360.0 - 180.0
        count = max(1, math.ceil(abs(last - first) / _WIDEST_PIECE_DEG))
        # Equal angles, not equal lengths: a long wall beside the camera spans most of its angle near the foot of the perpendicular.
        bearings = [first + (last - first) * i / count for i in range(count + 1)]
        feet = [_on_wall((ax, ay), (bx, by), bearing) for bearing in bearings[1:-1]]
        for one, other, b0, b1 in zip([(ax, ay), *feet], [*feet, (bx, by)], bearings, bearings[1:], strict=False):
            pieces.append(_Piece((one, other), (b0, b1)))
    return sorted(pieces, key=lambda piece: min(piece.azimuths_deg))


def _on_wall(a: Point, b: Point, bearing_deg: float) -> Point:
    """Return where the ray at a bearing meets the line of a wall."""
    sine, cosine = math.sin(math.radians(bearing_deg)), math.cos(math.radians(bearing_deg))
    dx, dy = b[0] - a[0], b[1] - a[1]
    share = (a[1] * sine - a[0] * cosine) / (dx * cosine - dy * sine)
    return a[0] + share * dx, a[1] + share * dy


def _hides(solid: _Shape, top_m: float, piece: _Piece, building: Building, stand: Stand) -> bool:
    """Tell whether a solid surely hides a stretch of facade: it closes the whole wedge of sight, and is high enough everywhere in it."""
    wedge: _Shape = shapely.Polygon([(0.0, 0.0), *piece.feet_m])
    inside = solid & wedge
    if inside.is_empty or inside.area <= 0:
        return False
    wall = shapely.LineString(piece.feet_m)
    if inside.distance(wall) < _SURE_M:
        return False
    rest = shapely.get_parts(wedge - solid)
    eye = [part for part in rest if part.distance(shapely.Point(0, 0)) < 1e-9]
    if not eye or any(part.distance(wall) < 1e-6 for part in eye):
        return False
    rise = building.height_m + _SURE_HEIGHT_M - stand.height_m
    lengths = [math.hypot(*foot) for foot in piece.feet_m] + [float(wall.distance(shapely.Point(0, 0)))]
    steepest = max(rise / length for length in lengths)
    reach = [math.hypot(x, y) for x, y in shapely.get_coordinates(inside)] + [
        float(inside.distance(shapely.Point(0, 0)))
    ]
    return all(stand.height_m + steepest * distance <= top_m - _SURE_HEIGHT_M for distance in reach)


def _groups(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """Yield neighbouring pieces, no group wider than 50 degrees: a mask must lie well within a hemisphere."""
    group: list[_Piece] = []
    for piece in pieces:
        if group and max(piece.azimuths_deg) - min(group[0].azimuths_deg) > _WIDEST_MASK_DEG:
            yield group
            group = []
        group.append(piece)
    if group:
        yield group


def _outline(
    group: Sequence[_Piece], building: Building, stand: Stand, distance_m: float, roof: shapely.Polygon | None
) -> tuple[Point, ...]:
    """Return the mask of a group: the union of its facades, grown by what is not known, simplified outward."""
    low, high = -_CELLAR_M - stand.height_m, building.height_m - stand.height_m
    walls = [
        np.array(
            [
                (x, -height, y)
                for (x, y), height in zip((*piece.feet_m, *reversed(piece.feet_m)), (low, low, high, high), strict=True)
            ]
        )
        for piece in group
    ]
    middle = np.concatenate([wall / np.linalg.norm(wall, axis=1, keepdims=True) for wall in walls]).sum(axis=0)
    face = _face_towards(middle)
    shapes: list[_Shape] = [_flat(wall, face) for wall in walls]
    if roof is not None:
        tops = np.array([(x, -high, y) for x, y in shapely.get_coordinates(roof.exterior)])
        shapes = [
            shapely.MultiPoint(
                np.concatenate([shapely.get_coordinates(shape) for shape in (*shapes, _flat(tops, face))])
            ).convex_hull
        ]
    seen: _Shape = shapely.union_all(shapes)
    margin = math.radians(stand.heading_error_deg) + math.atan2(stand.position_error_m, max(distance_m, _NEAREST_M))
    radius = max(math.hypot(x, y) for x, y in shapely.get_coordinates(seen))
    # On a gnomonic face an angle looks larger by up to 1 + r^2 at distance r from its middle.
    grown: _Shape = seen.buffer(math.tan(min(margin, math.radians(20.0))) * (1 + radius * radius), join_style="mitre")
    if grown.geom_type != "Polygon":
        grown = grown.convex_hull
    whole = shapely.Polygon(grown.exterior)
    simple: _Shape = whole.simplify(_SIMPLER).buffer(_SIMPLER, join_style="mitre")
    chosen = shapely.Polygon(simple.exterior) if simple.geom_type == "Polygon" and simple.covers(whole) else whole
    vectors = (
        np.column_stack((shapely.get_coordinates(chosen.exterior)[:-1], np.ones(len(chosen.exterior.coords) - 1)))
        @ face
    )
    return tuple(_direction_deg(vector, stand.heading_deg) for vector in vectors)


def _flat(points: Vectors, face: Vectors) -> _Shape:
    turned = points @ face.T
    return shapely.MultiPoint(
        turned[:, :2] / np.maximum(turned[:, 2:], 1e-6 * np.linalg.norm(points, axis=1, keepdims=True))
    ).convex_hull


def _face_towards(middle: Vectors) -> Vectors:
    """Return the rotation that turns a direction (x east, y down, z north) to +z."""
    forward = middle / np.linalg.norm(middle)
    right = np.cross(np.array([0.0, 1.0, 0.0]), forward)
    if np.linalg.norm(right) < 1e-9:
        right = np.array([1.0, 0.0, 0.0])
    right /= np.linalg.norm(right)
    return np.array([right, np.cross(forward, right), forward])


def _direction_deg(vector: Vectors, heading_deg: float) -> Point:
    x, y, z = (float(value) for value in vector)
    azimuth = math.degrees(math.atan2(x, z)) - heading_deg
    return round((azimuth + 180.0) % 360.0 - 180.0, 4), round(math.degrees(math.atan2(-y, math.hypot(x, z))), 4)
