"""The word of two persons that the clock is right: asked for by one, decided by another, carried out by the retention daemon."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from api.access import Asker
from api.gate import Allow, writes
from api.parts import ApiParts
from api.retaining import asked_json, by_of, retention_of
from api.routers.shapes import Body, Identifier, LongText
from api.running import running_of
from config.policy import Action
from retention import override
from vms.db import users
from vms.db.asking import OVERRIDES, Asked
from vms.ledger.acts import Act
from vms.model import OverrideId

router = APIRouter(prefix="/api/clock", tags=["clock"])

Lister = Annotated[Asker, Depends(Allow(Action.CLOCK_REQUEST, Action.CLOCK_DECIDE, Action.LEDGER_READ))]
Decider = Annotated[Asker, Depends(Allow(Action.CLOCK_DECIDE))]


class Why(Body):
    """Why the clock is right, or why somebody does not say so."""

    reason: LongText


@router.post("", openapi_extra=writes(Act.CLOCK_REQUEST), status_code=201)
def ask(body: Why, asker: Annotated[Asker, Depends(Allow(Action.CLOCK_REQUEST))], request: Request) -> dict[str, Any]:
    """Say that the clock is right; somebody else has half an hour to say so too."""
    parts = running_of(request).parts
    return _json(parts, [override.ask(retention_of(parts), body.reason, by_of(asker))])[0]


@router.get("", openapi_extra=writes())
def list_overrides(asker: Lister, request: Request) -> list[dict[str, Any]]:
    """List the newest requests, newest first."""
    del asker
    parts = running_of(request).parts
    with parts.db.read() as conn:
        found = OVERRIDES.list_newest(conn)
    return _json(parts, found)


@router.post("/{override_id}/approve", openapi_extra=writes(Act.CLOCK_APPROVE))
def approve(override_id: Identifier, asker: Decider, request: Request) -> dict[str, Any]:
    """Say so too; the retention daemon goes by it in its next round, unless the clock moves meanwhile."""
    parts = running_of(request).parts
    return _json(parts, [override.decide(retention_of(parts), OverrideId(override_id), by_of(asker), refusal=None)])[0]


@router.post("/{override_id}/refuse", openapi_extra=writes(Act.CLOCK_REFUSE))
def refuse(override_id: Identifier, body: Why, asker: Decider, request: Request) -> dict[str, Any]:
    """Refuse to say so."""
    parts = running_of(request).parts
    done = override.decide(retention_of(parts), OverrideId(override_id), by_of(asker), refusal=body.reason)
    return _json(parts, [done])[0]


def _json(parts: ApiParts, found: list[Asked]) -> list[dict[str, Any]]:
    with parts.db.read() as conn:
        names = {str(account.id): account.display_name for account in users.list_all(conn)}
    return [asked_json(one, names) for one in found]
