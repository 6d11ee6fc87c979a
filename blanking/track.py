"""The pose track: which poses a camera may have had during a frame, given samples and the bounds on its motion.

docs/blanking.md has the proof of every formula here. Angles are true degrees (reported ones times the axis' scale).
"""

import bisect
import math
from collections.abc import Iterator
from dataclasses import dataclass

from blanking.decision import GreyReason
from blanking.plan_values import Accuracy
from blanking.pose import PoseSample

LONGEST_EXTRAPOLATION_S = 1.5
"""Age of the last valid sample from which on a frame is grey (design section 11)."""
_KEEP_S = 6.0
_MOST_FIXES = 2000
_DISTRUST_AFTER_S = 0.5
"""After samples have disproved a bound, frames up to this much later are grey too."""
_PAN_LIMIT_DEG = 181.0
_TILT_LIMIT_DEG = 100.0
_ZOOM_SLACK = 0.01


@dataclass(frozen=True, slots=True)
class PoseSweep:
    """A set of poses: every point of a straight path, give or take a box.

    Args:
        start, end: (pan_deg, tilt_deg, zoom) of the path's ends.
        spread: half widths of the box, same units.
        direction_error_deg: what `pan_tilt_deg` has become by inter- or extrapolation.
    """

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    spread: tuple[float, float, float]
    direction_error_deg: float


@dataclass(frozen=True, slots=True)
class Fix:
    """A valid sample: at some instant in [lo_s, hi_s] the pose was this."""

    lo_s: float
    hi_s: float
    at_lo_s: float
    at_hi_s: float
    pose: tuple[float, float, float]

    @property
    def middle_s(self) -> float:
        """The middle of its stamps."""
        return (self.at_lo_s + self.at_hi_s) / 2


@dataclass(frozen=True, slots=True)
class Axes:
    """How reported poses become true ones.

    Args:
        pan_scale, tilt_scale: true degrees per reported degree.
        zoom_lo, zoom_hi: zooms that the model's table covers.
        zoom_error: what `zoom_rel` allows a sample's zoom to be off.
        tilt_offset_deg: true tilt where the reported one is 0.
    """

    pan_scale: float
    tilt_scale: float
    zoom_lo: float
    zoom_hi: float
    zoom_error: float
    tilt_offset_deg: float = 0.0

    def pan_difference_deg(self, difference_deg: float) -> float:
        """Return a difference of two pans, the short way round for a camera that turns endlessly."""
        return math.remainder(difference_deg, 360.0) if abs(self.pan_scale) == 1.0 else difference_deg


@dataclass(frozen=True, slots=True)
class _Distrust:
    lo_s: float
    hi_s: float
    reason: GreyReason


class PoseTrack:
    """Samples in the order in which they were taken, and the pose sets that follow from them."""

    def __init__(self, accuracy: Accuracy, axes: Axes) -> None:
        self._accuracy = accuracy
        self._axes = axes
        self._fixes: list[Fix] = []
        self._holes_s: list[tuple[float, float]] = []
        self._distrusts: list[_Distrust] = []
        self._speeds = (accuracy.max_speed_deg_s, accuracy.max_speed_deg_s, accuracy.max_zoom_rate)
        self._accelerations = (
            accuracy.max_acceleration_deg_s2,
            accuracy.max_acceleration_deg_s2,
            accuracy.max_zoom_acceleration,
        )
        self._errors = (accuracy.pan_tilt_deg, accuracy.pan_tilt_deg, axes.zoom_error)

    def add(self, sample: PoseSample) -> Fix | None:
        """Take a sample that has arrived; return what it says when it is valid and new."""
        if not (math.isfinite(sample.at_lo_s) and math.isfinite(sample.at_hi_s)):
            self._holes_s.append((sample.arrived_s - 1.0, sample.arrived_s))
            return None
        pose = self.true_pose(sample)
        if sample.at_lo_s - self._accuracy.time_s > sample.arrived_s:
            # Read after it arrived: the clocks differ by more than the plan says, for how long is not known.
            lo_s = sample.arrived_s - LONGEST_EXTRAPOLATION_S
            self._distrusts.append(
                _Distrust(lo_s, sample.arrived_s + _DISTRUST_AFTER_S, GreyReason.CLOCK_UNSYNCHRONISED)
            )
            return None
        if pose is None:
            self._holes_s.append((sample.at_lo_s, sample.at_hi_s))
            return None
        at_lo_s, at_hi_s = min(sample.at_lo_s, sample.at_hi_s), max(sample.at_lo_s, sample.at_hi_s)
        lo_s = at_lo_s - self._accuracy.time_s - self._accuracy.staleness_s
        fix = Fix(lo_s, at_hi_s + self._accuracy.time_s, at_lo_s, at_hi_s, pose)
        if fix in self._fixes:
            return None
        index = bisect.bisect_right(self._fixes, fix.middle_s, key=lambda other: other.middle_s)
        self._fixes.insert(index, fix)
        if len(self._fixes) > _MOST_FIXES:
            # Samples without frames: a stream that stalls while its telemetry goes on.
            del self._fixes[0], self._holes_s[:-_MOST_FIXES], self._distrusts[:-_MOST_FIXES]
            index -= 1
        self._look_for_disproof(index)
        return fix

    def likely(self, at_s: float) -> tuple[float, float, float] | None:
        """Return a pose on the straight line through the samples nearest to an instant: a place to start searching from, no bound."""
        if not self._fixes:
            return None
        index = min(max(bisect.bisect_right(self._fixes, at_s, key=lambda fix: fix.middle_s), 1), len(self._fixes) - 1)
        after = self._fixes[index]
        before = self._fixes[max(0, index - 1)]
        span_s = after.middle_s - before.middle_s
        share = min(max((at_s - before.middle_s) / span_s, -2.0), 3.0) if span_s > 1e-3 else 0.0
        return _triple(tuple(p + share * d for p, d in zip(before.pose, self._differences(before, after), strict=True)))

    def distrust(self, lo_s: float, hi_s: float, reason: GreyReason) -> None:
        """Believe nothing about this stretch of time: somebody has found the samples wrong."""
        last = self._distrusts[-1] if self._distrusts else None
        if last is not None and last.reason is reason and last.lo_s <= lo_s <= last.hi_s:
            self._distrusts[-1] = _Distrust(last.lo_s, max(last.hi_s, hi_s), reason)
            return
        self._distrusts.append(_Distrust(lo_s, hi_s, reason))

    def forget_before(self, instant_s: float) -> None:
        """Drop what no frame from `instant_s` on can need."""
        while len(self._fixes) > 3 and self._fixes[2].hi_s < instant_s - _KEEP_S:
            del self._fixes[0]
        self._holes_s = [hole for hole in self._holes_s if hole[1] > instant_s - _KEEP_S]
        self._distrusts = [distrust for distrust in self._distrusts if distrust.hi_s > instant_s - _KEEP_S]

    def is_bracketed(self, span_s: tuple[float, float]) -> bool:
        """Tell whether a sample was certainly taken before and another certainly after the span."""
        return self._certainly_before(span_s[0]) is not None and self._certainly_after(span_s[1]) is not None

    def sweeps(self, span_s: tuple[float, float], middle_s: float) -> list[PoseSweep] | GreyReason:
        """Return pose sets that together hold every pose during the span, or why there are none."""
        reason = self._grey_reason(span_s, middle_s)
        if reason is not None:
            return reason
        first = self._certainly_before(span_s[0])
        last = self._certainly_after(span_s[1])
        out: list[PoseSweep] = []
        if first is not None and last is not None and last <= first:
            # Taken at the very instant of a frame without duration: there is no pair of samples to go through.
            still = (0.0, 0.0, 0.0)
            here = self._fixes[last : first + 1]
            return [PoseSweep(fix.pose, fix.pose, still, self._accuracy.pan_tilt_deg) for fix in here]
        if first is None:
            # The first sample may have been taken before or after the span: go back from it by the mirrored bounds.
            out.append(self._beyond(self._fixes[0], self._fixes[1:], span_s, -1.0))
            first = 0
        stop = len(self._fixes) - 1 if last is None else last
        for before, after in zip(self._fixes[first:stop], self._fixes[first + 1 : stop + 1], strict=True):
            sweep = self._between(before, after, span_s)
            if sweep is not None:
                out.append(sweep)
        if last is None:
            out.append(self._beyond(self._fixes[-1], self._fixes[-2::-1], span_s, 1.0))
        return out

    def true_pose(self, sample: PoseSample) -> tuple[float, float, float] | None:
        """Return a sample's pan and tilt in true degrees and its zoom; None when it has no valid pose."""
        pan_deg, tilt_deg, zoom = sample.pan_deg, sample.tilt_deg, sample.zoom
        if pan_deg is None or tilt_deg is None or zoom is None:
            return None
        # Comparisons with NaN are false, so that it fails each of these.
        if not (abs(pan_deg) <= _PAN_LIMIT_DEG and abs(tilt_deg) <= _TILT_LIMIT_DEG):
            return None
        if not self._axes.zoom_lo - _ZOOM_SLACK <= zoom <= self._axes.zoom_hi + _ZOOM_SLACK:
            return None
        zoom = min(max(zoom, self._axes.zoom_lo), self._axes.zoom_hi)
        axes = self._axes
        return (pan_deg * axes.pan_scale, tilt_deg * axes.tilt_scale + axes.tilt_offset_deg, zoom)

    def _differences(self, before: Fix, after: Fix) -> tuple[float, float, float]:
        pan_deg = self._axes.pan_difference_deg(after.pose[0] - before.pose[0])
        return (pan_deg, after.pose[1] - before.pose[1], after.pose[2] - before.pose[2])

    def _certainly_before(self, instant_s: float) -> int | None:
        for index in range(len(self._fixes) - 1, -1, -1):
            if self._fixes[index].hi_s <= instant_s:
                return index
        return None

    def _certainly_after(self, instant_s: float) -> int | None:
        found = None
        for index in range(len(self._fixes) - 1, -1, -1):
            if self._fixes[index].lo_s >= instant_s:
                found = index
            elif self._fixes[index].hi_s <= instant_s:
                break
        return found

    def _grey_reason(self, span_s: tuple[float, float], middle_s: float) -> GreyReason | None:
        lo_s, hi_s = span_s
        for distrust in self._distrusts:
            if distrust.lo_s <= hi_s and lo_s <= distrust.hi_s:
                return distrust.reason
        for hole_lo_s, hole_hi_s in self._holes_s:
            before_s = max((fix.at_hi_s for fix in self._fixes if fix.at_hi_s <= hole_lo_s), default=-math.inf)
            after_s = min((fix.at_lo_s for fix in self._fixes if fix.at_lo_s >= hole_hi_s), default=math.inf)
            if lo_s < after_s and hi_s > before_s:
                return GreyReason.BAD_SAMPLE
        if not self._fixes or self._fixes[0].lo_s > hi_s:
            return GreyReason.POSE_MISSING
        newest_s = max((fix.at_hi_s for fix in self._fixes if fix.at_lo_s <= hi_s), default=-math.inf)
        if middle_s - newest_s > LONGEST_EXTRAPOLATION_S:
            return GreyReason.POSE_STALE
        return None

    def _between(self, before: Fix, after: Fix, span_s: tuple[float, float]) -> PoseSweep | None:
        """Return the poses during the part of the span that lies between the two samples, None when there is no such part."""
        lo_s, hi_s = max(span_s[0], before.lo_s), min(span_s[1], after.hi_s)
        if lo_s > hi_s:
            return None
        longest_s = after.hi_s - before.lo_s
        first = _share(max(0.0, lo_s - before.hi_s), after.hi_s - lo_s, 0.0)
        last = _share(hi_s - before.lo_s, max(0.0, after.lo_s - hi_s), 1.0)
        at_s = min(max((before.lo_s + after.hi_s) / 2, lo_s), hi_s)
        product_s2 = (at_s - before.lo_s) * (after.hi_s - at_s)
        spread = tuple(
            min(0.5 * acceleration * product_s2, 2.0 * speed * product_s2 / longest_s if longest_s > 0 else 0.0)
            for acceleration, speed in zip(self._accelerations, self._speeds, strict=True)
        )
        difference = self._differences(before, after)
        if abs(difference[0]) + self._errors[0] * 2 + self._speeds[0] * longest_s >= 360.0:
            spread = (360.0, spread[1], spread[2])  # it may have gone round either way
        start = tuple(p + first * d for p, d in zip(before.pose, difference, strict=True))
        end = tuple(p + last * d for p, d in zip(before.pose, difference, strict=True))
        return PoseSweep(_triple(start), _triple(end), _triple(spread), self._accuracy.pan_tilt_deg)

    def _beyond(self, newest: Fix, older: list[Fix], span_s: tuple[float, float], way: float) -> PoseSweep:
        """Return the poses during the part of the span that lies after the newest sample (before it with `way` -1)."""
        if way > 0:
            shortest_s, longest_s = max(0.0, span_s[0] - newest.hi_s), max(0.0, span_s[1] - newest.lo_s)
        else:
            shortest_s, longest_s = max(0.0, newest.lo_s - span_s[1]), max(0.0, newest.hi_s - span_s[0])
        reach = tuple(speed * longest_s for speed in self._speeds)
        best = PoseSweep(newest.pose, newest.pose, _triple(reach), self._accuracy.pan_tilt_deg)
        for other in older[:4]:
            gap_lo_s = newest.lo_s - other.hi_s if way > 0 else other.lo_s - newest.hi_s
            gap_hi_s = newest.hi_s - other.lo_s if way > 0 else other.hi_s - newest.lo_s
            if gap_lo_s <= 0.0:
                continue
            difference = self._differences(other, newest)
            if abs(difference[0]) + 2 * self._errors[0] + self._speeds[0] * gap_hi_s >= 360.0:
                break
            start, end = (
                tuple(p + share * d for p, d in zip(newest.pose, difference, strict=True))
                for share in (shortest_s / gap_hi_s, longest_s / gap_lo_s)
            )
            # Beyond both samples their own errors count 1 + 2 share times instead of once.
            leverage = 2.0 * longest_s / gap_lo_s
            spread = tuple(0.5 * a * longest_s * (longest_s + gap_hi_s) for a in self._accelerations)
            spread = (spread[0], spread[1], spread[2] + leverage * self._errors[2])
            error_deg = self._accuracy.pan_tilt_deg * (1.0 + leverage)
            best = _narrower(best, PoseSweep(_triple(start), _triple(end), _triple(spread), error_deg))
        return best

    def _look_for_disproof(self, index: int) -> None:
        """Note where the samples around a new one show more speed or acceleration than the plan allows."""
        count = len(self._fixes)
        for i in range(max(1, index), min(count, index + 2)):
            before, after = self._fixes[i - 1], self._fixes[i]
            longest_s = after.hi_s - before.lo_s
            for difference, speed, error in zip(
                self._differences(before, after), self._speeds, self._errors, strict=True
            ):
                if abs(difference) - 2.0 * error > speed * longest_s + 1e-9:
                    same = before.at_lo_s == after.at_lo_s and before.at_hi_s == after.at_hi_s
                    self._distrust(i - 1, i, GreyReason.CONTRADICTION if same else GreyReason.OVER_SPEED)
        for i in range(max(2, index), min(count, index + 3)):
            if self._accelerates_too_much(*self._fixes[i - 2 : i + 1]):
                self._distrust(i - 2, i, GreyReason.OVER_ACCELERATION)

    def _accelerates_too_much(self, one: Fix, two: Fix, three: Fix) -> bool:
        limits = zip(
            self._differences(one, two), self._differences(two, three), self._accelerations, self._errors, strict=True
        )
        first_s, second_s = _gap(one, two), _gap(two, three)
        if first_s[0] <= 0.0 or second_s[0] <= 0.0:
            return False
        for before, after, acceleration, error in limits:
            allowed = 0.5 * acceleration * (three.hi_s - one.lo_s)
            slope_before = _slopes(before, 2.0 * error, first_s)
            slope_after = _slopes(after, 2.0 * error, second_s)
            if max(slope_after[0] - slope_before[1], slope_before[0] - slope_after[1]) > allowed + 1e-9:
                return True
        return False

    def _distrust(self, first: int, last: int, reason: GreyReason) -> None:
        before = self._fixes[max(0, first - 1)]
        self._distrusts.append(_Distrust(before.lo_s, self._fixes[last].hi_s + _DISTRUST_AFTER_S, reason))

    def instants(self) -> Iterator[tuple[float, float]]:
        """Yield the valid samples' intervals, oldest first; for tests and reports."""
        return ((fix.lo_s, fix.hi_s) for fix in self._fixes)


def _share(part_s: float, rest_s: float, otherwise: float) -> float:
    whole_s = part_s + rest_s
    return part_s / whole_s if whole_s > 0.0 else otherwise


def _gap(before: Fix, after: Fix) -> tuple[float, float]:
    return (after.lo_s - before.hi_s, after.hi_s - before.lo_s)


def _slopes(difference: float, slack: float, gap_s: tuple[float, float]) -> tuple[float, float]:
    lo, hi = difference - slack, difference + slack
    return (min(lo / gap_s[0], lo / gap_s[1]), max(hi / gap_s[0], hi / gap_s[1]))


def _triple(values: tuple[float, ...]) -> tuple[float, float, float]:
    first, second, third = values
    return (first, second, third)


def _narrower(one: PoseSweep, other: PoseSweep) -> PoseSweep:
    """Return a set that holds the intersection of two: the smaller as it is, or the box common to both."""
    lows, highs = [], []
    cut = False
    for axis in range(3):
        lo, hi = _extent(other, axis)
        one_lo, one_hi = _extent(one, axis)
        cut = cut or one_lo > lo or one_hi < hi
        lows.append(max(lo, one_lo))
        highs.append(max(min(hi, one_hi), lows[-1]))
    if not cut:
        return other
    middle = tuple((lo + hi) / 2 for lo, hi in zip(lows, highs, strict=True))
    spread = tuple((hi - lo) / 2 for lo, hi in zip(lows, highs, strict=True))
    error_deg = max(one.direction_error_deg, other.direction_error_deg)
    return PoseSweep(_triple(middle), _triple(middle), _triple(spread), error_deg)


def _extent(sweep: PoseSweep, axis: int) -> tuple[float, float]:
    start, end, spread = sweep.start[axis], sweep.end[axis], sweep.spread[axis]
    return (min(start, end) - spread, max(start, end) + spread)
