"""What an auditor takes along: the audit bundle, and the checkpoint on paper. Taking one out is an act too."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse

from api.access import Asker
from api.acting import person, record
from api.gate import Allow, writes
from api.routers.shapes import EARLIEST, LATEST, Moment, attachment, handed_over, span_of
from api.running import running_of
from config.policy import Action
from vms.evidence.bundle import BundleSource, bundle_pieces, end_of, sign_present
from vms.evidence.paper import checkpoint_page
from vms.ledger import cosignatures, notes
from vms.ledger.acts import Act

router = APIRouter(prefix="/api/audit", tags=["audit"])


@router.get(
    "/bundle",
    openapi_extra=writes(Act.AUDIT_BUNDLE),
    response_class=Response,
    responses=handed_over("application/zip"),
)
def bundle(
    asker: Annotated[Asker, Depends(Allow(Action.LEDGER_READ))],
    request: Request,
    from_at: Annotated[Moment, Query(alias="from")],
    to_at: Annotated[Moment, Query(alias="to")],
) -> StreamingResponse:
    """Hand over the audit bundle of a period (docs/audit.md); the entry is in the ledger before its first byte leaves."""
    parts = running_of(request).parts
    period = span_of(from_at, to_at, LATEST - EARLIEST)
    source = BundleSource(parts.db, parts.ledger, parts.keys, parts.clock, parts.signer)
    with parts.db.write() as conn:
        asked = {"from": period.start_at, "to": period.end_at}
        record(parts.ledger, conn, Act.AUDIT_BUNDLE, person(asker.subject, asker.decision), asked)
        # Signed in the same transaction: the bundle can end with a checkpoint that has this entry too.
        sign_present(conn, source)
        size = end_of(conn, period)
    name = f"audit-{period.start_at:%Y%m%d}-{period.end_at:%Y%m%d}.zip"
    headers = attachment(name)
    return StreamingResponse(bundle_pieces(source, period, size), media_type="application/zip", headers=headers)


@router.get(
    "/checkpoint.pdf",
    openapi_extra=writes(Act.AUDIT_READ),
    response_class=Response,
    responses=handed_over("application/pdf"),
)
def checkpoint(asker: Annotated[Asker, Depends(Allow(Action.LEDGER_READ))], request: Request) -> Response:
    """Sign the ledger as it is and hand over the checkpoint as a page to print and sign; it has the entry of that itself."""
    parts = running_of(request).parts
    with parts.db.write() as conn:
        record(parts.ledger, conn, Act.AUDIT_READ, person(asker.subject, asker.decision), {"scope": "checkpoint"})
        note = cosignatures.with_lines(conn, parts.ledger.checkpoint(conn, parts.signer))
        # In the same transaction: a page that can't be drawn was not handed over.
        page = checkpoint_page(note, parts.signer.verifier, parts.clock.now())
    name = f"checkpoint-{notes.parse(note).size}.pdf"
    headers = attachment(name)
    return Response(page, media_type="application/pdf", headers=headers)


@router.get("/key", openapi_extra=writes())
def key(asker: Annotated[Asker, Depends(Allow(Action.LEDGER_READ))], request: Request) -> dict[str, str]:
    """Return the ledger's public key, to compare with the one on paper."""
    del asker
    parts = running_of(request).parts
    return {"vkey": parts.signer.verifier.text, "origin": parts.ledger.origin}
