"""A machine that keeps the time of Utrecht: when summer time begins or ends, nothing is erased an hour early or late."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from retention.sweep import run_sweep
from tests.footage.scene import KEEP_FOR
from tests.retention.town import LIMITS, Recorded, Town
from vms.clock import ManualClock
from vms.model import PlacementId

QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
BEFORE = 14 * DAY
"""What is recorded so long before the change is due after it: its 28 days have an hour more, or less, by the clock on the wall."""


@pytest.fixture(
    params=[datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 10, 25, 1, tzinfo=UTC)], ids=["begins", "ends"]
)
def change_at(request: pytest.FixtureRequest) -> datetime:
    """When the clocks on the walls change."""
    at: datetime = request.param
    return at


@pytest.fixture
def clock(change_at: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[ManualClock]:
    """A clock on a machine, and with a database, in Utrecht."""
    for name in ("TZ", "PGTZ"):
        monkeypatch.setenv(name, "Europe/Amsterdam")
    time.tzset()
    yield ManualClock(change_at - BEFORE)
    monkeypatch.undo()
    time.tzset()


def test_every_segment_goes_at_its_own_time(any_town: Town, change_at: datetime) -> None:
    """Recorded two weeks before the change, and all through it; looked at every half hour around each term."""
    town = any_town
    run_sweep(town.parts, LIMITS)
    record_for(town, 4 * HOUR)
    sweep_until(town, change_at - 2 * HOUR, DAY / 2)
    through = record_for(town, 4 * HOUR)
    offsets = {item.span.start_at.astimezone().utcoffset() for item in through}
    assert offsets == {HOUR, 2 * HOUR}, "the clocks on the walls change meanwhile"
    assert len({item.span.start_at for item in through}) == 16
    for begin_at in (change_at - BEFORE, change_at - 2 * HOUR):
        sweep_until(town, begin_at + KEEP_FOR - 2 * HOUR, DAY / 2)
        sweep_until(town, begin_at + KEEP_FOR + 6 * HOUR, HOUR / 2)
    assert not any(town.readable(item) for item in town.recorded)


def record_for(town: Town, span: timedelta) -> list[Recorded]:
    """Record a quarter of an hour after the other."""
    found = []
    for _ in range(span // QUARTER):
        found.append(town.record(PlacementId("p0"), QUARTER))
        town.clock.advance(QUARTER)
    return found


def sweep_until(town: Town, end_at: datetime, step: timedelta) -> None:
    """Let time pass, sweep by sweep, and look at every segment: there until it is due, and gone soon afterwards."""
    while town.clock.now() < end_at:
        town.clock.advance(min(step, end_at - town.clock.now()))
        assert run_sweep(town.parts, LIMITS).doubts == ()
        for item in town.recorded:
            age = town.clock.now() - item.span.start_at
            if age < KEEP_FOR:
                assert town.readable(item), f"erased {KEEP_FOR - age} before it was due"
            elif age >= KEEP_FOR + LIMITS.margin / 2:
                assert not town.readable(item), f"there {age - KEEP_FOR} after it was due"
