"""Polygons on the sphere and the lens."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blanking.cover import rotation
from blanking.optics import fold_radius, radial_scale, view_radius
from blanking.polygons import direction_ring
from blanking.sphere import SphericalPolygon, area_sr, directions
from tests.blanking.truth import TrueCamera, _angle_sum

RINGS = {
    "plain": [(0.0, 0.0), (8.0, 0.0), (8.0, 6.0), (0.0, 6.0)],
    "concave": [(0.0, 0.0), (8.0, 0.0), (8.0, 6.0), (4.0, 1.0), (0.0, 6.0)],
    "clockwise": [(0.0, 6.0), (8.0, 6.0), (8.0, 0.0), (0.0, 0.0)],
    "over the seam": [(175.0, -5.0), (-175.0, -5.0), (-175.0, 5.0), (175.0, 5.0)],
    "nadir": [(float(a), -70.0) for a in range(0, 360, 45)],
    "huge": [(-60.0, -40.0), (60.0, -40.0), (70.0, 30.0), (0.0, 10.0), (-70.0, 30.0)],
    "tiny": [(33.0, -20.0), (33.05, -20.0), (33.02, -19.96)],
    "flat strip": [(-80.0, -1.0), (80.0, -1.0), (80.0, -0.5), (-80.0, -0.5)],
    "around the nadir": [(float(a), -30.0 - 20.0 * (a % 60 == 0)) for a in range(0, 360, 30)],
}


@pytest.mark.parametrize("name", RINGS)
def test_the_pieces_are_convex_and_make_up_the_polygon(name: str) -> None:
    """What the pieces leave out would leak; each is tested against the angle sum of the independent truth."""
    ring = direction_ring(RINGS[name])
    polygon = SphericalPolygon(ring)
    pieces = polygon.convex_pieces()
    assert sum(area_sr(piece) for piece in pieces) == pytest.approx(area_sr(ring), rel=1e-3)
    heart = ring.mean(axis=0) / np.linalg.norm(ring.mean(axis=0))
    rng = np.random.default_rng(5)
    reach = max(1e-4, float(np.arccos(np.clip(np.min(ring @ heart), -1, 1))))
    points = heart + rng.normal(size=(4000, 3)) * min(reach, 0.8)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    points = points[points @ heart > 0.05]
    truth = _angle_sum(points, ring) > math.pi
    found = np.zeros(len(points), dtype=bool)
    for piece in pieces:
        normals = np.cross(piece, np.roll(piece, -1, axis=0))
        sides = (normals / np.linalg.norm(normals, axis=1, keepdims=True)) @ points.T
        found |= np.all(sides >= -1e-9, axis=0) | np.all(sides <= 1e-9, axis=0)
    assert (found == truth).mean() > 0.999
    assert truth.any()
    assert (polygon.contains(points) == truth).mean() > 0.999


def test_the_inside_is_the_smaller_side_whatever_the_winding() -> None:
    """The format says: either winding."""
    ring = directions(RINGS["nadir"])
    for one in (ring, ring[::-1]):
        assert SphericalPolygon(one).contains(directions([(0.0, -89.0), (0.0, 80.0)])).tolist() == [True, False]


@given(st.floats(-0.12, 0.3), st.floats(0.0, 1.0))
def test_the_lens_never_folds(k1: float, start: float) -> None:
    """A point that leaves the picture must not come back in on the other side of the fold."""
    radii = np.linspace(start, 8.0, 400)
    shown = radii * radial_scale(radii**2, k1)
    assert (np.diff(shown) > 0).all()


@given(st.floats(-0.12, 0.3), st.floats(0.05, 0.8))
def test_the_view_radius_inverts_the_lens(k1: float, radius: float) -> None:
    """Whatever the picture's corner sees must count as in view."""
    if radius >= fold_radius(k1):
        return
    corner = radius * (1 + k1 * radius**2)
    found = view_radius(corner * 1000, 1000, k1)
    assert found is not None
    assert found == pytest.approx(radius, rel=1e-6)


angles = st.floats(-170, 170)


@given(angles, st.floats(-80, 80), st.floats(-0.4, 0.4), st.floats(-0.3, 0.3))
@settings(max_examples=60)
def test_projection_agrees_with_the_independent_camera(pan: float, tilt: float, x: float, y: float) -> None:
    """Two people's reading of the same equations: the product's rotation, forward, and the truth's rays, backward."""
    camera = TrueCamera(
        640, 360, lambda _z: 60.0, lambda _z: 0.0, (0.5, 0.5), (0, 0, 0), (1, 1), lambda _t: (0, 0, 0), 0.0
    )
    ray = np.array([x, y, 1.0]) / math.hypot(x, y, 1.0)
    world = ray @ camera.turned((pan, tilt, 0.0))
    turned = rotation(math.radians(pan), math.radians(tilt)) @ world
    assert turned == pytest.approx(ray, abs=1e-12)
