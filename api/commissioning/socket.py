"""One officer's commissioning view: in the ledger before the first picture and every ten seconds, ended by the server."""

import asyncio
import contextlib
import json
import struct
from datetime import datetime
from typing import Any, Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.access import Asker
from api.commissioning.book import SEEN_EVERY_S, UNWRITTEN_AT_MOST_S
from api.gate import origin_of, permit, token_of
from api.routers.shapes import instant
from api.running import Running
from api.sockets import CLOSE_OVER, LEFT, refuse, shown, until_over
from config.policy import Action
from vms.bus.commissioning import CommissioningPicture
from vms.db.commissioning import Commissioning, CommissioningView
from vms.errors import VmsError
from vms.model import CommissioningId

_LENGTH: Final = struct.Struct(">I")

log = structlog.get_logger(__name__)


async def serve_commissioning(running: Running, socket: WebSocket, commissioning_id: CommissioningId) -> None:
    """Show one placement, reduced, to the one who asked for it."""
    try:
        asker, leave, view = await run_in_threadpool(_open, running, socket, commissioning_id)
    except VmsError as error:
        await refuse(socket, error, CLOSE_OVER)
        return
    look = Look(running, socket, asker, leave, view)
    await shown(socket, look.show, look.close, CLOSE_OVER)


def _open(
    running: Running, socket: WebSocket, commissioning_id: CommissioningId
) -> tuple[Asker, Commissioning, CommissioningView]:
    subject = running.doorman.subject_of(token_of(socket, running), origin_of(socket), active=False)
    asker = permit(running, subject, (Action.COMMISSIONING_VIEW,))
    leave, view = running.commissioning.open_view(asker, commissioning_id)
    return asker, leave, view


class Look:
    """One continuous look. Lives on one event loop."""

    def __init__(
        self, running: Running, socket: WebSocket, asker: Asker, leave: Commissioning, view: CommissioningView
    ) -> None:
        self._running = running
        self._socket = socket
        self._asker = asker
        self._leave = leave
        self._view = view
        self._clock = running.parts.clock
        self._written_at: datetime = view.opened_at
        self._written_s = self._clock.monotonic_s()
        self._pictures = 0
        self._sent = 0

    async def show(self) -> str:
        """Send until somebody ends it; return why it ended."""
        bells = [
            (session_id, self._running.bell.listen(session_id))
            for session_id in (self._view.session_id, self._leave.decided_session or "")
        ]
        watches = (self._send(), self._look_after(), *(self._rung(bell) for _, bell in bells))
        try:
            return await until_over(self._socket, *watches, is_stopping=self._running.is_stopping)
        finally:
            for session_id, bell in bells:
                self._running.bell.forget(session_id, bell)

    def close(self, why: str) -> None:
        """Write down that it is over; what can't be written now, the janitor writes when it can."""
        try:
            self._running.commissioning.close_view(
                self._leave,
                self._view,
                why,
                pictures=self._pictures,
                subject=self._asker.subject if why == LEFT else None,
            )
        except VmsError as error:
            log.error("the end of a commissioning view could not be written yet", problem=str(error))  # noqa: TRY400 - expected

    async def _send(self) -> str:
        """Pass pictures on while the ledger has them; the worker ends the stream when it has had enough."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):  # the browser went away in the middle
            await self._tell({"state": "waiting"})
            look = self._running.commissioning_bus.look(self._leave.placement_id, self._view.id)
            async with contextlib.aclosing(look) as pictures:
                async for picture in pictures:
                    if self._clock.monotonic_s() - self._written_s > UNWRITTEN_AT_MOST_S:
                        return await run_in_threadpool(self._why_over) or "unwritten"
                    self._pictures += 1
                    await self._socket.send_bytes(_packed(picture))
            # The worker knows of an end before we do: say why, if that can be told.
            return await run_in_threadpool(self._why_over) or "unavailable"
        return LEFT

    async def _rung(self, bell: asyncio.Event) -> str:
        """Notice a sign-out at once."""
        while True:
            await bell.wait()
            bell.clear()
            why = await run_in_threadpool(self._why_over)
            if why is not None:
                return why

    async def _look_after(self) -> str:
        """Return why it must end, as soon as it must; write down every stretch of it."""
        every_s = min(SEEN_EVERY_S, self._running.parts.pace.commissioning_seen_s)
        while True:
            await asyncio.sleep(min(1.0, self._running.parts.pace.session_check_s))
            try:
                why = await run_in_threadpool(self._why_over)
                if why is None and self._clock.monotonic_s() - self._written_s >= every_s:
                    why = await run_in_threadpool(self._beat)
            except VmsError as error:
                # Fail closed: what can't be checked or written down is not shown.
                log.warning("a commissioning view can't be written down", problem=str(error))
                return "unwritten"
            if why is not None:
                return why

    def _why_over(self) -> str | None:
        return self._running.commissioning.why_over(self._leave, self._view.session_id)

    def _beat(self) -> str | None:
        now_s, pictures = self._clock.monotonic_s(), self._pictures
        written_at = self._running.commissioning.beat(self._leave, self._view, self._written_at, pictures - self._sent)
        if written_at is None:
            return "closed"
        self._written_at, self._written_s, self._sent = written_at, now_s, pictures
        return None

    async def _tell(self, state: dict[str, Any]) -> None:
        told = {**state, "placement_id": self._leave.placement_id, "until_at": instant(self._leave.until_at)}
        await self._socket.send_bytes(b"\x03" + json.dumps(told).encode())


def _packed(picture: CommissioningPicture) -> bytes:
    """Return a picture as the page reads it: kind 4, the head's length, the head, then R, G, B of each sample."""
    head = json.dumps(picture.head()).encode()
    return b"\x04" + _LENGTH.pack(len(head)) + head + picture.rgb
