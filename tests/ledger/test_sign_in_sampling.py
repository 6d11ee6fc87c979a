"""Which sign-ins of a month are drawn, and why: by the city's clock, by the bodies of the entries, each reason in its turn."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.ledger.owner import change
from vms.civil_time import OddHours, day_of_month, month_of, next_month, span_of_month
from vms.clock import ManualClock
from vms.db.engine import Database
from vms.errors import InvalidInput
from vms.ledger import sampling, sign_in_sampling
from vms.ledger.acts import Act
from vms.ledger.entries import Actor, Entry, Origin, Result
from vms.ledger.log import Ledger
from vms.ledger.sign_in_sampling import Reason, SignInDraw
from vms.model import Span

HOUR = timedelta(hours=1)
NIGHT = OddHours(0, 6)
DESK, OTHER = "10.1.2.3", "10.9.9.9"


class House:
    """A ledger of sign-ins."""

    def __init__(self, db: Database, at: datetime) -> None:
        self.db = db
        self.clock = ManualClock(at)
        self.ledger = Ledger("test.example/log", self.clock)

    def sign_in(self, who: str, at: datetime | None = None, *, ip: str = DESK, act: Act = Act.AUTH_SIGN_IN) -> int:
        """Let somebody sign in, or be refused."""
        self.clock.advance((at or self.clock.now() + HOUR) - self.clock.now())
        is_ok = act is Act.AUTH_SIGN_IN
        entry = Entry(
            act,
            Actor.person(who, role=None, session_id=None),
            Origin("vms-api/test", None, ip),
            {"origin": ip},
            Result.OK if act is not Act.AUTH_REFUSED else Result.DENIED,
            None if is_ok or act is Act.AUTH_LOCKED else "wrong-password",
        )
        with self.db.write() as conn:
            return self.ledger.append(conn, entry)

    def draw(self, month: str, count: int = 20, odd_hours: OddHours = NIGHT) -> SignInDraw:
        """Draw."""
        found = sign_in_sampling.draw(self.db, self.root, span_of_month(month), odd_hours, count)
        assert found is not None
        return found

    def root(self, upto: int) -> bytes:
        """Return a root of the ledger."""
        with self.db.read() as conn:
            return self.ledger.root(conn, upto)


def why(drawn: SignInDraw) -> dict[int, tuple[Reason, ...]]:
    """Return why each was drawn."""
    return {one.seq: one.reasons for one in drawn.drawn}


def test_each_sign_in_has_its_reasons(database: Database) -> None:
    """A refusal is `auth.refused` and not a sign-in that failed; an unknown name has no account; a lock is a failure too."""
    house = House(database, datetime(2026, 9, 30, 20, tzinfo=UTC))
    house.sign_in("u-1")
    first = house.sign_in("u-2", datetime(2026, 10, 2, 12, tzinfo=UTC))
    usual = house.sign_in("u-1")
    refused = house.sign_in("nobody", act=Act.AUTH_REFUSED)
    locked = house.sign_in("u-1", act=Act.AUTH_LOCKED)
    both = house.sign_in("u-1", datetime(2026, 10, 3, 2, tzinfo=UTC), ip=OTHER)
    odd = house.sign_in("u-1")
    house.sign_in("u-1", datetime(2026, 11, 1, 12, tzinfo=UTC))
    drawn = house.draw("2026-10")
    assert why(drawn) == {
        first: (Reason.NEW_ADDRESS,),
        usual: (Reason.RANDOM,),
        refused: (Reason.FAILURE,),
        locked: (Reason.FAILURE,),
        both: (Reason.NEW_ADDRESS, Reason.ODD_HOUR),
        odd: (Reason.ODD_HOUR,),
    }
    assert [one.about for one in drawn.drawn] == ["u-2", "u-1", "nobody", "u-1", "u-1", "u-1"]
    assert (drawn.population, drawn.upto, drawn.seed) == (6, odd + 1, house.root(odd + 1).hex())
    assert drawn.counts == {Reason.FAILURE: 2, Reason.NEW_ADDRESS: 2, Reason.ODD_HOUR: 1, Reason.RANDOM: 1}


def test_an_address_that_was_not_used_for_long_is_new_again(sqlite_database: Database) -> None:
    """Who left a place in spring and signs in from there in autumn is worth a look."""
    house = House(sqlite_database, datetime(2026, 6, 1, 12, tzinfo=UTC))
    house.sign_in("u-1")
    house.sign_in("u-1", house.clock.now() + timedelta(days=90))
    again = house.sign_in("u-1", house.clock.now() + timedelta(days=91))
    assert why(house.draw("2026-11")) == {again: (Reason.NEW_ADDRESS,)}


@pytest.mark.parametrize(
    ("at", "is_odd"),
    [
        (datetime(2026, 10, 24, 21, 59, tzinfo=UTC), False),
        (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), True),  # midnight, summer time
        (datetime(2026, 10, 25, 4, 59, tzinfo=UTC), True),  # 05:59, winter time: the night had 25 hours
        (datetime(2026, 10, 25, 5, 0, tzinfo=UTC), False),
        (datetime(2026, 10, 25, 22, 0, tzinfo=UTC), False),  # 23:00, winter time
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), True),
        (datetime(2027, 3, 28, 3, 59, tzinfo=UTC), True),  # 05:59, summer time: the night had 23 hours
        (datetime(2027, 3, 28, 4, 0, tzinfo=UTC), False),
    ],
)
def test_odd_hours_are_those_of_the_city_in_summer_and_winter(at: datetime, *, is_odd: bool) -> None:
    """The supervisor thinks in the clock on the wall; in UTC every night would shift by an hour twice a year."""
    assert NIGHT.contain(at) is is_odd


def test_odd_hours_may_pass_midnight_or_be_none() -> None:
    """A city whose camera room closes at ten has other odd hours than one that never does."""
    evening = datetime(2026, 1, 10, 22, 0, tzinfo=UTC)  # 23:00
    assert OddHours(22, 6).contain(evening)
    assert not OddHours(22, 6).contain(evening - timedelta(hours=12))
    assert not any(OddHours(0, 0).contain(evening + hour * HOUR) for hour in range(24))


def test_months_are_the_city_s() -> None:
    """Somebody who signs in half an hour after midnight on the first did so in the new month."""
    assert span_of_month("2026-10") == Span(
        datetime(2026, 9, 30, 22, tzinfo=UTC), datetime(2026, 10, 31, 23, tzinfo=UTC)
    )
    assert month_of(datetime(2026, 10, 31, 23, 30, tzinfo=UTC)) == "2026-11"
    assert (next_month("2026-12"), next_month("2026-11")) == ("2027-01", "2026-12")
    assert day_of_month("2027-07", 15) == datetime(2027, 7, 14, 22, tzinfo=UTC)
    for wrong in ("2026-13", "2026-1", "1999-01", "2026-10-01", ""):
        with pytest.raises(InvalidInput, match="write it like 2026-10"):
            span_of_month(wrong)


def test_two_hundred_wrong_passwords_push_nothing_else_out(sqlite_database: Database) -> None:
    """Who wants a sign-in to stay unseen would only have to mistype often enough."""
    house = House(sqlite_database, datetime(2026, 9, 30, 18, tzinfo=UTC))
    for who in ("u-1", "u-2"):
        house.sign_in(who)
    at = datetime(2026, 10, 5, 12, tzinfo=UTC)
    single = house.sign_in("u-2", at, act=Act.AUTH_REFUSED)
    for number in range(240):
        house.sign_in("u-1", at + number * timedelta(minutes=1), act=Act.AUTH_REFUSED)
    elsewhere = house.sign_in("u-1", at + 10 * HOUR, ip=OTHER)
    at_night = house.sign_in("u-2", datetime(2026, 10, 7, 1, tzinfo=UTC))
    usual = house.sign_in("u-1", datetime(2026, 10, 7, 12, tzinfo=UTC))
    drawn = house.draw("2026-10", 20)
    assert drawn.population == 244
    assert {single, elsewhere, at_night, usual} <= set(why(drawn))
    assert len(drawn.drawn) == 20


def test_a_sign_in_that_is_hidden_from_searches_is_drawn_all_the_same(database: Database) -> None:
    """Who owns the database can file it under other words; what counts is what the entry says."""
    house = House(database, datetime(2026, 10, 5, 12, tzinfo=UTC))
    seqs = [house.sign_in("u-1"), house.sign_in("u-2", act=Act.AUTH_REFUSED)]
    with database.write() as conn:
        change(conn, "UPDATE ledger_entry SET act = 'system.start', actor = 'api', at = at - 9000000000000")
    assert list(why(house.draw("2026-10"))) == seqs


def test_a_walk_reads_pages_and_holds_nobody_up(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The months of a hundred cameras are millions of entries: neither memory nor the write lock may be taken by a draw."""
    house = House(sqlite_database, datetime(2026, 10, 5, 12, tzinfo=UTC))
    seqs = [house.sign_in("u-1") for _ in range(10)]
    monkeypatch.setattr(sampling, "_PAGE", 3)
    met = []
    for seq, _ in sampling.entries_of(sqlite_database, sign_in_sampling.ACTS):
        met.append(seq)
        house.sign_in("u-2")
    assert met == seqs
