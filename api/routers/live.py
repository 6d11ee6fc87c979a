"""Live pictures and the controls of cameras."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request, WebSocket
from starlette.concurrency import run_in_threadpool

from api.access import Asker
from api.gate import Allow, permit, writes
from api.live.socket import serve_live
from api.routers import shapes
from api.routers.shapes import Identifier, instant
from api.running import running_of
from config.policy import Action
from vms.bus.commands import PtzPresets, StatusQuery, command_from_json
from vms.db import placements
from vms.errors import InvalidInput, NotFound
from vms.ledger.acts import Act
from vms.model import CameraKind, PlacementId

router = APIRouter(prefix="/api/placements", tags=["live"])

Mover = Annotated[Asker, Depends(Allow(Action.PTZ_CONTROL))]


class TakeControls(shapes.Body):
    """Whether to take the controls from somebody else."""

    take_over: bool = False


@router.websocket("/{placement_id}/live")
async def live(socket: WebSocket, placement_id: str) -> None:
    """Show a placement live; acts: live.open, live.close."""
    await serve_live(running_of(socket), socket, PlacementId(placement_id))


@router.post("/{placement_id}/ptz", openapi_extra=writes(Act.PTZ_MOVE, Act.PTZ_STOP, Act.PTZ_PRESET))
async def move(
    placement_id: Identifier, asker: Mover, request: Request, command: Annotated[dict[str, Any], Body()]
) -> dict[str, Any]:
    """Send a movement to a camera; the body is a command of the bus."""
    running = running_of(request)
    wanted = command_from_json(command)
    if isinstance(wanted, PtzPresets | StatusQuery):
        raise InvalidInput("this is a question, not a movement", code="command.kind")
    await run_in_threadpool(_must_move, running.parts, PlacementId(placement_id))
    return await running.ptz.command(asker, PlacementId(placement_id), wanted)


@router.get("/{placement_id}/presets", openapi_extra=writes())
async def presets(placement_id: Identifier, asker: Mover, request: Request) -> dict[str, Any]:
    """List a camera's presets."""
    running = running_of(request)
    await run_in_threadpool(_must_move, running.parts, PlacementId(placement_id))
    return await running.ptz.command(asker, PlacementId(placement_id), PtzPresets())


@router.post("/{placement_id}/ptz/lock", openapi_extra=writes(Act.PTZ_TAKE))
async def take_controls(placement_id: Identifier, asker: Mover, request: Request, body: TakeControls) -> dict[str, Any]:
    """Take a camera's controls; from somebody else only with `ptz.take_over`."""
    running = running_of(request)
    await run_in_threadpool(_must_move, running.parts, PlacementId(placement_id))
    if body.take_over:
        taker = await run_in_threadpool(permit, running, asker.subject, (Action.PTZ_TAKE_OVER,))
        await running.ptz.take_over(taker, PlacementId(placement_id))
    else:
        running.ptz.take(asker, PlacementId(placement_id))
    return {
        "holder": {"id": asker.subject.user_id, "name": asker.subject.display_name},
        "for_s": running.parts.pace.ptz_lock_s,
        "at": instant(running.parts.clock.now()),
    }


def _must_move(parts: Any, placement_id: PlacementId) -> None:
    with parts.db.read() as conn:
        placement = placements.get(conn, placement_id)
    if placement.camera.kind is not CameraKind.PTZ:
        raise NotFound(f"the camera of {placement_id} can't be moved", code="ptz.fixed")
