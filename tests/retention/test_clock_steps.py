"""A wall clock that steps in the middle of a round, at every reading of it: what the guard has not judged is not believed."""

import threading
from datetime import datetime, timedelta

import pytest

from retention.daemon import RetentionDaemon
from retention.parts import RetentionParts
from tests.auditor.bundles import signer_of
from tests.footage.scene import KEEP_FOR
from tests.retention.town import LIMITS, Town
from vms.clock import ManualClock
from vms.footage.store import SegmentRef
from vms.ledger.log import Ledger
from vms.ledger.standing import Checkpoints
from vms.model import PlacementId, hour_of

P0, P1 = PlacementId("p0"), PlacementId("p1")
HOUR = timedelta(hours=1)
MOST_READINGS = 60


class SteppingClock(ManualClock):
    """Steps its wall clock, once, after so many readings.

    Args:
        clock: goes on from where this one is.
        after: readings that are still right.
        step: what it steps by.
    """

    def __init__(self, clock: ManualClock, after: int, step: timedelta) -> None:
        self._clock, self._left, self._step = clock, after, step
        self.readings = 0

    def now(self) -> datetime:
        """Return the wall clock."""
        self.readings += 1
        if self.readings == self._left + 1:
            self._clock.step_wall_clock(self._step)
        return self._clock.now()

    def boottime_s(self) -> float:
        """Return seconds since the simulated boot."""
        return self._clock.boottime_s()

    def monotonic_s(self) -> float:
        """Return seconds that no wall clock moves."""
        return self._clock.monotonic_s()

    def boot_id(self) -> str:
        """Return the simulated boot's number."""
        return self._clock.boot_id()

    def advance(self, span: timedelta) -> None:
        """Let time pass on all clocks."""
        self._clock.advance(span)


def one_round(town: Town, after: int, step: timedelta, *, swept: bool) -> int:
    """Run a round with something due, something young, and a young file without a row; return how often the clock was read."""
    town.record(P0)
    town.clock.advance(KEEP_FOR - timedelta(days=1))
    for _ in range(3):
        town.clock.advance(3 * HOUR)
        town.record(P1)
        if swept:
            daemon(town).run_once()
    town.clock.advance(timedelta(days=1))
    young = town.record(P1)
    # A start of its own: otherwise it would be the young segment's file.
    town.clock.advance(timedelta(seconds=1))
    orphan = SegmentRef(P1, town.clock.now(), town.epochs[P1])
    town.store.create(orphan, town.keys.new_segment_key(hour_of(orphan.start_at)).plain).abandon()
    unsealed = town.begin(P0)
    true_clock, clock = town.clock, SteppingClock(town.clock, after, step)
    town.clock = clock
    town.restart()
    watched = daemon(town)
    watched.run_once()
    read = clock.readings
    for _ in range(2):
        clock.advance(timedelta(minutes=1))
        watched.run_once()
    town.clock = true_clock
    town.restart()
    assert town.readable(young), f"young footage is gone after a step at reading {after} of {read}"
    assert all(town.readable(item) for item in town.recorded[1:]), f"a step at reading {after}"
    assert town.store.has_any(orphan), f"a young file without a row is gone after a step at reading {after}"
    assert town.store.has_any(unsealed)
    if not step:
        assert not town.readable(town.recorded[0]), "what is due is erased when no clock steps"
    return read


def daemon(town: Town) -> RetentionDaemon:
    """A daemon that has just started."""
    town.parts = RetentionParts(town.db, town.keys, town.store, Ledger("test.example/log", town.clock), town.clock)
    place = Checkpoints(signer_of(town), town.folder / "keys")
    return RetentionDaemon(town.parts, LIMITS, place, sweep_every_s=60, stop=threading.Event())


@pytest.fixture(scope="module")
def readings() -> dict[bool, int]:
    """How often a round without a step reads the clock."""
    return {}


@pytest.mark.parametrize("swept", [True, False])
def test_a_round_without_a_step_erases_what_is_due(town: Town, readings: dict[bool, int], *, swept: bool) -> None:
    """Otherwise the steps below would show nothing; nor if there were readings that they do not reach."""
    readings[swept] = one_round(town, 0, timedelta(0), swept=swept)
    assert readings[swept] < MOST_READINGS


@pytest.mark.parametrize("swept", [True, False])
@pytest.mark.parametrize(
    ("after", "days"),
    # Backwards nothing more is due: some readings are enough.
    [(after, 40) for after in range(MOST_READINGS)] + [(after, -40) for after in range(0, MOST_READINGS, 6)],
)
def test_a_step_at_any_reading_erases_nothing_young(
    town: Town, after: int, days: int, readings: dict[bool, int], *, swept: bool
) -> None:
    """Between the guard's look and every use of the time; with sweeps before it, and in the first one ever, which has no brake."""
    if after <= readings.get(swept, MOST_READINGS):
        one_round(town, after, timedelta(days=days), swept=swept)
