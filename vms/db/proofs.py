"""The monthly proofs of erasing: reports that are stored once and never change, and the signatures under them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, insert, select

from vms.civil_time import end_of_day, signing_ends
from vms.db.tables import proof_signature, retention_proof
from vms.errors import Conflict, InvalidInput, NotFound
from vms.model import UserId

SIGN_WITHIN_DAYS: Final = 7
"""After the day it was made, when that was late: until the last of them ends in the city."""
LEAST_EXPLANATION: Final = 10
"""Characters under a proof with findings."""


class ProofResult(StrEnum):
    """What a proof came to."""

    IN_ORDER = "in-order"
    FINDINGS = "findings"


@dataclass(frozen=True, slots=True)
class Proof:
    """A month's report.

    Args:
        month: `2026-10`, UTC.
        sha256: of the report's bytes, hexadecimal; also in the ledger (`retention.proved`).
        report: canonical JSON (`retention/proof.py` says what stands in it).
    """

    month: str
    made_at: datetime
    result: ProofResult
    sha256: str
    report: str


@dataclass(frozen=True, slots=True)
class Signature:
    """Somebody's signature under a month's report.

    Args:
        sha256: of the report that was signed; the month may have another one now.
        remark: an explanation when the report has findings.
    """

    month: str
    sha256: str
    signed_by: UserId
    signed_at: datetime
    remark: str | None


def store(conn: Connection, proof: Proof) -> None:
    """Store a month's report.

    Raises:
        Conflict: the month has one.
    """
    values = {
        "month": proof.month,
        "made_at": proof.made_at,
        "result": proof.result.value,
        "sha256": proof.sha256,
        "report": proof.report,
    }
    conn.execute(insert(retention_proof).values(values))


def months(conn: Connection) -> frozenset[str]:
    """Return the months that have a report."""
    return frozenset(conn.execute(select(retention_proof.c.month)).scalars())


def newest(conn: Connection) -> Proof | None:
    """Return the report of the newest month that has one, or None."""
    row = conn.execute(select(retention_proof).order_by(retention_proof.c.month.desc()).limit(1)).one_or_none()
    return None if row is None else _from_row(row)


def list_all(conn: Connection) -> list[Proof]:
    """Return all reports, newest month first."""
    return [_from_row(row) for row in conn.execute(select(retention_proof).order_by(retention_proof.c.month.desc()))]


def get(conn: Connection, month: str) -> Proof:
    """Return a month's report.

    Raises:
        NotFound: it has none.
    """
    row = conn.execute(select(retention_proof).where(retention_proof.c.month == month)).one_or_none()
    if row is None:
        raise NotFound(f"there is no proof of erasing for {month}", code="proof.unknown", month=month)
    return _from_row(row)


def sign(conn: Connection, signature: Signature) -> Proof:
    """Sign a month's report, once, and return it.

    Raises:
        NotFound: the month has no report.
        Conflict: it has another report than the one that was signed, or this one is signed.
        InvalidInput: it has findings, and nothing explains them.
    """
    proof = get(conn, signature.month)
    if signature.sha256 != proof.sha256 or hashlib.sha256(proof.report.encode()).hexdigest() != proof.sha256:
        raise Conflict(f"the proof of {proof.month} is another one than was signed", code="proof.changed")
    if any(one.sha256 == proof.sha256 for one in signatures(conn).get(proof.month, ())):
        raise Conflict(f"the proof of {proof.month} is signed", code="proof.signed")
    if proof.result is ProofResult.FINDINGS and len(signature.remark or "") < LEAST_EXPLANATION:
        raise InvalidInput(
            f"the proof of {proof.month} has findings: explain them in at least {LEAST_EXPLANATION} characters",
            code="proof.explanation",
            least=LEAST_EXPLANATION,
        )
    conn.execute(
        insert(proof_signature).values(
            month=signature.month,
            sha256=signature.sha256,
            signed_by=signature.signed_by,
            signed_at=signature.signed_at,
            remark=signature.remark,
        )
    )
    return proof


def signatures(conn: Connection) -> Mapping[str, tuple[Signature, ...]]:
    """Return the signatures of each month that has any, newest first; more than one when its proof was made again."""
    found: dict[str, tuple[Signature, ...]] = {}
    for row in conn.execute(select(proof_signature).order_by(proof_signature.c.signed_at.desc())):
        one = Signature(row.month, row.sha256, UserId(row.signed_by), row.signed_at, row.remark)
        found[one.month] = (*found.get(one.month, ()), one)
    return found


def sign_by(month: str, made_at: datetime) -> datetime:
    """Return from when on it is late to sign a month's proof: the 15th of the next month, or the seventh day after it was made, is over."""
    return max(signing_ends(month), end_of_day(made_at, SIGN_WITHIN_DAYS))


def overdue(conn: Connection, now: datetime) -> Mapping[str, datetime]:
    """Return the months whose report should have been signed and was not, oldest first, each with the instant."""
    of_report = and_(
        proof_signature.c.month == retention_proof.c.month, proof_signature.c.sha256 == retention_proof.c.sha256
    )
    query = (
        select(retention_proof.c.month, retention_proof.c.made_at)
        .outerjoin(proof_signature, of_report)
        .where(proof_signature.c.month.is_(None))
        .order_by(retention_proof.c.month)
    )
    due = {row.month: sign_by(row.month, row.made_at) for row in conn.execute(query)}
    return {month: at for month, at in due.items() if at <= now}


def _from_row(row: Row[Any]) -> Proof:
    return Proof(row.month, row.made_at, ProofResult(row.result), row.sha256, row.report)
