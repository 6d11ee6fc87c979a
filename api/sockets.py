"""What is alike in everything that is shown over a WebSocket: refused, looked after, and ended with a reason that is true."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from api.errors import NotSignedIn
from vms.errors import Denied, NotFound, VmsError

CLOSE_GOING_AWAY: Final = 1001
CLOSE_LATER: Final = 1013
CLOSE_SIGNED_OUT: Final = 4401
CLOSE_DENIED: Final = 4403
CLOSE_UNKNOWN: Final = 4404
CLOSE_OVER: Final = 4410

LEFT: Final = "left"
"""Whoever watched has gone."""
SERVER_STOPPED: Final = "server-stopped"

_FAILED: Final = "unavailable"
_CODES: Final = {
    "session-over": CLOSE_SIGNED_OUT,
    "no-longer-allowed": CLOSE_DENIED,
    "permit-over": CLOSE_LATER,
    _FAILED: CLOSE_LATER,
}
_EAR_S: Final = 1.0
"""A send may fail before anything else says why."""

log = structlog.get_logger(__name__)


async def refuse(socket: WebSocket, error: VmsError, otherwise: int) -> None:
    """Close a socket that nothing may be sent on.

    Args:
        socket: not accepted yet.
        error: why.
        otherwise: close code for what is neither about who asks nor about what is not there.
    """
    # Accepted first: a browser does not learn the code of a socket that was never open.
    await socket.accept()
    await socket.close(_code_of(error, otherwise), error.code)


async def shown(
    socket: WebSocket, show: Callable[[], Awaitable[str]], closed: Callable[[str], None], otherwise: int
) -> None:
    """Accept, show, close, and write down why it is over, whatever happens.

    Args:
        socket: not accepted yet.
        show: sends until somebody ends it and returns why, e.g. what `until_over` returns.
        closed: writes it down; runs in a thread.
        otherwise: close code for reasons that have none of their own.
    """
    why: str | None = None
    try:
        if not await _let_in(socket):
            why = LEFT
            return
        why = await show()
        await _close(socket, why, otherwise)
    except WebSocketDisconnect:
        why = why or LEFT
    except asyncio.CancelledError:
        why = why or SERVER_STOPPED
        raise
    finally:
        # Shielded: the closing entry is written even while this task is being cancelled.
        await asyncio.shield(run_in_threadpool(closed, why or _FAILED))


async def _let_in(socket: WebSocket) -> bool:
    """Accept; False where the other side has gone already."""
    try:
        await socket.accept()
    except OSError:  # uvicorn's way to say so; starlette translates it only for what is sent later
        return False
    return True


async def until_over(socket: WebSocket, *watches: Coroutine[Any, Any, str], is_stopping: Callable[[], bool]) -> str:
    """Run all of these, and an ear for the other side, until one of them says why it is over.

    Args:
        socket: accepted.
        watches: each returns a reason; `LEFT` when it could not send.
        is_stopping: whether this process was asked to end.

    Returns:
        The reason: what a watch found, else what the ear heard (`LEFT`, or `SERVER_STOPPED`); "unavailable" when a watch failed.
    """
    ear = asyncio.create_task(_listen(socket), name="ear")
    tasks = [ear, *(asyncio.create_task(watch) for watch in watches)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        failed = [error for task in done if (error := task.exception()) is not None]
        found = [why for task in done if task.exception() is None and (why := task.result()) != LEFT]
        if found:
            return found[0]
        if failed:
            raise failed[0]
        if ear not in done:
            await asyncio.wait([ear], timeout=_EAR_S)
        # uvicorn closes what is open before it cancels anything; whoever watched did not leave then.
        return SERVER_STOPPED if is_stopping() else LEFT
    except VmsError as error:
        log.warning("a view ended", path=socket.url.path, problem=str(error))
        return _FAILED
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _close(socket: WebSocket, why: str, otherwise: int) -> None:
    if why not in {LEFT, SERVER_STOPPED} and socket.application_state is WebSocketState.CONNECTED:
        # The browser may go away just now; why it was over stands.
        with contextlib.suppress(RuntimeError, OSError, WebSocketDisconnect):
            await socket.close(_CODES.get(why, otherwise), why)


async def _listen(socket: WebSocket) -> str:
    """Notice that the other side is gone; nothing that it could say matters."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return LEFT


def _code_of(error: VmsError, otherwise: int) -> int:
    if isinstance(error, NotSignedIn):
        return CLOSE_SIGNED_OUT
    if isinstance(error, Denied):
        return CLOSE_DENIED
    return CLOSE_UNKNOWN if isinstance(error, NotFound) else otherwise
