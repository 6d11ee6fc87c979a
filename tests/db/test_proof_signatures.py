"""Signatures under monthly proofs: over one very report, once, explained where it has findings, and never changed."""

import hashlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from auditor.proof_signatures import signing_ends
from tests import builders
from tests.ledger.owner import without_rules
from vms.db import proofs
from vms.db.engine import Database
from vms.db.proofs import Proof, ProofResult, Signature
from vms.db.tables import retention_proof
from vms.errors import Conflict, InvalidInput, NotFound
from vms.model import UserId

MADE = datetime(2026, 11, 1, 0, 10, tzinfo=UTC)
LATE_AT = datetime(2026, 11, 8, 23, tzinfo=UTC)
"""When the seventh day after `MADE` is over in the city."""
SIGNER = UserId("u-director")
OTHER = UserId("u-officer")
INSERT = "INTO proof_signature (month, sha256, signed_by, signed_at, remark) VALUES ('{}', '{}', '{}', {}, {})"


def proof_of(month: str, result: ProofResult = ProofResult.IN_ORDER, report: str = "{}") -> Proof:
    """Return a proof of a month."""
    return Proof(month, MADE, result, hashlib.sha256(report.encode()).hexdigest(), report)


def signature(proof: Proof, remark: str | None = None, after: timedelta = timedelta(days=1)) -> Signature:
    """Return a signature under a proof."""
    return Signature(proof.month, proof.sha256, SIGNER, proof.made_at + after, remark)


@pytest.fixture
def proved(database: Database) -> Database:
    """A database with people, a proof in order and one with findings."""
    with database.write() as conn:
        builders.add_people(conn)
        proofs.store(conn, proof_of("2026-10"))
        proofs.store(conn, proof_of("2026-09", ProofResult.FINDINGS, '{"findings":1}'))
    return database


def test_a_proof_is_signed_once_over_its_very_report(proved: Database) -> None:
    """A signature under another report than there is would vouch for what nobody has."""
    good = proof_of("2026-10")
    with pytest.raises(Conflict, match="another one"), proved.write() as conn:
        proofs.sign(conn, signature(proof_of("2026-10", report='{"other":1}')))
    with pytest.raises(NotFound), proved.write() as conn:
        proofs.sign(conn, signature(proof_of("2026-08")))
    with proved.write() as conn:
        assert proofs.sign(conn, signature(good)) == good
    with pytest.raises(Conflict) as twice, proved.write() as conn:
        proofs.sign(conn, signature(good, after=timedelta(days=2)))
    assert twice.value.code == "proof.signed"
    with proved.read() as conn:
        assert proofs.signatures(conn) == {"2026-10": (signature(good),)}


def test_a_report_that_does_not_fit_its_digest_is_not_signed(proved: Database) -> None:
    """Whoever reads the report would see other words under the signature than were signed."""
    with proved.write() as conn:
        proofs.store(conn, Proof("2026-07", MADE, ProofResult.IN_ORDER, "0" * 64, "{}"))
    with pytest.raises(Conflict, match="another one"), proved.write() as conn:
        proofs.sign(conn, Signature("2026-07", "0" * 64, SIGNER, MADE, None))


@pytest.mark.parametrize("remark", [None, "", "too short"])
def test_findings_are_signed_with_an_explanation_only(proved: Database, remark: str | None) -> None:
    """A bare signature under findings would say that all is well."""
    bad = proof_of("2026-09", ProofResult.FINDINGS, '{"findings":1}')
    with pytest.raises(InvalidInput) as refused, proved.write() as conn:
        proofs.sign(conn, signature(bad, remark))
    assert refused.value.code == "proof.explanation"
    with proved.write() as conn:
        proofs.sign(conn, signature(bad, "the disk of camera 3 failed on the 12th"))


@pytest.mark.parametrize(
    ("month", "sha256", "at", "remark"),
    [
        ("2026-10", "1" * 64, MADE + timedelta(days=1), None),
        ("2026-10", proof_of("2026-10").sha256, MADE - timedelta(minutes=1), None),
        ("2026-09", proof_of("2026-09", report='{"findings":1}').sha256, MADE + timedelta(days=1), None),
        ("2026-09", proof_of("2026-09", report='{"findings":1}').sha256, MADE + timedelta(days=1), "  "),
    ],
    ids=["another report", "before it was made", "findings without a word", "findings with blanks"],
)
def test_the_database_refuses_a_wrong_signature_by_itself(
    proved: Database, month: str, sha256: str, at: datetime, remark: str | None
) -> None:
    """Whatever program writes it."""
    with pytest.raises(Conflict), proved.write() as conn:
        conn.exec_driver_sql("INSERT " + statement(month, sha256, at, remark))


def statement(month: str, sha256: str, at: datetime, remark: str | None, who: str = OTHER) -> str:
    """Return the rest of a statement that adds a signature."""
    at_us = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return INSERT.format(month, sha256, who, at_us, "NULL" if remark is None else f"'{remark}'")


def test_a_signature_is_never_changed_nor_replaced(proved: Database) -> None:
    """SQLite's INSERT OR REPLACE fires no trigger for what it replaces; PostgreSQL's TRUNCATE none for any row."""
    good, bad = proof_of("2026-10"), proof_of("2026-09", ProofResult.FINDINGS, '{"findings":1}')
    with proved.write() as conn:
        proofs.sign(conn, signature(good))
    again = statement(good.month, good.sha256, MADE + timedelta(days=2), None)
    columns = "month, sha256, signed_by, signed_at, remark"
    other = statement(bad.month, bad.sha256, MADE + timedelta(days=2), "explained at length")
    for attack in (
        "UPDATE proof_signature SET remark = 'x'",
        "UPDATE proof_signature SET signed_by = 'u-officer'",
        "DELETE FROM proof_signature",
        f"INSERT OR REPLACE {again}",
        f"REPLACE {again}",
        f"INSERT OR REPLACE {other.replace(columns, 'rowid, ' + columns).replace('VALUES (', 'VALUES (1, ')}",
        f"INSERT {again} ON CONFLICT (month, sha256) DO UPDATE SET signed_by = excluded.signed_by",
        "TRUNCATE proof_signature",
    ):
        # Words that one of the two databases does not know are an error of another kind; nothing may come through either way.
        with pytest.raises(Exception, match=r"never changed|syntax|rowid"), proved.write() as conn:
            conn.exec_driver_sql(attack)
        with proved.read() as conn:
            assert proofs.signatures(conn) == {good.month: (signature(good),)}, attack


@pytest.mark.parametrize(
    ("month", "made_at", "expected"),
    [
        ("2026-10", datetime(2026, 11, 1, 0, 10, tzinfo=UTC), datetime(2026, 11, 15, 23, tzinfo=UTC)),
        ("2026-12", datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 1, 15, 23, tzinfo=UTC)),
        ("2027-06", datetime(2027, 7, 1, tzinfo=UTC), datetime(2027, 7, 15, 22, tzinfo=UTC)),
        ("2026-10", datetime(2027, 3, 3, tzinfo=UTC), datetime(2027, 3, 10, 23, tzinfo=UTC)),
        # In the city it was the 23rd already, and a week on lies the end of summer time.
        ("2026-09", datetime(2026, 10, 22, 22, 30, tzinfo=UTC), datetime(2026, 10, 30, 23, tzinfo=UTC)),
        # A week on is the day on which summer time ends, of 25 hours.
        ("2026-09", datetime(2026, 10, 18, 12, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)),
    ],
)
def test_a_proof_is_late_from_the_16th_or_when_a_week_after_it_was_made_is_over(
    month: str, made_at: datetime, expected: datetime
) -> None:
    """One that was made up late can't have been signed before. Product and auditor share no code, and mean the same instant."""
    year, number = int(month[:4]), int(month[5:])
    month_ends = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    assert proofs.sign_by(month, made_at) == expected
    assert signing_ends(month_ends, made_at, ZoneInfo("Europe/Amsterdam")) == expected


def test_what_was_not_signed_in_time_is_named(proved: Database) -> None:
    """Only the report that there is counts, and only when its time is over."""
    due_at = datetime(2026, 11, 15, 23, tzinfo=UTC)
    late_at = LATE_AT
    with proved.read() as conn:
        assert proofs.overdue(conn, late_at - timedelta(microseconds=1)) == {}
        assert proofs.overdue(conn, due_at - timedelta(microseconds=1)) == {"2026-09": late_at}
        assert proofs.overdue(conn, due_at) == {"2026-09": late_at, "2026-10": due_at}
    with proved.write() as conn:
        proofs.sign(conn, signature(proof_of("2026-10")))
        assert list(proofs.overdue(conn, due_at)) == ["2026-09"]
        without_rules(conn, "retention_proof")
        conn.execute(update(retention_proof).where(retention_proof.c.month == "2026-10").values(sha256="1" * 64))
        assert list(proofs.overdue(conn, due_at)) == ["2026-09", "2026-10"]
