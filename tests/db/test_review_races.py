"""Judging and signing at the same time: a signature covers what the review says. On PostgreSQL writers don't wait by themselves."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from tests import builders
from vms.clock import SystemClock
from vms.db import reviews
from vms.db.engine import Database
from vms.db.reviews import Judgement, NewItem, NewReview, ReviewKind, Verdict
from vms.errors import Conflict, VmsError
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin
from vms.ledger.log import Ledger
from vms.model import Span, UserId

AT = datetime(2026, 11, 2, tzinfo=UTC)
WHO = UserId("u-officer")
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


@pytest.fixture
def judged(postgres_url: str) -> Iterator[Database]:
    """A review of one entry, judged in order, and not signed."""
    database = Database(postgres_url)
    with database.write() as conn:
        builders.add_people(conn)
        entry = Entry(Act.AUTH_SIGN_IN, Actor.service("test"), Origin("test"), {"session": "s"})
        seq = Ledger("test.example/log", SystemClock()).append(conn, entry)
        period = Span(AT - timedelta(days=2), AT - timedelta(days=1))
        reviews.add(conn, NewReview("r-1", ReviewKind.VIEWS, WHO, AT, period, "4711", 1, 1, [NewItem(seq)]))
        judge(conn, Verdict.IN_ORDER)
    yield database
    database.dispose()


def judge(conn: Connection, verdict: Verdict) -> None:
    """Say something of the entry."""
    reviews.judge(conn, "r-1", 0, Judgement(verdict, "a remark", WHO, AT))


def signed(conn: Connection) -> int:
    """Sign; return how many findings the signature is over."""
    reviews.sign(conn, "r-1", None, AT)
    return reviews.get(conn, "r-1").findings


def after(database: Database, first: Callable[[Connection], object], second: Callable[[Connection], object]) -> object:
    """Do something while something else is done and not yet committed; return what the second came to."""
    outcome: list[object] = []

    def run() -> None:
        try:
            with database.write() as conn:
                outcome.append(second(conn))
        except VmsError as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    with database.write() as conn:
        first(conn)
        thread.start()
        # Until it waits for the first, or has not waited and is done.
        while thread.is_alive():
            with database.read() as look:
                if look.execute(WAITING).scalar_one():
                    break
            thread.join(0.01)
    thread.join(30)
    return outcome[0]


def test_a_signature_is_over_what_was_judged_at_the_same_time(judged: Database) -> None:
    """A finding that was being stored was in the signed review, and not in what the log says was signed."""
    assert after(judged, lambda conn: judge(conn, Verdict.FINDING), signed) == 1


def test_nothing_is_judged_once_somebody_signs(judged: Database) -> None:
    """A finding became "in order" after the signature, and the rule of the database saw no signature yet."""
    with judged.write() as conn:
        judge(conn, Verdict.FINDING)
    late = after(judged, signed, lambda conn: judge(conn, Verdict.IN_ORDER))
    assert isinstance(late, Conflict)
    assert late.code == "review.signed"
    with judged.read() as conn:
        assert reviews.get(conn, "r-1").findings == 1


def test_a_review_is_signed_once_by_two_at_once(judged: Database) -> None:
    """The second hears that it is signed."""
    second = after(judged, signed, signed)
    assert isinstance(second, Conflict)
    assert second.code == "review.signed"
