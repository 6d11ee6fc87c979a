"""Reports of ingest and retention: what they say, and how silence is told from health."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from tests import builders
from vms.db import placements, plans, proofs, reports
from vms.db.engine import Database
from vms.db.proofs import Proof, ProofResult, Signature
from vms.db.reports import Condition, Report, Service
from vms.model import UserId

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def problems(database: Database, at: datetime) -> dict[Service, tuple[str, ...]]:
    """Return what is wrong with each service."""
    with database.read() as conn:
        return {one.service: one.problems for one in reports.conditions(conn, at)}


def say(database: Database, at: datetime, *found: str) -> None:
    """Report as retention."""
    with database.write() as conn:
        reports.store(conn, Report(Service.RETENTION, at, at + MINUTE, found, {"overdue_s": 3}))


def test_a_service_that_never_reported_is_not_in_order(database: Database) -> None:
    """A daemon that was forgotten at the installation erases nothing."""
    assert problems(database, NOW) == {Service.INGEST: ("never-reported",), Service.RETENTION: ("never-reported",)}


def test_the_newest_report_counts_until_its_time_is_over(database: Database) -> None:
    """Silence is the only sign that a process hangs."""
    say(database, NOW - MINUTE, "breach")
    say(database, NOW)
    assert problems(database, NOW + MINUTE - timedelta(microseconds=1))[Service.RETENTION] == ()
    assert problems(database, NOW + MINUTE)[Service.RETENTION] == ("silent",)


def test_what_a_silent_service_said_last_is_still_shown(database: Database) -> None:
    """Because it may be why it is silent."""
    say(database, NOW, "breach")
    assert problems(database, NOW + MINUTE)[Service.RETENTION] == ("silent", "breach")


def test_a_statement_that_no_dwelling_is_in_sight_is_told_before_its_date(database: Database) -> None:
    """Two signatures from years ago say nothing of the house that was built since; nobody looks at them unasked."""
    with database.write() as conn:
        builders.add_people(conn)
        place = builders.add_placement(conn, plan=None)
        look_again_at = plans.get(conn, place, 1).look_again_at
    assert look_again_at == builders.SPRING + plans.LOOK_AGAIN_AFTER

    def told(before: timedelta) -> tuple[bool, dict[str, str] | None]:
        assert look_again_at is not None
        with database.read() as conn:
            [ingest] = [
                one for one in reports.conditions(conn, look_again_at - before) if one.service is Service.INGEST
            ]
        return "no-dwelling-due" in ingest.problems, ingest.words.get("look_again")

    assert told(timedelta(days=29)) == (False, None)
    assert told(timedelta(days=27)) == (True, {place: look_again_at.isoformat()})
    assert told(timedelta(days=-100))[0]
    with database.write() as conn:
        placements.end(conn, place, look_again_at)
    assert told(timedelta(days=-100)) == (False, None)


def test_a_proof_that_nobody_signed_in_time_is_a_problem_on_paper(database: Database) -> None:
    """Else a month could go unread for ever; and starting the daemon again would not sign it."""
    proof = Proof("2027-01", datetime(2027, 2, 1, tzinfo=UTC), ProofResult.IN_ORDER, sha256(b"{}").hexdigest(), "{}")
    due_at = datetime(2027, 2, 15, 23, tzinfo=UTC)
    with database.write() as conn:
        builders.add_people(conn)
        proofs.store(conn, proof)

    def told(at: datetime) -> Condition:
        say(database, at)
        with database.read() as conn:
            [found] = [one for one in reports.conditions(conn, at) if one.service is Service.RETENTION]
        return found

    assert told(due_at - timedelta(microseconds=1)).in_order
    late = told(due_at)
    assert (late.problems, late.works) == (("proof-unsigned",), True)
    assert late.words == {"overdue_s": 3, "unsigned": {"2027-01": due_at.isoformat()}}
    with database.write() as conn:
        proofs.sign(conn, Signature("2027-01", proof.sha256, UserId("u-director"), due_at, None))
    assert told(NOW).in_order


def test_a_report_from_the_future_is_no_sign_of_life(database: Database) -> None:
    """A clock that was set back would make a dead process look alive for as long."""
    say(database, NOW + timedelta(hours=1))
    assert problems(database, NOW)[Service.RETENTION] == ("silent",)
