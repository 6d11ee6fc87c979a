"""Footage keeps its instants and its term while the wall clock is wrong: whatever it is set to, nothing lives longer than 28 days."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.steady_clock import SteadyClock
from tests.ingest.running import House, running_city, running_house, until
from vms.clock import ManualClock, SystemClock, reckoning_of
from vms.db import footage_clocks, placements, sweeps
from vms.db.sweeps import ClockSample
from vms.ledger.acts import Act
from vms.ledger.search import Filter, search
from vms.model import GapCause

TOLERANCE = timedelta(minutes=2)
CAMERA = "spoorplein"


def sample_of(clock: ManualClock | SystemClock, ahead: timedelta = timedelta(0)) -> ClockSample:
    """Return a trusted moment: now, while the wall clock is ahead of the truth by so much."""
    return ClockSample(clock.now() - ahead, round(clock.boottime_s() * 1_000_000), clock.boot_id())


@pytest.mark.parametrize("days", [40, -40, 5, -5, 0.1])
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
    clock.step_wall_clock(timedelta(days=-6))
    assert steady.now() == clock.now() + timedelta(days=6)


def test_a_worker_that_starts_while_the_clock_is_wrong_goes_by_the_trusted_moment(clock: ManualClock) -> None:
    """It has seen nothing before; of an earlier boot, or without any, there is only the wall clock."""
    trusted = sample_of(clock, timedelta(days=40))
    steady = SteadyClock(clock, TOLERANCE)
    for unknown in (None, ClockSample(trusted.wall_at, trusted.boottime_us, "another boot")):
        steady.trust(unknown)
        assert (steady.now(), steady.off_s()) == (clock.now(), 0)
    steady.trust(trusted)
    clock.advance(timedelta(minutes=7))
    assert steady.now() == clock.now() - timedelta(days=40)


def test_a_boot_that_begins_before_the_last_trusted_moment_goes_on_from_there(clock: ManualClock) -> None:
    """An empty clock battery says 1970 until the time server answers: what is recorded by it would be due at once."""
    trusted = sample_of(clock)
    clock.reboot()
    clock.step_wall_clock(timedelta(days=-20_000))
    for minutes in (3, 6):
        clock.advance(timedelta(minutes=3))
        steady = SteadyClock(clock, TOLERANCE)
        steady.trust(trusted)
        assert steady.now() == trusted.wall_at + timedelta(minutes=minutes), "by whichever worker"
        assert steady.off_s() < 0
    clock.step_wall_clock(timedelta(days=20_000, hours=5))
    assert (steady.now(), steady.off_s()) == (clock.now(), 0)


@pytest.mark.parametrize("days", [-0.1, -3.9])
def test_a_small_step_back_is_followed_at_once(clock: ManualClock, days: float) -> None:
    """A boot may begin with a clock that is ahead, and trusted: what puts it right must not wait for two persons."""
    steady = SteadyClock(clock, TOLERANCE)
    steady.trust(sample_of(clock))
    steady.now()
    clock.step_wall_clock(timedelta(days=days))
    assert (steady.now(), steady.off_s()) == (clock.now(), 0)
    clock.step_wall_clock(timedelta(days=40))
    clock.advance(timedelta(hours=1))
    assert steady.now() == clock.now() - timedelta(days=40), "and what then goes ahead is not"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_of_house(request: pytest.FixtureRequest) -> dict[str, Any]:
    """SQLite, and PostgreSQL as the role of a worker."""
    if request.param == "sqlite":
        return {}
    server, url = request.getfixturevalue("postgres_server"), request.getfixturevalue("postgres_url")
    return {"url_of": server.url_of(url), "database_url": url}


@pytest.mark.parametrize(
    ("days", "database_of_house"), [(40, "sqlite"), (-40, "postgresql")], indirect=["database_of_house"]
)
def test_a_real_worker_stamps_by_the_trusted_time(
    tmp_path_factory: pytest.TempPathFactory, days: int, database_of_house: dict[str, Any]
) -> None:
    """This machine's clock can't be set in a test; a trusted moment 40 days ago says the same: it runs 40 days ahead.

    The worker dies meanwhile; at the end two persons say that the wall clock is right.
    """
    folder, ahead = tmp_path_factory.mktemp("steady"), timedelta(days=days)
    with running_city(folder / "city", CAMERA) as city, running_house(folder / "house", **database_of_house) as house:
        # It hangs there by whichever of the two clocks: a placement begins when it is entered.
        wall = SystemClock()
        long_ago = ManualClock(wall.now() - timedelta(days=60))
        placement = replace(house, parts=replace(house.parts, clock=long_ago)).add(city.cameras[CAMERA])
        with house.parts.db.write() as conn:
            sweeps.set_clock_sample(conn, sample_of(wall, ahead))
        began_at = datetime.now(UTC)
        worker = house.start(placement)
        status = house.until_state(placement, "live", 120)
        assert "Seccomp:\t2" in Path(f"/proc/{worker.pid}/status").read_text(encoding="ascii"), (
            "it is confined meanwhile"
        )
        assert status["wall_clock_off_s"] == pytest.approx(ahead.total_seconds(), abs=2)
        worker.kill()
        worker.wait()
        worker = house.start(placement)
        until(lambda: len({row.epoch for row in house.segments(placement)}) == 2, 60, "it records again")
        _check_instants(house, placement, began_at - ahead)
        with house.parts.db.write() as conn:
            sweeps.set_clock_sample(conn, sample_of(SystemClock()))
        house.until_state(placement, "live", 60, wall_clock_off_s=0)
        near = timedelta(minutes=3)
        until(
            lambda: any(abs(row.start_at - began_at) < near for row in house.segments(placement)), 60, "it goes by it"
        )
        assert house.stop(worker, 40) == 0
        assert GapCause.WORKER_CRASHED in {gap.cause for gap in house.gaps(placement)}, (
            "not hidden by a wall clock behind it"
        )
        with house.parts.db.read() as conn:
            now = reckoning_of(SystemClock())
            found = footage_clocks.list_of(conn, placement, now.boot_id, placements.last_number(conn, placement))
            told = [entry.object for entry in reversed(search(conn, Filter(acts=(Act.CLOCK_DOUBT,))))]
    # By this the daemon shortens terms, when that was ahead.
    by_s = [(one.reckoned.ahead_us - now.ahead_us) / 1e6 for one in found]
    assert by_s == [pytest.approx(-ahead.total_seconds(), abs=5), pytest.approx(0, abs=5)]
    assert found[0].from_number == 1
    assert [one["step_s"] for one in told if "step_s" in one] == [pytest.approx(ahead.total_seconds(), abs=5)]
    off_s = pytest.approx(ahead.total_seconds(), abs=5)
    assert [(one["off_s"], one["was_s"]) for one in told if "off_s" in one] == [(off_s, 0), (0, off_s)], (
        "once each, although the worker began twice"
    )


def _check_instants(house: House, placement: str, began_at: datetime) -> None:
    for row in house.segments(placement):
        assert timedelta(0) <= row.start_at - began_at <= timedelta(minutes=3)
        assert row.due_at - row.start_at == house.parts.settings.keep_for
