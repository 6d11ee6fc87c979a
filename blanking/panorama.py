"""A panorama of what a PTZ camera can see, made of blanked pictures alone, and greyed again by the plan that counts.

Equirectangular, in the plan's directions. What was never seen is neutral grey, and so is every mask with an ample margin: a mask greys for
good; only a later blanked picture can show something there again (docs/commissioning.md).
"""

import math
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from blanking.blocks import BLOCK_PX
from blanking.burn import GREY
from blanking.cover import mount_rotation, rotation
from blanking.decision import Blank
from blanking.frames import BlankedFrame
from blanking.optics import Optics, fold_radius, radial_scale, view_radius
from blanking.plan_values import DirectionPlan
from blanking.polygons import direction_ring
from blanking.sphere import SphericalPolygon, Vectors

STEP_DEG: Final = 0.5
LEFT_DEG: Final = -180.0
TOP_DEG: Final = 30.0
COLUMNS: Final = 720
ROWS: Final = 240
MARGIN_DEG: Final = 1.0
"""Around each mask, besides four times the stated accuracy: a panorama is for finding one's way, not for looking."""

_SAMPLES_A_CELL: Final = 3
_LEAST_CAP_COSINE: Final = 0.1
Rgb = NDArray[np.uint8]
Cells = NDArray[np.bool_]


class Panorama:
    """What was seen in each direction. Made for one thread.

    Attributes:
        rgb: (ROWS, COLUMNS, 3) samples, from azimuth LEFT_DEG rightwards and from elevation TOP_DEG downwards.
        seen: where anything was ever shown.
    """

    def __init__(self, rgb: Rgb | None = None, seen: Cells | None = None) -> None:
        self.rgb: Rgb = np.full((ROWS, COLUMNS, 3), GREY, np.uint8) if rgb is None else rgb.copy()
        self.seen: Cells = np.zeros((ROWS, COLUMNS), np.bool_) if seen is None else seen.copy()
        self._masked: tuple[DirectionPlan, Cells] | None = None
        if self.rgb.shape != (ROWS, COLUMNS, 3) or self.seen.shape != (ROWS, COLUMNS):
            raise ValueError("the panorama has another size")

    def add(self, frame: BlankedFrame, plan: DirectionPlan, pose: tuple[float, float, float]) -> int:
        """Take what a blanked picture of a camera that stands still shows; return how many cells it gave.

        A cell whose surroundings in the picture hold a block of the mask is grey afterwards: the newest picture knows best.

        Args:
            pose: pan and tilt in degrees, zoom.
        """
        if not isinstance(frame, BlankedFrame):
            raise TypeError("a panorama is made of blanked frames")
        if not isinstance(frame.decision, Blank) or (frame.width_px, frame.height_px) != (
            plan.width_px,
            plan.height_px,
        ):
            return 0
        optics = Optics(plan.camera_model, plan.width_px, plan.height_px)
        rows, columns, spots = _in_view(plan, optics, pose)
        if not len(rows):
            return 0
        cell_px = optics.focal_px(pose[2]) * math.radians(STEP_DEG)
        # Even, so that it is a whole number of colour samples too; never so much that a picture is less than one.
        sample_px = min(max(2, int(cell_px / _SAMPLES_A_CELL) // 2 * 2), min(frame.width_px, frame.height_px) // 2 * 2)
        shown = _picture(frame, sample_px)
        near = _near_masks(frame)
        blocks = (spots // BLOCK_PX).astype(np.intp)
        masked = near[blocks[:, 1], blocks[:, 0]]
        at = np.minimum((spots // sample_px).astype(np.intp), [shown.shape[1] - 1, shown.shape[0] - 1])
        colours = shown[at[:, 1], at[:, 0]]
        colours[masked] = GREY
        self.rgb[rows, columns] = colours
        self.seen[rows, columns] = ~masked
        return int((~masked).sum())

    def grey(self, plan: DirectionPlan) -> None:
        """Grey every mask of a plan, with an ample margin, for good.

        Raises:
            ArithmeticError, ValueError: a mask can't be drawn; the panorama must not be used.
        """
        if self._masked is None or self._masked[0] != plan:
            self._masked = (plan, masked_cells(plan))
        hidden = self._masked[1]
        self.rgb[hidden] = GREY
        self.seen &= ~hidden


def masked_cells(plan: DirectionPlan) -> Cells:
    """Return the cells that a plan's masks touch, with an ample margin."""
    touched = np.zeros((ROWS, COLUMNS), np.bool_)
    for mask in plan.masks:
        ring = direction_ring(mask.polygon_deg)
        spots = _cells_around(ring)
        touched.reshape(-1)[spots] |= SphericalPolygon(ring).contains(_directions()[spots])
        touched[_cells_of_edges(ring)] = True
    # The margin is the same for all masks: growing them together is growing each.
    return _grown(touched, MARGIN_DEG + 4.0 * plan.accuracy.pan_tilt_deg + plan.accuracy.outline_deg + STEP_DEG)


def _cells_around(ring: Vectors) -> NDArray[np.intp]:
    """Return the cells that may lie inside a ring: those in the cap that holds its corners, or all where that is no help."""
    middle = ring.sum(axis=0)
    length = float(np.linalg.norm(middle))
    reach = float(np.min(ring @ middle)) / length if length > 1e-6 else -1.0
    # A cap of less than a quarter turn is convex: edges and inside (the smaller side) of a ring in it are in it too.
    if reach < _LEAST_CAP_COSINE:
        return np.arange(ROWS * COLUMNS)
    return np.nonzero(_directions() @ (middle / length) >= reach - 1e-9)[0]


def _cells_of_edges(ring: Vectors) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the cells that a ring's edges run through: a mask smaller than a cell holds no cell's middle."""
    found = []
    for start, end in zip(ring, np.roll(ring, -1, axis=0), strict=True):
        # In steps of half a cell.
        steps = max(2, math.ceil(2 * math.degrees(math.acos(float(np.clip(start @ end, -1, 1)))) / STEP_DEG) + 1)
        share = np.linspace(0.0, 1.0, steps)[:, None]
        found.append(start * (1 - share) + end * share)
    points = np.concatenate(found)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    azimuths = np.degrees(np.arctan2(points[:, 0], points[:, 2]))
    elevations = np.degrees(np.arcsin(np.clip(-points[:, 1], -1, 1)))
    columns = ((azimuths - LEFT_DEG) / STEP_DEG).astype(np.intp) % COLUMNS
    return np.clip(((TOP_DEG - elevations) / STEP_DEG).astype(np.intp), 0, ROWS - 1), columns


def _grown(cells: Cells, margin_deg: float) -> Cells:
    """Return the cells within a margin, in elevation and (along the circle of latitude) in azimuth."""
    reach = math.ceil(margin_deg / STEP_DEG)
    tall = cells.copy()
    for step in range(1, reach + 1):
        tall[step:] |= cells[:-step]
        tall[:-step] |= cells[step:]
    wide = np.zeros_like(tall)
    for row in np.nonzero(tall.any(axis=1))[0]:
        # The narrowest circle of latitude that the margin reaches decides: nearer to the nadir a degree is many columns.
        farthest_deg = min(89.9, abs(TOP_DEG - (row + 0.5) * STEP_DEG) + margin_deg)
        columns = min(COLUMNS // 2, math.ceil(reach / math.cos(math.radians(farthest_deg))))
        doubled = np.concatenate([tall[row]] * 3).astype(np.int64)
        sums = np.concatenate(([0], np.cumsum(doubled)))
        middle = np.arange(COLUMNS, 2 * COLUMNS)
        wide[row] = sums[middle + columns + 1] - sums[middle - columns] > 0
    return wide


@cache
def _directions() -> Vectors:
    """Return the directions (n, 3) of the middles of all cells, row by row; not to be written to."""
    azimuth = np.radians(LEFT_DEG + (np.arange(COLUMNS) + 0.5) * STEP_DEG)
    elevation = np.radians(TOP_DEG - (np.arange(ROWS) + 0.5) * STEP_DEG)
    ring = np.outer(np.cos(elevation), np.sin(azimuth)), np.outer(np.cos(elevation), np.cos(azimuth))
    down = np.repeat(-np.sin(elevation)[:, None], COLUMNS, axis=1)
    directions = np.stack([ring[0], down, ring[1]], axis=2).reshape(-1, 3)
    directions.flags.writeable = False
    return directions


def _in_view(
    plan: DirectionPlan, optics: Optics, pose: tuple[float, float, float]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return rows and columns of the cells in view, and where in the picture they lie (n, 2), in pixels."""
    model = plan.camera_model
    pan = math.radians(model.pan_scale * pose[0])
    tilt = math.radians(model.tilt_scale * pose[1] + model.tilt_offset_deg)
    turn = rotation(pan, tilt) @ mount_rotation(model)
    focal_px, k1 = optics.focal_px(pose[2]), optics.k1_at(pose[2])
    radius = view_radius(optics.corner_px, focal_px, k1) or fold_radius(k1)
    ahead = np.nonzero(_directions() @ turn[2] > max(0.1, math.cos(math.atan(radius)) - 1e-6))[0]
    seen = _directions()[ahead] @ turn.T
    flat = seen[:, :2] / seen[:, 2:]
    roll = math.radians(model.sensor_roll_deg)
    flat = flat @ np.array([[math.cos(roll), math.sin(roll)], [-math.sin(roll), math.cos(roll)]])
    radius2 = (flat**2).sum(axis=1)
    spots = np.array(optics.centre_px) + flat * (focal_px * radial_scale(radius2, k1))[:, None]
    inside = (spots >= 0).all(axis=1) & (spots < [plan.width_px, plan.height_px]).all(axis=1)
    inside &= radius2 < fold_radius(k1) ** 2
    rows, columns = np.divmod(ahead[inside], COLUMNS)
    return rows, columns, spots[inside]


def _near_masks(frame: BlankedFrame) -> Cells:
    """Return the blocks that are grey in a blanked picture, and their neighbours."""
    assert isinstance(frame.decision, Blank)
    near = np.zeros((-(-frame.height_px // BLOCK_PX), -(-frame.width_px // BLOCK_PX)), np.bool_)
    for box in frame.decision.rectangles:
        near[max(0, box.top - 1) : box.bottom + 1, max(0, box.left - 1) : box.right + 1] = True
    return near


def _picture(frame: BlankedFrame, sample_px: int) -> Rgb:
    """Return a blanked picture as R, G, B, each sample the mean of a square of `sample_px`, an even number; what is over is left out."""
    width, height = frame.width_px, frame.height_px
    rows, columns = height // sample_px, width // sample_px
    y, u, v = (_means(plane, sample_px * plane.shape[0] // height, rows, columns) for plane in frame.planes)
    luma = y if frame.full_range else (y - 16.0) * (255.0 / 219.0)
    scale = 1.0 if frame.full_range else 255.0 / 224.0
    u, v = (u - 128.0) * scale, (v - 128.0) * scale
    rgb = np.stack([luma + 1.5748 * v, luma - 0.1873 * u - 0.4681 * v, luma + 1.8556 * u], axis=2)
    shown: Rgb = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return shown


def _means(plane: NDArray[np.uint8], side: int, rows: int, columns: int) -> NDArray[np.float32]:
    """Return the means of the first squares. Sums of shifted views, rows first: an order of magnitude cheaper than `reduceat`."""
    tall = np.zeros((rows, columns * side), np.uint32)
    for row in range(side):
        tall += plane[row : rows * side : side, : columns * side]
    sums = np.zeros((rows, columns), np.uint32)
    for column in range(side):
        sums += tall[:, column::side]
    means: NDArray[np.float32] = (sums / np.float32(side * side)).astype(np.float32)
    return means
