"""The panorama of a placement: what its camera can see, masked, for drawing masks and choosing where to look."""

import json
import struct
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access import Asker
from api.acting import person, record
from api.gate import Allow, writes
from api.routers.shapes import Identifier, handed_over, instant
from api.running import Running, running_of
from config.policy import Action
from vms.bus.commands import PanoramaScan, PanoramaScanCancel, PanoramaScanStatus
from vms.db import panoramas, placements, plans
from vms.errors import Conflict, NotFound
from vms.footage.panorama import opened_panorama
from vms.ledger.acts import Act
from vms.ledger.entries import Purpose, Value
from vms.model import PlacementId

router = APIRouter(prefix="/api/placements", tags=["panorama"])

Scanner = Annotated[Asker, Depends(Allow(Action.PANORAMA_SCAN))]
_LENGTH: Final = struct.Struct(">I")


@router.get(
    "/{placement_id}/panorama",
    openapi_extra=writes(Act.PANORAMA_VIEW),
    response_class=Response,
    responses=handed_over("application/octet-stream"),
)
def show(
    placement_id: Identifier, asker: Annotated[Asker, Depends(Allow(Action.PANORAMA_VIEW))], request: Request
) -> Response:
    """Return the panorama under the plan that counts; one made under another plan is not shown."""
    parts = running_of(request).parts
    with parts.db.read() as conn:
        placements.get(conn, PlacementId(placement_id))
        stored = panoramas.find(conn, PlacementId(placement_id))
        plan = plans.current(conn, PlacementId(placement_id))
    if stored is None or stored.due_at <= parts.clock.now():
        raise NotFound(f"there is no panorama of {placement_id} yet", code="panorama.none")
    if plan is None or plan.version != stored.plan_version:
        raise Conflict(f"the panorama of {placement_id} is of another plan", code="panorama.stale")
    plain = opened_panorama(parts.keys, stored)
    with parts.db.write() as conn:
        obj: dict[str, Value] = {"placement_id": placement_id, "plan_version": plan.version, "made": stored.made_at}
        record(
            parts.ledger,
            conn,
            Act.PANORAMA_VIEW,
            person(asker.subject, asker.decision),
            obj,
            purpose=Purpose("blanking"),
        )
    head = json.dumps(
        {
            "columns": plain.columns,
            "rows": plain.rows,
            "step_deg": plain.step_deg,
            "left_deg": plain.left_deg,
            "top_deg": plain.top_deg,
            "plan_version": stored.plan_version,
            "made_at": instant(stored.made_at),
        }
    ).encode()
    return Response(_LENGTH.pack(len(head)) + head + plain.rgb, media_type="application/octet-stream")


@router.get("/{placement_id}/panorama/scan", openapi_extra=writes())
async def scan_status(placement_id: Identifier, asker: Scanner, request: Request) -> dict[str, Any]:
    """Say how a look around stands."""
    del asker
    return await running_of(request).parts.bus.request(PlacementId(placement_id), PanoramaScanStatus())


@router.post("/{placement_id}/panorama/scan", openapi_extra=writes(Act.PANORAMA_SCAN))
async def scan(placement_id: Identifier, asker: Scanner, request: Request) -> dict[str, Any]:
    """Let the camera look around for its panorama; refused while somebody steers it, ended by whoever does."""
    running = running_of(request)
    running.ptz.refuse_while_steered(PlacementId(placement_id))
    await run_in_threadpool(_write, running, asker, PlacementId(placement_id), Act.PANORAMA_SCAN)
    return await running.parts.bus.request(PlacementId(placement_id), PanoramaScan(asker.subject.user_id))


@router.delete("/{placement_id}/panorama/scan", openapi_extra=writes(Act.PANORAMA_SCAN_END))
async def end_scan(placement_id: Identifier, asker: Scanner, request: Request) -> dict[str, Any]:
    """End a look around; the camera goes back to where it stood."""
    running = running_of(request)
    await run_in_threadpool(_write, running, asker, PlacementId(placement_id), Act.PANORAMA_SCAN_END)
    return await running.parts.bus.request(PlacementId(placement_id), PanoramaScanCancel())


def _write(running: Running, asker: Asker, placement_id: PlacementId, act: Act) -> None:
    with running.parts.db.write() as conn:
        placements.get(conn, placement_id)
        who = person(asker.subject, asker.decision)
        record(running.parts.ledger, conn, act, who, {"placement_id": placement_id})
