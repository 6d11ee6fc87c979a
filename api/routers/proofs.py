"""The monthly proofs of erasing: shown, handed over, and signed by the police director."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from api.access import Asker
from api.acting import person, record
from api.errors import language_of
from api.gate import Allow, writes
from api.pages import proof_texts
from api.parts import ApiParts
from api.reviewing import names_of
from api.routers.shapes import Body, LongText, attachment, handed_over, instant
from api.running import running_of
from config.policy import Action
from vms.db import proofs
from vms.db.proofs import Proof, Signature
from vms.errors import Conflict
from vms.ledger import search
from vms.ledger.acts import Act
from vms.ledger.entries import Private, Value
from vms.ledger.search import LONGEST_PAGE, Filter
from vms.model import UserId

router = APIRouter(prefix="/api/proofs", tags=["erasing"])

MayView = Annotated[Asker, Depends(Allow(Action.ERASING_VIEW))]
MaySign = Annotated[Asker, Depends(Allow(Action.PROOF_SIGN))]
Month = Annotated[str, Path(pattern=r"^[0-9]{4}-[0-9]{2}$")]


class NewSignature(Body):
    """What is signed: the report with this digest, which the page showed."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    remark: LongText | None = None


@router.get("/{month}", openapi_extra=writes(Act.AUDIT_READ))
def show(month: Month, asker: MayView, request: Request) -> dict[str, Any]:
    """Show a month's proof of erasing, in words, and who signed it."""
    parts = running_of(request).parts
    with parts.db.read() as conn:
        proof = proofs.get(conn, month)
        row = _row(proof, proofs.signatures(conn).get(month, ()), names_of(conn), parts.clock.now())
    _write(parts, asker, {"scope": "proof", "month": month})
    words = json.loads(proof.report)
    found = proof_texts.sections(words, language_of(request, parts.settings.default_language))
    return row | {"sections": [{"title": one.title, "lines": one.lines} for one in found]}


@router.get(
    "/{month}/report",
    openapi_extra=writes(Act.AUDIT_READ),
    response_class=Response,
    responses=handed_over("application/json", "text/plain"),
)
def download(
    month: Month, asker: MayView, request: Request, form: Annotated[Literal["json", "text"], Query()] = "json"
) -> Response:
    """Hand over a month's report: as JSON, whose digest is in the ledger, or as a text."""
    parts = running_of(request).parts
    with parts.db.read() as conn:
        proof = proofs.get(conn, month)
    _write(parts, asker, {"scope": "proof", "month": month, "form": form})
    language = language_of(request, parts.settings.default_language)
    text = proof.report if form == "json" else proof_texts.as_text(json.loads(proof.report), proof.sha256, language)
    name = f"proof-{month}.json" if form == "json" else f"proof-{month}-{language}.txt"
    headers = attachment(name)
    kind = "application/json" if form == "json" else "text/plain; charset=utf-8"
    return Response(text, media_type=kind, headers=headers)


@router.post("/{month}/sign", openapi_extra=writes(Act.PROOF_SIGN))
def sign(month: Month, body: NewSignature, asker: MaySign, request: Request) -> dict[str, Any]:
    """Sign a month's proof, the very report that was shown; one with findings with an explanation. It can't be taken back."""
    parts = running_of(request).parts
    remark = (body.remark or "").strip() or None
    now = parts.clock.now()
    with parts.db.write() as conn:
        proof = proofs.sign(conn, Signature(month, body.sha256, asker.subject.user_id, now, remark))
        _refuse_unlogged(conn, proof)
        words: dict[str, Value] = {
            "month": month,
            "sha256": proof.sha256,
            "outcome": proof.result.value,
            "remark": None if remark is None else Private(remark),
        }
        record(parts.ledger, conn, Act.PROOF_SIGN, person(asker.subject, asker.decision), words)
        return _row(proof, proofs.signatures(conn)[month], names_of(conn), now)


def list_rows(conn: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return all proofs in figures with their signatures, newest month first."""
    signed, names = proofs.signatures(conn), names_of(conn)
    return [_row(one, signed.get(one.month, ()), names, now) for one in proofs.list_all(conn)]


def _refuse_unlogged(conn: Connection, proof: Proof) -> None:
    """Refuse a report that is not the one which the log names last for its month: a signature would make it look like one."""
    found = search.search(conn, Filter(acts=(Act.RETENTION_PROVED,)), limit=LONGEST_PAGE)
    logged = next((one.object["sha256"] for one in found if one.object["month"] == proof.month), None)
    if logged != proof.sha256:
        raise Conflict(
            f"the log names another report for {proof.month} than the database has: check the log (docs/ledger.md)",
            code="proof.not-in-log",
        )


def _write(parts: ApiParts, asker: Asker, words: dict[str, Value]) -> None:
    with parts.db.write() as conn:
        record(parts.ledger, conn, Act.AUDIT_READ, person(asker.subject, asker.decision), words)


def _row(proof: Proof, signed: Sequence[Signature], names: dict[UserId, str], now: datetime) -> dict[str, Any]:
    words = json.loads(proof.report)
    sign_by = proofs.sign_by(proof.month, proof.made_at)
    is_signed = any(one.sha256 == proof.sha256 for one in signed)
    return {
        "month": proof.month,
        "made_at": instant(proof.made_at),
        "result": proof.result.value,
        "sha256": proof.sha256,
        "erased": sum(one["erased_in_month"] for one in words["placements"]),
        "sampled": len(words["sample"]["segments"]),
        "findings": sum(count for _, count in words["finding_counts"]),
        "sign_by": instant(sign_by),
        "is_overdue": not is_signed and sign_by <= now,
        "signatures": [
            {
                "by": names.get(one.signed_by, one.signed_by),
                "at": instant(one.signed_at),
                "remark": one.remark,
                "sha256": one.sha256,
                # Else the proof was made again after this signature.
                "is_of_this": one.sha256 == proof.sha256,
            }
            for one in signed
        ],
    }
