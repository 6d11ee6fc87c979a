"""Forty simulated days with crashes, holds aimed at what is being erased, and releases; the promises are checked every day."""

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from retention.holds import HoldRequest
from retention.sweep import run_sweep
from tests.footage.scene import KEEP_FOR
from tests.retention.crashes import CrashingDatabase, Moments
from tests.retention.town import LIMITS, Town
from vms.clock import ManualClock
from vms.model import Span


class Story:
    """A reproducible run."""

    def __init__(self, url: str, folder: Path, start_at: datetime, seed: int) -> None:
        self.chance = random.Random(seed)
        self.moments = Moments()
        self.clock = ManualClock(start_at)
        self.town = Town(CrashingDatabase(url, self.moments), self.clock, folder)
        self.crashed_requests: list[HoldRequest] = []

    def live(self, days: int, step: timedelta) -> None:
        """Let days pass; check the promises after each step's sweep."""
        end_at = self.clock.now() + timedelta(days=days)
        while self.clock.now() < end_at:
            self.record()
            self.hold()
            self.release()
            self.clock.advance(step)
            self.sweep()
            self.town.check_promises(swept=True, unanswered=self.crashed_requests)

    def record(self) -> None:
        """Record on every placement."""
        for placement_id in self.town.epochs:
            self.town.record(placement_id)

    def aimed_request(self) -> HoldRequest | None:
        """Return a request for something recorded: often just what is due now."""
        if not self.town.recorded:
            return None
        now = self.clock.now()
        due = [item for item in self.town.recorded if abs(now - item.span.start_at - KEEP_FOR) < timedelta(days=1)]
        item = self.chance.choice(due if due and self.chance.random() < 0.7 else self.town.recorded)
        end_at = item.span.end_at + timedelta(hours=self.chance.choice([0, 1, 30]))
        return self.town.request(Span(item.span.start_at, end_at), item.ref.placement_id)

    def hold(self) -> None:
        """Place a hold now and then, sometimes with a crash inside; the client repeats until it has an answer."""
        for request in self.crashed_requests:
            self.town.place(request)
        self.crashed_requests = []
        request = self.aimed_request()
        if request is None or self.chance.random() < 0.7:
            return
        self.crashed_requests.append(request)
        with self.moments.crash(self.chance.choice([1, 2, 3, 4, 5, 7, 9, 99])):
            self.town.place(request)
            self.crashed_requests.remove(request)
        self.restart()

    def release(self) -> None:
        """Release a hold now and then, sometimes with a crash inside."""
        if not self.town.hold_spans or self.chance.random() < 0.75:
            return
        hold_id = self.chance.choice(sorted(self.town.hold_spans))
        with self.moments.crash(self.chance.choice([1, 2, 3, 4, 6, 8, 10, 99])):
            self.town.release(hold_id)
        self.restart()
        # If it crashed before its commit it did not happen: the person repeats it.
        self.town.release_unpromised(besides=self.crashed_requests)

    def sweep(self) -> None:
        """Sweep with a crash, with somebody's hold in the middle, and to the end."""
        with self.moments.crash(self.chance.randint(1, 40)):
            run_sweep(self.town.parts, LIMITS)
        self.restart()
        request = self.aimed_request()
        if request is not None and self.chance.random() < 0.4:
            with self.moments.meanwhile(self.chance.randint(1, 8), lambda: self.place_quietly(request)):
                run_sweep(self.town.parts, LIMITS)
        run_sweep(self.town.parts, LIMITS)
        self.town.promise_future()

    def place_quietly(self, request: HoldRequest) -> None:
        """Place a hold from within another act."""
        self.town.place(request)

    def restart(self) -> None:
        """Be a new process: nothing remembered, the hold that crashed in release is still forgotten."""
        self.town.restart()


def run_story(url: str, folder: Path, clock: ManualClock, *, seed: int, days: int, step: timedelta) -> Story:
    """Run a story; its end must be clean."""
    story = Story(url, folder, clock.now(), seed)
    story.live(days, step)
    for request in story.crashed_requests:
        story.town.place(request)
    story.crashed_requests = []
    for _ in range(10):
        story.clock.advance(timedelta(days=3))
        run_sweep(story.town.parts, LIMITS)
    story.town.check_promises(swept=True)
    return story


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2])
def test_forty_days_on_sqlite(quick_url: str, quick_folder: Path, clock: ManualClock, seed: int) -> None:
    """Because every promise of retention must hold through crashes, holds and releases, not one at a time."""
    story = run_story(quick_url, quick_folder, clock, seed=seed, days=40, step=timedelta(days=1))
    assert any(not item.holds and not story.town.readable(item) for item in story.town.recorded)
    assert any(item.holds for item in story.town.recorded), "the story must leave something held"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_month_on_postgresql(postgres_url: str, quick_folder: Path, clock: ManualClock) -> None:
    """Because locks there are rows, not one writer."""
    run_story(postgres_url, quick_folder, clock, seed=3, days=32, step=timedelta(days=1))
