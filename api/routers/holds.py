"""Holds: footage that the police keep for a case."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from api.access import Asker
from api.gate import Allow, writes
from api.parts import ApiParts
from api.retaining import by_of, retention_of
from api.routers.shapes import Body, Identifier, LongText, Moment, ShortText, instant, span_of
from api.running import running_of
from config.policy import Action
from retention.holds import HoldRequest, place_hold, release_hold
from vms.db import exports, holds, segments, users
from vms.db.holds import Hold
from vms.ledger.acts import Act
from vms.model import HoldGround, HoldId, HoldOutcome, PlacementId, checked_case_number

router = APIRouter(prefix="/api/holds", tags=["holds"])

Lister = Annotated[Asker, Depends(Allow(Action.HOLD_LIST))]


class Place(Body):
    """What is to be kept, and why."""

    request_id: Identifier
    case_number: ShortText
    ground: HoldGround
    reason: LongText
    placement_ids: Annotated[list[Identifier], Field(min_length=1, max_length=200)]
    from_at: Annotated[Moment, Field(alias="from")]
    to_at: Annotated[Moment, Field(alias="to")]
    review_on: Moment


class Release(Body):
    """Why a hold ends."""

    reason: LongText


@router.post("", openapi_extra=writes(Act.HOLD_PLACE, Act.HOLD_LATE), status_code=201)
def place(body: Place, asker: Annotated[Asker, Depends(Allow(Action.HOLD_PLACE))], request: Request) -> dict[str, Any]:
    """Keep footage; says for how many segments it came too late. A repeated request finds the hold it made."""
    parts = running_of(request).parts
    result = place_hold(
        retention_of(parts),
        HoldRequest(
            request_id=body.request_id,
            case_number=checked_case_number(body.case_number),
            ground=body.ground,
            reason=body.reason,
            placement_ids=tuple(PlacementId(placement_id) for placement_id in dict.fromkeys(body.placement_ids)),
            span=span_of(body.from_at, body.to_at),
            review_on=body.review_on,
            requested_by=asker.subject.user_id,
        ),
        by_of(asker),
    )
    return {
        "hold": _json(parts, [result.hold])[0],
        "outcome": result.hold.outcome,
        "segments": {"accepted": result.accepted, "too_late": result.too_late},
        "late": result.late,
        "future": result.is_future,
    }


@router.get("", openapi_extra=writes())
def list_holds(asker: Lister, request: Request) -> list[dict[str, Any]]:
    """List all holds, newest first."""
    del asker
    parts = running_of(request).parts
    with parts.db.read() as conn:
        found = holds.list_in(conn)
    return _json(parts, found)


@router.get("/{hold_id}", openapi_extra=writes())
def show(hold_id: Identifier, asker: Lister, request: Request) -> dict[str, Any]:
    """Show one hold with what it keeps, camera by camera, and its exports."""
    del asker
    parts = running_of(request).parts
    with parts.db.read() as conn:
        hold = holds.get(conn, HoldId(hold_id))
        outcomes = holds.list_segments(conn, hold.id)
        made = exports.list_in(conn, hold_id=hold.id)
        gaps = {item: segments.list_gaps(conn, item, hold.span) for item in hold.placement_ids}
    return {
        **_json(parts, [hold])[0],
        "placements": [
            {
                "placement_id": item,
                "kept": sum(row.placement_id == item and row.outcome is HoldOutcome.ACCEPTED for row in outcomes),
                "too_late": sum(row.placement_id == item and row.outcome is HoldOutcome.TOO_LATE for row in outcomes),
                "gaps": [
                    {"start_at": instant(gap.start_at), "end_at": instant(gap.end_at), "cause": gap.cause}
                    for gap in gaps[item]
                ],
            }
            for item in hold.placement_ids
        ],
        "exports": [{"id": export.id, "state": export.state} for export in made],
    }


@router.post("/{hold_id}/release", openapi_extra=writes(Act.HOLD_RELEASE))
def release(
    hold_id: Identifier,
    body: Release,
    asker: Annotated[Asker, Depends(Allow(Action.HOLD_RELEASE))],
    request: Request,
) -> dict[str, Any]:
    """Let go of a hold's footage; what is past its time is erased by the next sweep, its exports at once."""
    parts = running_of(request).parts
    hold = release_hold(retention_of(parts), HoldId(hold_id), body.reason, by_of(asker), asker.subject.user_id)
    return _json(parts, [hold])[0]


def _json(parts: ApiParts, found: list[Hold]) -> list[dict[str, Any]]:
    with parts.db.read() as conn:
        names = {account.id: account.display_name for account in users.list_all(conn)}
        numbers = holds.numbers_in_cases(conn)
        counts = {hold.id: holds.count_outcomes(conn, hold.id) for hold in found}
    now = parts.clock.now()
    return [
        {
            "id": hold.id,
            "state": hold.state,
            "case_number": hold.case_number,
            "number_in_case": numbers[hold.id],
            "ground": hold.ground,
            "reason": hold.reason,
            "placement_ids": list(hold.placement_ids),
            "start_at": instant(hold.span.start_at),
            "end_at": instant(hold.span.end_at),
            "future": hold.span.end_at > now,
            "review_on": instant(hold.review_on),
            "requested_by": {"id": hold.requested_by, "name": names.get(hold.requested_by, hold.requested_by)},
            "requested_at": instant(hold.requested_at),
            "outcome": hold.outcome,
            "segments": {
                "accepted": counts[hold.id].get(HoldOutcome.ACCEPTED, 0),
                "too_late": counts[hold.id].get(HoldOutcome.TOO_LATE, 0),
            },
            "released_by": None
            if hold.released_by is None
            else {"id": hold.released_by, "name": names.get(hold.released_by, hold.released_by)},
            "released_at": instant(hold.released_at),
            "release_reason": hold.release_reason,
        }
        for hold in found
    ]
