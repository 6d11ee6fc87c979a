"""Regions of directions as flat geometry: union, difference and area of masks, on the six gnomonic faces of a cube.

Great circles are straight lines on a gnomonic face, so that flat set operations on the faces are exact on the sphere.
"""

import math
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import shapely

from blanking.clipping import flat_pieces
from blanking.plan_values import Point
from blanking.polygons import direction_ring
from blanking.sphere import SphericalPolygon, Vectors, area_sr

Faces = tuple[shapely.Geometry, ...]
"""What a region covers of each face of the cube |x|, |y| <= z."""

SQUARE_DEG_PER_SR = (180.0 / math.pi) ** 2
NOTHING_SR = 3e-10
"""A square of a thousandth of a degree; less is the rounding of set operations, not a difference that a pixel could show."""


def _turned_faces() -> tuple[Vectors, ...]:
    """Return six rotations, each turning one face of a cube to +z; the cube stands askew, so that no edge lies on an axis."""
    one, other = 0.37, 0.53
    about_y = np.array([[math.cos(one), 0, -math.sin(one)], [0, 1, 0], [math.sin(one), 0, math.cos(one)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(other), math.sin(other)], [0, -math.sin(other), math.cos(other)]])
    askew = about_x @ about_y
    right, down, forward = np.eye(3)
    frames = (
        (right, down, forward),
        (-forward, down, right),
        (-right, down, -forward),
        (forward, down, -right),
        (right, -forward, down),
        (right, forward, -down),
    )
    return tuple(np.array(frame) @ askew for frame in frames)


_FACES = _turned_faces()


@lru_cache(maxsize=4096)
def mask_region(polygon_deg: tuple[Point, ...]) -> Faces:
    """Return the region of a valid mask."""
    pieces = SphericalPolygon(direction_ring(polygon_deg)).convex_pieces()
    counts = np.array([len(piece) for piece in pieces], dtype=np.intp)
    corners = np.concatenate(pieces)
    faces = []
    for face in _FACES:
        flat = flat_pieces(corners @ face.T, counts, 1.0, distorted=False)
        shapes = [shapely.MultiPoint(part).convex_hull for part in flat if part is not None and len(part) >= 3]
        faces.append(_areal(shapely.union_all(shapes)))
    return tuple(faces)


def union(regions: Iterable[Faces]) -> Faces:
    """Return what any of the regions covers."""
    found = list(regions)
    return tuple(_areal(shapely.union_all([region[i] for region in found])) for i in range(len(_FACES)))


def difference(one: Faces, other: Faces) -> Faces:
    """Return what the first region covers and the other does not."""
    return tuple(_areal(shapely.difference(a, b)) for a, b in zip(one, other, strict=True))


def square_deg(region: Faces) -> float:
    """Return the area of a region on the sphere; 0 for what is only rounding."""
    total = sum(_polygon_sr(part, i) for i, geometry in enumerate(region) for part in shapely.get_parts(geometry))
    return total * SQUARE_DEG_PER_SR if total > NOTHING_SR else 0.0


def outlines_deg(region: Faces) -> tuple[tuple[Point, ...], ...]:
    """Return rings (azimuth, elevation) that together cover the region; parts with holes are cut into triangles."""
    rings: list[tuple[Point, ...]] = []
    for i, geometry in enumerate(region):
        for part in shapely.get_parts(geometry):
            if _polygon_sr(part, i) <= NOTHING_SR:
                continue
            whole = [part] if not part.interiors else shapely.get_parts(shapely.constrained_delaunay_triangles(part))
            rings.extend(_ring_deg(shapely.get_coordinates(cell.exterior)[:-1], i) for cell in whole)
    return tuple(rings)


def _areal(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the polygons of a geometry: lines and points that set operations leave have no area."""
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon" and part.area > 0]
    return shapely.MultiPolygon(parts)


def _directions(flat: Vectors, face: int) -> Vectors:
    vectors = np.column_stack((flat, np.ones(len(flat)))) @ _FACES[face]
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _polygon_sr(polygon: shapely.Polygon, face: int) -> float:
    outside, *holes = (
        area_sr(_directions(shapely.get_coordinates(ring)[:-1], face))
        for ring in (polygon.exterior, *polygon.interiors)
    )
    return float(outside - sum(holes))


def _ring_deg(flat: Vectors, face: int) -> tuple[Point, ...]:
    x, y, z = _directions(flat, face).T
    azimuth, elevation = np.degrees(np.arctan2(x, z)), np.degrees(np.arcsin(np.clip(-y, -1.0, 1.0)))
    return tuple((round(float(a), 6), round(float(e), 6)) for a, e in zip(azimuth, elevation, strict=True))
