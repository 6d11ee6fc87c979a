"""What samples and pictures say about each other: anchors, the pose that follows from them, and contradictions.

A sample and the way of the pictures (`odometry`) each tell where the camera looked; the difference between the two, the offset of
the chain, is one and the same for all samples of a chain, give or take bounded errors. A sample taken while the picture stood
still knows it well whatever its time error: an anchor. Samples whose offsets cannot be the same contradict the picture.
docs/blanking.md has every error term and its bound.
"""

import bisect
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blanking.odometry import LONGEST_BREAK_S, MATURE_AFTER_S, Glance, Triple

STILL_DEG = 0.06
STILL_LOG_FOCAL = 0.006
"""A picture that moves less than this around a sample stood still."""
LONGEST_ANCHOR_S = 12.0
LONGEST_UNCHANGED_S = 2.5
"""Pictures that are equal sample by sample for longer than this prove nothing: the video may be frozen."""
_EXPOSURE_SHARE = 0.75
"""Where in its exposure a registered picture's pose lies is not known; but not at its ends, as corners must lie all over it."""
_CLEARLY = 1.25
_SPEED_OVER_S = 0.15
"""A sample's speed is measured over the pictures from so long before it."""
_OTHER_SPEED_SHARE = 0.5
"""Speeds that differ by this share of the highest: a clock that is off then shifts some offsets by half of what it shifts any."""
_MOST_OFFSETS = 64
_MOST_TRIED = 8
_MOST_GLANCES = 1200
_STEEPEST_TILT_DEG = 80.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the plan says about the camera, as far as it matters here.

    Args:
        accelerations: of pan and tilt in degrees, of the logarithm of the focal length, per second squared.
        exposure_s: exposure and readout.
        pan_tilt_deg, zoom_rel: the stated errors.
        endless: pan wraps.
    """

    accelerations: Triple
    exposure_s: float
    pan_tilt_deg: float
    zoom_rel: float
    endless: bool


@dataclass(frozen=True, slots=True)
class Offset:
    """A sample beside the pictures around it.

    Args:
        lo_s, hi_s: when it may have been taken.
        pose: (pan_deg, tilt_deg, log of the focal length in half diagonals of the picture), true ones.
        place: the middle of where the pictures were meanwhile.
        spread: half widths around it.
        still: the picture stood still.
        glance: the picture before it.
        speed: of the picture there, (pan, tilt) in degrees per second.
    """

    lo_s: float
    hi_s: float
    pose: Triple
    place: Triple
    spread: Triple
    still: bool
    glance: Glance
    speed: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Bearing:
    """Where the camera looked in one picture, by an offset.

    Args:
        pose: (pan_deg, tilt_deg, log of focal length) in the middle of the exposure.
        sweep: how far it turned from there in half the exposure, likewise.
        spread: half widths of the box around that way.
        offset: from which it follows.
    """

    pose: Triple
    sweep: Triple
    spread: Triple
    offset: Offset


class Anchors:
    """Join samples and glances of one chain after another. Made for one thread."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._glances: list[Glance] = []
        self._times_s: list[float] = []
        self._coming: deque[tuple[float, float, Triple]] = deque(maxlen=256)
        self._offsets: list[Offset] = []

    @property
    def offsets(self) -> Sequence[Offset]:
        """The newest chain's, oldest first."""
        return self._offsets

    def forget(self) -> None:
        """Drop every offset: the chain they belong to is not believed."""
        self._offsets.clear()
        self._coming.clear()

    def add_sample(self, lo_s: float, hi_s: float, pose: Triple) -> list[Offset]:
        """Take a sample; return the offsets that could be made of it."""
        self._coming.append((lo_s, hi_s, pose))
        return self._join()

    def add_glance(self, glance: Glance) -> list[Offset]:
        """Take a registered picture; return the offsets that could be made with it."""
        if self._glances and glance.chain != self._glances[-1].chain:
            self._offsets.clear()
            self._glances.clear()
            self._times_s.clear()
        self._glances.append(glance)
        self._times_s.append(glance.at_s)
        if len(self._glances) > _MOST_GLANCES:
            del self._glances[:100], self._times_s[:100]
        while self._offsets and self._offsets[0].hi_s < glance.at_s - LONGEST_ANCHOR_S:
            del self._offsets[0]
        return self._join()

    def _join(self) -> list[Offset]:
        """Make offsets of the samples that pictures now surround."""
        made: list[Offset] = []
        if not self._glances:
            return made
        newest_s = self._glances[-1].at_s
        later: list[tuple[float, float, Triple]] = []
        for sample in self._coming:
            if sample[1] > newest_s:
                if sample[1] < newest_s + 5.0:
                    later.append(sample)
                continue
            offset = self._offset(*sample)
            if offset is not None:
                made.append(offset)
        self._coming.clear()
        self._coming.extend(later)
        for offset in made:
            self._offsets.append(offset)
        del self._offsets[:-_MOST_OFFSETS]
        return made

    def _offset(self, lo_s: float, hi_s: float, pose: Triple) -> Offset | None:
        first = bisect.bisect_right(self._times_s, lo_s) - 1
        last = bisect.bisect_left(self._times_s, hi_s)
        if first < 0 or last >= len(self._glances):
            return None
        around = self._glances[first : last + 1]
        if self._glances[-1].at_s - around[0].began_s < MATURE_AFTER_S:
            return None
        gaps_s = [b - a for a, b in zip(self._times_s[first:last], self._times_s[first + 1 : last + 1], strict=True)]
        gap_s = max(gaps_s, default=LONGEST_BREAK_S)
        if gap_s > LONGEST_BREAK_S or around[-1].at_s - around[-1].fresh_s > LONGEST_UNCHANGED_S:
            return None
        whole = [_extent([glance.place[axis] for glance in around]) for axis in range(3)]
        own = [max(glance.own_error[axis] for glance in around) for axis in range(3)]
        place, spread = [], []
        for axis in range(3):
            lo, hi = whole[axis]
            slope = (hi - lo) / min(gaps_s, default=gap_s) + self._bounds.accelerations[axis] * (
                gap_s / 2 + self._bounds.exposure_s
            )
            if axis < 2:
                ends = [_at(around[:2], lo_s, axis), _at(around[-2:], hi_s, axis)]
                lo, hi = _extent([*ends, *(glance.place[axis] for glance in around[1:-1])])
            between = self._bounds.accelerations[axis] * gap_s * gap_s / 8
            place.append((lo + hi) / 2)
            spread.append((hi - lo) / 2 + between + own[axis] + _EXPOSURE_SHARE * self._bounds.exposure_s * slope)
        still = (
            whole[0][1] - whole[0][0] <= STILL_DEG
            and whole[1][1] - whole[1][0] <= STILL_DEG
            and whole[2][1] - whole[2][0] <= STILL_LOG_FOCAL
        )
        return Offset(lo_s, hi_s, pose, _triple(place), _triple(spread), still, around[0], self._speed(lo_s, last))

    def _speed(self, lo_s: float, last: int) -> tuple[float, float]:
        """Return how fast the picture turned from just before an instant until a picture after it."""
        last = max(last, 1)  # a chain that is evidence has more than one picture
        one = self._glances[min(bisect.bisect_left(self._times_s, lo_s - _SPEED_OVER_S), last - 1)]
        other = self._glances[last]
        span_s = other.at_s - one.at_s
        return (other.place[0] - one.place[0]) / span_s, (other.place[1] - one.place[1]) / span_s

    def disagrees(self, offset: Offset) -> bool:
        """Tell whether an offset cannot be the same as one of the others of its chain."""
        return any(self._apart(offset, other) for other in self._offsets if other is not offset)

    def agrees_in_motion(self) -> bool:
        """Tell whether the newest offset's sample and picture have both moved clearly since another's, and the same way.

        Not while they have moved at one speed only: then a clock that is off shifts all offsets alike, and they agree.
        """
        if len(self._offsets) < 3 or not self._speed_has_changed():
            return False
        newest = self._offsets[-1]
        for other in self._offsets[:-1]:
            if newest.lo_s - other.hi_s < 0.3:
                continue
            moved = self.differences(newest.pose, other.pose)
            if any(abs(moved[axis]) > 3.0 * self._tolerance(newest, other, axis) for axis in (0, 1)):
                return True
        return False

    def _speed_has_changed(self) -> bool:
        """Tell whether a clock that is off would have shown: it shifts each offset by its speed."""
        speeds = np.array([offset.speed for offset in self._offsets])
        differences = np.hypot(*(speeds[:, None, :] - speeds[None, :, :]).T)
        return bool(differences.max() >= _OTHER_SPEED_SHARE * np.hypot(*speeds.T).max())

    def differences(self, pose: Triple, other: Triple) -> Triple:
        """Return pose - other, pan the short way round where it is endless."""
        pan_deg = pose[0] - other[0]
        return (
            math.remainder(pan_deg, 360.0) if self._bounds.endless else pan_deg,
            pose[1] - other[1],
            pose[2] - other[2],
        )

    def _apart(self, one: Offset, other: Offset) -> bool:
        by_samples = self.differences(one.pose, other.pose)
        for axis in range(3):
            off = by_samples[axis] - (one.place[axis] - other.place[axis])
            if axis == 0 and self._bounds.endless:
                off = math.remainder(off, 360.0)
            if abs(off) > _CLEARLY * self._tolerance(one, other, axis):
                return True
        return False

    def _tolerance(self, one: Offset, other: Offset, axis: int) -> float:
        drift = self._drift(other, one.glance, one.place)
        stated = self._bounds.pan_tilt_deg * 2.0 if axis < 2 else self._bounds.zoom_rel * 2.0 + 0.05
        return one.spread[axis] + other.spread[axis] + drift[axis] + stated

    def _drift(self, offset: Offset, glance: Glance, place: Triple) -> Triple:
        """Return by how much the way of the pictures from an offset to a glance may be wrong."""
        moved = [abs(a - b) for a, b in zip(place, offset.place, strict=True)]
        zoomed = moved[2] > 0.02
        way_deg = max(moved[0] + moved[1], glance.path_deg - offset.glance.path_deg if zoomed else 0.0)
        # Directions right to within their error may still be scaled wrongly across the view; pan is read at a tilt.
        half_view_deg = math.degrees(math.atan(math.exp(-offset.pose[2])))
        scale = 1.5 * self._bounds.zoom_rel + self._bounds.pan_tilt_deg / half_view_deg
        base = [abs(a - b) for a, b in zip(glance.base_error, offset.glance.base_error, strict=True)]
        steep = math.tan(math.radians(min(abs(offset.pose[1]) + moved[1], _STEEPEST_TILT_DEG)))
        lean = 1.5 * math.radians(self._bounds.pan_tilt_deg) * steep
        return (base[0] + (scale + lean) * way_deg, base[1] + scale * way_deg, base[2] + 0.03 * moved[2])

    def bearing(self, at_s: float, *, anchored: bool) -> Bearing | None:
        """Return where the camera looked in the picture captured then, None when it was not registered or nothing ties it down.

        Args:
            at_s: the picture's instant.
            anchored: by samples taken while the picture stood still only.
        """
        index = bisect.bisect_left(self._times_s, at_s)
        if index >= len(self._times_s) or self._times_s[index] != at_s:
            return None
        glance = self._glances[index]
        if at_s - glance.fresh_s > LONGEST_UNCHANGED_S or self._times_s[-1] - glance.began_s < MATURE_AFTER_S:
            return None
        sweep, blur = self._during_exposure(index)
        best: Bearing | None = None
        known = [offset for offset in self._offsets if offset.still or not anchored]
        # What lies farther back has drifted more: the newest are the best, give or take little.
        for offset in known[-_MOST_TRIED:]:
            if abs(at_s - offset.hi_s) > LONGEST_ANCHOR_S:
                continue
            drift = self._drift(offset, glance, glance.place)
            spread = _triple([offset.spread[a] + glance.own_error[a] + drift[a] + blur[a] for a in range(3)])
            pose = _triple([offset.pose[a] + glance.place[a] - offset.place[a] for a in range(3)])
            if abs(pose[1]) > _STEEPEST_TILT_DEG:
                continue
            if best is None or spread[0] + spread[1] < best.spread[0] + best.spread[1]:
                best = Bearing(pose, sweep, spread, offset)
        return best

    def _during_exposure(self, index: int) -> tuple[Triple, Triple]:
        """Return how far the camera turned in three quarters of a picture's exposure, and by how much that may be wrong."""
        lo, hi = max(0, index - 1), min(len(self._glances) - 1, index + 1)
        if lo == hi:
            hi_place = lo_place = self._glances[index]
            long_s = LONGEST_BREAK_S
        else:
            lo_place, hi_place = self._glances[lo], self._glances[hi]
            long_s = max(b - a for a, b in zip(self._times_s[lo:hi], self._times_s[lo + 1 : hi + 1], strict=True))
        span_s = max(hi_place.at_s - lo_place.at_s, 1e-3)
        part_s = _EXPOSURE_SHARE * self._bounds.exposure_s
        sweep = [(b - a) / span_s * part_s for a, b in zip(lo_place.place, hi_place.place, strict=True)]
        blur = [
            part_s * (acceleration * (long_s / 2 + self._bounds.exposure_s) + (a + b) / span_s)
            for acceleration, a, b in zip(
                self._bounds.accelerations, lo_place.own_error, hi_place.own_error, strict=True
            )
        ]
        return _triple(sweep), _triple(blur)

    def is_static(self, offset: Offset, at_s: float) -> bool:
        """Tell whether the picture has stood still between an offset and a picture."""
        lo_s, hi_s = min(offset.lo_s, at_s), max(offset.hi_s, at_s)
        first, last = bisect.bisect_left(self._times_s, lo_s), bisect.bisect_right(self._times_s, hi_s)
        return offset.still and all(
            abs(glance.place[0] - offset.place[0]) <= STILL_DEG
            and abs(glance.place[1] - offset.place[1]) <= STILL_DEG
            and abs(glance.place[2] - offset.place[2]) <= STILL_LOG_FOCAL
            for glance in self._glances[first:last]
        )


def _extent(values: list[float]) -> tuple[float, float]:
    return min(values), max(values)


def _at(pair: Sequence[Glance], at_s: float, axis: int) -> float:
    """Return the place at an instant on the line through two glances."""
    one, other = pair[0], pair[-1]
    span_s = other.at_s - one.at_s
    share = (at_s - one.at_s) / span_s if span_s > 0 else 0.0
    return one.place[axis] + share * (other.place[axis] - one.place[axis])


def _triple(values: Sequence[float]) -> Triple:
    first, second, third = values
    return first, second, third
