"""How far uncertainty can carry a mask's outline in the picture, and the hulls grown by it (docs/blanking.md has the proof)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanking.blocks import GrownHull, convex_hull
from blanking.optics import LensRange, radial_scale
from blanking.sphere import MAX_EDGE_RAD, Vectors

CODEC_MARGIN_PX = 4.0
"""How far a camera's codec may carry a dwelling's samples beyond its outline."""
_ROUNDS = 80
_UNBOUNDED = 3.0


@dataclass(frozen=True, slots=True)
class Poses:
    """The steps of one straight path of poses, angles in radians.

    Args:
        pans, tilts: at the ends of the steps, one more than there are steps.
        lenses: of each step.
        spread_pan, spread_tilt: half widths of the box of poses around the path.
        direction_error: largest shift of a direction by everything else.
        step: largest turn of the camera in one step.
        reach_radius: tangent radius beyond which nothing comes into view during a step.
        bend: how far a point's way over a step may lie off its chord, in tangent units.
    """

    pans: NDArray[np.float64]
    tilts: NDArray[np.float64]
    lenses: list[LensRange]
    spread_pan: float
    spread_tilt: float
    direction_error: float
    step: float
    reach_radius: float
    bend: float


def grown_hulls(
    ends: list[tuple[Vectors, Vectors]],
    steps: list[int],
    poses: Poses,
    centre_px: tuple[float, float],
    roll: float = 0.0,
) -> list[GrownHull] | None:
    """Return the grown hull of each piece over its step, None when a growth has no bound.

    Args:
        ends: tangent coordinates of a piece at the first and at the last pose of a step.
        steps: index of each one's step.
        poses: the path.
        centre_px: principal point.
        roll: how far the sensor is turned about the optical axis, radians: the last step into the picture, outlines and growth alike.
    """
    if not ends:
        return []
    flat = np.concatenate([half for pair in ends for half in pair])
    counts = np.array([len(before) + len(after) for before, after in ends])
    starts = np.cumsum(counts) - counts
    radius2 = flat[:, 0] ** 2 + flat[:, 1] ** 2
    reach = np.maximum.reduceat(np.column_stack((np.abs(flat), radius2)), starts, axis=0)
    shift = _largest_shifts(reach[:, 0], reach[:, 1], poses, np.array(steps))
    if shift is None:
        return None
    step_of = np.repeat(np.array(steps), counts)
    near = np.empty(len(flat))
    far = np.empty(len(flat))
    for index, lens in enumerate(poses.lenses):
        mine = step_of == index
        near[mine] = lens.focal_lo_px * radial_scale(radius2[mine], lens.k1_lo)
        far[mine] = lens.focal_hi_px * radial_scale(radius2[mine], lens.k1_hi)
    centre = np.array(centre_px)
    flat = _rolled(flat, roll)
    # float32 has 24 bits: at 100,000 px, far outside any picture, still 1/128 px.
    points = np.stack((flat * near[:, None] + centre, flat * far[:, None] + centre), axis=1).astype(np.float32)
    growth = (_growth_px(np.sqrt(reach[:, 2]), shift, poses, steps) @ np.abs(_turn(roll)).T).tolist()
    out = []
    for start, count, (grow_x_px, grow_y_px) in zip(starts.tolist(), counts.tolist(), growth, strict=True):
        out.append(GrownHull(convex_hull(points[start : start + count].reshape(-1, 2)), grow_x_px, grow_y_px))
    return out


def _turn(roll: float) -> NDArray[np.float64]:
    return np.array([[math.cos(roll), -math.sin(roll)], [math.sin(roll), math.cos(roll)]])


def _rolled(flat: Vectors, roll: float) -> Vectors:
    """Return points of the picture plane turned about its middle; the lens' radial part does not change by it."""
    return flat if roll == 0.0 else np.asarray(flat @ _turn(roll).T)


def _growth_px(radius: NDArray[np.float64], shift: NDArray[np.float64], poses: Poses, steps: list[int]) -> Vectors:
    """Return the box (half width, half height) by which each hull grows: pose box, bent ways and edges, codec."""
    focal_px = np.array([poses.lenses[step].focal_hi_px for step in steps])
    swelling = np.array([max(poses.lenses[step].k1_hi, 0.0) for step in steps])
    k1 = np.array([max(abs(poses.lenses[step].k1_lo), abs(poses.lenses[step].k1_hi)) for step in steps])
    steepest = focal_px * (1.0 + 3.0 * swelling * (radius + shift.max(axis=1)) ** 2)
    chord = (MAX_EDGE_RAD + poses.step) * (1.0 + radius * radius)
    bent_px = poses.bend * steepest + chord * chord / 8.0 * 6.0 * k1 * radius * focal_px
    return np.asarray(shift * steepest[:, None] + (CODEC_MARGIN_PX + bent_px)[:, None])


def _largest_shifts(
    x: NDArray[np.float64], y: NDArray[np.float64], poses: Poses, steps: NDArray[np.intp]
) -> NDArray[np.float64] | None:
    """Return how far the pose box can move any point with |x|, |y| up to these in tangent coordinates, None when unbounded.

    The speed of a point grows with its distance from the axis, so the bound is a fixed point: points moved by it are still slow
    enough to have moved no farther.
    """
    pan, tilt, error = poses.spread_pan, poses.spread_tilt, poses.direction_error
    spans = [sorted((float(a), float(b))) for a, b in zip(poses.tilts[:-1], poses.tilts[1:], strict=True)]
    sine = np.array([largest_sine(lo - tilt, hi + tilt) for lo, hi in spans])[steps]
    cosine = np.array([largest_sine(lo - tilt + math.pi / 2, hi + tilt + math.pi / 2) for lo, hi in spans])[steps]
    shift_x, shift_y = np.zeros_like(x), np.zeros_like(y)
    step = 0.0
    for _ in range(_ROUNDS):
        wide, high = x + shift_x, y + shift_y
        both, wide2, high2 = wide * high, 1.0 + wide * wide, 1.0 + high * high
        radius2 = wide2 + high2 - 1.0
        next_x = (
            tilt * both
            + pan * (cosine * wide2 + sine * high)
            + error * np.maximum(wide2 + both, np.sqrt(wide2 * radius2))
        )
        next_y = (
            tilt * high2
            + pan * (cosine * both + sine * wide)
            + error * np.maximum(high2 + both, np.sqrt(high2 * radius2))
        )
        if bool(np.all(next_x <= shift_x)) and bool(np.all(next_y <= shift_y)):
            return np.column_stack((shift_x, shift_y))
        # Where the iterates head if each step is to the next as the last two were, and a little more, so that the test above is met soon.
        last, step = step, max(float((next_x - shift_x).max()), float((next_y - shift_y).max()))
        ahead = step / last / (1.0 - step / last) if 0.0 < step < 0.9 * last else 0.0
        shift_x, shift_y = (
            np.maximum(shift, following + ahead * np.maximum(following - shift, 0.0) + 0.003 * following + 1e-9)
            for shift, following in ((shift_x, next_x), (shift_y, next_y))
        )
        if max(float(shift_x.max()), float(shift_y.max())) > _UNBOUNDED:
            return None
    return None


def largest_sine(lo: float, hi: float) -> float:
    """Return the maximum of |sin| over a span; that of |cos| is the same a quarter turn on."""
    first = math.ceil((lo - math.pi / 2) / math.pi)
    return 1.0 if first * math.pi + math.pi / 2 <= hi else max(abs(math.sin(lo)), abs(math.sin(hi)))
