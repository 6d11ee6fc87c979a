"""One browser's live picture: in the ledger before the first byte, ended by the server when its reason is gone."""

import asyncio
import contextlib
from typing import Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from api.access import Asker, Subject
from api.errors import NotSignedIn
from api.gate import origin_of, permit, token_of
from api.live.hub import Viewer
from api.running import Running
from config.policy import Action
from vms.db.views import View
from vms.errors import Denied, NotFound, VmsError
from vms.model import PlacementId

CLOSE_SIGNED_OUT: Final = 4401
CLOSE_DENIED: Final = 4403
CLOSE_UNKNOWN: Final = 4404
CLOSE_LATER: Final = 1013
CLOSE_GOING_AWAY: Final = 1001

log = structlog.get_logger(__name__)


async def serve_live(running: Running, socket: WebSocket, placement_id: PlacementId) -> None:
    """Show one placement to one browser until either has enough."""
    try:
        view, asker = await run_in_threadpool(_open, running, socket, placement_id)
    except VmsError as error:
        # Accepted first: a browser does not learn the code of a socket that was never open. Nothing is sent on it.
        await socket.accept()
        await socket.close(_code_of(error), error.code)
        return
    why = "left"
    try:
        await socket.accept()
        why = await _show(running, socket, view, asker)
    except asyncio.CancelledError:
        why = "server-stopped"
        raise
    finally:
        # Shielded: the closing entry is written even while this task is being cancelled.
        await asyncio.shield(
            run_in_threadpool(running.views.close, view, why, asker.subject if why == "left" else None)
        )


def _open(running: Running, socket: WebSocket, placement_id: PlacementId) -> tuple[View, Asker]:
    subject = running.doorman.subject_of(token_of(socket, running), origin_of(socket), active=False)
    asker = permit(running, subject, (Action.LIVE_VIEW,))
    return running.views.open_live(subject, asker.decision, placement_id), asker


async def _show(running: Running, socket: WebSocket, view: View, asker: Asker) -> str:
    """Send until somebody ends it; return why it ended."""
    bell = running.bell.listen(asker.subject.session_id)
    async with running.hub.watch(view.placement_id) as viewer:
        tasks = [
            asyncio.create_task(_send(socket, viewer), name="live send"),
            asyncio.create_task(_listen(socket), name="live listen"),
            asyncio.create_task(_look_after(running, view, asker.subject, bell), name="live look after"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            why = next(iter(done)).result()
        except VmsError as error:
            log.warning("live picture ended", placement=view.placement_id, problem=str(error))
            why = "unavailable"
        finally:
            running.bell.forget(asker.subject.session_id, bell)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    await _close(socket, why)
    return why


async def _send(socket: WebSocket, viewer: Viewer) -> str:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):  # the browser went away in the middle
        while True:
            for data in await viewer.take():
                await socket.send_bytes(data)
    return "left"


async def _listen(socket: WebSocket) -> str:
    """Notice that the browser leaves; nothing it could say matters."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return "left"


async def _look_after(running: Running, view: View, subject: Subject, bell: asyncio.Event) -> str:
    """Return why the picture must stop, as soon as it must."""
    pace = running.parts.pace
    beaten_s = running.parts.clock.monotonic_s()
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), pace.session_check_s)
        try:
            why = await run_in_threadpool(_why_over, running, subject.session_id)
            now_s = running.parts.clock.monotonic_s()
            if why is None and now_s - beaten_s >= pace.heartbeat_s:
                beaten_s = now_s
                why = None if await run_in_threadpool(running.views.beat, view.id) else "unavailable"
        except VmsError as error:
            # Fail closed: whoever can't be checked can't watch.
            log.warning("a session can't be checked", problem=str(error))
            return "unavailable"
        if why is not None:
            return why


def _why_over(running: Running, session_id: str) -> str | None:
    subject = running.doorman.still_in(session_id)
    if subject is None:
        return "session-over"
    try:
        permit(running, subject, (Action.LIVE_VIEW,))
    except Denied:
        return "no-longer-allowed"
    return None


async def _close(socket: WebSocket, why: str) -> None:
    codes = {"session-over": CLOSE_SIGNED_OUT, "no-longer-allowed": CLOSE_DENIED, "unavailable": CLOSE_LATER}
    if why != "left" and socket.application_state is WebSocketState.CONNECTED:
        with contextlib.suppress(RuntimeError, OSError):
            await socket.close(codes.get(why, CLOSE_GOING_AWAY), why)


def _code_of(error: VmsError) -> int:
    if isinstance(error, NotSignedIn):
        return CLOSE_SIGNED_OUT
    if isinstance(error, Denied):
        return CLOSE_DENIED
    return CLOSE_UNKNOWN if isinstance(error, NotFound) else CLOSE_LATER
