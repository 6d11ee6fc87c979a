"""One browser's live picture: in the ledger before the first byte, ended by the server when its reason is gone."""

import asyncio
import contextlib
from typing import Any, Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.access import Asker, Subject
from api.gate import origin_of, permit, token_of
from api.live.hub import Viewer, notice_item
from api.routers.shapes import instant
from api.running import Running
from api.sockets import CLOSE_GOING_AWAY, CLOSE_LATER, LEFT, refuse, shown, until_over
from config.policy import Action
from vms.db.views import View
from vms.errors import Denied, VmsError
from vms.model import PlacementId

_CONTROL_AGAIN_S: Final = 0.5
"""How soon it is seen that the controls were kept longer, or let go."""

log = structlog.get_logger(__name__)


async def serve_live(running: Running, socket: WebSocket, placement_id: PlacementId) -> None:
    """Show one placement to one browser until either has enough."""
    try:
        view, asker = await run_in_threadpool(_open, running, socket, placement_id)
    except VmsError as error:
        await refuse(socket, error, CLOSE_LATER)
        return

    async def show() -> str:
        bell = running.bell.listen(asker.subject.session_id)
        try:
            async with running.hub.watch(view.placement_id) as viewer:
                watches = (
                    _send(socket, viewer),
                    _look_after(running, view, asker.subject, bell),
                    _tell_control(running, viewer, view.placement_id, asker.subject),
                )
                return await until_over(socket, *watches, is_stopping=running.is_stopping)
        finally:
            running.bell.forget(asker.subject.session_id, bell)

    def closed(why: str) -> None:
        running.views.close(view, why, asker.subject if why == LEFT else None)

    await shown(socket, show, closed, CLOSE_GOING_AWAY)


def _open(running: Running, socket: WebSocket, placement_id: PlacementId) -> tuple[View, Asker]:
    subject = running.doorman.subject_of(token_of(socket, running), origin_of(socket), active=False)
    asker = permit(running, subject, (Action.LIVE_VIEW,))
    return running.views.open_live(subject, asker.decision, placement_id), asker


async def _send(socket: WebSocket, viewer: Viewer) -> str:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):  # the browser went away in the middle
        while True:
            for data in await viewer.take():
                await socket.send_bytes(data)
    return LEFT


async def _tell_control(running: Running, viewer: Viewer, placement_id: PlacementId, subject: Subject) -> str:
    """Tell a viewer who has the camera, since when and until when, whenever that changes; never returns."""
    told: dict[str, Any] | None = None
    while True:
        control = running.ptz.control(placement_id)
        found = (
            None
            if control is None
            else {
                "name": control.subject.display_name,
                "is_own": control.subject.session_id == subject.session_id,
                "since_at": instant(control.since_at),
                # To the second: while somebody moves the camera, the end moves with each command.
                "until_at": instant(control.until_at.replace(microsecond=0)),
            }
        )
        if found != told:
            told = found
            viewer.offer(notice_item({"control": found}))
        await running.ptz.wait_for_change(placement_id, _CONTROL_AGAIN_S)


async def _look_after(running: Running, view: View, subject: Subject, bell: asyncio.Event) -> str:
    """Return why the picture must stop, as soon as it must."""
    pace = running.parts.pace
    beaten_s = running.parts.clock.monotonic_s()
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), pace.session_check_s)
        try:
            why = await run_in_threadpool(_why_over, running, view, subject.session_id)
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


def _why_over(running: Running, view: View, session_id: str) -> str | None:
    subject = running.doorman.still_in(session_id, active=True)
    if subject is None:
        return "session-over"
    try:
        permit(running, subject, (Action.LIVE_VIEW,))
    except Denied:
        return "no-longer-allowed"
    return None if running.views.may_go_on(view) else "permit-over"
