"""A call that may take long, sent off from a thread that must not wait; while one is on its way no other is sent."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from vms.errors import VmsError

log = structlog.get_logger(__name__)


class Errand:
    """Call it to send the work off.

    Args:
        hands: does it.
        work: what to do; a VmsError is logged, the errand failed.
    """

    def __init__(self, hands: ThreadPoolExecutor, work: Callable[[], None]) -> None:
        self._hands = hands
        self._work = work
        self._busy = threading.Lock()

    def __call__(self) -> None:
        """Send the work off, unless it is on its way already."""
        if self._busy.acquire(blocking=False):
            self._hands.submit(self._run)

    def _run(self) -> None:
        try:
            self._work()
        except VmsError as error:
            log.info("an errand to the camera failed", cause=str(error))
        finally:
            self._busy.release()
