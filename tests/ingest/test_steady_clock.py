"""Footage keeps its instants and its term while the wall clock is wrong: whatever it is set to, nothing lives longer than 28 days."""

from datetime import UTC, datetime, timedelta

import pytest

from ingest.steady_clock import SteadyClock
from tests.ingest.running import House, running_city, running_house
from vms.clock import ManualClock, SystemClock
from vms.db import sweeps
from vms.db.sweeps import ClockSample
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.model import SegmentState

TOLERANCE = timedelta(minutes=2)
CAMERA = "spoorplein"


def sample_of(clock: ManualClock | SystemClock, ahead: timedelta = timedelta(0)) -> ClockSample:
    """Return a trusted moment: now, while the wall clock is ahead of the truth by so much."""
    return ClockSample(clock.now() - ahead, round(clock.boottime_s() * 1_000_000), clock.boot_id())


@pytest.mark.parametrize("days", [40, -40, 5, 0.1, -0.1])
def test_instants_go_on_through_a_step_and_back(clock: ManualClock, days: float) -> None:
    """To the microsecond, with the seconds by which the wall clock was off before, which are no step."""
    steady = SteadyClock(clock, TOLERANCE)
    steady.trust(sample_of(clock, timedelta(seconds=70)))
    before = steady.now()
    assert before == clock.now()
    assert steady.off_s() == 0
    clock.step_wall_clock(timedelta(days=days))
    clock.advance(timedelta(hours=3))
    assert steady.now() - before == timedelta(hours=3)
    assert steady.off_s() == pytest.approx(days * 86400)
    clock.step_wall_clock(-timedelta(days=days))
    clock.advance(timedelta(hours=1))
    assert steady.now() == clock.now() == before + timedelta(hours=4)
    assert steady.off_s() == 0


def test_what_two_persons_confirm_is_followed(clock: ManualClock) -> None:
    """The wall clock may be the one that is right: the daemon then stores it as trusted."""
    steady = SteadyClock(clock, TOLERANCE)
    steady.trust(sample_of(clock))
    clock.step_wall_clock(timedelta(days=3))
    assert steady.now() == clock.now() - timedelta(days=3)
    steady.trust(sample_of(clock))
    assert steady.now() == clock.now()
    clock.step_wall_clock(timedelta(days=-3))
    assert steady.now() == clock.now() + timedelta(days=3)


def test_a_worker_that_starts_while_the_clock_is_wrong_goes_by_the_trusted_moment(clock: ManualClock) -> None:
    """It has seen nothing before; of another boot, or without any, there is only the wall clock."""
    trusted = sample_of(clock, timedelta(days=40))
    steady = SteadyClock(clock, TOLERANCE)
    for unknown in (None, ClockSample(trusted.wall_at, trusted.boottime_us, "another boot")):
        steady.trust(unknown)
        assert (steady.now(), steady.off_s()) == (clock.now(), 0)
    steady.trust(trusted)
    clock.advance(timedelta(minutes=7))
    assert steady.now() == clock.now() - timedelta(days=40)


@pytest.mark.parametrize("days", [40, -40])
def test_a_real_worker_stamps_by_the_trusted_time(tmp_path_factory: pytest.TempPathFactory, days: int) -> None:
    """This machine's clock can't be set in a test; a trusted moment 40 days ago says the same: it runs 40 days ahead."""
    folder = tmp_path_factory.mktemp("steady")
    with running_city(folder / "city", CAMERA) as city, running_house(folder / "house") as house:
        placement = house.add(city.cameras[CAMERA])
        with house.parts.db.write() as conn:
            sweeps.set_clock_sample(conn, sample_of(SystemClock(), timedelta(days=days)))
        began_at = datetime.now(UTC)
        worker = house.start(placement)
        status = house.until_state(placement, "live", 120)
        assert status["wall_clock_off_s"] == pytest.approx(days * 86400, abs=2)
        assert house.stop(worker, 40) == 0
        _check(house, placement, began_at, timedelta(days=days))


def _check(house: House, placement: str, began_at: datetime, ahead: timedelta) -> None:
    sealed = [row for row in house.segments(placement) if row.state is SegmentState.SEALED]
    assert sealed
    for row in sealed:
        assert -ahead <= row.start_at - began_at <= timedelta(minutes=3) - ahead
        assert row.due_at - row.start_at == house.parts.settings.keep_for
    with house.parts.db.read() as conn:
        [entry] = search(conn, Filter(acts=(Act.CLOCK_DOUBT,)))
    assert entry.object["step_s"] == pytest.approx(ahead.total_seconds(), abs=2)
