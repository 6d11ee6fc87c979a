"""Footage erased before its time: by two persons, never what is held, and told as what it is."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, update
from sqlalchemy.exc import IntegrityError

from retention import early
from retention.early import EarlyRequest
from retention.holds import release_hold
from retention.sweep import run_sweep
from tests.footage.scene import DRAWER, INVESTIGATOR, KEEP_FOR
from tests.retention.asking import ASKER, DECIDER, REASON, approve_early, ask_early
from tests.retention.crashes import CrashingDatabase, Moments
from tests.retention.outsider import Outsider
from tests.retention.town import LIMITS, PERSON, Recorded, Town
from vms.clock import ManualClock
from vms.db import segments
from vms.db.asking import ERASURES
from vms.db.early import Erasure
from vms.db.tables import erasure, erasure_placement, erasure_segment
from vms.errors import Conflict, InvalidInput, Unavailable, VmsError
from vms.ledger.acts import Act
from vms.ledger.search import Filter, StoredEntry, search
from vms.model import AskedState, ErasureGround, PlacementId, Role, SegmentState, Span

P0, P1 = PlacementId("p0"), PlacementId("p1")
HOUR = timedelta(hours=1)


def some_minutes(town: Town, placement_id: PlacementId = P0, count: int = 3) -> list[Recorded]:
    """Record minutes one after another; the clock goes along."""
    items = []
    for _ in range(count):
        items.append(town.record(placement_id))
        town.clock.advance(timedelta(minutes=1))
    return items


def span_of(items: list[Recorded]) -> Span:
    """Return the span of consecutive segments."""
    return Span(items[0].span.start_at, items[-1].span.end_at)


def entries_of(town: Town, *acts: Act) -> list[StoredEntry]:
    """Return what the ledger says, oldest first."""
    with town.db.read() as conn:
        return sorted(search(conn, Filter(acts=acts)), key=lambda entry: entry.seq)


def state_of(town: Town, request: Erasure) -> AskedState:
    """Return how far a request is."""
    with town.db.read() as conn:
        return ERASURES.get(conn, request.id).state


def test_two_persons_erase_young_footage_and_nothing_else(any_town: Town) -> None:
    """The span, the camera and the steps are those that were approved, and the ledger says that it was early and by whom."""
    town = any_town
    before, *meant, after = some_minutes(town, count=5)
    other = town.record(P1)
    request = approve_early(town, span_of(meant), P0)
    assert early.carry_out(town.parts) == 3
    assert [town.readable(item) for item in (before, *meant, after, other)] == [True, False, False, False, True, True]
    assert not any(town.store.has_any(item.ref) for item in meant)
    assert state_of(town, request) is AskedState.DONE
    for entry in entries_of(town, Act.DESTROY_INTENT, Act.DESTROY_DONE):
        assert entry.object["segments"] == [[2, 4]]
        assert entry.object["early_id"] == request.id
        assert (entry.object["requested_by"], entry.object["approved_by"]) == (DRAWER, DECIDER.actor.id)
    done = entries_of(town, Act.DESTROY_DONE)[0].object
    assert done["level"] != "file", "the hour key lives on: no more is claimed than is so"
    assert str(done["hour_key_until"]) > f"{town.clock.now():%Y-%m-%d}"
    assert early.carry_out(town.parts) == 0, "it is carried out once"


def test_held_footage_stays_and_the_answer_says_whose(town: Town) -> None:
    """A hold is above an early erasure: the second person and the case must settle it first."""
    items = some_minutes(town)
    hold = town.place(town.request(items[1].span, P0)).hold
    found = early.preview(town.parts, [P0], span_of(items))[P0]
    assert (found.erasable, found.held, found.case_numbers) == ((1, 3), (2,), (hold.case_number,))
    request = approve_early(town, span_of(items), P0)
    assert early.carry_out(town.parts) == 2
    assert [town.readable(item) for item in items] == [False, True, False]
    ended = entries_of(town, Act.EARLY_DONE)[0].object
    assert (ended["segments"], ended["held"]) == ({P0: [[1, 1], [3, 3]]}, {P0: [[2, 2]]})
    release_hold(town.parts, hold.id, "the case is closed", PERSON, INVESTIGATOR)
    early.carry_out(town.parts)
    assert town.readable(items[1]), "what was kept once is not caught by an old approval"
    assert state_of(town, request) is AskedState.DONE


def test_nobody_approves_an_own_request(town: Town) -> None:
    """The domain says no, and so does the database, whoever writes to it."""
    items = some_minutes(town)
    request = ask_early(town, span_of(items), P0)
    with pytest.raises(InvalidInput, match="another person"):
        early.decide(town.parts, request.id, ASKER, refusal=None)
    values = {"state": "approved", "decided_by": DRAWER, "decided_as": "director", "decided_at": town.clock.now()}
    with pytest.raises(Conflict), town.db.write() as conn:
        conn.execute(update(erasure).values(**values))
    early.carry_out(town.parts)
    assert all(town.readable(item) for item in items)
    assert state_of(town, request) is AskedState.REQUESTED


def test_a_request_that_waits_for_a_day_has_lapsed(town: Town) -> None:
    """Who approves must decide about what is so today."""
    items = some_minutes(town)
    request = ask_early(town, span_of(items), P0)
    town.clock.advance(ERASURES.lapses_after)
    with pytest.raises(Conflict, match="too long"):
        early.decide(town.parts, request.id, DECIDER, refusal=None)
    assert early.expire(town.parts) == 1
    assert early.expire(town.parts) == 0
    assert state_of(town, request) is AskedState.EXPIRED
    assert len(entries_of(town, Act.EARLY_EXPIRE)) == 1


def test_a_refusal_is_final_and_has_a_reason(town: Town) -> None:
    """So that nobody asks a third person after two have spoken."""
    items = some_minutes(town)
    request = ask_early(town, span_of(items), P0)
    with pytest.raises(InvalidInput, match="why"):
        early.decide(town.parts, request.id, DECIDER, refusal="no")
    early.decide(town.parts, request.id, DECIDER, refusal="the camera films a street")
    with pytest.raises(Conflict, match="already"):
        early.decide(town.parts, request.id, DECIDER, refusal=None)
    early.carry_out(town.parts)
    assert all(town.readable(item) for item in items)


def test_a_request_says_what_and_why(town: Town) -> None:
    """Each mistake is refused with what is wrong; nothing is stored."""
    items = some_minutes(town)
    good = EarlyRequest(ErasureGround.ORDER_OF_COURT, REASON, (P0,), span_of(items))
    for change, code in (
        ({"reason": "because"}, "asking.reason"),
        ({"placement_ids": ()}, "early.placements"),
        ({"span": Span(good.span.start_at - timedelta(days=40), good.span.end_at)}, "early.span"),
        ({"span": Span(good.span.start_at, town.clock.now() + HOUR)}, "early.future"),
        ({"span": Span(good.span.start_at - HOUR, good.span.start_at)}, "early.nothing"),
    ):
        with pytest.raises(InvalidInput) as refused:
            early.ask(town.parts, replace(good, **change), ASKER)
        assert refused.value.code == code
    with pytest.raises(InvalidInput, match="signed in"):
        early.ask(town.parts, good, replace(ASKER, actor=replace(ASKER.actor, role=None)))
    assert entries_of(town, Act.EARLY_REQUEST) == []


def test_nobody_asks_twice_for_the_same(town: Town) -> None:
    """What is within a request that waits, or is being carried out, is refused; more, or other cameras, is not; nor anew after its end."""
    items = some_minutes(town)
    some_minutes(town, P1)
    first = ask_early(town, span_of(items), P0, P1)
    for span, cameras in ((span_of(items), (P0, P1)), (span_of(items[:1]), (P1, P0)), (span_of(items), (P0,))):
        with pytest.raises(Conflict) as refused:
            ask_early(town, span, *cameras)
        assert refused.value.code == "early.asked"
    longer = ask_early(town, Span(items[0].span.start_at, town.clock.now()), P0)
    early.decide(town.parts, longer.id, DECIDER, refusal="the order of the court says less")
    early.decide(town.parts, first.id, DECIDER, refusal="the order of the court says less")
    again = ask_early(town, span_of(items), P0, P1)
    town.clock.advance(timedelta(hours=24))
    ask_early(town, span_of(items), P0, P1)
    assert len(entries_of(town, Act.EARLY_REQUEST)) == 4
    with town.db.read() as conn:
        assert ERASURES.get(conn, again.id).state is AskedState.REQUESTED, "it has lapsed, and the daemon will say so"


def test_of_two_who_ask_at_once_one_is_told(any_town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A double click is no second request: the second looks when the first has asked."""
    items = some_minutes(any_town)
    both_have_looked, refuse_again = threading.Barrier(2), early._refuse_again

    def slowly(*asked: Any) -> None:
        refuse_again(*asked)
        with suppress(threading.BrokenBarrierError):
            both_have_looked.wait(1.0)

    monkeypatch.setattr(early, "_refuse_again", slowly)
    refused: list[str] = []

    def ask() -> None:
        try:
            ask_early(any_town, span_of(items), P0)
        except Conflict as conflict:
            refused.append(conflict.code)

    clicks = [threading.Thread(target=ask) for _ in range(2)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()
    assert refused == ["early.asked"]
    assert len(entries_of(any_town, Act.EARLY_REQUEST)) == 1


def test_the_minute_that_is_being_written_stays_and_is_told(town: Town) -> None:
    """A recorder's open file can't be taken away under it; what was never sealed can."""
    old = town.begin(P0)
    town.clock.advance(2 * HOUR)
    items = some_minutes(town, count=1)
    town.begin(P0)
    town.clock.advance(timedelta(seconds=10))
    request = approve_early(town, Span(old.start_at, town.clock.now()), P0)
    assert early.carry_out(town.parts) == 2
    assert not town.readable(items[0])
    ended = entries_of(town, Act.EARLY_DONE)[0].object
    assert (ended["segments"], ended["writing"]) == ({P0: [[1, 2]]}, {P0: [[3, 3]]})
    assert state_of(town, request) is AskedState.DONE


def test_what_was_never_sealed_is_a_holds_first(any_town: Town) -> None:
    """A hold catches sealed segments only: what a crash left open counts as held all the same, before and after it is given up."""
    left = any_town.begin(P0)
    span = Span(any_town.clock.now(), any_town.clock.now() + timedelta(minutes=5))
    any_town.clock.advance(timedelta(minutes=1))
    other = any_town.record(P0)
    any_town.clock.advance(timedelta(hours=2))
    any_town.place(any_town.request(Span(span.start_at, other.span.start_at), P0))
    [seen] = early.preview(any_town.parts, [P0], span).values()
    assert (seen.erasable, seen.held) == ((other.ref.number,), (left.number,))
    approve_early(any_town, span, P0)
    assert early.carry_out(any_town.parts) == 1
    assert any_town.store.has_any(left)
    with any_town.db.read() as conn:
        assert segments.get(conn, P0, left.number or 0).holds == 1


def test_what_was_never_sealed_long_before_the_span_stays(town: Town) -> None:
    """A recorder that died left it without an end: nobody asked for it, and start-up may still mend it."""
    left = town.begin(P0)
    town.clock.advance(timedelta(days=2))
    item = town.record(P0)
    town.clock.advance(timedelta(hours=2))
    approve_early(town, item.span, P0)
    assert early.carry_out(town.parts) == 1
    assert town.store.has_any(left)
    with town.db.read() as conn:
        assert segments.get(conn, P0, left.number or 0).state is SegmentState.OPEN


def test_a_file_that_cannot_be_erased_is_tried_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is not done before everything that it claimed is gone; a restart changes nothing about it."""
    items = some_minutes(town)
    request = approve_early(town, span_of(items), P0)

    def broken(*_: object) -> None:
        raise Unavailable("the disk is away", code="footage.storage")

    with monkeypatch.context() as broken_disk:
        broken_disk.setattr(town.store, "erase_all", broken)
        with pytest.raises(Unavailable):
            early.carry_out(town.parts)
    assert state_of(town, request) is AskedState.APPROVED
    town.restart()
    run_sweep(town.parts, LIMITS)
    assert not any(town.store.has_any(item.ref) for item in items)
    assert entries_of(town, Act.DESTROY_DONE)[0].object["early_id"] == request.id
    early.carry_out(town.parts)
    assert state_of(town, request) is AskedState.DONE


def test_early_erased_hours_end_as_every_other(town: Town) -> None:
    """The hour key dies on time, and from then on no copy of a wrapped key opens anything."""
    outsider = Outsider(town)
    items = some_minutes(town)
    outsider.steal()
    town.unwanted = items[:2]
    run_sweep(town.parts, LIMITS)
    approve_early(town, span_of(items[:2]), P0)
    early.carry_out(town.parts)
    outsider.check(swept=False)
    for _ in range(29):
        town.clock.advance(timedelta(days=1))
        run_sweep(town.parts, LIMITS)
    outsider.check(swept=True)
    assert town.keys.hours() == frozenset()
    assert [entry.object.get("early_id") is None for entry in entries_of(town, Act.DESTROY_DONE)] == [False, True]


def test_a_clock_in_doubt_does_not_stop_it(town: Town) -> None:
    """It hangs on no clock: what is unlawful must not wait for a time server."""
    items = some_minutes(town)
    run_sweep(town.parts, LIMITS)
    town.clock.step_wall_clock(timedelta(days=3))
    assert run_sweep(town.parts, LIMITS).doubts
    approve_early(town, span_of(items), P0)
    assert early.carry_out(town.parts) == 3


@pytest.mark.parametrize(
    "tampering",
    [
        lambda conn: conn.execute(update(erasure).values(end_at=erasure.c.requested_at)),
        lambda conn: conn.execute(update(erasure).values(reason="another reason")),
        lambda conn: conn.execute(update(erasure).values(decided_by=INVESTIGATOR)),
        lambda conn: conn.execute(update(erasure).values(state="requested", decided_by=None)),
        lambda conn: conn.execute(delete(erasure)),
        lambda conn: conn.execute(delete(erasure_placement)),
        lambda conn: conn.execute(update(erasure_placement).values(placement_id=P1)),
        lambda conn: conn.execute(
            insert(erasure_placement).from_select(
                ["erasure_id", "placement_id"], erasure.select().with_only_columns(erasure.c.id, erasure.c.ground)
            )
        ),
    ],
    ids=["span", "reason", "decider", "state", "delete", "delete camera", "other camera", "add camera"],
)
def test_what_was_approved_is_not_changed_any_more(any_town: Town, tampering: Callable[[Connection], object]) -> None:
    """Who approves, approves exactly what runs: on both databases nobody widens it afterwards."""
    items = some_minutes(any_town)
    approve_early(any_town, span_of(items[:1]), P0)
    with pytest.raises((VmsError, IntegrityError)), any_town.db.write() as conn:
        tampering(conn)


def test_nothing_is_claimed_for_a_request_that_nobody_approved(any_town: Town) -> None:
    """The database itself refuses the claim."""
    items = some_minutes(any_town)
    request = ask_early(any_town, span_of(items), P0)

    def claim_anyway(conn: Connection) -> None:
        conn.execute(insert(erasure_segment).values(erasure_id=request.id, placement_id=P0, number=1))

    with pytest.raises(VmsError), any_town.db.write() as conn:
        claim_anyway(conn)


@pytest.mark.parametrize("at", range(1, 6))
def test_a_hold_meanwhile_keeps_all_or_is_told_that_it_is_too_late(
    at: int, quick_url: str, postgres_url: str, clock: ManualClock, tmp_path: Path, quick_folder: Path
) -> None:
    """Claim and hold contend for the same row: exactly one wins, between whatever two transactions the hold comes."""
    del quick_url, tmp_path
    moments = Moments()
    town = Town(CrashingDatabase(postgres_url, moments), clock, quick_folder)
    items = some_minutes(town)
    town.unwanted = items
    approve_early(town, span_of(items), P0)
    late: list[int] = []

    def hold() -> None:
        late.append(town.place(town.request(span_of(items), P0)).too_late)

    with moments.meanwhile(at, hold):
        early.carry_out(town.parts)
    town.check_promises(swept=False)
    if late:
        assert late[0] in {0, 3}
        assert [town.readable(item) for item in items] == [late[0] == 0] * 3
    else:
        assert at > 3, "a hold came in between at the first steps at least"
    town.db.dispose()


def test_the_role_stands_with_the_request(town: Town) -> None:
    """So that an auditor sees under which role both acted."""
    items = some_minutes(town)
    asked = approve_early(town, span_of(items), P0).asked
    assert (asked.requested_as, asked.decided_as) == (Role.DIRECTOR, Role.DIRECTOR)
    assert asked.lapses_at - asked.requested_at == ERASURES.lapses_after
    assert ERASURES.lapses_after < KEEP_FOR
