"""Polygons on the sphere of directions: points, crossings, inside, and their cutting into convex pieces.

A direction is a unit vector in a right-handed frame with x right, y down, z forward. Edges are great-circle arcs, always the
shorter one. The inside of a polygon is its smaller side, whatever its winding.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray

Vectors = NDArray[np.float64]

_WITNESSES = 8192
MAX_EDGE_RAD = math.radians(3.0)
"""Longest edge of a convex piece: lens distortion bends long ones."""


def directions(points_deg: Sequence[tuple[float, float]]) -> Vectors:
    """Return the unit vectors of (azimuth, elevation) pairs, shape (n, 3)."""
    angles = np.radians(np.asarray(points_deg, dtype=np.float64).reshape(-1, 2))
    azimuth, elevation = angles[:, 0], angles[:, 1]
    flat = np.cos(elevation)
    return np.column_stack((flat * np.sin(azimuth), -np.sin(elevation), flat * np.cos(azimuth)))


def crossing_count(start: Vectors, end: Vectors, ring: Vectors) -> NDArray[np.int64]:
    """Return how often the arc from each `start` (n, 3) to `end` (3,) crosses the closed ring (m, 3)."""
    following = np.roll(ring, -1, axis=0)
    normals = np.cross(ring, following)
    across_start = start @ normals.T
    across_end = end @ normals.T
    arcs = np.cross(start, end)
    across_a = arcs @ ring.T
    across_b = arcs @ following.T
    one_way = (across_start > 0) & (across_end < 0) & (across_b > 0) & (across_a < 0)
    other_way = (across_start < 0) & (across_end > 0) & (across_b < 0) & (across_a > 0)
    return np.asarray(np.count_nonzero(one_way | other_way, axis=1))


class SphericalPolygon:
    """A simple polygon on the sphere whose inside is the smaller side.

    Args:
        ring: vertices (n, 3), unit length, consecutive ones neither equal nor opposite.
    """

    def __init__(self, ring: Vectors) -> None:
        self.ring = ring
        witnesses = _spread_directions(_WITNESSES)
        normals = np.cross(ring, np.roll(ring, -1, axis=0))
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        # The reference keeps clear of every edge's great circle, so that no arc to it is judged by a rounding error.
        clear = np.min(np.abs(witnesses @ normals.T), axis=1)
        self._reference = witnesses[int(np.argmax(clear))]
        self._reference_inside = False
        share_unlike = float(np.mean(crossing_count(witnesses, self._reference, ring) % 2))
        self._reference_inside = share_unlike > 0.5
        self.inside_share = 1.0 - share_unlike if self._reference_inside else share_unlike

    def contains(self, points: Vectors) -> NDArray[np.bool_]:
        """Return for each point (n, 3) whether it is inside."""
        unlike = crossing_count(points, self._reference, self.ring) % 2 == 1
        return np.asarray(unlike != self._reference_inside)

    def convex_pieces(self) -> list[Vectors]:
        """Return spherically convex polygons, each in a cone of less than 55 degrees, whose union is this polygon.

        The ring is cut on the six gnomonic faces of a cube turned towards the polygon, where great circles are straight lines.

        Raises:
            ArithmeticError: the pieces do not add up to the polygon.
        """
        pieces = []
        for face in _cube_faces(self.ring):
            lines = _face_lines(self.ring @ face.T)
            square = shapely.box(-1.0, -1.0, 1.0, 1.0)
            cells = (
                shapely.get_parts(shapely.polygonize(shapely.get_parts(_noded([*lines, square.exterior]))))
                if lines
                else np.array([square])
            )
            for cell in cells:
                spot = shapely.get_coordinates(shapely.point_on_surface(cell))[0]
                spot_direction = np.array([[spot[0], spot[1], 1.0]]) @ face
                if self.contains(spot_direction / np.linalg.norm(spot_direction))[0]:
                    for flat in _convex_cells(cell):
                        corners = np.column_stack((flat, np.ones(len(flat)))) @ face
                        pieces.append(corners / np.linalg.norm(corners, axis=1, keepdims=True))
        whole, parts = area_sr(self.ring), sum(area_sr(piece) for piece in pieces)
        if abs(whole - parts) > 1e-3 * whole:
            raise ArithmeticError(f"a mask of {whole:.3e} sr was cut into pieces of {parts:.3e} sr: none may be lost")
        return [_densified(piece) for piece in pieces]


def area_sr(ring: Vectors) -> float:
    """Return the area of a ring's smaller side, from the signed triangles of a fan around its first vertex."""
    total = 0.0
    a = ring[0]
    for b, c in pairwise(ring[1:]):
        volume = float(a @ np.cross(b, c))
        total += 2.0 * math.atan2(volume, 1.0 + float(a @ b + b @ c + c @ a))
    area = abs(total) % (4.0 * math.pi)
    return min(area, 4.0 * math.pi - area)


def _noded(lines: list[shapely.LineString]) -> shapely.Geometry:
    """Return the lines split where they meet, on a grid so fine (0.1 nrad) that ends equal but for rounding become one."""
    return shapely.union_all(lines, grid_size=1e-10)


def _spread_directions(count: int) -> Vectors:
    """Return evenly spread directions (Fibonacci sphere), turned so that none lies on an axis."""
    index = np.arange(count) + 0.5
    height = 1.0 - 2.0 * index / count
    turn = index * math.pi * (3.0 - math.sqrt(5.0)) + 0.123
    flat = np.sqrt(1.0 - height * height)
    spread = np.column_stack((flat * np.cos(turn), height, flat * np.sin(turn)))
    tilt = 0.4321
    tilted = np.array([[1, 0, 0], [0, math.cos(tilt), math.sin(tilt)], [0, -math.sin(tilt), math.cos(tilt)]])
    return np.asarray(spread @ tilted.T)


def _cube_faces(ring: Vectors) -> list[Vectors]:
    """Return six rotations, each turning one face of a cube to +z; the first looks at the polygon's middle."""
    forward = ring.sum(axis=0)
    if np.linalg.norm(forward) < 1e-6:
        forward = np.array([0.0, 0.0, 1.0])
    forward /= np.linalg.norm(forward)
    aside = np.eye(3)[int(np.argmin(np.abs(forward)))]
    right = np.cross(aside, forward)
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    frames = [
        (right, down, forward),
        (-forward, down, right),
        (-right, down, -forward),
        (forward, down, -right),
        (right, -forward, down),
        (right, forward, -down),
    ]
    return [np.array(frame) for frame in frames]


def _face_lines(ring: Vectors) -> list[shapely.LineString]:
    """Return the parts of the ring's edges that lie on the face |x|, |y| <= z, in gnomonic coordinates."""
    lines = []
    planes = np.array([[-1.0, 0, 1], [1, 0, 1], [0, -1, 1], [0, 1, 1]])
    for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        first, last = 0.0, 1.0
        for side_a, side_b in zip(planes @ a, planes @ b, strict=True):
            if side_a < 0 and side_b < 0:
                first, last = 1.0, 0.0
                break
            if side_a < 0:
                first = max(first, side_a / (side_a - side_b))
            elif side_b < 0:
                last = min(last, side_a / (side_a - side_b))
        if first < last:
            ends = np.array([a + first * (b - a), a + last * (b - a)])
            if np.all(ends[:, 2] > 1e-9):
                lines.append(shapely.LineString(ends[:, :2] / ends[:, 2:]))
    return lines


def _convex_cells(cell: shapely.Polygon) -> list[NDArray[np.float64]]:
    """Return the corners of convex polygons whose union is the cell."""
    if not cell.interiors and _is_convex(cell):
        return [np.asarray(shapely.get_coordinates(cell.exterior)[:-1])]
    parts = list(shapely.get_parts(shapely.constrained_delaunay_triangles(cell)))
    merged = True
    while merged:
        merged = False
        for i, one in enumerate(parts):
            for j in range(i + 1, len(parts)):
                if one.intersection(parts[j]).length > 0:
                    joined = one.union(parts[j])
                    if joined.geom_type == "Polygon" and not joined.interiors and _is_convex(joined):
                        parts[i] = joined
                        del parts[j]
                        merged = True
                        break
            if merged:
                break
    return [np.asarray(shapely.get_coordinates(part.exterior)[:-1]) for part in parts]


def _is_convex(polygon: shapely.Polygon) -> bool:
    hull_area = float(polygon.convex_hull.area)
    return hull_area - float(polygon.area) <= 1e-9 * hull_area


def _densified(ring: Vectors) -> Vectors:
    """Return the ring with points on its edges, none longer than 3 degrees: lens distortion bends long edges."""
    points = []
    for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        angle = math.atan2(float(np.linalg.norm(np.cross(a, b))), float(a @ b))
        count = max(1, math.ceil(angle / MAX_EDGE_RAD))
        for step in range(count):
            point = a + (b - a) * (step / count)
            points.append(point / np.linalg.norm(point))
    return np.array(points)
