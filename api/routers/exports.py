"""Exports: asked for by one person, decided by another, built in the background, fetched under a ledger entry."""

import secrets
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from api.access import Asker
from api.acting import person, record
from api.errors import language_of
from api.gate import Allow, writes
from api.pages.texts import error_text
from api.parts import ApiParts
from api.routers.shapes import Body, Identifier, LongText, ShortText, attachment, handed_over, instant
from api.running import running_of
from config.policy import Action
from vms.db import exports, holds, users
from vms.db.exports import Export
from vms.db.holds import Hold
from vms.errors import Conflict, InvalidInput
from vms.evidence.export import Workshop, open_package
from vms.ledger.acts import Act
from vms.ledger.entries import Private, Purpose, Value
from vms.model import ExportId, HoldId, HoldState, UserId

router = APIRouter(prefix="/api/exports", tags=["exports"])

LEAST_REASON: Final = 10
_PIECE_BYTES: Final = 1 << 20

Lister = Annotated[Asker, Depends(Allow(Action.EXPORT_REQUEST, Action.EXPORT_DECIDE, Action.EXPORT_DOWNLOAD))]
Decider = Annotated[Asker, Depends(Allow(Action.EXPORT_DECIDE))]


class Ask(Body):
    """What is asked for, and for whom."""

    hold_id: Identifier
    receiver: ShortText


class Refuse(Body):
    """Why an export is refused."""

    reason: LongText


@router.post("", openapi_extra=writes(Act.EXPORT_REQUEST), status_code=201)
def ask(body: Ask, asker: Annotated[Asker, Depends(Allow(Action.EXPORT_REQUEST))], request: Request) -> dict[str, Any]:
    """Ask for an export of an active hold."""
    parts = running_of(request).parts
    receiver = body.receiver.strip()
    if len(receiver) < 3:
        raise InvalidInput("say for whom the export is: name and office", code="export.receiver")
    export_id = ExportId(f"e-{secrets.token_hex(6)}")
    with parts.db.write() as conn:
        hold = holds.get(conn, HoldId(body.hold_id), lock=True)
        _must_be_active(hold)
        export = exports.request(
            conn,
            export_id,
            hold_id=hold.id,
            requested_by=asker.subject.user_id,
            requested_at=parts.clock.now(),
            receiver=receiver,
        )
        record(
            parts.ledger,
            conn,
            Act.EXPORT_REQUEST,
            person(asker.subject, asker.decision),
            _object(export, hold),
            purpose=Purpose("case", hold.case_number),
            recipient=receiver,
        )
    return _one(request, export_id)


@router.get("", openapi_extra=writes())
def list_exports(asker: Lister, request: Request) -> list[dict[str, Any]]:
    """List all exports, newest first."""
    del asker
    parts = running_of(request).parts
    with parts.db.read() as conn:
        found = exports.list_in(conn)
        about = {hold.id: hold for hold in holds.list_in(conn)}
        numbers = holds.numbers_in_cases(conn)
        names = {account.id: account.display_name for account in users.list_all(conn)}
    language = language_of(request, parts.settings.default_language)
    return [_json(export, about[export.hold_id], numbers, names, language) for export in found]


@router.get("/{export_id}", openapi_extra=writes())
def show(export_id: Identifier, asker: Lister, request: Request) -> dict[str, Any]:
    """Show one export and how far it is."""
    del asker
    return _one(request, ExportId(export_id))


@router.post("/{export_id}/approve", openapi_extra=writes(Act.EXPORT_APPROVE))
def approve(export_id: Identifier, asker: Decider, request: Request) -> dict[str, Any]:
    """Approve somebody else's export; it is built at once."""
    running = running_of(request)
    _decide(running.parts, ExportId(export_id), asker, approved=True, reason=None)
    running.exports.wake()
    return _one(request, ExportId(export_id))


@router.post("/{export_id}/refuse", openapi_extra=writes(Act.EXPORT_REFUSE))
def refuse(export_id: Identifier, body: Refuse, asker: Decider, request: Request) -> dict[str, Any]:
    """Refuse somebody else's export."""
    parts = running_of(request).parts
    if len(body.reason.strip()) < LEAST_REASON:
        raise InvalidInput("say why the export is refused", code="export.reason", least=LEAST_REASON)
    _decide(parts, ExportId(export_id), asker, approved=False, reason=body.reason.strip())
    return _one(request, ExportId(export_id))


@router.get(
    "/{export_id}/download",
    openapi_extra=writes(Act.EXPORT_DOWNLOAD),
    response_class=Response,
    responses=handed_over("application/zip"),
)
def download(
    export_id: Identifier, asker: Annotated[Asker, Depends(Allow(Action.EXPORT_DOWNLOAD))], request: Request
) -> StreamingResponse:
    """Hand over a finished package; the entry is in the ledger before its first byte leaves."""
    running = running_of(request)
    parts = running.parts
    with parts.db.read() as conn:
        export = exports.get(conn, ExportId(export_id))
    source, reader = open_package(running.exports.shop, export)
    with source:
        size_bytes = reader.size_bytes
    with parts.db.write() as conn:
        hold = holds.get(conn, export.hold_id, lock=True)
        _must_be_active(hold)
        record(
            parts.ledger,
            conn,
            Act.EXPORT_DOWNLOAD,
            person(asker.subject, asker.decision),
            {**_object(export, hold), "size_bytes": size_bytes, "sha256": export.sha256},
            purpose=Purpose("case", hold.case_number),
            recipient=export.receiver,
        )
    headers = {"Content-Length": str(size_bytes)} | attachment(f"{hold.case_number}_{export.id}.zip")
    return StreamingResponse(_pieces(running.exports.shop, export), media_type="application/zip", headers=headers)


def _decide(parts: ApiParts, export_id: ExportId, asker: Asker, *, approved: bool, reason: str | None) -> None:
    with parts.db.write() as conn:
        export = exports.get(conn, export_id)
        hold = holds.get(conn, export.hold_id, lock=True)
        if approved:
            _must_be_active(hold)
        exports.decide(
            conn, export_id, approved=approved, decided_by=asker.subject.user_id, decided_at=parts.clock.now()
        )
        obj = _object(export, hold) | ({} if reason is None else {"reason": Private(reason)})
        record(
            parts.ledger,
            conn,
            Act.EXPORT_APPROVE if approved else Act.EXPORT_REFUSE,
            person(asker.subject, asker.decision),
            obj,
            purpose=Purpose("case", hold.case_number),
            recipient=export.receiver,
        )


def _must_be_active(hold: Hold) -> None:
    if hold.state is not HoldState.ACTIVE:
        raise Conflict(f"hold {hold.id} is {hold.state}", code="export.hold-not-active")


def _object(export: Export, hold: Hold) -> dict[str, Value]:
    return {"export_id": export.id, "hold_id": hold.id, "placement_ids": list(hold.placement_ids)}


def _pieces(shop: Workshop, export: Export) -> Iterator[bytes]:
    # Opened here and not before: an answer that nobody takes must leave no file open.
    source, reader = open_package(shop, export)
    with source:
        for offset in range(0, reader.size_bytes, _PIECE_BYTES):
            yield reader.read(offset, _PIECE_BYTES)


def _one(request: Request, export_id: ExportId) -> dict[str, Any]:
    parts = running_of(request).parts
    with parts.db.read() as conn:
        export = exports.get(conn, export_id)
        hold = holds.get(conn, export.hold_id)
        numbers = holds.numbers_in_cases(conn)
        names = {account.id: account.display_name for account in users.list_all(conn)}
    return _json(export, hold, numbers, names, language_of(request, parts.settings.default_language))


def _in_words(failure: str | None, language: str) -> str | None:
    """Return why building failed as people read it; what nobody foresaw is a fault of ours."""
    return None if failure is None else error_text(language, failure, {}) or error_text(language, "internal", {})


def _json(
    export: Export, hold: Hold, numbers: Mapping[HoldId, int], names: Mapping[UserId, str], language: str
) -> dict[str, Any]:
    def who(user_id: UserId | None) -> dict[str, str] | None:
        return None if user_id is None else {"id": user_id, "name": names.get(user_id, user_id)}

    return {
        "id": export.id,
        "state": "erased" if export.erased_at is not None else export.state,
        "progress": {"done": export.progress_done, "total": export.progress_total},
        "hold_id": hold.id,
        "case_number": hold.case_number,
        "number_in_case": numbers[hold.id],
        "ground": hold.ground,
        "reason": hold.reason,
        "held_by": who(hold.requested_by),
        "held_at": instant(hold.requested_at),
        "placement_ids": list(hold.placement_ids),
        "start_at": instant(hold.span.start_at),
        "end_at": instant(hold.span.end_at),
        "receiver": export.receiver,
        "requested_by": who(export.requested_by),
        "requested_at": instant(export.requested_at),
        "decided_by": who(export.decided_by),
        "decided_at": instant(export.decided_at),
        "size_bytes": export.size_bytes,
        "sha256": export.sha256,
        "manifest": export.manifest,
        "failure": export.failure,
        "failure_text": _in_words(export.failure, language),
        "ready_at": instant(export.ready_at),
        "erased_at": instant(export.erased_at),
    }
