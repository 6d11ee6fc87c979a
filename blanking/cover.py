"""From a set of poses to the blocks that any mask may touch under any of them (docs/blanking.md has the proof).

Per straight path of poses: cut it into steps, turn the masks' convex pieces into the camera at each step's ends, clip them in
three dimensions to a pyramid that holds the view and everything that may enter it during a step, divide, take the hull of both
ends at the shortest and the longest focal length, and grow it by what a box of pose errors and the bending of paths can add.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from blanking.blocks import BlockMask, GrownHull, empty_mask, touched_blocks
from blanking.clipping import flat_pieces
from blanking.growth import Poses, grown_hulls, largest_sine
from blanking.optics import LensRange, Optics, fold_radius, view_radius
from blanking.plan_values import CameraModel, DirectionPlan
from blanking.polygons import direction_ring
from blanking.sphere import SphericalPolygon, Vectors
from blanking.track import PoseSweep

_WIDEST_RAD = math.radians(80.0)
_BEND_PX = 1.5
_MOST_STEPS = 24


@dataclass(frozen=True, slots=True)
class Cover:
    """What must be grey.

    Args:
        mask: touched blocks.
        margin_px: largest growth of any piece in view.
    """

    mask: BlockMask
    margin_px: float


class MaskSphere:
    """The masks of a plan, cut into convex pieces and turned into the camera's mount."""

    def __init__(self, plan: DirectionPlan) -> None:
        self._size_px = (plan.width_px, plan.height_px)
        self._optics = Optics(plan.camera_model, plan.width_px, plan.height_px)
        self._zoom_rel = plan.accuracy.zoom_rel
        self._outline_deg = plan.accuracy.outline_deg
        self._roll = math.radians(plan.camera_model.sensor_roll_deg)
        mount = mount_rotation(plan.camera_model)
        pieces = []
        for mask in plan.masks:
            pieces += [piece @ mount.T for piece in SphericalPolygon(direction_ring(mask.polygon_deg)).convex_pieces()]
        self._pieces: list[Vectors] = pieces
        normals = [_inward_normals(piece) for piece in pieces]
        self._normals: Vectors = np.concatenate(normals) if normals else np.zeros((0, 3))
        self._first_normals = np.cumsum([0, *(len(one) for one in normals)])[:-1].astype(np.intp)
        centres = [piece.mean(axis=0) for piece in pieces]
        self._centres = np.array([centre / np.linalg.norm(centre) for centre in centres]).reshape(-1, 3)
        self._radii = np.array(
            [
                float(np.arccos(np.clip(np.min(piece @ centre), -1.0, 1.0)))
                for piece, centre in zip(pieces, self._centres, strict=True)
            ]
        )

    def near(self, directions: Vectors, margin: float) -> NDArray[np.bool_]:
        """Return which directions (n, 3) in the mount's frame lie in a mask, as far as it may reach, or at most `margin` (radians) off."""
        if not len(self._normals) or not len(directions):
            return np.zeros(len(directions), dtype=bool)
        sides = directions @ self._normals.T >= -math.sin(min(margin + math.radians(self._outline_deg), math.pi / 2))
        return np.asarray(np.logical_and.reduceat(sides, self._first_normals, axis=1).any(axis=1))

    def cover(self, sweeps: list[PoseSweep]) -> Cover | None:
        """Return what must be grey when the pose is in any of the sweeps, None when too little is known to draw it."""
        mask = empty_mask(*self._size_px)
        hulls: list[GrownHull] = []
        for sweep in sweeps:
            found = self._sweep_hulls(sweep)
            if found is None:
                return None
            hulls += found
        touched_blocks(hulls, mask)
        margin_px = max((max(hull.grow_x_px, hull.grow_y_px) for hull in hulls), default=0.0)
        return Cover(mask, margin_px)

    def _sweep_hulls(self, sweep: PoseSweep) -> list[GrownHull] | None:
        if not self._pieces:
            return []
        lens = self._lens(min(sweep.start[2], sweep.end[2]), max(sweep.start[2], sweep.end[2]), sweep.spread[2])
        radius = view_radius(self._optics.corner_px, lens.focal_lo_px, lens.k1_lo) or fold_radius(lens.k1_lo)
        view = math.atan(radius)
        length = math.radians(math.hypot(sweep.end[0] - sweep.start[0], sweep.end[1] - sweep.start[1]))
        spread = math.radians(math.hypot(sweep.spread[0], sweep.spread[1]) + 1.5 * self._error_deg(sweep))
        near = self._near(sweep, view + spread)
        if not near:
            return []
        if view + spread > _WIDEST_RAD:
            return None
        poses = self._steps(sweep, view + spread, length, lens.focal_hi_px)
        if poses is None:
            return None
        return self._step_hulls(poses, near)

    def _near(self, sweep: PoseSweep, reach: float) -> list[int]:
        """Return the pieces that may come into view somewhere on the path."""
        # The axis moves at most as far as pan and tilt do: the whole path lies within half its length of the middle pose.
        middle_pose = ((sweep.start[0] + sweep.end[0]) / 2, (sweep.start[1] + sweep.end[1]) / 2)
        middle = rotation(*np.radians(middle_pose))[2]
        half = math.radians(math.hypot(sweep.end[0] - sweep.start[0], sweep.end[1] - sweep.start[1])) / 2
        apart = np.arccos(np.clip(self._centres @ middle, -1.0, 1.0))
        return [int(i) for i in np.nonzero(apart <= self._radii + reach + half + 1e-6)[0]]

    def _error_deg(self, sweep: PoseSweep) -> float:
        """Return by how much a corner of a mask may be off: the camera looks elsewhere, and the corner lies elsewhere."""
        return sweep.direction_error_deg + self._outline_deg

    def _lens(self, zoom_lo: float, zoom_hi: float, spread: float) -> LensRange:
        return self._optics.over(zoom_lo - spread, zoom_hi + spread, self._zoom_rel)

    def _steps(self, sweep: PoseSweep, view: float, length: float, focal_px: float) -> Poses | None:
        """Cut the path so finely that no point's way over a step bends by more than `_BEND_PX` off its chord."""
        tilt_lo, tilt_hi = sorted((math.radians(sweep.start[1]), math.radians(sweep.end[1])))
        twist = largest_sine(tilt_lo, tilt_hi)
        radius = math.tan(min(view + min(length, 0.05), _WIDEST_RAD))
        curvature = 0.5 * radius + (4.0 * radius + 1.5 * twist) * (1.0 + radius * radius)
        count = max(1, math.ceil(length * math.sqrt(focal_px * curvature / (8.0 * _BEND_PX))), math.ceil(length / 0.05))
        count = min(count, _MOST_STEPS)
        step = length / count
        if view + step > _WIDEST_RAD:
            return None
        radius = math.tan(view + step)
        curvature = 0.5 * radius + (4.0 * radius + 1.5 * twist) * (1.0 + radius * radius)
        shares = np.linspace(0.0, 1.0, count + 1)
        zooms = sweep.start[2] + shares * (sweep.end[2] - sweep.start[2])
        lenses = [self._lens(min(a, b), max(a, b), sweep.spread[2]) for a, b in pairwise(zooms.tolist())]
        return Poses(
            pans=np.radians(sweep.start[0] + shares * (sweep.end[0] - sweep.start[0])),
            tilts=np.radians(sweep.start[1] + shares * (sweep.end[1] - sweep.start[1])),
            lenses=lenses,
            spread_pan=math.radians(sweep.spread[0]),
            spread_tilt=math.radians(sweep.spread[1]),
            direction_error=math.radians(self._error_deg(sweep)),
            step=step,
            reach_radius=radius,
            bend=step * step * curvature / 8.0,
        )

    def _step_hulls(self, poses: Poses, near: list[int]) -> list[GrownHull] | None:
        """Return a grown hull per piece and step."""
        distorted = any(lens.k1_lo != 0.0 or lens.k1_hi != 0.0 for lens in poses.lenses)
        counts = np.array([len(self._pieces[i]) for i in near])
        corners = np.concatenate([self._pieces[i] for i in near])
        ends: list[tuple[Vectors, Vectors]] = []
        steps: list[int] = []
        previous: list[Vectors | None] = []
        flat: list[Vectors | None] = []
        for index, (pan, tilt) in enumerate(zip(poses.pans, poses.tilts, strict=True)):
            # A camera that stands still has the same outlines at both ends of its only step.
            if not index or poses.step > 0.0:
                flat = flat_pieces(corners @ rotation(pan, tilt).T, counts, poses.reach_radius, distorted=distorted)
            for before, after in zip(previous, flat, strict=False):
                if before is not None and after is not None:
                    ends.append((before, after))
                    steps.append(index - 1)
            previous = flat
        return grown_hulls(ends, steps, poses, self._optics.centre_px, self._roll)


def _inward_normals(piece: Vectors) -> Vectors:
    """Return the unit normals of a convex piece's edges that point to its inside."""
    normals = np.cross(piece, np.roll(piece, -1, axis=0))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return np.asarray(normals if float((normals @ piece.mean(axis=0)).sum()) > 0.0 else -normals)


def mount_rotation(model: CameraModel) -> Vectors:
    """Return R_mount of the design: Rz(roll) Rx(tilt) Ry(pan)."""
    roll = math.radians(model.mount_roll_deg)
    turn = np.array([[math.cos(roll), -math.sin(roll), 0.0], [math.sin(roll), math.cos(roll), 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(turn @ rotation(math.radians(model.mount_pan_deg), math.radians(model.mount_tilt_deg)))


def rotation(pan: float, tilt: float) -> Vectors:
    """Return Rx(tilt) Ry(pan), angles in radians; its last row is the optical axis in the mount's frame."""
    cp, sp, ct, st = math.cos(pan), math.sin(pan), math.cos(tilt), math.sin(tilt)
    return np.array([[cp, 0.0, -sp], [st * sp, ct, st * cp], [ct * sp, -st, ct * cp]])
