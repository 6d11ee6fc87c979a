"""How a small set of poses lies to the sets that telemetry allows: inside, across their edge, or apart from them."""

import math
from collections.abc import Sequence
from enum import Enum, auto

from blanking.track import PoseSweep

_ENDLESS_DEG = 360.0


class Lies(Enum):
    """Where a set lies."""

    INSIDE = auto()
    ACROSS = auto()
    """Its middle is inside, part of it is not."""
    DOUBTFUL = auto()
    """Its middle is outside, part of it may be inside."""
    APART = auto()


def lies(one: PoseSweep, sets: Sequence[PoseSweep], *, endless: bool, apart: tuple[float, float, float]) -> Lies:
    """Tell how a set lies to the union of others.

    Args:
        one: a small set.
        sets: the others.
        endless: pan wraps.
        apart: by how much, per axis, it may be apart from the others before that counts.
    """
    middles = [tuple((a + b) / 2 for a, b in zip(one.start, one.end, strict=True))]
    ends = [one.start, one.end]
    if any(
        all(_holds(other, end, tuple(-spread for spread in one.spread), endless=endless) for end in ends)
        for other in sets
    ):
        return Lies.INSIDE
    if any(_holds(other, middle, (0.0, 0.0, 0.0), endless=endless) for other in sets for middle in middles):
        return Lies.ACROSS
    reach = tuple(
        spread + abs(b - a) / 2 + more for spread, a, b, more in zip(one.spread, one.start, one.end, apart, strict=True)
    )
    if any(_holds(other, middle, reach, endless=endless) for other in sets for middle in middles):
        return Lies.DOUBTFUL
    return Lies.APART


def holds(outer: PoseSweep, inner: PoseSweep) -> bool:
    """Tell whether a set holds another, pan taken as it stands."""
    shrunk = tuple(-spread for spread in inner.spread)
    return outer.direction_error_deg >= inner.direction_error_deg and all(
        _holds(outer, end, shrunk, endless=False) for end in (inner.start, inner.end)
    )


def _holds(sweep: PoseSweep, point: Sequence[float], grown: Sequence[float], *, endless: bool) -> bool:
    """Tell whether the sweep, its box grown by so much (shrunk where that is negative), holds a point.

    The sweep is a segment plus its own box, so that it holds the point when some point of the segment is within the box of it on all
    axes at once; each axis allows an interval of the segment.
    """
    lo, hi = 0.0, 1.0
    for axis in range(3):
        allowed = sweep.spread[axis] + grown[axis] + 1e-9
        away, way = point[axis] - sweep.start[axis], sweep.end[axis] - sweep.start[axis]
        if axis == 0 and endless:
            away = math.remainder(away - way / 2, _ENDLESS_DEG) + way / 2
        if allowed < 0.0:
            return False
        if abs(way) < 1e-12:
            if abs(away) > allowed:
                return False
            continue
        first, last = sorted(((away - allowed) / way, (away + allowed) / way))
        lo, hi = max(lo, first), min(hi, last)
    return lo <= hi
