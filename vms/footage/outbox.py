"""Work for the database that may have to wait until the database is back.

Jobs run in order, each until it is done once. A job that meets `Unavailable` stays first in line and is tried again later; any other
error is final: the recorder must stop, and finds the error at its next step.
"""

import contextlib
import threading
from collections import deque
from typing import Protocol

from vms.clock import Clock
from vms.errors import Fenced, Unavailable, VmsError

RETRY_S = 2.0


class Job(Protocol):
    """A piece of work that may be begun again after a failure."""

    def run(self) -> None:
        """Do it; Unavailable: not yet."""


class Outbox:
    """Runs jobs in order, in a thread of its own or when told.

    Args:
        clock: for the pause between attempts.
        in_background: run jobs in a thread, so that the caller never waits for the database; False: in `drain` only.
    """

    def __init__(self, clock: Clock, *, in_background: bool) -> None:
        self._clock = clock
        self._jobs: deque[Job] = deque()
        self._running = threading.Lock()
        self._failure: BaseException | None = None
        self._not_before_s = 0.0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True) if in_background else None
        if self._thread is not None:
            self._thread.start()

    @property
    def waiting(self) -> int:
        """How many jobs are not done."""
        return len(self._jobs)

    def check(self) -> None:
        """Raise the error that ended the work, if any."""
        if self._failure is not None:
            raise self._failure

    def put(self, job: Job) -> None:
        """Add a job; without a thread it is tried at once."""
        self._jobs.append(job)
        if self._thread is None:
            self.drain()
        else:
            self._wake.set()

    def drain(self, *, now: bool = False) -> None:
        """Run what can be run.

        Args:
            now: don't wait for the pause after a failed attempt.
        """
        with self._running:
            if not now and self._clock.monotonic_s() < self._not_before_s:
                return
            with contextlib.suppress(IndexError):
                while self._failure is None and self._run(self._jobs[0]):
                    self._jobs.popleft()

    def close(self, timeout_s: float) -> None:
        """Stop the thread after one more attempt at what is left; what can't be done stays on disk for the repair."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        if self._thread is None or not self._thread.is_alive():
            self.drain(now=True)

    def _run(self, job: Job) -> bool:
        try:
            job.run()
        except Fenced as error:
            self._failure = error
        except Unavailable:
            self._not_before_s = self._clock.monotonic_s() + RETRY_S
            return False
        except VmsError as error:
            self._failure = error
        return self._failure is None

    def _work(self) -> None:
        try:
            while not self._stopping.is_set():
                self.drain()
                self._clock.wait(self._wake, RETRY_S if self._jobs else 60.0)
                self._wake.clear()
        except BaseException as error:
            self._failure = error  # a thread dies silently; the recorder must not go on without its rows
            raise
