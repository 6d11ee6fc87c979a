"""Reports of ingest and retention: what they say, and how silence is told from health."""

from datetime import UTC, datetime, timedelta

from vms.db import reports
from vms.db.engine import Database
from vms.db.reports import Report, Service

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


def test_a_report_from_the_future_is_no_sign_of_life(database: Database) -> None:
    """A clock that was set back would make a dead process look alive for as long."""
    say(database, NOW + timedelta(hours=1))
    assert problems(database, NOW)[Service.RETENTION] == ("silent",)
