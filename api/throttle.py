"""How often somebody may fail to sign in: per origin, and per name that has no account.

Names with an account are counted in the database; names without one are counted here, so that both behave the same and nobody learns
which names exist. What is remembered is bounded, and gone after a restart.
"""

import threading
from collections import OrderedDict, deque
from datetime import timedelta
from typing import Final

from vms.clock import Clock

FAILURES_PER_ACCOUNT: Final = 5
FAILURES_PER_ORIGIN: Final = 20
"""More than for an account: a viewing room shares one address."""
LOCKED_FOR: Final = timedelta(minutes=15)
_REMEMBERED: Final = 10_000


class Throttle:
    """Counts failures in a sliding window and says when the limit is reached.

    Args:
        limit: failures after which a key is locked.
        clock: for the window.
    """

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def locked(self, key: str) -> bool:
        """Return whether the key has reached the limit within the window."""
        with self._lock:
            return len(self._recent(key)) >= self._limit

    def note_failure(self, key: str) -> bool:
        """Count a failure; return whether it was the one that locks."""
        with self._lock:
            recent = self._recent(key)
            recent.append(self._clock.monotonic_s())
            self._failures[key] = recent
            self._failures.move_to_end(key)
            while len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)
            return len(recent) == self._limit

    def _recent(self, key: str) -> deque[float]:
        recent = self._failures.get(key) or deque()
        begin_s = self._clock.monotonic_s() - LOCKED_FOR.total_seconds()
        while recent and recent[0] <= begin_s:
            recent.popleft()
        return recent
