"""Reading the ledger and taking rows and proofs along. Each is an act too; people without `ledger.read` find their own acts only."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import Connection

from api.access import Asker
from api.acting import person, record
from api.errors import language_of
from api.gate import Allow, writes
from api.ledger_rows import MOST_ROWS, Form, Reading, entry_shown, rows_in
from api.pages.texts import act_text
from api.routers.shapes import Identifier, Moment, ShortText, StorableText, attachment, handed_over
from api.running import running_of
from config.policy import Action
from vms.db import holds, users
from vms.errors import InvalidInput
from vms.ledger import search, tiles
from vms.ledger.acts import BY_WORD, Act
from vms.ledger.entries import Value
from vms.ledger.inclusion import proof_text
from vms.ledger.search import Filter
from vms.model import PlacementId, checked_case_number

router = APIRouter(prefix="/api/ledger", tags=["ledger"])

MayRead = Annotated[Asker, Depends(Allow(Action.LEDGER_READ, Action.LEDGER_READ_OWN))]
MayReadAll = Annotated[Asker, Depends(Allow(Action.LEDGER_READ))]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody searches for, as it came in and was checked."""

    acts: tuple[Act, ...]
    actor: str | None
    placement_id: PlacementId | None
    case_number: str | None
    from_at: datetime | None
    to_at: datetime | None
    before_seq: int | None

    def filter(self, conn: Connection, asker: Asker) -> Filter:
        """Return the entries that are meant: nobody finds more than they may."""
        own_only = asker.action is Action.LEDGER_READ_OWN
        return Filter(
            from_at=self.from_at,
            until_at=self.to_at,
            acts=self.acts,
            actors=[asker.subject.user_id] if own_only else [self.actor] if self.actor else [],
            placement_id=self.placement_id,
            subjects=[] if self.case_number is None else holds.subjects_of_case(conn, self.case_number),
            before_seq=self.before_seq,
        )

    def words(self) -> dict[str, Value]:
        """Return it for the entry that says what was searched for."""
        return {
            "acts": [act.value for act in self.acts],
            "actor": self.actor,
            "placement_id": self.placement_id,
            "case": self.case_number,
            "from": self.from_at,
            "to": self.to_at,
            "before_seq": self.before_seq,
        }


def _asked(
    *,
    act: Annotated[list[str], Query(max_length=40)] = [],  # noqa: B006 - FastAPI copies defaults; None would not be a list
    actor: Annotated[StorableText | None, Query(max_length=64)] = None,
    placement_id: Annotated[Identifier | None, Query()] = None,
    case: Annotated[ShortText | None, Query()] = None,
    from_at: Annotated[Moment | None, Query(alias="from")] = None,
    to_at: Annotated[Moment | None, Query(alias="to")] = None,
    before_seq: Annotated[int | None, Query(ge=0, le=2**53)] = None,
) -> Asked:
    return Asked(
        acts=tuple(_act(word) for word in act),
        actor=actor,
        placement_id=None if placement_id is None else PlacementId(placement_id),
        case_number=None if case is None else checked_case_number(case),
        from_at=from_at,
        to_at=to_at,
        before_seq=before_seq,
    )


@router.get("", openapi_extra=writes(Act.AUDIT_READ))
def read(
    asker: MayRead,
    request: Request,
    asked: Annotated[Asked, Depends(_asked)],
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """Return a page of entries, newest first, how many are found (on the first page), and the ledger's size and root."""
    parts = running_of(request).parts
    own_only = asker.action is Action.LEDGER_READ_OWN
    with parts.db.read() as conn:
        wanted = asked.filter(conn, asker)
        entries = search.search(conn, wanted, limit=limit)
        found = search.count_found(conn, wanted, most=MOST_ROWS + 1) if asked.before_seq is None else None
        size, root = tiles.size(conn), parts.ledger.root(conn)
        reading = _reading(conn, request)
    said: dict[str, Value] = {"scope": "own" if own_only else "all", "entries": len(entries)}
    with parts.db.write() as conn:
        record(parts.ledger, conn, Act.AUDIT_READ, person(asker.subject, asker.decision), said | asked.words())
    return {
        "entries": [entry_shown(entry, reading) for entry in entries],
        "next_before_seq": entries[-1].seq if len(entries) == limit else None,
        "found": None if found is None else min(found, MOST_ROWS),
        "found_more": found is not None and found > MOST_ROWS,
        "own_only": own_only,
        "size": size,
        "root": root.hex(),
    }


@router.get(
    "/rows",
    openapi_extra=writes(Act.AUDIT_READ),
    response_class=Response,
    responses=handed_over(*(one.media_type for one in Form)),
)
def rows(
    asker: MayReadAll, request: Request, asked: Annotated[Asked, Depends(_asked)], form: Form
) -> StreamingResponse:
    """Hand over all that a search finds, at most 100,000 entries, as CSV or JSON; the entry of it comes before the first byte."""
    parts = running_of(request).parts
    with parts.db.read() as conn:
        size = tiles.size(conn)
        wanted = asked.filter(conn, asker)
        # The ledger only grows: what is counted here is what the file will have, without anybody having to wait.
        wanted = replace(wanted, before_seq=size if wanted.before_seq is None else min(size, wanted.before_seq))
        found = search.count_found(conn, wanted, most=MOST_ROWS + 1)
        reading = _reading(conn, request)
    if found > MOST_ROWS:
        raise InvalidInput("too much is found to take along: narrow the search", code="ledger.rows", most=MOST_ROWS)
    said: dict[str, Value] = {"scope": "rows", "form": form.value, "entries": found}
    with parts.db.write() as conn:
        record(parts.ledger, conn, Act.AUDIT_READ, person(asker.subject, asker.decision), said | asked.words())
    at = parts.clock.now()
    headers = attachment(f"log-{at:%Y%m%d-%H%M%S}.{form.value}")
    pieces = rows_in(form, parts.db, wanted, reading)
    return StreamingResponse(pieces, media_type=form.media_type, headers=headers)


@router.get(
    "/{seq}/proof",
    openapi_extra=writes(Act.AUDIT_READ),
    response_class=Response,
    responses=handed_over("text/plain"),
)
def proof(asker: MayReadAll, request: Request, seq: Annotated[int, Path(ge=0, le=2**53)]) -> Response:
    """Hand over the proof that an entry is in the ledger, with the entry itself; `vms-audit verify-proof` checks it."""
    parts = running_of(request).parts
    with parts.db.write() as conn:
        said: dict[str, Value] = {"scope": "proof", "seq": seq}
        record(parts.ledger, conn, Act.AUDIT_READ, person(asker.subject, asker.decision), said)
        text = proof_text(conn, parts.ledger, parts.signer, seq)
    headers = attachment(f"log-{seq}.tlog-proof")
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


def _reading(conn: Connection, request: Request) -> Reading:
    names = {account.id: account.display_name for account in users.list_all(conn)}
    return Reading(names, language_of(request, running_of(request).parts.settings.default_language))


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
