"""How long to wait before asking a camera again: twice as long each time, never all cameras at once."""

import random
from dataclasses import dataclass

FIRST_S = 1.0
LONGEST_S = 30.0
HEALTHY_S = 20.0
"""A connection that lasted this long was a good one: the next wait is the shortest again."""


@dataclass(slots=True)
class Backoff:
    """Waits that grow, with jitter of a quarter each way.

    Args:
        rng: for the jitter.
    """

    rng: random.Random
    _next_s: float = FIRST_S

    def wait_s(self, lasted_s: float) -> float:
        """Return how long to wait after a connection that lasted so long (0: it never came about)."""
        if lasted_s >= HEALTHY_S:
            self._next_s = FIRST_S
        wait_s = self._next_s * self.rng.uniform(0.75, 1.25)
        self._next_s = min(self._next_s * 2, LONGEST_S)
        return wait_s
