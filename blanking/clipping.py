"""Clip convex pieces in three dimensions to a pyramid around the optical axis, and only then divide by depth."""

import numpy as np
from numpy.typing import NDArray

from blanking.sphere import MAX_EDGE_RAD, Vectors

_MOST_PARTS = 200


def flat_pieces(turned: Vectors, counts: NDArray[np.intp], limit: float, *, distorted: bool) -> list[Vectors | None]:
    """Return each piece's tangent coordinates (n, 2) after clipping to |x|, |y| <= limit z; None for those outside.

    Args:
        turned: all pieces' corners in camera axes, one after another.
        counts: number of corners of each.
        limit: half width of the pyramid at depth 1.
        distorted: the lens bends straight lines, so that long edges need points in between.
    """
    ends = np.cumsum(counts)
    starts = ends - counts
    edge = turned[:, 2] * limit
    sides = np.empty((len(turned), 4))
    sides[:, 0], sides[:, 1] = edge - turned[:, 0], edge + turned[:, 0]
    sides[:, 2], sides[:, 3] = edge - turned[:, 1], edge + turned[:, 1]
    outside: list[bool] = np.any(np.maximum.reduceat(sides, starts, axis=0) < 0.0, axis=1).tolist()
    inside: list[bool] = np.all(np.minimum.reduceat(sides, starts, axis=0) > 0.0, axis=1).tolist()
    depth = turned[:, 2:]
    flat = turned[:, :2] / np.where(depth > 0.0, depth, 1.0)  # only those inside are used, and they have depth
    out: list[Vectors | None] = []
    for index, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        if outside[index]:
            out.append(None)
        elif inside[index]:
            out.append(flat[start:end])
        else:
            out.append(_clipped(turned[start:end], limit, distorted=distorted))
    return out


def _clipped(piece: Vectors, limit: float, *, distorted: bool) -> Vectors | None:
    """Clip by planes through the eye (Sutherland and Hodgman): exact for convex pieces bounded by great circles."""
    corners: list[list[float]] = piece.tolist()
    for axis, sign in ((0, -1.0), (0, 1.0), (1, -1.0), (1, 1.0)):
        kept: list[list[float]] = []
        last = corners[-1]
        last_side = limit * last[2] + sign * last[axis]
        for corner in corners:
            side = limit * corner[2] + sign * corner[axis]
            if (side < 0.0) != (last_side < 0.0):
                share = last_side / (last_side - side)
                x, y, z = last
                kept.append([x + share * (corner[0] - x), y + share * (corner[1] - y), z + share * (corner[2] - z)])
            if side >= 0.0:
                kept.append(corner)
            last, last_side = corner, side
        if not kept:
            return None
        corners = kept
    solid = [(corner[0] / corner[2], corner[1] / corner[2]) for corner in corners if corner[2] > 1e-12]
    if not solid:
        return None
    flat = np.array(solid)
    return _subdivided(flat) if distorted else flat


def _subdivided(flat: Vectors) -> Vectors:
    """Put points on edges longer than the pieces' own: those made by clipping bend in a distorted picture."""
    following = np.roll(flat, -1, axis=0)
    lengths = np.hypot(following[:, 0] - flat[:, 0], following[:, 1] - flat[:, 1])
    counts = np.clip(np.ceil(lengths / MAX_EDGE_RAD).astype(np.intp), 1, _MOST_PARTS)
    if int(counts.max()) == 1:
        return flat
    shares = np.concatenate([np.arange(count) / count for count in counts.tolist()])[:, None]
    return np.asarray(np.repeat(flat, counts, axis=0) * (1 - shares) + np.repeat(following, counts, axis=0) * shares)
