"""Reading the ledger. Reading is an act too, and people without `ledger.read` find their own acts only."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from api.access import Asker
from api.acting import person, record
from api.errors import language_of
from api.gate import Allow, writes
from api.pages.texts import act_text
from api.routers.shapes import Identifier, Moment, StorableText, instant
from api.running import running_of
from config.policy import Action
from vms.db import users
from vms.errors import InvalidInput
from vms.ledger import search, tiles
from vms.ledger.acts import BY_WORD, Act
from vms.ledger.entries import Value
from vms.ledger.search import Filter, StoredEntry
from vms.model import PlacementId, UserId

router = APIRouter(prefix="/api/ledger", tags=["ledger"])

MayRead = Annotated[Asker, Depends(Allow(Action.LEDGER_READ, Action.LEDGER_READ_OWN))]


@router.get("", openapi_extra=writes(Act.AUDIT_READ))
def read(
    asker: MayRead,
    request: Request,
    *,
    act: Annotated[list[str], Query(max_length=40)] = [],  # noqa: B006 - FastAPI copies defaults; None would not be a list
    actor: Annotated[StorableText | None, Query(max_length=64)] = None,
    placement_id: Annotated[Identifier | None, Query()] = None,
    from_at: Annotated[Moment | None, Query(alias="from")] = None,
    to_at: Annotated[Moment | None, Query(alias="to")] = None,
    before_seq: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Return a page of entries, newest first, and the ledger's size and root."""
    parts = running_of(request).parts
    own_only = asker.action is Action.LEDGER_READ_OWN
    wanted = Filter(
        from_at=from_at,
        until_at=to_at,
        acts=[_act(word) for word in act],
        actors=[asker.subject.user_id] if own_only else [actor] if actor else [],
        placement_id=None if placement_id is None else PlacementId(placement_id),
        before_seq=before_seq,
    )
    with parts.db.read() as conn:
        entries = search.search(conn, wanted, limit=limit)
        size, root = tiles.size(conn), parts.ledger.root(conn)
        names = {account.id: account.display_name for account in users.list_all(conn)}
    asked: dict[str, Value] = {"scope": "own" if own_only else "all", "entries": len(entries)}
    asked |= {"acts": [found.value for found in wanted.acts], "actor": actor, "before_seq": before_seq}
    asked |= {"from": from_at, "to": to_at, "placement_id": placement_id}
    with parts.db.write() as conn:
        record(parts.ledger, conn, Act.AUDIT_READ, person(asker.subject, asker.decision), asked)
    language = language_of(request, parts.settings.default_language)
    return {
        "entries": [_entry(entry, names, language) for entry in entries],
        "next_before_seq": entries[-1].seq if len(entries) == limit else None,
        "own_only": own_only,
        "size": size,
        "root": root.hex(),
    }


@router.get("/acts", openapi_extra=writes())
def acts(asker: MayRead, request: Request) -> list[dict[str, str]]:
    """Return the catalogue of acts, for the filter."""
    del asker
    language = language_of(request, running_of(request).parts.settings.default_language)
    return [{"act": act.value, "category": act.category.value, "text": act_text(language, act.value)} for act in Act]


def _act(word: str) -> Act:
    act = BY_WORD.get(word)
    if act is None:
        raise InvalidInput("there is no such act in the catalogue", code="ledger.act")
    return act


def _entry(entry: StoredEntry, names: Mapping[UserId, str], language: str) -> dict[str, Any]:
    actor = entry.document["actor"]
    purpose = entry.revealed("purpose")
    return {
        "seq": entry.seq,
        "at": instant(entry.at),
        "act": entry.act.value,
        "act_text": act_text(language, entry.act.value),
        "category": entry.category.value,
        "actor": {
            "id": actor["id"],
            "name": names.get(actor["id"], actor["id"]),
            "kind": actor["kind"],
            "role": actor["role"],
            "session": actor["sess"],
        },
        "object": entry.object,
        "object_text": _in_words(entry.object),
        "result": entry.document["res"],
        "why": entry.document["why"],
        "purpose": purpose,
        "recipient": entry.revealed("recipient"),
        "origin": entry.document["origin"],
    }


def _in_words(value: Any) -> str:
    """Return an object as one line: for reading where the page has no sentence of its own."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(item)}" for name, item in value.items() if item not in (None, [], ""))
    if isinstance(value, list):
        return " ".join(_in_words(item) for item in value)
    return str(value)
