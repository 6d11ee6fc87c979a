"""What makes a drawn polygon unusable: too few points, doubled points, crossing edges, no area."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from blanking.plan_values import Point
from blanking.sphere import SphericalPolygon, Vectors, area_sr, crossing_count, directions

_SMALLEST_SR = 3e-10
"""A square of a thousandth of a degree: a tenth of a pixel at the longest zoom."""
_SMALLEST_PX2 = 0.5


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a polygon can't be a mask.

    Args:
        code: the pages have a sentence for it.
        what, remedy: what is wrong and what to do, for logs and the command line.
        point: index of the vertex where it is, if it is at one.
    """

    code: str
    what: str
    remedy: str
    point: int | None = None


def check_image_polygon(polygon_rel: Sequence[Point], width_px: int, height_px: int) -> Fault | None:
    """Return what is wrong with a polygon in image fractions, or None."""
    points = _without_closing_point(polygon_rel)
    if len(points) < 3:
        return Fault("few-points", "has fewer than 3 different points", "draw at least a triangle")
    shape = shapely.Polygon([(x * width_px, y * height_px) for x, y in points])
    if not shape.is_valid:
        flat = shape.area < _SMALLEST_PX2 and shape.convex_hull.area < _SMALLEST_PX2
        return _too_small("pixel") if flat else _crosses(_crossing_point(points))
    if shape.area < _SMALLEST_PX2:
        return _too_small("pixel")
    if not shape.intersects(shapely.box(0, 0, width_px, height_px)):
        return Fault(
            "outside", "lies wholly outside the picture", "draw it over the picture, whose fractions run from 0 to 1"
        )
    return None


def check_direction_polygon(polygon_deg: Sequence[Point]) -> Fault | None:
    """Return what is wrong with a polygon of (azimuth, elevation), or None."""
    ring = direction_ring(polygon_deg)
    if len(ring) < 3:
        return Fault("few-points", "has fewer than 3 different points", "draw at least a triangle")
    following = np.roll(ring, -1, axis=0)
    opposite = np.flatnonzero(np.sum(ring * following, axis=1) < -1.0 + 1e-9)
    if len(opposite):
        return Fault(
            "opposite", "has an edge between opposite directions", "put a point between them", int(opposite[0])
        )
    count = len(ring)
    if len(np.unique(np.round(ring, 10), axis=0)) < count:
        return Fault("doubled", "passes twice through one point", "remove the doubled point or split the polygon")
    for i in range(count):
        others = [j for j in range(count) if j not in {(i - 1) % count, i, (i + 1) % count}]
        for j in others:
            edge = np.array([ring[j], following[j]])
            # A ring of two points is the edge there and back: one crossing counts twice.
            if crossing_count(ring[i][None, :], following[i], edge)[0]:
                return _crosses(i)
        if _folds_back(ring[i - 1], ring[i], following[i]):
            return _crosses(i)
    if SphericalPolygon(ring).inside_share > 0.49:
        return Fault("half", "covers about half of all directions, so that its inside is not clear", "split it")
    if area_sr(ring) < _SMALLEST_SR:
        return _too_small("direction")
    return None


def direction_ring(polygon_deg: Sequence[Point]) -> Vectors:
    """Return the unit vectors of a polygon's vertices without repeated consecutive ones."""
    vectors = directions(polygon_deg)
    keep = np.linalg.norm(vectors - np.roll(vectors, 1, axis=0), axis=1) > 1e-10
    return np.asarray(vectors[keep])


def _without_closing_point(points: Sequence[Point]) -> list[Point]:
    return [point for i, point in enumerate(points) if point != points[i - 1]]


def _too_small(unit: str) -> Fault:
    return Fault("too-small", f"has no area (is smaller than any {unit})", "draw it larger or remove it")


def _crosses(point: int | None) -> Fault:
    return Fault("crosses", "crosses or touches itself", "draw its outline again without crossing edges", point)


def _crossing_point(points: Sequence[Point]) -> int | None:
    """Return the first vertex whose edge meets another edge that is not its neighbour."""
    edges = [shapely.LineString(pair) for pair in zip(points, [*points[1:], points[0]], strict=True)]
    count = len(edges)
    for i, edge in enumerate(edges):
        for j in range(i + 2, count - (i == 0)):
            if edge.intersects(edges[j]):
                return i
    return None


def _folds_back(before: Vectors, corner: Vectors, after: Vectors) -> bool:
    """Tell whether the outline runs back over itself at a corner."""
    first, second = np.cross(corner, before), np.cross(corner, after)
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) > 0 and float(np.linalg.norm(np.cross(first, second))) < 1e-9 * norms
