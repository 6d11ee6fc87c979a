"""How many pictures a pause in the time stamps had room for: a counter that has gone round shows no gap, the time stamps do."""

from collections import deque
from fractions import Fraction

WINDOW = 8
"""Pictures whose mean distance counts: with B-frames time stamps step to and fro, over this many they even out."""
FASTEST_FPS = 60
"""Taken for a stream's rate before its first steps have been seen."""


class PaceWatch:
    """Follow a stream's time stamps, in decoding order.

    The shortest distance ever seen between two pictures stands for the stream's pace: a camera that leaves pictures out in the dark
    is then taken for one that may have lost some, never the other way round.
    """

    def __init__(self) -> None:
        self._latest: int | None = None
        self._window: deque[int] = deque(maxlen=WINDOW + 1)
        self._spacing: float | None = None

    def room(self, pts: int | None, time_base: Fraction | None) -> float:
        """Return how many picture distances the newest time stamp lies after all before it; 0 without a time stamp.

        Args:
            pts: the picture's time stamp.
            time_base: what it counts in, seconds.
        """
        if pts is None:
            return 0.0
        latest, self._latest = self._latest, pts if self._latest is None else max(pts, self._latest)
        spacing = self._spacing
        if spacing is None and time_base:
            spacing = float(1 / (FASTEST_FPS * time_base))
        self._window.append(self._latest)
        span = self._latest - self._window[0]
        if len(self._window) > WINDOW and span > 0:
            self._spacing = min(span / WINDOW, self._spacing or span)
        if latest is None or spacing is None:
            return 0.0
        return max(0, pts - latest) / spacing
