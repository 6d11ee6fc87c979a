"""Random histories with crashes at every step and holds inside running sweeps, shrunk to the shortest that breaks a promise.

The oracle is what people were told (`Town`) and what an outsider can check (`Outsider`), not the database's own tables. `make
erase-campaign` for a long run; `test_every_step.py` crashes at every single step, one after another.
"""

import os
import shutil
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from retention.holds import HoldRequest
from retention.reconcile import erase_overdue, reconcile
from retention.sweep import run_sweep
from tests.retention.asking import confirm_clock
from tests.retention.crashes import CrashingDatabase, Moments
from tests.retention.outsider import Outsider
from tests.retention.town import LIMITS, Town
from vms.clock import ManualClock
from vms.db import holds, placements
from vms.errors import InvalidInput
from vms.model import PlacementId, Span

PLACEMENTS = st.sampled_from([PlacementId("p0"), PlacementId("p1")])
CRASH_AT = st.one_of(st.none(), st.integers(1, 30), st.integers(1, 90))
LONGEST_BACK = timedelta(days=8)
HISTORIES = int(os.environ.get("VMS_HISTORIES", "4"))


class Histories(RuleBasedStateMachine):
    """What may happen to a town, in any order."""

    template: ClassVar[Path]
    lived: ClassVar[int]

    def __init__(self) -> None:
        super().__init__()
        Histories.lived += 1
        memory = Path("/dev/shm")  # noqa: S108 - the folder below it is ours alone
        self.folder = Path(tempfile.mkdtemp(prefix="vms-test-", dir=memory if memory.is_dir() else None))
        shutil.copyfile(self.template, self.folder / "vms.sqlite")
        self.moments = Moments()
        self.clock = ManualClock(datetime(2026, 11, 1, 12, tzinfo=UTC))
        self.db = CrashingDatabase(f"sqlite:///{self.folder / 'vms.sqlite'}", self.moments)
        self.town = Town(self.db, self.clock, self.folder)
        self.outsider = Outsider(self.town)
        self.unanswered: list[HoldRequest] = []

    @initialize()
    def begin(self) -> None:
        """The daemon has run before: there is a trusted time."""
        run_sweep(self.town.parts, LIMITS)

    @rule(placement_id=PLACEMENTS, minutes=st.integers(1, 40))
    def record(self, placement_id: PlacementId, minutes: int) -> None:
        """Record a segment."""
        self.town.record(placement_id, timedelta(minutes=minutes))
        self.clock.advance(timedelta(minutes=minutes))

    @rule(placement_id=PLACEMENTS, crash_at=st.integers(1, 12))
    def record_and_crash(self, placement_id: PlacementId, crash_at: int) -> None:
        """Crash while recording; another recorder takes over, and what was begun is never sealed."""
        with self.moments.crash(crash_at):
            self.town.record(placement_id)
        self.clock.advance(timedelta(minutes=1))
        self.restart()
        with self.town.db.write() as conn:
            self.town.epochs[placement_id] = placements.take_over(conn, placement_id)

    @rule()
    def restart(self) -> None:
        """Be a new process."""
        self.town.restart()

    @rule(crash_at=CRASH_AT)
    def compare(self, crash_at: int | None) -> None:
        """Compare disk, rows and keys; what is sealed fits."""
        with self.moments.crash(crash_at or 0):
            assert reconcile(self.town.parts, LIMITS.keep_for, self.town.clock.now()).damaged == []
        self.town.restart()

    @precondition(lambda self: self.town.recorded)
    @rule(pick=st.integers(0, 99), hours=st.sampled_from([0, 1, 48]), crash_at=CRASH_AT)
    def hold(self, pick: int, hours: int, crash_at: int | None) -> None:
        """Ask for a hold; a crash loses the answer, and the person asks again with the same request."""
        item = self.town.recorded[pick % len(self.town.recorded)]
        span = Span(item.span.start_at, item.span.end_at + timedelta(hours=hours))
        request = self.town.request(span, item.ref.placement_id)
        self.unanswered.append(request)
        with self.moments.crash(crash_at or 0):
            self.town.place(request)
            self.unanswered.remove(request)
        self.town.restart()

    @precondition(lambda self: self.unanswered)
    @rule()
    def ask_again(self) -> None:
        """Repeat a request without an answer; one that never came through may be too late for its own review date."""
        request = self.unanswered.pop()
        with self.town.db.read() as conn:
            came_through = holds.by_request(conn, request.request_id) is not None
        if not came_through and request.review_on <= self.clock.now():
            with pytest.raises(InvalidInput, match="the review date must lie ahead"):
                self.town.place(request)
            request = replace(request, review_on=self.clock.now() + timedelta(days=14))
        self.town.place(request)

    @precondition(lambda self: self.town.hold_spans)
    @rule(pick=st.integers(0, 99), crash_at=CRASH_AT)
    def release(self, pick: int, crash_at: int | None) -> None:
        """Release a hold; after a crash it is repeated."""
        hold_ids = sorted(self.town.hold_spans)
        with self.moments.crash(crash_at or 0):
            self.town.release(hold_ids[pick % len(hold_ids)])
        self.town.restart()
        self.town.release_unpromised(besides=self.unanswered)

    @rule(
        span=st.sampled_from(
            [timedelta(minutes=10), timedelta(hours=5), timedelta(days=1), timedelta(days=13), timedelta(days=27)]
        )
    )
    def tick(self, span: timedelta) -> None:
        """Let time pass."""
        self.clock.advance(span)

    @precondition(lambda self: self.town.ahead > -LONGEST_BACK)
    @rule(hours=st.sampled_from([1, 30, 96]), crash_at=CRASH_AT)
    def put_clock_back(self, hours: int, crash_at: int | None) -> None:
        """The clock has been ahead; recorders follow at once, and two persons say that it is right now."""
        self.town.step_clock(timedelta(hours=-hours))
        for placement_id in self.town.epochs:
            self.town.record(placement_id)
        self.clock.advance(timedelta(minutes=1))
        confirm_clock(self.town)
        self.sweep(crash_at)

    @rule(crash_at=CRASH_AT)
    def sweep(self, crash_at: int | None) -> None:
        """Sweep, perhaps with a crash; then to the end."""
        with self.moments.crash(crash_at or 0):
            run_sweep(self.town.parts, LIMITS)
        self.town.restart()
        self._sweep_to_the_end()

    @precondition(lambda self: self.town.recorded)
    @rule(pick=st.integers(0, 99), at=st.integers(1, 8))
    def hold_inside_a_sweep(self, pick: int, at: int) -> None:
        """Place a hold between two commits of a sweep."""
        item = self.town.recorded[pick % len(self.town.recorded)]
        request = self.town.request(item.span, item.ref.placement_id)
        with self.moments.meanwhile(at, lambda: self._place(request)):
            run_sweep(self.town.parts, LIMITS)
        self._sweep_to_the_end()

    @precondition(lambda self: self.town.hold_spans)
    @rule(pick=st.integers(0, 99), at=st.integers(1, 8))
    def release_inside_a_sweep(self, pick: int, at: int) -> None:
        """Release a hold between two commits of a sweep."""
        hold_ids = sorted(self.town.hold_spans)
        hold_id = hold_ids[pick % len(hold_ids)]
        with self.moments.meanwhile(at, lambda: self.town.release(hold_id)):
            run_sweep(self.town.parts, LIMITS)
        self._sweep_to_the_end()

    def _place(self, request: HoldRequest) -> None:
        self.town.place(request)

    def _sweep_to_the_end(self) -> None:
        report = run_sweep(self.town.parts, LIMITS)
        assert report.doubts == ()
        self.town.promise_future()
        erase_overdue(self.town.parts, LIMITS.keep_for, self.town.clock.now())
        self.town.check_promises(swept=True, unanswered=self.unanswered)
        self.outsider.check(swept=True, unanswered=self.unanswered)

    @invariant()
    def promises_are_kept(self) -> None:
        """Held and young footage is readable at every moment."""
        self.outsider.steal()
        self.town.check_promises(swept=False)

    def teardown(self) -> None:
        """Remove everything."""
        self.db.dispose()
        shutil.rmtree(self.folder)


@pytest.mark.slow
@pytest.mark.timeout(900 + 3 * HISTORIES)
def test_no_history_breaks_a_promise(quick_url: str) -> None:
    """Because the races that lose footage are the ones that nobody thought of."""
    Histories.lived = 0
    Histories.template = Path(quick_url.removeprefix("sqlite:///"))
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
    assert Histories.lived >= HISTORIES
