"""A deadline over a whole conversation with a peer: time limits of single reads don't end one that drips."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLateError
from typing import TypeVar

from vms.errors import Unavailable

Result = TypeVar("Result")


def within(seconds: float, work: Callable[[], Result], give_up: Callable[[], object], peer: str) -> Result:
    """Return what the work returns; raise what it raises.

    Args:
        seconds: for all of it, name look-up included.
        work: runs in a thread of its own, which does not keep the process from ending.
        give_up: closes the connection when time is up, so that the thread ends too; it must not wait.
        peer: for the message.

    Raises:
        Unavailable: it took longer.
    """
    outcome: Future[Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:  # noqa: BLE001 - raised again where the result is awaited
            outcome.set_exception(error)

    threading.Thread(target=run, name=f"to {peer}", daemon=True).start()
    try:
        return outcome.result(timeout=seconds)
    except TooLateError as error:
        if outcome.done():
            raise
        give_up()
        raise Unavailable(f"{peer} has not answered in full within {seconds:g} s", code="peer.slow") from error
