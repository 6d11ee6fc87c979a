"""The daemon: its loop, its leaves and checkpoints, and what it says when something is wrong."""

import shutil
import threading
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from retention.daemon import RetentionDaemon
from retention.holds import HoldRequest, place_hold
from tests.footage.scene import INVESTIGATOR, KEEP_FOR
from tests.retention.town import LIMITS, PERSON, Town
from vms.clock import ManualClock
from vms.db import reports, segments
from vms.db.reports import Condition, Service
from vms.errors import Unavailable
from vms.footage.keys import KeyService
from vms.ledger import outside
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.ledger.signer import load_or_make
from vms.ledger.standing import Checkpoints
from vms.model import RETENTION_CEILING, HoldId, PlacementId, SegmentMode, Span

P0 = PlacementId("p0")
MINUTE = timedelta(minutes=1)


class StoppingClock(ManualClock):
    """Stops the daemon after some waits."""

    waits_left = 3

    def wait(self, event: threading.Event, timeout_s: float) -> bool:
        """Count, and stop at last."""
        self.waits_left -= 1
        if self.waits_left == 0:
            event.set()
        return super().wait(event, timeout_s)


@pytest.fixture
def clock(clock: ManualClock) -> ManualClock:
    """A clock that ends the loop."""
    return StoppingClock(clock.now())


@pytest.fixture
def daemon(town: Town) -> RetentionDaemon:
    """A daemon on the town."""
    checkpoints = Checkpoints(load_or_make(town.folder / "keys", "test.example/log"), town.folder / "keys")
    return RetentionDaemon(town.parts, LIMITS, checkpoints, sweep_every_s=60, stop=threading.Event())


def batches(town: Town) -> list[tuple[int, int, list[list[int]]]]:
    """Return the leaves of recorded footage, oldest first."""
    with town.db.read() as conn:
        found = search(conn, Filter(acts=(Act.BATCH_RECORDED,)))
    return [(entry.object["from_number"], entry.object["to_number"], entry.object["lost"]) for entry in reversed(found)]


def test_the_loop_sweeps_until_it_is_told_to_stop(town: Town, daemon: RetentionDaemon) -> None:
    """Because a daemon that does not end is killed, and one that ends early erases nothing."""
    town.record(P0)
    daemon.run()
    assert daemon.status()["swept_at"] == town.clock.now()
    assert daemon.status()["errors"] == {}


def test_leaves_of_recorded_footage_tile_the_numbers_whatever_happens(town: Town, daemon: RetentionDaemon) -> None:
    """Because completeness is interval arithmetic over them."""
    for _ in range(130):
        town.record(P0)
        town.clock.advance(MINUTE)
        daemon.run_once()
    town.clock.advance(timedelta(hours=1))
    daemon.run_once()
    daemon.run_once()
    assert batches(town) == [(1, 60, []), (61, 120, []), (121, 130, [])]


def test_an_open_segment_holds_back_the_leaf_of_its_hour(town: Town, daemon: RetentionDaemon) -> None:
    """Because the leaf says all there is of the hour."""
    town.record(P0)
    town.clock.advance(MINUTE)
    with town.db.write() as conn:
        number = segments.open_segment(
            conn,
            P0,
            town.epochs[P0],
            start_at=town.clock.now(),
            due_at=town.clock.now() + KEEP_FOR,
            mode=SegmentMode.MASKED,
            plan_version=1,
            wrapped_key=b"w" * 40,
        )
    town.clock.advance(timedelta(hours=2))
    daemon.run_once()
    assert batches(town) == []
    with town.db.write() as conn:
        segments.mark_lost(conn, P0, number, town.epochs[P0])
    town.clock.advance(timedelta(minutes=11))
    daemon.run_once()
    assert batches(town) == [(1, 2, [[2, 2]])]


def test_a_checkpoint_leaves_the_database_after_erasing(town: Town, daemon: RetentionDaemon) -> None:
    """Because who can change the database could else take the erasing back."""
    town.record(P0)
    daemon.run_once()
    for _ in range(58):
        town.clock.advance(timedelta(hours=12))
        daemon.run_once()
    note = outside.kept(town.folder / "keys")
    assert note is not None
    with town.db.read() as conn:
        assert int(note.splitlines()[1]) == town.parts.ledger.size(conn)


def test_doubt_is_shown_and_is_in_the_ledger_once(town: Town, daemon: RetentionDaemon) -> None:
    """Because an alarm every minute for a week would bury the rest of the log."""
    town.record(P0)
    daemon.run_once()
    town.clock.step_wall_clock(timedelta(days=40))
    for _ in range(3):
        daemon.run_once()
    assert daemon.status()["doubts"] == ["clock-stepped"]
    with town.db.read() as conn:
        assert len(search(conn, Filter(acts=(Act.SWEEP_STOPPED,)))) == 1
        assert len(search(conn, Filter(acts=(Act.CLOCK_DOUBT,)))) == 1


def test_a_hold_whose_review_is_due_is_said_once(town: Town, daemon: RetentionDaemon) -> None:
    """Because a hold that nobody looks at again lasts for ever."""
    item = town.record(P0)
    town.place(town.request(item.span, P0))
    daemon.run_once()
    for _ in range(20):
        town.clock.advance(timedelta(days=1))
        daemon.run_once()
    with town.db.read() as conn:
        assert len(search(conn, Filter(acts=(Act.HOLD_EXPIRE,)))) == 1
    assert len(daemon.status()["reviews_due"]) == 1


def test_footage_that_can_not_be_erased_is_an_error_and_a_breach_at_28_days(
    town: Town, daemon: RetentionDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Because silence about a broken disk is how terms are broken."""
    item, other = town.record(P0), town.record(PlacementId("p1"))
    daemon.run_once()
    erase_all = town.store.erase_all
    stuck = town.store.path(item.ref)
    monkeypatch.setattr(
        town.store, "erase_all", lambda refs: erase_all(ref for ref in refs if town.store.path(ref) != stuck)
    )
    later = None
    for day in range(58):
        town.clock.advance(timedelta(hours=12))
        daemon.run_once()
        later = town.record(P0) if day == 1 else later
    assert later is not None
    town.clock.advance(timedelta(hours=12))
    daemon.run_once()
    status = daemon.status()
    assert status["errors"]["sweep"] == "retention.not-erased"
    assert status["is_breach"]
    assert not town.readable(other)
    assert not town.readable(later), "what can be erased is erased all the same"
    with town.db.read() as conn:
        assert search(conn, Filter(acts=(Act.RETENTION_BREACH,)))


def test_a_file_without_row_is_gone_before_its_28_days_are_over(town: Town, daemon: RetentionDaemon) -> None:
    """Because it is footage like any other, and the daily comparison alone would let it live for a day too long."""
    item = town.record(P0)
    daemon.run_once()
    orphan = replace(item.ref, number=77)
    shutil.copyfile(town.store.path(item.ref), town.store.path(orphan))
    town.clock.advance(KEEP_FOR - timedelta(minutes=10))
    daemon.run_once()  # compares everything, ten minutes too early
    assert town.store.exists(orphan)
    town.clock.advance(RETENTION_CEILING - KEEP_FOR)
    daemon.run_once()
    assert not town.store.has_any(orphan)


class FullKeyring:
    """A key storage that takes no new hold key: full, or broken."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        """Do everything else."""
        return getattr(self._inner, name)

    def new_hold_key(self, hold_id: HoldId) -> None:
        """Refuse."""
        raise Unavailable(f"no room for the key of {hold_id}", code="keys.full")


def retention_condition(town: Town) -> Condition:
    """Return how retention is, as everybody else sees it."""
    with town.db.read() as conn:
        [found] = [one for one in reports.conditions(conn, town.clock.now()) if one.service is Service.RETENTION]
    return found


def test_its_status_stands_where_others_read_it(town: Town, daemon: RetentionDaemon) -> None:
    """Because doubt and breach in a log file only are seen by nobody."""
    town.record(P0)
    town.clock.advance(MINUTE)
    daemon.run_once()
    found = retention_condition(town)
    assert found.in_order
    assert found.words["overdue_s"] == 0
    assert found.words["last_good_at"] == f"{town.clock.now():%Y-%m-%dT%H:%M:%S.%fZ}"
    town.clock.step_wall_clock(timedelta(days=29))
    assert retention_condition(town).problems == ("silent",)
    daemon.run_once()
    assert {"sweep-stopped", "late", "breach"} <= set(retention_condition(town).problems)


def test_a_hold_that_cannot_be_placed_is_seen_and_written_down_once(town: Town) -> None:
    """It holds up all erasing, rightly, so somebody must be told; and it must not fill the ledger."""
    town.record(P0)
    town.clock.advance(MINUTE)
    broken = replace(town.parts, keys=cast("KeyService", FullKeyring(town.parts.keys)))
    now = town.clock.now()
    request = HoldRequest(
        "r-1",
        "PL0900-2027-123456",
        "wpg-8",
        "diefstal op de markt",
        (P0,),
        Span(now - MINUTE, now),
        now + timedelta(days=30),
        INVESTIGATOR,
    )
    with pytest.raises(Unavailable):
        place_hold(broken, request, PERSON)
    checkpoints = Checkpoints(load_or_make(town.folder / "keys", "test.example/log"), town.folder / "keys")
    daemon = RetentionDaemon(broken, LIMITS, checkpoints, sweep_every_s=60, stop=threading.Event())
    for _ in range(3):
        town.clock.advance(timedelta(minutes=6))
        daemon.run_once()
    found = retention_condition(town)
    assert set(found.problems) == {"failed", "hold-stuck"}
    with town.db.read() as conn:
        [entry] = search(conn, Filter(acts=(Act.SWEEP_STOPPED,)))
    assert list(entry.object["pending_hold_ids"]) == list(found.words["stuck_holds"])
    repaired = RetentionDaemon(town.parts, LIMITS, checkpoints, sweep_every_s=60, stop=threading.Event())
    repaired.run_once()
    assert retention_condition(town).in_order
