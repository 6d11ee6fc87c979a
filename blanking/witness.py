"""What a camera said around a frame: kept beside the pose track, so that a decision can be checked later by somebody else.

Nothing here decides. The self-test (vms/selftest) makes its own pose of these sayings and looks whether the masks are where it says.
"""

import bisect
import math
from dataclasses import dataclass

from blanking.pose import PoseSample

_KEEP_S = 6.0
_MOST_KEPT = 2000


@dataclass(frozen=True, slots=True)
class Saying:
    """One pose sample as it was reported.

    Args:
        offset_s: middle of the interval in which it was taken, from the frame's instant on.
        half_s: half of that interval.
        pan_deg, tilt_deg: in the axes' own degrees.
        zoom: 0..1.
        source: which of the camera's telemetry sources told it.
    """

    offset_s: float
    half_s: float
    pan_deg: float
    tilt_deg: float
    zoom: float
    source: str


@dataclass(frozen=True, slots=True)
class Witness:
    """The samples next to a frame that had arrived when it was decided; None where there is none."""

    before: Saying | None
    after: Saying | None

    @property
    def sources(self) -> tuple[str, ...]:
        """The telemetry sources that told of them, each once."""
        return tuple(sorted({saying.source for saying in (self.before, self.after) if saying is not None}))


NOTHING_SAID = Witness(None, None)


class Sayings:
    """The samples of the last seconds, by when they were taken."""

    def __init__(self) -> None:
        self._middles_s: list[float] = []
        self._samples: list[PoseSample] = []

    def add(self, sample: PoseSample) -> None:
        """Take a sample that has arrived; one without a pose says nothing."""
        middle_s = (sample.at_lo_s + sample.at_hi_s) / 2
        numbers = (middle_s, sample.pan_deg, sample.tilt_deg, sample.zoom)
        if not all(number is not None and math.isfinite(number) for number in numbers):
            return
        index = bisect.bisect_right(self._middles_s, middle_s)
        self._middles_s.insert(index, middle_s)
        self._samples.insert(index, sample)
        newest_s = self._middles_s[-1]
        while self._middles_s[0] < newest_s - _KEEP_S or len(self._middles_s) > _MOST_KEPT:
            del self._middles_s[0], self._samples[0]

    def around(self, captured_s: float) -> Witness:
        """Return the samples next to an instant."""
        index = bisect.bisect_right(self._middles_s, captured_s)
        before = self._saying(index - 1, captured_s) if index > 0 else None
        after = self._saying(index, captured_s) if index < len(self._samples) else None
        return Witness(before, after)

    def _saying(self, index: int, captured_s: float) -> Saying:
        sample = self._samples[index]
        assert sample.pan_deg is not None
        assert sample.tilt_deg is not None
        assert sample.zoom is not None
        half_s = abs(sample.at_hi_s - sample.at_lo_s) / 2
        offset_s = self._middles_s[index] - captured_s
        return Saying(offset_s, half_s, sample.pan_deg, sample.tilt_deg, sample.zoom, sample.source)
