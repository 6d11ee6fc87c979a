"""The panorama of a placement: what its camera can see, masked, for drawing masks and choosing where to look."""

import json
import struct
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from api.access import Asker
from api.acting import person, record
from api.gate import Allow, writes
from api.routers.shapes import Identifier, instant
from api.running import running_of
from config.policy import Action
from vms.db import panoramas, placements, plans
from vms.errors import Conflict, NotFound
from vms.footage.panorama import opened_panorama
from vms.ledger.acts import Act
from vms.ledger.entries import Purpose, Value
from vms.model import PlacementId

router = APIRouter(prefix="/api/placements", tags=["panorama"])

_LENGTH: Final = struct.Struct(">I")


@router.get("/{placement_id}/panorama", openapi_extra=writes(Act.PANORAMA_VIEW))
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
