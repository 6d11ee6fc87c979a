"""Designations in the database: final once entered, and no segment is opened outside of one, on both databases."""

import random
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from tests import builders
from vms.db import designations, placements, segments
from vms.db.designations import Designation
from vms.db.engine import Database
from vms.db.placements import Area, NewPlacement
from vms.db.tables import designation, designation_assumption, designation_withdrawal, placement_designation, segment
from vms.errors import Conflict, Denied
from vms.law.permit import permit
from vms.model import PlacementId, SegmentMode

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
PLACE = PlacementId("place-1")
NOON = builders.SPRING + timedelta(hours=12)


@pytest.fixture
def placed(database: Database) -> Database:
    """A placement under `d-1` until 2036, with an approved plan."""
    with database.write() as conn:
        builders.add_people(conn)
        builders.add_placement(conn)
    return database


def open_at(conn: Connection, at: Any) -> int:
    """Open a segment as a recorder does."""
    return segments.open_segment(
        conn,
        PLACE,
        placements.take_over(conn, PLACE),
        start_at=at,
        due_at=at + timedelta(days=20),
        mode=SegmentMode.MASKED,
        plan_version=1,
        wrapped_key=b"k",
    )


def decided(name: str, first: int, length: int) -> Designation:
    """Return a designation of some hours from noon on."""
    from_at = NOON + first * HOUR
    return Designation(name, "centre", name, "basis", from_at, from_at + length * HOUR)


def test_no_segment_is_opened_outside_a_designation(placed: Database) -> None:
    """A recorder that missed the end, or was started by hand, must meet the same answer as one that asks first."""
    with placed.write() as conn:
        designations.withdraw(conn, "d-1", withdrawn_at=NOON, entered_at=builders.SPRING)
        assert open_at(conn, NOON - TICK) == 1
    for at in (NOON, NOON + HOUR, builders.SPRING - TICK):
        with pytest.raises(Denied) as caught, placed.write() as conn:
            open_at(conn, at)
        assert caught.value.code == segments.OUTSIDE_LAW
    with placed.read() as conn:
        assert placements.last_number(conn, PLACE) == 1, "no number is used up by what is refused"


def test_the_database_itself_refuses_a_segment_outside_a_designation(placed: Database) -> None:
    """Because a program that forgets to ask must not be able to record."""
    with placed.write() as conn:
        designations.withdraw(conn, "d-1", withdrawn_at=NOON, entered_at=builders.SPRING)
        open_at(conn, NOON - HOUR)
        row = dict(conn.execute(select(segment)).one()._mapping)
    late = row | {"number": 2, "start_at": NOON, "due_at": NOON + HOUR, "hour_at": NOON}
    with placed.write() as conn:
        conn.execute(text("INSERT INTO hour_key (hour_at, state) SELECT :at, 'live'"), {"at": _us(NOON)})
        conn.execute(insert(segment).values(late | {"start_at": NOON - TICK, "hour_at": NOON - HOUR}))
    with pytest.raises(Conflict, match="no segment outside a designation"), placed.write() as conn:
        conn.execute(insert(segment).values(late | {"number": 3}))


def _us(at: Any) -> int:
    return round(at.timestamp() * 1_000_000)


def test_the_database_and_the_gate_give_the_same_answer(placed: Database) -> None:
    """Because the rule is written twice: once for the worker that is alone, once for the database that is asked."""
    rng = random.Random(7)
    for case in range(25):
        area, place = f"area-{case}", PlacementId(f"place-{case + 2}")
        with placed.write() as conn:
            placements.add_area(conn, Area(area, area))
            names = [f"{area}/{number}" for number in range(3)]
            for name in names:
                designations.add(conn, decided(name, rng.randrange(9), rng.randint(1, 9)))
                if rng.random() < 0.3:
                    found = designations.find(conn, name)
                    assert found is not None
                    designations.withdraw(conn, name, withdrawn_at=found.valid_from_at, entered_at=NOON)
            camera = builders.add_camera(conn, f"camera-{case}")
            begun_at = NOON + rng.randrange(4) * HOUR
            placements.add(conn, NewPlacement(place, camera, names[0], str(place), begun_at))
            for name in rng.choices(names, k=rng.randrange(3)):
                with suppress(Conflict):  # it has ended
                    designations.put_under(conn, place, name, NOON + rng.randrange(12) * HOUR)
            if rng.random() < 0.3:
                placements.end(conn, place, begun_at + rng.randint(1, 12) * HOUR)
        with placed.read() as conn:
            law = placements.law(conn, place)
            for step in range(44):
                at = NOON + step * HOUR / 2
                listed = place in {one.id for one in placements.list_all(conn, at=at)}
                assert permit(law, at).may_record == listed, (case, law, at)


FINAL = [
    ("a designation that ends later", update(designation).values(valid_until_at=builders.FAR + HOUR)),
    ("a designation that ends earlier", update(designation).values(valid_until_at=NOON)),
    ("a designation on another basis", update(designation).values(legal_basis="because")),
    ("a designation of another number", update(designation).values(number="2026-0002")),
    ("a withdrawal that is undone", delete(designation_withdrawal)),
    ("a withdrawal that is put off", update(designation_withdrawal).values(withdrawn_at=NOON + HOUR)),
    ("a placement under another designation than it was", update(placement_designation).values(from_at=NOON)),
    ("a placement that was under none", delete(placement_designation)),
    ("dates that nobody assumed", insert(designation_assumption).values(designation_id="d-1")),
    (
        "a withdrawal that prolongs",
        insert(designation_withdrawal).values(designation_id="d-2", withdrawn_at=builders.FAR + HOUR, entered_at=NOON),
    ),
]


@pytest.mark.parametrize(("what", "statement"), FINAL, ids=[what for what, _ in FINAL])
def test_what_was_decided_is_never_changed(placed: Database, what: str, statement: Any) -> None:
    """A mayor's decision that can be prolonged in a table needs no mayor."""
    with placed.write() as conn:
        designations.add(conn, decided("d-2", 0, 5))
        designations.withdraw(conn, "d-1", withdrawn_at=NOON, entered_at=builders.SPRING)
    with pytest.raises(Conflict), placed.write() as conn:
        conn.execute(statement)


def test_what_an_older_version_assumed_is_completed_once(placed: Database) -> None:
    """A register file without dates got four years; the real ones must find their way in, and are final from then on."""
    with placed.write() as conn:
        _as_an_older_version_left_it(conn)
        designations.complete(conn, Designation("d-1", "centre", "2026-0001", "gw", builders.SPRING, NOON))
    with placed.read() as conn:
        [decision] = placements.law(conn, PLACE).decisions
        assert (decision.legal_basis, decision.valid_until_at) == ("gw", NOON)
    with pytest.raises(Conflict), placed.write() as conn:
        designations.complete(conn, Designation("d-1", "centre", "2026-0001", "gw", builders.SPRING, builders.FAR))


def test_completed_dates_have_the_withdrawal_between_them(placed: Database) -> None:
    """A withdrawal outside the validity can't be read any more: the placement would be lost to every list."""
    with placed.write() as conn:
        _as_an_older_version_left_it(conn)
        designations.withdraw(conn, "d-1", withdrawn_at=NOON, entered_at=NOON)
    for from_at, until_at in ((builders.SPRING, NOON), (NOON + TICK, builders.FAR)):
        with pytest.raises(Conflict), placed.write() as conn:
            designations.complete(conn, Designation("d-1", "centre", "2026-0001", "gw", from_at, until_at))
    with placed.write() as conn:
        designations.complete(conn, Designation("d-1", "centre", "2026-0001", "gw", NOON, builders.FAR))


def test_dates_that_are_completed_rank_alike_in_gate_and_database(placed: Database) -> None:
    """The gate and the rule on segments must never give two answers."""
    with placed.write() as conn:
        _as_an_older_version_left_it(conn)
        designations.add(conn, decided("d-2", 0, 9))
        designations.put_under(conn, PLACE, "d-2", NOON)
        designations.complete(conn, Designation("d-1", "centre", "2026-0001", "gw", NOON + 3 * HOUR, builders.FAR))
    with placed.read() as conn:
        law = placements.law(conn, PLACE)
        for step in range(24):
            at = NOON + step * HOUR / 2
            assert permit(law, at).may_record == (PLACE in {one.id for one in placements.list_all(conn, at=at)}), at


def test_nothing_is_put_under_a_designation_that_has_ended(placed: Database) -> None:
    """The one before it would go on counting, and nobody would know."""
    with placed.write() as conn:
        designations.add(conn, decided("d-2", 0, 5))
    with pytest.raises(Conflict, match="ended"), placed.write() as conn:
        placements.change(conn, PLACE, name="square", designation_id="d-2", at=NOON + 5 * HOUR)


def _as_an_older_version_left_it(conn: Connection) -> None:
    """Mark `d-1` as the migration does: the rule against marking is put aside, as it comes after the migration's own."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("ALTER TABLE designation_assumption DISABLE TRIGGER USER"))
        conn.execute(insert(designation_assumption).values(designation_id="d-1"))
        conn.execute(text("ALTER TABLE designation_assumption ENABLE TRIGGER USER"))
        return
    names = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'designation_assumption'"
    for name in conn.execute(text(names)).scalars().all():
        conn.execute(text(f"DROP TRIGGER {name}"))
    conn.execute(insert(designation_assumption).values(designation_id="d-1"))
