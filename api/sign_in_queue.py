"""A queue of their own for those who sign in: a hash costs a processor for a while, and a burst must not slow those who work."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from vms.errors import Unavailable

T = TypeVar("T")

AT_ONCE: Final = 2
MOST_WAITING: Final = 20
"""Two hashes take a fraction of a second; who would wait longer than a few seconds is told so at once."""


class SignInQueue:
    """Runs what hashes passwords in threads of its own, and turns away whoever would wait too long; used from the event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="sign-in")
        self._inside = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Return what the work returns.

        Raises:
            Unavailable: too many wait.
        """
        if self._inside >= AT_ONCE + MOST_WAITING:
            raise Unavailable("too many people sign in at the same time: try again", code="auth.busy")
        self._inside += 1
        context = contextvars.copy_context()
        done = asyncio.get_running_loop().run_in_executor(self._threads, lambda: context.run(work))
        done.add_done_callback(self._leave)
        # Somebody who goes away takes no work back that a thread is at: the place is free when the thread is.
        return await asyncio.shield(done)

    def _leave(self, _done: object) -> None:
        self._inside -= 1

    def close(self) -> None:
        """Let nobody in any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
