"""Several telemetry sources of one camera as witnesses of one movement: what one says must be possible by what the other says."""

from collections import deque
from dataclasses import dataclass

from blanking.decision import GreyReason
from blanking.plan_values import Accuracy
from blanking.pose import PoseSample
from blanking.track import Axes, PoseSweep, PoseTrack

RESOLVED_AFTER_S = 1.5
"""After the last sample that another source disproved, frames so much later are believed again.

Counted from the sample, not from when it was disproved. Beside a source of 2 samples a second both then agree again for at most 2 s.
"""
_LONGEST_UNHEARD_S = 2.0
_MOST_UNHEARD = 200


@dataclass(frozen=True, slots=True)
class Doubt:
    """A stretch of time of which the samples must not be believed."""

    lo_s: float
    hi_s: float
    reason: GreyReason


class Witnesses:
    """Keep a track for each source, and test every sample against the tracks of the others.

    Samples of all sources also make one common track; the bounds on speed and acceleration alone leave room in it for a source that
    stands still while the other moves slowly.
    """

    def __init__(self, accuracy: Accuracy, axes: Axes) -> None:
        self._accuracy = accuracy
        self._axes = axes
        self._errors = (2 * accuracy.pan_tilt_deg, 2 * accuracy.pan_tilt_deg, 2 * axes.zoom_error)
        self._tracks: dict[str, PoseTrack] = {}
        self._unheard: dict[str, deque[PoseSample]] = {}

    def see(self, sample: PoseSample) -> list[Doubt]:
        """Take a sample; return what it disproves."""
        track = self._tracks.setdefault(sample.source, PoseTrack(self._accuracy, self._axes))
        track.add(sample)
        track.forget_before(sample.at_lo_s)
        self._unheard.setdefault(sample.source, deque(maxlen=_MOST_UNHEARD)).append(sample)
        if len(self._tracks) == 1:
            return []
        doubts: list[Doubt] = []
        for source, waiting in self._unheard.items():
            if source != sample.source:
                doubts += self._heard(track, waiting, sample.arrived_s)
        return doubts

    def _heard(self, track: PoseTrack, waiting: deque[PoseSample], now_s: float) -> list[Doubt]:
        """Test those that the track has come to enclose."""
        doubts: list[Doubt] = []
        kept: list[PoseSample] = []
        while waiting:
            other = waiting.popleft()
            span_s = self._span_s(other)
            if track.is_bracketed(span_s):
                if not self._is_possible(track, other, span_s):
                    doubts.append(Doubt(span_s[0], span_s[1] + RESOLVED_AFTER_S, GreyReason.CONTRADICTION))
            elif span_s[1] > now_s - _LONGEST_UNHEARD_S:
                kept.append(other)
        waiting.extend(kept)
        return doubts

    def _span_s(self, sample: PoseSample) -> tuple[float, float]:
        accuracy = self._accuracy
        return sample.at_lo_s - accuracy.time_s - accuracy.staleness_s, sample.at_hi_s + accuracy.time_s

    def _is_possible(self, track: PoseTrack, sample: PoseSample, span_s: tuple[float, float]) -> bool:
        pose = track.true_pose(sample)
        sweeps = track.sweeps(span_s, (span_s[0] + span_s[1]) / 2)
        if pose is None or isinstance(sweeps, GreyReason):
            return True  # grey for a reason of its own
        return any(self._holds(sweep, pose) for sweep in sweeps)

    def _holds(self, sweep: PoseSweep, pose: tuple[float, float, float]) -> bool:
        """Tell whether some point of the path is as near to the pose as spread and errors allow, on all axes at once."""
        low, high = 0.0, 1.0
        for axis in range(3):
            offset = pose[axis] - sweep.start[axis]
            if axis == 0:
                offset = self._axes.pan_difference_deg(offset)
            way, room = sweep.end[axis] - sweep.start[axis], sweep.spread[axis] + self._errors[axis]
            if way == 0.0:
                if abs(offset) > room:
                    return False
                continue
            ends = sorted(((offset - room) / way, (offset + room) / way))
            low, high = max(low, ends[0]), min(high, ends[1])
        return low <= high
