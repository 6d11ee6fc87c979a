"""Holds: what they keep, what they come too late for, and that a lost answer or a second hold changes nothing."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from retention.erase import Tally, claim_and_erase
from retention.holds import place_hold
from retention.sweep import run_sweep
from tests.footage.scene import INVESTIGATOR, KEEP_FOR
from tests.retention.crashes import CrashingDatabase, Moments
from tests.retention.town import LIMITS, PERSON, Town
from vms.db import erasing, holds
from vms.errors import Conflict, InvalidInput, NotFound
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.model import HoldOutcome, HoldState, PlacementId, Span

P0, P1 = PlacementId("p0"), PlacementId("p1")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def age(town: Town, span: timedelta) -> None:
    """Let time pass with a sweep every half day."""
    end_at = town.clock.now() + span
    while town.clock.now() < end_at:
        town.clock.advance(min(timedelta(hours=12), end_at - town.clock.now()))
        run_sweep(town.parts, LIMITS)


def test_a_hold_says_segment_by_segment_what_it_came_too_late_for(town: Town) -> None:
    """Because a prosecutor who is not told will count on footage that is gone."""
    first = town.record(P0)
    run_sweep(town.parts, LIMITS)
    age(town, timedelta(days=10))
    second = town.record(P0)
    age(town, timedelta(days=18))
    span = Span(first.span.start_at, second.span.end_at)
    result = town.place(town.request(span, P0))
    assert (result.hold.outcome, result.accepted, result.late) == (HoldOutcome.PARTLY, 1, {P0: [[1, 1]]})
    late = town.place(town.request(first.span, P0))
    assert (late.hold.outcome, late.accepted, late.too_late) == (HoldOutcome.TOO_LATE, 0, 1)
    with town.db.read() as conn:
        assert len(search(conn, Filter(acts=(Act.HOLD_LATE,)))) == 2


def test_a_repeated_request_finds_the_hold_it_made(town: Town) -> None:
    """Because a lost answer looks like a refusal, and the person tries again."""
    item = town.record(P0)
    request = town.request(item.span, P0)
    first, again = town.place(request), town.place(request)
    town.clock.advance(request.review_on - town.clock.now() + HOUR)
    late = town.place(request)
    assert first.hold.id == again.hold.id == late.hold.id, "not refused for its review date either, which has passed"
    with town.db.read() as conn:
        assert len(holds.list_in(conn)) == 1
    other = town.request(Span(item.span.start_at, item.span.end_at + HOUR), P0)
    stolen = type(other)(
        **{name: getattr(other, name) for name in other.__slots__} | {"request_id": request.request_id}
    )
    with pytest.raises(Conflict):
        place_hold(town.parts, stolen, PERSON)


def test_a_hold_that_the_daemon_finishes_placing_names_the_person(town: Town) -> None:
    """Because the API may die between taking the request and its entry, and the log must not say that the system held footage."""
    item = town.record(P0)
    moments = Moments()
    database = CrashingDatabase(town.db.url, moments)
    with moments.crash(2):  # right after the commit that stores the request
        place_hold(replace(town.parts, db=database), town.request(item.span, P0), PERSON)
    database.dispose()
    run_sweep(town.parts, LIMITS)
    with town.db.read() as conn:
        (entry,) = search(conn, Filter(acts=(Act.HOLD_PLACE,)))
    assert entry.object["requested_by"] == INVESTIGATOR


def test_a_hold_into_the_future_keeps_what_is_sealed_later(town: Town) -> None:
    """Because an incident may still be going on."""
    now = town.clock.now()
    result = town.place(town.request(Span(now - HOUR, now + HOUR), P0))
    assert result.is_future
    assert result.hold.outcome is HoldOutcome.ACCEPTED
    town.clock.advance(10 * MINUTE)
    inside, elsewhere = town.record(P0), town.record(P1)
    town.clock.advance(2 * HOUR)
    after = town.record(P0)
    run_sweep(town.parts, LIMITS)
    age(town, timedelta(days=29))
    assert town.readable(inside)
    assert not town.readable(elsewhere)
    assert not town.readable(after)


def test_overlapping_holds_are_counted(town: Town) -> None:
    """Because the first release must not take what the second still needs."""
    item = town.record(P0)
    one, two = town.place(town.request(item.span, P0)), town.place(town.request(item.span, P0, P1))
    run_sweep(town.parts, LIMITS)
    age(town, timedelta(days=30))
    town.release(one.hold.id)
    age(town, timedelta(days=1))
    assert town.readable(item)
    town.release(two.hold.id)
    run_sweep(town.parts, LIMITS)
    assert not town.readable(item)
    with town.db.read() as conn:
        assert {hold.state for hold in holds.list_in(conn)} == {HoldState.RELEASED}


def test_a_second_hold_can_be_placed_when_only_the_first_ones_key_is_left(town: Town) -> None:
    """Because after 28 days the hour's key is gone and the case may grow."""
    item = town.record(P0)
    one = town.place(town.request(item.span, P0))
    run_sweep(town.parts, LIMITS)
    age(town, timedelta(days=30))
    town.place(town.request(item.span, P0))
    town.release(one.hold.id)
    age(town, timedelta(days=2))
    assert town.readable(item)
    town.check_promises(swept=True)


def test_the_hold_key_outlives_its_release_until_the_sweep_has_erased(town: Town) -> None:
    """Because destroying it first would erase footage without an intent in the ledger (found by the prototype's tests)."""
    item = town.record(P0)
    hold = town.place(town.request(item.span, P0)).hold
    run_sweep(town.parts, LIMITS)
    age(town, timedelta(days=30))
    town.release(hold.id)
    assert town.keys.has_hold(hold.id)
    with town.db.read() as conn:
        assert holds.get(conn, hold.id).state is HoldState.RELEASING
    run_sweep(town.parts, LIMITS)
    assert not town.keys.has_hold(hold.id)
    with town.db.read() as conn:
        acts = [entry.act for entry in search(conn, Filter(acts=(Act.DESTROY_INTENT, Act.DESTROY_DONE)))]
    assert acts == [Act.DESTROY_DONE, Act.DESTROY_INTENT]


def test_a_young_segment_outlives_the_release_of_its_hold(town: Town) -> None:
    """Because the release gives it back to the ordinary term, not to the bin."""
    item = town.record(P0)
    hold = town.place(town.request(item.span, P0)).hold
    town.release(hold.id)
    run_sweep(town.parts, LIMITS)
    assert town.readable(item)
    assert not town.keys.has_hold(hold.id)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"case_number": "123"}, "hold.case-number"),
        ({"reason": "because"}, "hold.reason"),
        ({"ground": " "}, "hold.ground"),
        ({"placement_ids": ()}, "hold.placements"),
    ],
)
def test_a_request_that_says_too_little_is_refused_with_what_is_wrong(
    town: Town, changed: dict[str, object], code: str
) -> None:
    """Because a hold is an exception to the law's term, and must be accounted for."""
    request = town.request(Span(town.clock.now() - HOUR, town.clock.now()), P0)
    values = {name: getattr(request, name) for name in request.__slots__} | changed
    with pytest.raises(InvalidInput) as caught:
        type(request)(**values)
    assert caught.value.code == code


def test_a_hold_needs_a_known_camera_and_a_near_review(town: Town) -> None:
    """Because a hold without review is a hold for ever."""
    span = Span(town.clock.now() - HOUR, town.clock.now())
    with pytest.raises(NotFound):
        town.place(town.request(span, PlacementId("elsewhere")))
    request = town.request(span, P0)
    far = {name: getattr(request, name) for name in request.__slots__}
    far["review_on"] = town.clock.now() + timedelta(days=91)
    with pytest.raises(InvalidInput):
        place_hold(town.parts, type(request)(**far), PERSON)


def test_a_hold_between_choosing_and_claiming_gets_the_segment(any_town: Town) -> None:
    """Because a sweep chooses from a list that is old by the time it claims."""
    item = any_town.record(P0)
    any_town.clock.advance(KEEP_FOR + 2 * HOUR)
    with any_town.db.read() as conn:
        chosen = erasing.list_due(conn, any_town.clock.now(), 10)
    assert [row.number for row in chosen] == [item.ref.number]
    any_town.place(any_town.request(item.span, P0))
    assert claim_and_erase(any_town.parts, chosen, any_town.clock.now(), Tally()) == 0
    assert any_town.readable(item)


def test_a_claim_between_looking_and_holding_gets_the_segment(any_town: Town) -> None:
    """Because a hold must not say that it keeps what is being erased."""
    item = any_town.record(P0)
    any_town.clock.advance(HOUR)
    hold_id = any_town.place(any_town.request(Span(item.span.end_at, item.span.end_at + HOUR), P0)).hold.id
    any_town.clock.advance(KEEP_FOR + HOUR)
    number = item.ref.number or 0
    with any_town.db.write() as conn:
        assert erasing.claim(conn, P0, [number], any_town.clock.now())
        assert not erasing.add_hold(conn, hold_id, P0, number, b"k" * 40)


def test_holds_and_sweeps_that_race_for_the_same_footage_never_both_win(any_town: Town) -> None:
    """Because exactly one of them may have the segment, and the hold must say which; on rows as on one writer."""
    town = any_town
    items = []
    for _ in range(40):
        items.append(town.record(P0))
        town.clock.advance(MINUTE)
    run_sweep(town.parts, LIMITS)
    age(town, KEEP_FOR - HOUR)
    town.clock.advance(3 * HOUR)
    results = []
    requests = [
        town.request(Span(items[begin].span.start_at, items[begin + 9].span.end_at), P0) for begin in (0, 5, 20, 30)
    ]
    threads = [threading.Thread(target=run_sweep, args=(town.parts, LIMITS)) for _ in range(2)]
    threads += [threading.Thread(target=lambda one=request: results.append(town.place(one))) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run_sweep(town.parts, LIMITS)
    assert len(results) == 4
    for result in results:
        assert result.accepted + result.too_late == 10
    town.check_promises(swept=False)
    kept = sum(bool(item.holds) for item in items)
    assert sum(town.readable(item) for item in items) == kept
