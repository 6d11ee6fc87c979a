"""Early erasure: footage that must go before its time. Asked for by one person, decided by another, done by the retention daemon."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from api.access import Asker, Context, authorize
from api.gate import Allow, writes
from api.parts import ApiParts
from api.retaining import asked_json, by_of, retention_of
from api.routers.shapes import Body, Identifier, LongText, Moment, instant, span_of
from api.running import running_of
from config.policy import Action
from retention import early as acts_of_two
from retention.early import EarlyRequest
from vms.db import early, users
from vms.db.asking import ERASURES
from vms.db.early import Erasure, Preview
from vms.ledger.acts import Act
from vms.model import ErasureGround, ErasureId, PlacementId

router = APIRouter(prefix="/api/erasures", tags=["erasures"])

Lister = Annotated[Asker, Depends(Allow(Action.ERASURE_REQUEST, Action.ERASURE_DECIDE, Action.LEDGER_READ))]
Requester = Annotated[Asker, Depends(Allow(Action.ERASURE_REQUEST))]
Decider = Annotated[Asker, Depends(Allow(Action.ERASURE_DECIDE))]


class Ask(Body):
    """What is to go, and why."""

    ground: ErasureGround
    reason: LongText
    placement_ids: Annotated[list[Identifier], Field(min_length=1, max_length=200)]
    from_at: Annotated[Moment, Field(alias="from")]
    to_at: Annotated[Moment, Field(alias="to")]


class Refuse(Body):
    """Why a request is refused."""

    reason: LongText


@router.get("/preview", openapi_extra=writes())
def preview(
    asker: Requester,
    request: Request,
    placement_id: Annotated[list[Identifier], Query(min_length=1, max_length=200)],
    from_at: Annotated[Moment, Query(alias="from")],
    to_at: Annotated[Moment, Query(alias="to")],
) -> list[dict[str, Any]]:
    """Say exactly what would go and what would stay, camera by camera; changes nothing."""
    parts = running_of(request).parts
    chosen = [PlacementId(one) for one in dict.fromkeys(placement_id)]
    found = acts_of_two.preview(retention_of(parts), chosen, span_of(from_at, to_at))
    return _placements_json(parts, asker, found)


@router.post("", openapi_extra=writes(Act.EARLY_REQUEST), status_code=201)
def ask(body: Ask, asker: Requester, request: Request) -> dict[str, Any]:
    """Ask for an early erasure; nothing is erased before somebody else approves it."""
    parts = running_of(request).parts
    wanted = EarlyRequest(
        ground=body.ground,
        reason=body.reason,
        placement_ids=tuple(PlacementId(one) for one in dict.fromkeys(body.placement_ids)),
        span=span_of(body.from_at, body.to_at),
    )
    return _one(parts, acts_of_two.ask(retention_of(parts), wanted, by_of(asker)))


@router.get("", openapi_extra=writes())
def list_erasures(asker: Lister, request: Request) -> list[dict[str, Any]]:
    """List the newest requests, newest first."""
    del asker
    parts = running_of(request).parts
    with parts.db.read() as conn:
        found = [early.get(conn, ErasureId(one.id)) for one in ERASURES.list_newest(conn)]
        names = {str(account.id): account.display_name for account in users.list_all(conn)}
        erased = {one.id: sum(map(len, early.claimed_for(conn, one.id).values())) for one in found}
    return [_json(one, names, erased[one.id]) for one in found]


@router.get("/{erasure_id}", openapi_extra=writes())
def show(erasure_id: Identifier, asker: Lister, request: Request) -> dict[str, Any]:
    """Show one request with what it would erase now, camera by camera: what whoever approves it must know."""
    parts = running_of(request).parts
    with parts.db.read() as conn:
        found = early.get(conn, ErasureId(erasure_id))
    seen = acts_of_two.preview(retention_of(parts), found.placement_ids, found.span)
    return {**_one(parts, found), "placements": _placements_json(parts, asker, seen)}


@router.post("/{erasure_id}/approve", openapi_extra=writes(Act.EARLY_APPROVE))
def approve(erasure_id: Identifier, asker: Decider, request: Request) -> dict[str, Any]:
    """Approve somebody else's request; the retention daemon erases in its next round, and what is held stays."""
    parts = running_of(request).parts
    return _one(parts, acts_of_two.decide(retention_of(parts), ErasureId(erasure_id), by_of(asker), refusal=None))


@router.post("/{erasure_id}/refuse", openapi_extra=writes(Act.EARLY_REFUSE))
def refuse(erasure_id: Identifier, body: Refuse, asker: Decider, request: Request) -> dict[str, Any]:
    """Refuse somebody else's request."""
    parts = running_of(request).parts
    done = acts_of_two.decide(retention_of(parts), ErasureId(erasure_id), by_of(asker), refusal=body.reason)
    return _one(parts, done)


def _one(parts: ApiParts, found: Erasure) -> dict[str, Any]:
    with parts.db.read() as conn:
        names = {str(account.id): account.display_name for account in users.list_all(conn)}
        erased = sum(map(len, early.claimed_for(conn, found.id).values()))
    return _json(found, names, erased)


def _json(found: Erasure, names: dict[str, str], erased: int) -> dict[str, Any]:
    return {
        **asked_json(found.asked, names),
        "ground": found.ground,
        "placement_ids": list(found.placement_ids),
        "start_at": instant(found.span.start_at),
        "end_at": instant(found.span.end_at),
        "erased": erased,
    }


def _placements_json(parts: ApiParts, asker: Asker, found: Mapping[PlacementId, Preview]) -> list[dict[str, Any]]:
    """Return what would go and stay; case numbers are for those who may see holds."""
    at = parts.clock.now()
    may_see_holds = authorize(parts.policy, asker.subject, Action.HOLD_LIST, Context(at=at)).allow
    return [
        {
            "placement_id": placement_id,
            "erasable": len(seen.erasable),
            "held": len(seen.held),
            "case_numbers": list(seen.case_numbers) if may_see_holds else [],
            "writing": len(seen.writing),
            "gone": len(seen.gone),
        }
        for placement_id, seen in found.items()
    ]
