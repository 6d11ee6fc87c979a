"""Sweeps: what is due goes, what is held stays, and a wrong clock erases nothing."""

from datetime import timedelta

import pytest

from retention.clockguard import Doubt
from retention.sweep import run_sweep
from tests.footage.scene import KEEP_FOR
from tests.retention.asking import confirm_clock
from tests.retention.town import LIMITS, Town
from vms.db import placements, segments
from vms.errors import Unavailable
from vms.footage.repair import repair_open_segments
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.model import PlacementId, SegmentState, Span

P0, P1 = PlacementId("p0"), PlacementId("p1")


def sweep_through(town: Town, span: timedelta, every: timedelta = timedelta(hours=6)) -> None:
    """Let time pass as a running daemon sees it."""
    end_at = town.clock.now() + span
    while town.clock.now() < end_at:
        town.clock.advance(min(every, end_at - town.clock.now()))
        run_sweep(town.parts, LIMITS)


def test_footage_lives_until_it_is_due_and_is_gone_before_28_days(town: Town) -> None:
    """Because both are promises: to the police that it is there, to the people that it is not."""
    item = town.record(P0)
    run_sweep(town.parts, LIMITS)
    sweep_through(town, KEEP_FOR - timedelta(hours=1))
    assert town.readable(item)
    sweep_through(town, timedelta(hours=3), every=timedelta(hours=1))
    assert not town.readable(item)
    assert not town.store.has_any(item.ref)
    assert town.clock.now() - item.span.start_at <= timedelta(days=28)
    assert town.keys.hours() == frozenset()


def test_a_segment_that_nobody_ever_sealed_is_erased_with_its_hour_key(any_town: Town) -> None:
    """Because the recorder of a camera that was taken away never comes back to seal it, and it is footage all the same."""
    town = any_town
    run_sweep(town.parts, LIMITS)
    left = town.begin(P0)
    sweep_through(town, KEEP_FOR - timedelta(hours=1))
    assert town.store.has_any(left)
    sweep_through(town, timedelta(hours=3), every=timedelta(hours=1))
    assert not town.store.has_any(left)
    assert town.keys.hours() == frozenset()
    with town.db.read() as conn:
        assert segments.get(conn, P0, 1).state is SegmentState.DESTROYED
        assert [entry.document["why"] for entry in search(conn, Filter(acts=(Act.REC_DAMAGED,)))] == ["never-sealed"]


def test_a_segment_that_nobody_ever_sealed_is_kept_by_a_hold(town: Town) -> None:
    """Because its bytes may be all there is of what the police asked for; a recorder that comes back must not tidy them away."""
    run_sweep(town.parts, LIMITS)
    left = town.begin(P0)
    hold = town.place(town.request(Span(left.start_at, left.start_at + timedelta(minutes=1)), P0)).hold
    sweep_through(town, timedelta(days=30))
    with town.db.write() as conn:
        epoch = placements.take_over(conn, P0)
    parts = town.parts
    repair_open_segments(
        db=parts.db,
        keys=parts.keys,
        store=parts.store,
        ledger=parts.ledger,
        clock=parts.clock,
        placement_id=P0,
        epoch=epoch,
    )
    assert town.store.has_any(left)
    town.release(hold.id)
    sweep_through(town, timedelta(hours=6))
    assert not town.store.has_any(left)


def test_the_hour_key_dies_although_a_segment_of_the_hour_is_held(town: Town) -> None:
    """Because otherwise one hold would keep a whole hour of all cameras readable from old copies."""
    held, other = town.record(P0), town.record(P1)
    run_sweep(town.parts, LIMITS)
    town.place(town.request(held.span, P0))
    sweep_through(town, timedelta(days=29))
    assert town.keys.hours() == frozenset()
    assert town.readable(held)
    assert not town.readable(other)


def test_a_released_hold_lets_its_old_footage_go_in_the_next_sweep(town: Town) -> None:
    """Because a hold that is over is no ground any more; and the brake must not mistake it for a jumped clock."""
    town.record(P0, timedelta(minutes=5))
    run_sweep(town.parts, LIMITS)
    hold = town.place(town.request(town.recorded[0].span, P0)).hold
    sweep_through(town, timedelta(days=35))
    town.release(hold.id)
    report = run_sweep(town.parts, LIMITS)
    assert (report.claimed, report.doubts) == (1, ())
    assert not town.readable(town.recorded[0])
    assert town.keys.holds() == frozenset()


@pytest.mark.parametrize("days", [40, -40])
def test_a_wrong_clock_erases_nothing(town: Town, days: int) -> None:
    """Because a time server that is wrong for a minute must not cost a month of evidence."""
    for _ in range(50):
        town.record(P0)
        town.clock.advance(timedelta(minutes=1))
    run_sweep(town.parts, LIMITS)
    town.clock.advance(timedelta(minutes=1))
    town.clock.step_wall_clock(timedelta(days=days))
    for _ in range(3):
        report = run_sweep(town.parts, LIMITS)
        assert report.doubts
        assert report.claimed == 0
        town.clock.advance(timedelta(minutes=1))
    town.clock.step_wall_clock(timedelta(days=-days))
    assert not run_sweep(town.parts, LIMITS).doubts
    assert all(town.readable(item) for item in town.recorded)


def test_a_reboot_with_a_clock_far_ahead_erases_nothing_until_somebody_confirms(town: Town) -> None:
    """Because after a reboot the boot clock can't contradict a dead clock battery."""
    item = town.record(P0)
    run_sweep(town.parts, LIMITS)
    town.clock.reboot()
    town.clock.step_wall_clock(timedelta(days=40))
    assert run_sweep(town.parts, LIMITS).doubts == (Doubt.LONG_ABSENCE,)
    assert town.readable(item)
    confirm_clock(town)
    assert not run_sweep(town.parts, LIMITS).doubts
    assert not town.readable(item)


def test_three_days_off_are_caught_up_in_one_sweep(town: Town) -> None:
    """Because the footage that became due meanwhile is over its time now."""
    for _ in range(100):
        town.record(P0, timedelta(minutes=40))
        town.clock.advance(timedelta(minutes=40))
    run_sweep(town.parts, LIMITS)
    sweep_through(town, KEEP_FOR - timedelta(hours=67))
    town.clock.reboot(after_s=timedelta(days=3).total_seconds())
    report = run_sweep(town.parts, LIMITS)
    assert report.doubts == ()
    town.check_promises(swept=True)
    with town.db.read() as conn:
        span = Span(town.recorded[0].span.start_at, town.clock.now())
        states = {item.state for item in segments.coverage(conn, P0, span)}
    assert states == {SegmentState.DESTROYED}


def test_the_brake_bounds_what_a_sweep_takes(town: Town) -> None:
    """Because it is the last thing between an unknown fault and all footage."""
    for _ in range(30):
        town.record(P0, timedelta(minutes=30))
        town.clock.advance(
            timedelta(seconds=30)
        )  # overlapping on purpose: fifteen hours of footage in a quarter of an hour
    run_sweep(town.parts, LIMITS)
    sweep_through(town, KEEP_FOR - timedelta(hours=1))
    town.clock.advance(timedelta(hours=2))
    report = run_sweep(town.parts, LIMITS)
    assert report.doubts == (Doubt.BRAKE,)
    assert report.claimed == 6  # three hours: two since the last good sweep, and one
    # What is held back keeps its key: it must not become unreadable without an intent in the ledger.
    assert sum(town.readable(item) for item in town.recorded) == 24
    confirm_clock(town)
    assert run_sweep(town.parts, LIMITS).claimed == 24


def test_the_ledger_has_one_leaf_per_placement_hour_and_sweep(town: Town) -> None:
    """Because a leaf per segment would drown an auditor in two hundred thousand entries a day."""
    for _ in range(60):
        town.record(P0)
        town.clock.advance(timedelta(minutes=1))
    run_sweep(town.parts, LIMITS)
    sweep_through(town, timedelta(days=28))
    with town.db.read() as conn:
        intents = search(conn, Filter(acts=(Act.DESTROY_INTENT,)))
        dones = search(conn, Filter(acts=(Act.DESTROY_DONE,)))
    assert [entry.object["segments"] for entry in intents] == [[[1, 60]]]
    assert [entry.object["segments"] for entry in dones] == [[[1, 60]]]


def test_a_token_that_is_away_keeps_nothing_from_being_erased(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for the level alone, a word in the log: then erasing claims the least."""
    item = town.record(P0)
    town.clock.advance(KEEP_FOR + timedelta(hours=2))

    def away(*_words: object) -> None:
        raise Unavailable("the token does not answer", code="keys.token")

    monkeypatch.setattr(town.keys, "hour_level", away)
    town.record(P0)
    run_sweep(town.parts, LIMITS)
    assert not town.store.has_any(item.ref)
    with town.db.read() as conn:
        assert segments.get(conn, P0, item.ref.number or 0).state is SegmentState.DESTROYED
