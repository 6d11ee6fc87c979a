"""How many pictures a pause in the time stamps had room for: a counter that has gone round shows no gap, the time stamps do."""

import bisect
from collections import deque
from fractions import Fraction

WINDOW = 8
"""Pictures whose mean distance counts: time stamps jitter, over this many they even out."""
FASTEST_FPS = 60
"""Taken for a stream's rate where nothing states it, before its first steps have been seen."""
BELIEVED_FPS = (0.1, 120.0)
"""A stated rate outside of this is no rate."""
_MOST_REORDERED = 16


class PaceWatch:
    """Follow a stream's time stamps, in decoding order.

    The shortest distance ever seen between two pictures stands for the stream's pace: a camera that leaves pictures out in the dark
    is then taken for one that may have lost some, never the other way round. Until a distance has been seen, the stated rate counts.
    """

    def __init__(self) -> None:
        self._latest: int | None = None
        self._newest: list[int] = []
        self._depth = 0
        self._window: deque[int] = deque(maxlen=WINDOW + 1)
        self._spacing: float | None = None
        self._stated_fps: float | None = None

    def expect(self, fps: float | None) -> None:
        """Take the rate that the stream, its session description or its container states."""
        if fps is not None and BELIEVED_FPS[0] <= fps <= BELIEVED_FPS[1]:
            self._stated_fps = fps

    def room(self, pts: int | None, time_base: Fraction | None) -> float:
        """Return how many picture distances the newest time stamp lies after all before it; 0 without a time stamp.

        Args:
            pts: the picture's time stamp.
            time_base: what it counts in, seconds.
        """
        if pts is None:
            return 0.0
        latest, self._latest = self._latest, pts if self._latest is None else max(pts, self._latest)
        # Before this picture is measured itself: a burst lost just before it would stretch the measure.
        spacing = self._spacing if self._spacing is not None else self._expected(time_base)
        self._measure(pts)
        if latest is None or spacing is None:
            return 0.0
        return max(0, pts - latest) / spacing

    def _measure(self, pts: int) -> None:
        """Follow the time at which pictures are decoded, which goes on evenly also where they are shown in another order."""
        depth = min(_MOST_REORDERED, len(self._newest) - bisect.bisect_right(self._newest, pts))
        bisect.insort(self._newest, pts)
        if depth > self._depth:
            self._depth = depth
            self._window.clear()
        del self._newest[: -_MOST_REORDERED - 1]
        if len(self._newest) <= self._depth:
            return
        self._window.append(self._newest[-1 - self._depth])
        span = self._window[-1] - self._window[0]
        if len(self._window) > WINDOW and span > 0:
            self._spacing = min(span / WINDOW, self._spacing or span)

    def _expected(self, time_base: Fraction | None) -> float | None:
        """Return the distance before a whole window was seen: what is stated, or less if the first pictures follow faster."""
        if not time_base:
            return None
        shortest = float(1 / (FASTEST_FPS * time_base))
        if self._stated_fps is None:
            return shortest
        stated = 1.0 / (self._stated_fps * float(time_base))
        steps = len(self._window) - 1
        span = self._window[-1] - self._window[0] if steps > 1 else 0
        return min(stated, max(shortest, span / steps)) if span > 0 else stated
