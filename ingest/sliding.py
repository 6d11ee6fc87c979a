"""The least value of the last seconds."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class SlidingLeast:
    """The least value of the last `window_s` seconds, in constant time."""

    window_s: float
    _kept: deque[tuple[float, float]] = field(default_factory=deque)

    def add(self, at_s: float, value: float) -> float:
        """Take a value; return the least one of the window."""
        while self._kept and self._kept[-1][1] >= value:
            self._kept.pop()
        self._kept.append((at_s, value))
        while self._kept[0][0] < at_s - self.window_s:
            self._kept.popleft()
        return self._kept[0][1]

    def clear(self) -> None:
        """Forget all values."""
        self._kept.clear()
