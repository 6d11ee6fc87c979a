"""Acts of retention that the API does: on what, and by whom; and how what two persons decide looks in JSON."""

from collections.abc import Mapping
from typing import Any

from api.access import Asker
from api.acting import person
from api.parts import ApiParts
from api.routers.shapes import instant
from retention.parts import By, RetentionParts
from vms.db.asking import Asked


def retention_of(parts: ApiParts) -> RetentionParts:
    """Return what retention works on."""
    return RetentionParts(parts.db, parts.keys, parts.store, parts.ledger, parts.clock)


def by_of(asker: Asker) -> By:
    """Return who acts."""
    who = person(asker.subject, asker.decision)
    return By(who.actor, who.origin)


def asked_json(asked: Asked, names: Mapping[str, str]) -> dict[str, Any]:
    """Return what a request of one person says, and the decision of the other.

    Args:
        asked: the request.
        names: what people are called, by their id.
    """

    def who(user_id: str | None) -> dict[str, str] | None:
        return None if user_id is None else {"id": user_id, "name": names.get(user_id, user_id)}

    return {
        "id": asked.id,
        "state": asked.state,
        "reason": asked.reason,
        "requested_by": who(asked.requested_by),
        "requested_as": asked.requested_as,
        "requested_at": instant(asked.requested_at),
        "lapses_at": instant(asked.lapses_at),
        "decided_by": who(asked.decided_by),
        "decided_as": asked.decided_as,
        "decided_at": instant(asked.decided_at),
        "ended_at": instant(asked.ended_at),
    }
