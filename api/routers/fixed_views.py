"""The word of two persons that the plan of a fixed camera fits what it shows now: asked for by one, decided by another."""

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection

from api.access import Asker
from api.acting import person, record
from api.gate import Allow, writes
from api.parts import ApiParts
from api.retaining import asked_json, by_of
from api.routers.shapes import Body, Identifier, LongText, instant
from api.running import running_of
from config.policy import Action
from retention.parts import person_of
from vms.db import fixed_views, placements, plans, users
from vms.db.asking import Asked
from vms.db.placements import Placement
from vms.errors import InvalidInput
from vms.ledger.acts import Act
from vms.ledger.entries import Private, Value
from vms.model import CameraKind, PlacementId, ViewStatementId

router = APIRouter(prefix="/api/fixed-views", tags=["fixed views"])

Looker = Annotated[Asker, Depends(Allow(Action.VIEW_CONFIRM))]


class Statement(Body):
    """Which camera's plan fits, and how the person knows."""

    placement_id: Identifier
    reason: LongText


class Why(Body):
    """Why it is not said."""

    reason: LongText


@router.get("", openapi_extra=writes())
def list_statements(asker: Looker, request: Request) -> list[dict[str, Any]]:
    """List the newest statements of all fixed cameras, newest first."""
    del asker
    parts = running_of(request).parts
    with parts.db.read() as conn:
        found = [(one.id, asked) for one in _fixed(conn, parts) for asked in fixed_views.list_newest(conn, one.id)]
    found.sort(key=lambda one: one[1].requested_at, reverse=True)
    return [_json(parts, asked, placement_id) for placement_id, asked in found]


@router.get("/cameras", openapi_extra=writes())
def list_cameras(asker: Looker, request: Request) -> list[dict[str, Any]]:
    """List the fixed cameras: whether each was found moved, and how its view stands."""
    del asker
    parts = running_of(request).parts
    with parts.db.read() as conn:
        return [_camera(conn, one) for one in _fixed(conn, parts)]


@router.post("", openapi_extra=writes(Act.VIEW_REQUEST), status_code=201)
def ask(body: Statement, asker: Looker, request: Request) -> dict[str, Any]:
    """Say that the plan of a fixed camera fits what it shows now; somebody else has a day to say so too."""
    parts = running_of(request).parts
    placement_id = PlacementId(body.placement_id)
    user_id, role = person_of(by_of(asker))
    with parts.db.write() as conn:
        if placements.get(conn, placement_id).camera.kind is not CameraKind.FIXED:
            raise InvalidInput("this camera turns: it is checked by itself every day", code="view.turns")
        statement_id = ViewStatementId(f"vs-{uuid4().hex}")
        said = fixed_views.ask(
            conn,
            statement_id,
            placement_id=placement_id,
            reason=body.reason,
            by=user_id,
            role=role,
            at=parts.clock.now(),
        )
        about: dict[str, Value] = {
            "placement_id": placement_id,
            "statement_id": statement_id,
            "reason": Private(said.reason),
        }
        record(parts.ledger, conn, Act.VIEW_REQUEST, person(asker.subject, asker.decision), about)
    return _json(parts, said, placement_id)


@router.post("/{statement_id}/approve", openapi_extra=writes(Act.VIEW_APPROVE))
def approve(statement_id: Identifier, asker: Looker, request: Request) -> dict[str, Any]:
    """Say so too: the plan counts again within seconds, and landmarks are taken anew."""
    return _decide(statement_id, asker, request, None)


@router.post("/{statement_id}/refuse", openapi_extra=writes(Act.VIEW_REFUSE))
def refuse(statement_id: Identifier, body: Why, asker: Looker, request: Request) -> dict[str, Any]:
    """Refuse to say so."""
    return _decide(statement_id, asker, request, body.reason)


def _decide(statement_id: str, asker: Asker, request: Request, refusal: str | None) -> dict[str, Any]:
    parts = running_of(request).parts
    user_id, role = person_of(by_of(asker))
    with parts.db.write() as conn:
        asked, placement_id, version = fixed_views.decide(
            conn, ViewStatementId(statement_id), refusal=refusal, by=user_id, role=role, at=parts.clock.now()
        )
        about: dict[str, Value] = {
            "placement_id": placement_id,
            "plan_version": version,
            "statement_id": statement_id,
            "requested_by": asked.requested_by,
        }
        if refusal is not None:
            about["reason"] = Private(refusal)
        act = Act.VIEW_APPROVE if refusal is None else Act.VIEW_REFUSE
        record(parts.ledger, conn, act, person(asker.subject, asker.decision), about)
    return _json(parts, asked, placement_id)


def _fixed(conn: Connection, parts: ApiParts) -> list[Placement]:
    found = placements.list_all(conn, at=parts.clock.now())
    return [one for one in found if one.camera.kind is CameraKind.FIXED]


def _camera(conn: Connection, placement: Placement) -> dict[str, Any]:
    current = plans.current(conn, placement.id)
    view = None if current is None else fixed_views.standing(conn, placement.id, current.version)
    return {
        "id": placement.id,
        "name": placement.name,
        "plan_version": None if current is None else current.version,
        "moved_at": None if view is None or view.moved_at is None else instant(view.moved_at),
        "view": (placement.status or {}).get("view"),
    }


def _json(parts: ApiParts, asked: Asked, placement_id: PlacementId) -> dict[str, Any]:
    with parts.db.read() as conn:
        names = {str(account.id): account.display_name for account in users.list_all(conn)}
        name = placements.get(conn, placement_id).name
    return {**asked_json(asked, names), "placement_id": placement_id, "placement": name}
