"""What was recorded while a trusted clock was ahead ends when it is 28 days old, and not when its stamps say so."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from retention.clockguard import Doubt
from retention.sweep import SweepReport, run_sweep
from retention.terms import Trust, put_right
from tests.footage.scene import KEEP_FOR
from tests.retention.asking import confirm_clock
from tests.retention.test_early import entries_of
from tests.retention.town import LIMITS, Recorded, Town
from vms.clock import reckoning_of
from vms.db import footage_clocks, panoramas, segments
from vms.db.footage_clocks import FootageClock
from vms.db.tables import footage_clock, segment
from vms.footage.panorama import PlainPanorama, sealed_panorama
from vms.ledger.acts import Act
from vms.model import PlacementId

P0, P1 = PlacementId("p0"), PlacementId("p1")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AHEAD = 3 * DAY
A_LITTLE = timedelta(milliseconds=1)


@dataclass
class Ahead:
    """What a clock that was ahead has stamped, and what was recorded before and after it."""

    before: Recorded
    wrong: list[Recorded]
    after: Recorded


def begin_ahead(town: Town, by: timedelta = AHEAD) -> Recorded:
    """Record something right, then let a boot begin with a clock that is ahead, and be trusted."""
    before = town.record(P0)
    town.clock.advance(HOUR)
    assert run_sweep(town.parts, LIMITS).doubts == ()
    town.clock.reboot()
    town.clock.step_wall_clock(by)
    assert run_sweep(town.parts, LIMITS).doubts == ()
    return before


def put_clock_right(town: Town, by: timedelta = AHEAD) -> SweepReport:
    """Set the clock back; recorders follow at once, the daemon when two persons have said so."""
    town.clock.step_wall_clock(-by)
    for placement_id in town.epochs:
        town.record(placement_id)
    town.clock.advance(timedelta(minutes=1))
    assert run_sweep(town.parts, LIMITS).doubts == (Doubt.BACKWARDS,)
    confirm_clock(town)
    town.clock.advance(timedelta(seconds=1))
    return run_sweep(town.parts, LIMITS)


def recorded_ahead(town: Town) -> Ahead:
    """Record two hours by a clock that is ahead, then put it right."""
    before, wrong = begin_ahead(town), []
    for _ in range(2):
        wrong += [town.record(P0), town.record(P1)]
        town.clock.advance(HOUR)
        run_sweep(town.parts, LIMITS)
    assert put_clock_right(town).doubts == ()
    return Ahead(before, wrong, town.recorded[-2])


def put_right_while_p0_is_away(town: Town) -> None:
    """Set the clock back; only the other camera records until two persons have said so."""
    town.clock.advance(HOUR)
    town.clock.step_wall_clock(-AHEAD)
    town.record(P1)
    town.clock.advance(HOUR)
    confirm_clock(town)


def due_of(town: Town, item: Recorded) -> datetime:
    """Return when a segment is due."""
    with town.db.read() as conn:
        return segments.get(conn, item.ref.placement_id, item.ref.number or 0).due_at


def shortened(town: Town) -> list[tuple[object, object, object]]:
    """Return what the ledger says of shortened terms."""
    found = [entry.object for entry in entries_of(town, Act.TERM_SHORTEN)]
    return [(one["placement_id"], one["segments"], one["by_s"]) for one in found]


def store_panorama(town: Town, placement_id: PlacementId) -> None:
    """Store a panorama of two cells, as a worker does."""
    now = town.clock.now()
    with town.db.write() as conn:
        row = sealed_panorama(
            town.keys,
            PlainPanorama(2, 1, 0.5, -180.0, 30.0, b"abcdef", b"\1\0"),
            placement_id=placement_id,
            plan_version=1,
            begun_at=now,
            made_at=now,
            due_at=now + KEEP_FOR,
        )
        panoramas.store(conn, row)


def test_terms_are_shortened_by_what_the_clock_was_ahead(any_town: Town) -> None:
    """Of what it has stamped, once, with an entry; what was stamped right keeps its term."""
    town, seconds = any_town, round(AHEAD.total_seconds())
    found = recorded_ahead(town)
    for item in found.wrong:
        assert abs(due_of(town, item) - (item.span.start_at + KEEP_FOR - AHEAD)) < A_LITTLE
    for item in (found.before, found.after):
        assert due_of(town, item) == item.span.start_at + KEEP_FOR
    told = shortened(town)
    assert [(one[0], one[1]) for one in told] == [(P0, [[2, 3]]), (P1, [[1, 2]])]
    assert all(one[2] in {seconds, seconds + 1} for one in told)
    town.restart()
    run_sweep(town.parts, LIMITS)
    assert shortened(town) == told, "once"


def test_it_is_erased_with_what_is_as_old(any_town: Town) -> None:
    """Although it says that it is three days younger; and erasing does not wait for these three days to pass."""
    town = any_town
    found = recorded_ahead(town)
    town.clock.advance(KEEP_FOR - 2 * HOUR)
    assert run_sweep(town.parts, LIMITS).doubts == ()
    assert not town.readable(found.before)
    assert all(town.readable(item) for item in (*found.wrong, found.after))
    for _ in range(4):
        town.clock.advance(HOUR)
        assert run_sweep(town.parts, LIMITS).doubts == ()
    assert not any(town.readable(item) for item in (*found.wrong, found.after))


def test_the_hours_key_is_told_to_live_longer(town: Town) -> None:
    """Footage of the true hour has the same key: until it dies, a copy of the keyring and the database would open what is erased."""
    found = recorded_ahead(town)
    town.clock.advance(KEEP_FOR + HOUR)
    run_sweep(town.parts, LIMITS)
    until = {
        (entry.object["placement_id"], str(entry.object["segments"])): entry.object.get("hour_key_until")
        for entry in entries_of(town, Act.DESTROY_DONE)
    }
    wrong = found.wrong[0]
    hour_at = wrong.span.start_at.replace(minute=0, second=0, microsecond=0)
    key_until = until[P0, f"[[{wrong.ref.number}, {wrong.ref.number}]]"]
    assert isinstance(key_until, str)
    assert abs(datetime.fromisoformat(key_until) - (hour_at + HOUR + KEEP_FOR)) < A_LITTLE
    assert until[P0, f"[[{found.before.ref.number}, {found.before.ref.number}]]"] is None


def test_a_hold_keeps_it_all_the_same(town: Town) -> None:
    """The term says when nobody needs it any more."""
    begin_ahead(town)
    wrong = town.record(P0)
    town.clock.advance(HOUR)
    held = town.place(town.request(wrong.span, P0)).hold
    put_clock_right(town)
    assert shortened(town)[0][:2] == (P0, [[2, 2]])
    town.clock.advance(KEEP_FOR + HOUR)
    run_sweep(town.parts, LIMITS)
    assert town.readable(wrong)
    town.release(held.id)
    run_sweep(town.parts, LIMITS)
    assert not town.readable(wrong)


def test_what_comes_later_by_the_same_clock_is_shortened_too(town: Town) -> None:
    """A row may be written after the correction; and the clock may be put right in two steps."""
    begin_ahead(town)
    first = town.record(P0)
    put_right_while_p0_is_away(town)
    run_sweep(town.parts, LIMITS)
    assert shortened(town)[0][:2] == (P0, [[2, 2]])
    town.clock.step_wall_clock(AHEAD)
    late = town.record(P0)
    town.clock.step_wall_clock(-AHEAD)
    town.record(P1)
    town.clock.advance(HOUR)
    run_sweep(town.parts, LIMITS)
    assert [one[1] for one in shortened(town)] == [[[2, 2]], [[3, 3]]]
    put_clock_right(town, HOUR)
    for item in (first, late):
        assert abs(due_of(town, item) - (item.span.start_at + KEEP_FOR - AHEAD - HOUR)) < A_LITTLE
    of_p0 = [(one[1], one[2]) for one in shortened(town) if one[0] == P0]
    assert [numbers for numbers, _ in of_p0[2:]] == [[[2, 3]]]
    assert of_p0[2][1] in {3600, 3601}, "what is left to shorten"


def test_nobody_who_is_wrong_about_the_clock_makes_footage_due(town: Town) -> None:
    """Two persons declare a clock right that is 20 days behind: each term ends when it would have ended."""
    run_sweep(town.parts, LIMITS)
    items = []
    for _ in range(3):
        items.append(town.record(P0))
        town.clock.advance(DAY)
        run_sweep(town.parts, LIMITS)
    assert put_clock_right(town, 20 * DAY).claimed == 0
    for item in items:
        assert abs(due_of(town, item) - (item.span.start_at + KEEP_FOR - 20 * DAY)) < A_LITTLE
    town.clock.advance(KEEP_FOR - 3 * DAY - 2 * HOUR)
    assert run_sweep(town.parts, LIMITS).claimed == 0
    town.clock.advance(3 * HOUR)
    assert run_sweep(town.parts, LIMITS).claimed == 1, "28 days after it was recorded"


def test_a_correction_that_was_the_mistake_costs_nothing(any_town: Town) -> None:
    """Two persons declare a clock right that is 20 days behind; days later two persons put it right. Nothing is erased early by it."""
    town = any_town
    run_sweep(town.parts, LIMITS)
    items = []
    for _ in range(16):
        items.append(town.record(P0))
        town.clock.advance(DAY)
        run_sweep(town.parts, LIMITS)
    assert put_clock_right(town, 20 * DAY).claimed == 0
    town.clock.advance(HOUR)
    run_sweep(town.parts, LIMITS)
    town.clock.step_wall_clock(20 * DAY)
    assert run_sweep(town.parts, LIMITS).doubts == (Doubt.STEPPED,)
    confirm_clock(town)
    town.clock.advance(timedelta(seconds=1))
    assert run_sweep(town.parts, LIMITS).doubts == ()
    for item in items:
        assert abs(due_of(town, item) - (item.span.start_at + KEEP_FOR)) < A_LITTLE
        assert town.readable(item)
    [restored] = [entry.object for entry in entries_of(town, Act.TERM_RESTORE)]
    assert (restored["segments"], restored["by_s"]) == ([[1, 16]], round(20 * DAY / timedelta(seconds=1)))


def test_a_term_that_can_not_be_shortened_by_all_is_as_long_as_before_afterwards(town: Town) -> None:
    """A clock that was ahead by more than the term: what is left of it is not forgotten by shortening."""
    run_sweep(town.parts, LIMITS)
    item = town.record(P0)
    town.clock.advance(DAY)
    put_clock_right(town, 40 * DAY)
    assert abs(due_of(town, item) - (item.span.start_at + HOUR)) < A_LITTLE
    town.clock.step_wall_clock(40 * DAY)
    confirm_clock(town)
    town.clock.advance(timedelta(seconds=1))
    run_sweep(town.parts, LIMITS)
    assert abs(due_of(town, item) - (item.span.start_at + KEEP_FOR)) < A_LITTLE


def test_a_recorder_that_comes_back_keeps_its_terms(any_town: Town) -> None:
    """A camera was away while the clock was put right: what it records next is stamped right, though its row follows the false ones."""
    town = any_town
    begin_ahead(town)
    wrong = town.record(P0)
    put_right_while_p0_is_away(town)
    for _ in range(2):
        back = town.record(P0)
        run_sweep(town.parts, LIMITS)
        assert due_of(town, back) == back.span.start_at + KEEP_FOR
    assert abs(due_of(town, wrong) - (wrong.span.start_at + KEEP_FOR - AHEAD)) < A_LITTLE


def test_two_daemons_shorten_once(any_town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one does it all between look and deed."""
    town = any_town
    begin_ahead(town)
    wrong = town.record(P0)
    town.clock.advance(HOUR)
    town.clock.step_wall_clock(-AHEAD)
    trust = Trust(reckoning_of(town.clock), LIMITS.clock_tolerance)
    list_of, looks = footage_clocks.list_of, 0

    def list_and_be_overtaken(*asked: Any) -> list[FootageClock]:
        nonlocal looks
        looks += 1
        found = list_of(*asked)
        if looks == 1:
            put_right(town.parts, trust)
        return found

    monkeypatch.setattr(footage_clocks, "list_of", list_and_be_overtaken)
    put_right(town.parts, trust)
    assert looks == 4, "each looks twice"
    assert abs(due_of(town, wrong) - (wrong.span.start_at + KEEP_FOR - AHEAD)) < A_LITTLE
    assert len(shortened(town)) == 1


@pytest.mark.parametrize("keep_for", [timedelta(days=7), KEEP_FOR])
def test_another_retention_changes_no_cut(town: Town, keep_for: timedelta) -> None:
    """A stricter setting must not make terms longer, nor a looser one any longer than it was given."""
    run_sweep(town.parts, LIMITS)
    item = town.record(P0)
    with town.db.write() as conn:
        conn.execute(update(footage_clock).values(term_us=keep_for // timedelta(microseconds=1)))
        conn.execute(update(segment).values(due_at=item.span.start_at + keep_for))
    town.clock.advance(HOUR)
    put_clock_right(town, 10 * DAY)
    due_at = due_of(town, item)
    assert abs(due_at - item.span.start_at - max(keep_for - 10 * DAY, HOUR)) < A_LITTLE
    limits = replace(LIMITS, keep_for=timedelta(days=14))
    run_sweep(town.parts, limits)
    assert due_of(town, item) == due_at
    town.clock.step_wall_clock(10 * DAY)
    confirm_clock(town)
    town.clock.advance(timedelta(seconds=1))
    run_sweep(town.parts, limits)
    assert abs(due_of(town, item) - item.span.start_at - keep_for) < A_LITTLE


def test_what_is_made_of_it_is_erased_too(town: Town) -> None:
    """Its age is not known any more; it grows again."""
    begin_ahead(town)
    town.record(P0)
    for placement_id in (P0, P1):
        store_panorama(town, placement_id)
    town.clock.advance(HOUR)
    put_clock_right(town)
    with town.db.read() as conn:
        assert panoramas.find(conn, P0) is None
        assert panoramas.find(conn, P1) is not None, "nothing of P1 was stamped by that clock"
    assert [entry.object["placement_id"] for entry in entries_of(town, Act.PANORAMA_ERASED)] == [P0]


def test_a_segment_of_unknown_stamps_keeps_its_term(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its note was written by a version that did not note the clock."""
    begin_ahead(town)
    town.record(P0)
    with monkeypatch.context() as patch:
        patch.setattr("tests.retention.town.reckoning_of", lambda clock: None)
        unknown = town.record(P0)
    town.clock.advance(HOUR)
    put_clock_right(town)
    assert due_of(town, unknown) == unknown.span.start_at + KEEP_FOR
    assert [one[1] for one in shortened(town)] == [[[2, 2]]]


def test_within_the_tolerance_terms_stay(town: Town) -> None:
    """Clocks are disciplined all the time."""
    begin_ahead(town)
    item = town.record(P0)
    town.clock.step_wall_clock(-LIMITS.clock_tolerance)
    town.clock.advance(HOUR)
    assert run_sweep(town.parts, LIMITS).doubts == ()
    assert due_of(town, item) == item.span.start_at + KEEP_FOR
    assert shortened(town) == []


def test_a_boot_that_is_over_tells_nothing(town: Town) -> None:
    """Its clock can't be reckoned back to: terms stay, while those of the boot that lasts are put right."""
    begin_ahead(town)
    item = town.record(P0)
    town.clock.advance(HOUR)
    town.clock.reboot()
    town.clock.step_wall_clock(HOUR - AHEAD)
    later = town.record(P0)
    town.clock.advance(HOUR)
    confirm_clock(town)
    run_sweep(town.parts, LIMITS)
    assert shortened(town) == []
    put_clock_right(town, HOUR)
    assert due_of(town, item) == item.span.start_at + KEEP_FOR
    assert abs(due_of(town, later) - (later.span.start_at + KEEP_FOR - HOUR)) < A_LITTLE
    assert [one[1] for one in shortened(town)] == [[[3, 3]]]
