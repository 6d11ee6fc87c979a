"""The monthly proofs of erasing: reports that are stored once and never change."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from vms.db.tables import retention_proof
from vms.errors import NotFound


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


def _from_row(row: Row[Any]) -> Proof:
    return Proof(row.month, row.made_at, ProofResult(row.result), row.sha256, row.report)
