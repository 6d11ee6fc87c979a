"""Holds: footage that the police keep for a case."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from api.access import Asker
from api.gate import Allow, writes
from api.parts import ApiParts
from api.retaining import asked_json, by_of, retention_of
from api.routers.shapes import Body, Identifier, LongText, Moment, ShortText, instant, span_of
from api.running import running_of
from config.policy import Action
from retention import releases
from retention.holds import HoldRequest, place_hold
from vms.db import exports, holds, segments, users
from vms.db.asking import Asked
from vms.db.holds import Hold
from vms.ledger.acts import Act
from vms.model import HoldGround, HoldId, HoldOutcome, PlacementId, UserId, checked_case_number

router = APIRouter(prefix="/api/holds", tags=["holds"])

Lister = Annotated[Asker, Depends(Allow(Action.HOLD_LIST))]


Releaser = Annotated[Asker, Depends(Allow(Action.HOLD_RELEASE))]


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
    """Why a hold ends, or why it is kept after all."""

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
        "hold": _json(parts, asker, [result.hold])[0],
        "outcome": result.hold.outcome,
        "segments": {"accepted": result.accepted, "too_late": result.too_late},
        "late": result.late,
        "future": result.is_future,
    }


@router.get("", openapi_extra=writes())
def list_holds(asker: Lister, request: Request) -> list[dict[str, Any]]:
    """List all holds, newest first."""
    parts = running_of(request).parts
    with parts.db.read() as conn:
        found = holds.list_in(conn)
    return _json(parts, asker, found)


@router.get("/{hold_id}", openapi_extra=writes())
def show(hold_id: Identifier, asker: Lister, request: Request) -> dict[str, Any]:
    """Show one hold with what it keeps, camera by camera, and its exports."""
    parts = running_of(request).parts
    with parts.db.read() as conn:
        hold = holds.get(conn, HoldId(hold_id))
        outcomes = holds.list_segments(conn, hold.id)
        made = exports.list_in(conn, hold_id=hold.id)
        gaps = {item: segments.list_gaps(conn, item, hold.span) for item in hold.placement_ids}
    return {
        **_json(parts, asker, [hold])[0],
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


@router.post("/{hold_id}/release", openapi_extra=writes(Act.RELEASE_REQUEST))
def release(hold_id: Identifier, body: Release, asker: Releaser, request: Request) -> dict[str, Any]:
    """Ask for a hold's release. A second person approves, unless it is the asker's own; it lets go after the time of grace."""
    parts = running_of(request).parts
    releases.ask(retention_of(parts), HoldId(hold_id), body.reason, by_of(asker))
    return _shown(parts, asker, hold_id)


@router.post("/{hold_id}/release/approve", openapi_extra=writes(Act.RELEASE_APPROVE))
def approve_release(hold_id: Identifier, asker: Releaser, request: Request) -> dict[str, Any]:
    """Approve the release of somebody else's hold; after the time of grace its footage and exports are erased."""
    parts = running_of(request).parts
    releases.decide(retention_of(parts), HoldId(hold_id), by_of(asker), refusal=None)
    return _shown(parts, asker, hold_id)


@router.post("/{hold_id}/release/refuse", openapi_extra=writes(Act.RELEASE_REFUSE))
def refuse_release(hold_id: Identifier, body: Release, asker: Releaser, request: Request) -> dict[str, Any]:
    """Refuse the release of a hold, with a reason; it goes on keeping its footage."""
    parts = running_of(request).parts
    releases.decide(retention_of(parts), HoldId(hold_id), by_of(asker), refusal=body.reason)
    return _shown(parts, asker, hold_id)


@router.post("/{hold_id}/release/take-back", openapi_extra=writes(Act.RELEASE_TAKE_BACK))
def take_release_back(hold_id: Identifier, body: Release, asker: Releaser, request: Request) -> dict[str, Any]:
    """Take back a release before the hold lets go, with a reason; one person is enough to keep."""
    parts = running_of(request).parts
    releases.take_back(retention_of(parts), HoldId(hold_id), body.reason, by_of(asker))
    return _shown(parts, asker, hold_id)


def _shown(parts: ApiParts, asker: Asker, hold_id: str) -> dict[str, Any]:
    with parts.db.read() as conn:
        return _json(parts, asker, [holds.get(conn, HoldId(hold_id))])[0]


def _json(parts: ApiParts, asker: Asker, found: list[Hold]) -> list[dict[str, Any]]:
    with parts.db.read() as conn:
        names = {account.id: account.display_name for account in users.list_all(conn)}
        numbers = holds.numbers_in_cases(conn)
        waiting = releases.open_releases(conn)
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
            "release": None if hold.id not in waiting else _release(parts, asker, waiting[hold.id], names),
        }
        for hold in found
    ]


def _release(parts: ApiParts, asker: Asker, asked: Asked, names: Mapping[UserId, str]) -> dict[str, Any]:
    grace = timedelta(seconds=parts.settings.release_grace_s)
    named = {str(user_id): name for user_id, name in names.items()}
    return asked_json(asked, named) | {
        "released_from": instant(releases.released_from(asked, grace)),
        "is_mine": asked.requested_by == asker.subject.user_id,
    }
