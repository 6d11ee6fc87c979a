"""Which 16 x 16 blocks of a picture a set of convex polygons touches: exactly, never one too few."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blanking.decision import BlockRectangle

BLOCK_PX = 16

BlockMask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class GrownHull:
    """A convex polygon grown by a box.

    Args:
        corners_px: its corners in order, (n, 2) as x, y; pixel i covers i .. i + 1.
        grow_x_px, grow_y_px: half width and half height of the box.
    """

    corners_px: NDArray[np.floating]
    grow_x_px: float
    grow_y_px: float


def convex_hull(points_px: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the corners of the points' convex hull in order, (n, 2)."""
    # The library finds no hull of points that differ in the sign of a zero only; adding zero makes all zeros positive.
    hull = cv2.convexHull(points_px + np.float32(0.0))
    return np.asarray(hull[:, 0, :], dtype=np.float32)


def empty_mask(width_px: int, height_px: int) -> BlockMask:
    """Return a mask without any block, (rows, columns) of blocks; the last ones may hang over the picture's edge."""
    return np.zeros((-(-height_px // BLOCK_PX), -(-width_px // BLOCK_PX)), dtype=np.bool_)


def touched_blocks(hulls: Sequence[GrownHull], mask: BlockMask) -> None:
    """Set in `mask` every block that a grown hull touches.

    For each row of blocks the hull's extent in x over that band of y is computed from its edges, so that the result is exact for
    convex shapes and has no rule about pixel centres. Growing by a box is the same as growing the band by the box's height and
    the extent by its width.
    """
    if not hulls:
        return
    rows, columns = mask.shape
    counts = np.array([len(hull.corners_px) for hull in hulls])
    tails = np.concatenate([hull.corners_px for hull in hulls]).astype(np.float64)
    last_of = np.cumsum(counts) - 1
    following = np.arange(1, len(tails) + 1)
    following[last_of] = last_of - counts + 1
    heads = tails[following]
    grow = np.array([(hull.grow_x_px, hull.grow_y_px) for hull in hulls])
    owner = np.repeat(np.arange(len(hulls)), counts)
    upward = (tails[:, 1] > heads[:, 1])[:, None]
    upper, lower = np.where(upward, heads, tails), np.where(upward, tails, heads)
    grow_y = grow[owner, 1]
    first_row = np.ceil((upper[:, 1] - grow_y) / BLOCK_PX - 1.0).clip(0, rows).astype(np.intp)
    last_row = np.floor((lower[:, 1] + grow_y) / BLOCK_PX).clip(-1, rows - 1).astype(np.intp)
    bands = np.maximum(last_row - first_row + 1, 0)
    edge = np.repeat(np.arange(len(tails)), bands)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(bands) - bands - first_row, bands)
    left_end, right_end = _edge_extents(upper[edge], lower[edge], row * float(BLOCK_PX), grow_y[edge])
    x_lo = np.full((len(hulls), rows), np.inf)
    x_hi = np.full((len(hulls), rows), -np.inf)
    np.minimum.at(x_lo, (owner[edge], row), left_end)
    np.maximum.at(x_hi, (owner[edge], row), right_end)
    x_lo -= grow[:, 0:1]
    x_hi += grow[:, 0:1]
    hull_index, row = np.nonzero((x_lo < columns * BLOCK_PX) & (x_hi >= 0.0))
    left = np.floor(x_lo[hull_index, row] / BLOCK_PX).clip(0, columns - 1).astype(np.intp)
    right = np.floor(x_hi[hull_index, row] / BLOCK_PX).clip(0, columns - 1).astype(np.intp)
    steps = np.zeros((rows, columns + 1), dtype=np.int32)
    np.add.at(steps, (row, left), 1)
    np.add.at(steps, (row, right + 1), -1)
    mask |= np.cumsum(steps, axis=1)[:, :columns] > 0


def _edge_extents(
    upper: NDArray[np.float64], lower: NDArray[np.float64], top: NDArray[np.float64], grow_y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smallest and largest x of each edge within its band, grown upwards and downwards."""
    height = lower[:, 1] - upper[:, 1]
    level = height <= 0.0
    slope = (lower[:, 0] - upper[:, 0]) / np.where(level, 1.0, height)
    first = np.maximum(top - grow_y, upper[:, 1]) - upper[:, 1]
    last = np.minimum(top + (BLOCK_PX + grow_y), lower[:, 1]) - upper[:, 1]
    x_first = upper[:, 0] + slope * first
    x_last = np.where(level, lower[:, 0], upper[:, 0] + slope * last)
    return np.minimum(x_first, x_last), np.maximum(x_first, x_last)


def rectangles_of(mask: BlockMask) -> tuple[BlockRectangle, ...]:
    """Return disjoint rectangles that make up the mask: runs of blocks, equal runs in following rows joined."""
    rows, columns = mask.shape
    framed = np.zeros((rows, columns + 2), dtype=np.int8)
    framed[:, 1:-1] = mask
    change = np.diff(framed, axis=1)
    run_rows, lefts = np.nonzero(change == 1)
    rights = np.nonzero(change == -1)[1]
    out = []
    open_runs: dict[tuple[int, int], tuple[int, int]] = {}
    for row, left, right in zip(run_rows.tolist(), lefts.tolist(), rights.tolist(), strict=True):
        top, bottom = open_runs.get((left, right), (row, row))
        if bottom != row:
            out.append(BlockRectangle(left, top, right, bottom))
            top = row
        open_runs[left, right] = (top, row + 1)
    out += [BlockRectangle(left, top, right, bottom) for (left, right), (top, bottom) in open_runs.items()]
    return tuple(out)
