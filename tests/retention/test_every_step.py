"""A crash at every single step of every operation, one after another, until the operation gets through without one.

Random histories (`test_state_machine.py`) mix operations. Here no step is left out with `VMS_EVERY_STEP=1` (`make erase-campaign`); CI
takes every fifth.
"""

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from retention import early
from retention.holds import HoldRequest
from retention.reconcile import erase_overdue, reconcile
from retention.sweep import run_sweep
from tests.footage.scene import KEEP_FOR
from tests.retention.asking import approve_early
from tests.retention.crashes import CrashingDatabase, Moments
from tests.retention.outsider import Outsider
from tests.retention.town import LIMITS, Town
from vms.clock import ManualClock
from vms.db import placements
from vms.db.asking import ERASURES
from vms.footage.store import SegmentRef
from vms.model import AskedState, PlacementId, Span

P0, P1 = PlacementId("p0"), PlacementId("p1")
MOST_STEPS = 500
LEAST_STEPS = 4
STRIDE = 1 if os.environ.get("VMS_EVERY_STEP") else 5


class Eve:
    """A town in which something of every kind is about to happen: a segment due, two due and held, one young, two strays."""

    def __init__(self, url: str, clock: ManualClock, folder: Path) -> None:
        self.moments = Moments()
        self.town = Town(CrashingDatabase(url, self.moments), clock, folder)
        self.outsider = Outsider(self.town)
        run_sweep(self.town.parts, LIMITS)
        items = []
        for placement_id in (P0, P0, P1):
            items.append(self.town.record(placement_id))
            clock.advance(timedelta(minutes=1))
        self.due, self.held, self.other = items
        self.hold_id = self.town.place(self.town.request(self.held.span, P0)).hold.id
        self.town.place(self.town.request(self.other.span, P1))
        self.asked: list[HoldRequest] = []
        for epoch in (98, 99):  # files without a row, as a folder put back from an old copy has them
            stray = SegmentRef(P0, self.due.ref.start_at, epoch, epoch)
            shutil.copyfile(self.town.store.path(self.due.ref), self.town.store.path(stray))
        clock.advance(KEEP_FOR - timedelta(hours=1))
        self.town.record(P1)
        self.young = self.town.record(P0)
        clock.advance(timedelta(hours=2, minutes=5))
        self.outsider.steal()

    def record(self) -> None:
        """Record one more segment."""
        self.town.record(P0)

    def hold(self) -> None:
        """Hold everything of a camera, due or not."""
        begun_at = self.due.span.start_at
        self.asked = [self.town.request(Span(begun_at, begun_at + timedelta(hours=2)), P0)]
        self.town.place(self.asked[0])
        self.asked = []

    def release(self) -> None:
        """Release a hold whose footage is past its time."""
        self.town.release(self.hold_id)

    def sweep(self) -> None:
        """Erase what is due."""
        run_sweep(self.town.parts, LIMITS)

    def sweep_after_release(self) -> None:
        """Erase what a hold let go of, and its key."""
        self.town.release(self.hold_id)
        run_sweep(self.town.parts, LIMITS)
        erase_overdue(self.town.parts, KEEP_FOR, self.town.clock.now())

    def erase_early(self) -> None:
        """Erase a camera's whole day before its time, the held part of it excepted."""
        self.town.unwanted = [self.young, self.due]
        approve_early(self.town, Span(self.due.span.start_at, self.town.clock.now()), P0)
        early.carry_out(self.town.parts)

    def compare(self) -> None:
        """Compare disk, rows and keys."""
        assert reconcile(self.town.parts, KEEP_FOR, self.town.clock.now()).damaged == []

    def go_on(self) -> None:
        """Start anew after the crash, and let three days pass as the daemon sees them; every promise is looked at on the way."""
        self.town.restart()
        with self.town.db.write() as conn:
            for placement_id in self.town.epochs:
                self.town.epochs[placement_id] = placements.take_over(conn, placement_id)
        self.town.check_promises(swept=False)
        self.outsider.check(swept=False)
        self.town.release_unpromised(besides=self.asked)
        for request in self.asked:
            self.town.place(request)
        for _ in range(3):
            run_sweep(self.town.parts, LIMITS)
            early.carry_out(self.town.parts)
            self.outsider.steal()
            erase_overdue(self.town.parts, KEEP_FOR, self.town.clock.now())
            self.town.check_promises(swept=True)
            self.outsider.check(swept=True)
            assert self.are_decisions_carried_out()
            self.town.clock.advance(timedelta(days=1))

    def are_decisions_carried_out(self) -> bool:
        """Return whether what two persons decided has happened: nothing of it waits, and what they meant is gone."""
        with self.town.db.read() as conn:
            states = {asked.state for asked in ERASURES.list_newest(conn)}
        gone = not any(self.town.readable(item) for item in self.town.unwanted)
        return AskedState.APPROVED not in states and (gone or AskedState.DONE not in states)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "operation", [Eve.record, Eve.hold, Eve.release, Eve.sweep, Eve.sweep_after_release, Eve.compare, Eve.erase_early]
)
def test_a_crash_at_any_step_breaks_no_promise(
    operation: Callable[[Eve], None], quick_url: str, quick_folder: Path
) -> None:
    """Because the step that nobody crashed at is the one where footage is lost, or stays."""
    template = Path(quick_url.removeprefix("sqlite:///"))
    for step in range(1, MOST_STEPS, STRIDE):
        folder = quick_folder / str(step)
        folder.mkdir()
        shutil.copyfile(template, folder / "vms.sqlite")
        eve = Eve(f"sqlite:///{folder / 'vms.sqlite'}", ManualClock(datetime(2026, 11, 1, 12, tzinfo=UTC)), folder)
        with eve.moments.crash(step):
            operation(eve)
        eve.go_on()
        eve.town.db.dispose()
        if eve.moments.passed < step:
            assert eve.moments.passed >= LEAST_STEPS, "an operation has steps to crash at"
            return
    pytest.fail(f"{operation.__name__} has more than {MOST_STEPS} steps")
