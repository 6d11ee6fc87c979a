"""Masks that were proposed from a register: what somebody rejected. What was accepted comes with the draft it is in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from api import proposals
from api.access import Asker
from api.gate import Allow, writes
from api.routers.shapes import Body, Identifier, LongText, ShortText
from api.running import running_of
from config.policy import Action
from vms.ledger.acts import Act
from vms.model import PlacementId

router = APIRouter(prefix="/api", tags=["plans"])

Number = Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)]


class Rejected(Body):
    """A proposal that is no mask, and why."""

    mask: ShortText
    outline: Annotated[list[tuple[Number, Number]], Field(max_length=1000)]
    register_id: ShortText | None = None
    reason: LongText = ""


@router.post("/placements/{placement_id}/proposals/reject", openapi_extra=writes(Act.PROPOSAL_REJECT), status_code=204)
def reject(
    placement_id: Identifier,
    body: Rejected,
    asker: Annotated[Asker, Depends(Allow(Action.PLAN_DRAFT))],
    request: Request,
) -> None:
    """Write down that a proposed mask is rejected, and why; the next time it is proposed, that is shown with it."""
    proposals.reject(
        running_of(request).parts,
        PlacementId(placement_id),
        body.mask,
        body.outline,
        register_id=body.register_id,
        reason=body.reason,
        asker=asker,
    )
