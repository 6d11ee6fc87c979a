"""The threads of a worker: when one of them fails, all of them end, and the process with them."""

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Crew:
    """Start threads and remember the first failure.

    Args:
        stop: set when a thread fails, so that the others end.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._threads: dict[str, threading.Thread] = {}
        self.failure: BaseException | None = None
        self.failed = ""

    def start(self, name: str, work: Callable[[], None]) -> None:
        """Run `work` in a thread."""

        def guarded() -> None:
            try:
                work()
            # The supervisor's place of this process: whatever it is, the worker ends and is started anew.
            except BaseException as error:
                if self.failure is None:
                    self.failure, self.failed = error, name
                log.exception("a thread of the worker failed", thread=name)
                self._stop.set()

        # Daemons: a thread that hangs in a foreign library must not keep a failed worker alive.
        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads[name] = thread
        thread.start()

    def join(self, name: str, within_s: float) -> bool:
        """Wait for a thread; return whether it has ended."""
        thread = self._threads.get(name)
        if thread is not None:
            thread.join(within_s)
        return thread is None or not thread.is_alive()
