"""The commissioning view: a placement unblanked, reduced and for a short while, asked for by one person and approved by another."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, WebSocket
from fastapi import Body as JsonBody
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api.access import Asker
from api.commissioning.book import LEAST_REASON, listed
from api.commissioning.socket import serve_commissioning
from api.gate import Allow, writes
from api.routers.shapes import Body, Identifier, LongText, instant
from api.running import Running, running_of
from config.policy import Action
from vms.bus.commands import PtzPresets, StatusQuery, command_from_json
from vms.db import commissioning
from vms.db.commissioning import Commissioning
from vms.errors import Conflict, InvalidInput
from vms.ledger.acts import Act
from vms.model import COMMISSIONING_CEILING, CommissioningId, PlacementId

router = APIRouter(prefix="/api", tags=["commissioning"])

_LISTED: Final = timedelta(days=1)
_LONGEST_MINUTES: Final = int(COMMISSIONING_CEILING.total_seconds()) // 60

Lister = Annotated[Asker, Depends(Allow(Action.COMMISSIONING_APPROVE, Action.COMMISSIONING_REQUEST))]
Approver = Annotated[Asker, Depends(Allow(Action.COMMISSIONING_APPROVE))]


class Ask(Body):
    """Why a placement must be seen unblanked, and for how long."""

    reason: LongText
    minutes: Annotated[int, Field(ge=1, le=_LONGEST_MINUTES)] = 15


class Refuse(Body):
    """Why a request is refused."""

    reason: LongText


@router.post(
    "/placements/{placement_id}/commissioning", openapi_extra=writes(Act.COMMISSIONING_REQUEST), status_code=201
)
def ask(
    placement_id: Identifier,
    body: Ask,
    asker: Annotated[Asker, Depends(Allow(Action.COMMISSIONING_REQUEST))],
    request: Request,
) -> dict[str, Any]:
    """Ask to see a placement unblanked and reduced; a second person decides."""
    running = running_of(request)
    leave = running.commissioning.ask(asker, PlacementId(placement_id), body.reason, body.minutes)
    return _one(running, leave.id)


@router.get("/commissioning", openapi_extra=writes())
def list_commissioning(asker: Lister, request: Request) -> list[dict[str, Any]]:
    """List the requests and leaves of the last day, newest first."""
    del asker
    return _list(running_of(request))


@router.post("/commissioning/{commissioning_id}/approve", openapi_extra=writes(Act.COMMISSIONING_APPROVE))
def approve(commissioning_id: Identifier, asker: Approver, request: Request) -> dict[str, Any]:
    """Approve somebody else's request; its time runs from now, and ends when either person signs out."""
    running = running_of(request)
    running.commissioning.decide(asker, CommissioningId(commissioning_id), approved=True, reason="")
    return _one(running, CommissioningId(commissioning_id))


@router.post("/commissioning/{commissioning_id}/refuse", openapi_extra=writes(Act.COMMISSIONING_REFUSE))
def refuse(commissioning_id: Identifier, body: Refuse, asker: Approver, request: Request) -> dict[str, Any]:
    """Refuse somebody else's request."""
    running = running_of(request)
    if len(body.reason.strip()) < LEAST_REASON:
        raise InvalidInput("say why it is refused", code="commissioning.reason", least=LEAST_REASON)
    running.commissioning.decide(asker, CommissioningId(commissioning_id), approved=False, reason=body.reason.strip())
    return _one(running, CommissioningId(commissioning_id))


@router.post("/commissioning/{commissioning_id}/end", openapi_extra=writes(Act.COMMISSIONING_END))
def end(commissioning_id: Identifier, asker: Lister, request: Request) -> dict[str, Any]:
    """End a request or a view at once: one's own, or as somebody who may approve any."""
    running = running_of(request)
    leave = running.commissioning.end(asker, CommissioningId(commissioning_id))
    if leave.decided_session is not None:
        # Whoever shows it listens to the second person's bell.
        running.bell.ring(leave.decided_session)
    return _one(running, leave.id)


@router.post("/commissioning/{commissioning_id}/ptz", openapi_extra=writes(Act.PTZ_MOVE, Act.PTZ_STOP, Act.PTZ_PRESET))
async def move(
    commissioning_id: Identifier,
    asker: Annotated[Asker, Depends(Allow(Action.COMMISSIONING_VIEW))],
    request: Request,
    command: Annotated[dict[str, Any], JsonBody()],
) -> dict[str, Any]:
    """Move the camera while one sees it unblanked; the body is a command of the bus."""
    running = running_of(request)
    wanted = command_from_json(command)
    if isinstance(wanted, PtzPresets | StatusQuery):
        raise InvalidInput("this is a question, not a movement", code="command.kind")
    placement_id = await run_in_threadpool(_must_see, running, CommissioningId(commissioning_id), asker)
    return await running.ptz.command(asker, placement_id, wanted)


@router.websocket("/commissioning/{commissioning_id}/view")
async def view(socket: WebSocket, commissioning_id: str) -> None:
    """Show an approved view; acts: commissioning.open, commissioning.seen, commissioning.close."""
    await serve_commissioning(running_of(socket), socket, CommissioningId(commissioning_id))


def _must_see(running: Running, commissioning_id: CommissioningId, asker: Asker) -> PlacementId:
    with running.parts.db.read() as conn:
        leave = commissioning.get(conn, commissioning_id)
        sessions = {look.session_id for look in commissioning.open_views(conn) if look.commissioning_id == leave.id}
    if asker.subject.session_id not in sessions:
        raise Conflict("open the commissioning view first", code="commissioning.over")
    return leave.placement_id


def _one(running: Running, commissioning_id: CommissioningId) -> dict[str, Any]:
    return next(item for item in _list(running) if item["id"] == commissioning_id)


def _list(running: Running) -> list[dict[str, Any]]:
    since = running.parts.clock.now() - _LISTED
    return [_json(leave, place, names, shown=shown) for leave, place, names, shown in listed(running.parts, since)]


def _json(leave: Commissioning, place: str, names: dict[str, str], *, shown: bool) -> dict[str, Any]:
    def who(user_id: str | None) -> dict[str, str] | None:
        return None if user_id is None else {"id": user_id, "name": names.get(user_id, user_id)}

    return {
        "id": leave.id,
        "state": leave.state,
        "placement": {"id": leave.placement_id, "name": place},
        "reason": leave.reason,
        "minutes": leave.minutes,
        "requested_by": who(leave.requested_by),
        "requested_at": instant(leave.requested_at),
        "decided_by": who(leave.decided_by),
        "decided_at": instant(leave.decided_at),
        "from_at": instant(leave.from_at),
        "until_at": instant(leave.until_at),
        "closed_at": instant(leave.closed_at),
        "closed_why": leave.closed_why,
        "shown": shown,
    }
