"""An answer that is worked out at most every few seconds, however often somebody asks."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The last answer, and when it was worked out.

    Args:
        lasts_s: how long it counts.
    """

    def __init__(self, lasts_s: float) -> None:
        self._lasts_s = lasts_s
        self._lock = threading.Lock()
        self._answer: tuple[float, T] | None = None

    def get(self, now_s: float, work_out: Callable[[], T]) -> T:
        """Return the answer; those who ask at once wait for the one who works it out."""
        with self._lock:
            if self._answer is None or not 0 <= now_s - self._answer[0] < self._lasts_s:
                self._answer = (now_s, work_out())
            return self._answer[1]


class Looks:
    """Who looked at what lately: a page that refreshes itself is written down once in a while, not at each refresh.

    Args:
        lasts_s: how long a look covers those that follow.
    """

    def __init__(self, lasts_s: float) -> None:
        self._lasts_s = lasts_s
        self._lock = threading.Lock()
        self._since: dict[str, float] = {}

    def is_covered(self, name: str, now_s: float) -> bool:
        """Return whether somebody of that name has looked lately, and it was written down."""
        with self._lock:
            self._since = {one: at for one, at in self._since.items() if 0 <= now_s - at < self._lasts_s}
            return name in self._since

    def note(self, name: str, now_s: float) -> None:
        """Say that a look was written down: afterwards, so that none is shown that was not."""
        with self._lock:
            self._since[name] = now_s
