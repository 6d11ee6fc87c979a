"""Streamed statuses and odd clocks become intervals that surely hold the instant of the pose, or no samples."""

import pytest

from ingest.agreement import MAX_VIDEO_DELAY_S, ClockAgreement
from ingest.metadata_source import StatusMessage
from ingest.position import Position
from ingest.ptz_space import SPHERICAL_URI, PositionSpace, PtzSpaces, Range
from ingest.samples import POLLED, STREAMED, Exchange, SampleMaker

SPACES = PtzSpaces(PositionSpace(SPHERICAL_URI, Range(-180, 180), Range(-90, 90)), (), Range(0, 1))
AHEAD_S = 2.0e6
DELAY_S = 0.1


def position(utc_s: float | None, digits: int = 3) -> Position:
    """A status."""
    return Position(10.0, -4.0, SPHERICAL_URI, 0.25, moving=True, utc_s=utc_s, utc_digits=digits)


@pytest.fixture
def agreement() -> ClockAgreement:
    """A camera whose pictures come DELAY_S after they were taken, by a clock AHEAD_S before ours."""
    made = ClockAgreement(0.01, 0.01)
    made.see_picture(0.0, 100.0 - DELAY_S + AHEAD_S, 100.0)
    return made


def polled(maker: SampleMaker, shift_s: float = 0.0) -> None:
    """One answer to a question, so that the camera's clock is known."""
    told = position(100.01 + AHEAD_S + shift_s + 1e-4)
    assert maker.sample(Exchange(told, 100.0, 100.02)) is not None


def test_a_streamed_status_counts_at_its_own_time(agreement: ClockAgreement) -> None:
    """Not when it arrived: it may have waited in the camera and on the way."""
    maker = SampleMaker(SPACES, agreement)
    polled(maker)
    taken_s = 101.0 + AHEAD_S + 1e-4
    sample = maker.sample(StatusMessage(position(taken_s), taken_s + 0.01, 101.06))
    assert sample is not None
    assert sample.source == STREAMED
    assert sample.at_lo_s == pytest.approx(taken_s, abs=0.002)
    assert sample.at_hi_s == pytest.approx(taken_s, abs=0.002)
    assert sample.arrived_s == pytest.approx(101.06 + AHEAD_S, abs=0.03)
    assert maker.stream_lag_s == pytest.approx(0.06, abs=0.03)


@pytest.mark.parametrize("round_trip_s", [0.02, 0.2, 0.4])
def test_a_status_that_comes_at_once_was_not_read_after_it_arrived(
    agreement: ClockAgreement, round_trip_s: float
) -> None:
    """Questions that take long leave the camera's clock open by as much; that is no clock that was set, which would be grey."""
    maker = SampleMaker(SPACES, agreement)
    for step in range(40):
        now_s = 101.0 + step * 0.5
        told = position(now_s + AHEAD_S + 1e-4)  # stamped when the question came, answered much later
        maker.sample(Exchange(told, now_s, now_s + round_trip_s))
        taken_s = now_s + 0.3 + AHEAD_S + 1e-4
        sample = maker.sample(StatusMessage(position(taken_s), taken_s, now_s + 0.301))
        assert sample is not None
        assert sample.at_lo_s <= sample.arrived_s
        assert sample.arrived_s == pytest.approx(taken_s, abs=0.02)


def test_a_status_from_beyond_what_is_open_was_read_by_a_clock_that_was_set(agreement: ClockAgreement) -> None:
    """It stays later than its arrival, and that greys the picture."""
    maker = SampleMaker(SPACES, agreement)
    for step in range(5):
        polled_at_s = 101.0 + step
        maker.sample(Exchange(position(polled_at_s + 0.01 + AHEAD_S + 1e-4), polled_at_s, polled_at_s + 0.02))
    taken_s = 106.0 + 0.4 + AHEAD_S + 1e-4
    sample = maker.sample(StatusMessage(position(taken_s), taken_s, 106.0))
    assert sample is not None
    assert sample.at_lo_s > sample.arrived_s + 0.3


@pytest.mark.parametrize("wrong_by_s", [-7.0, 5.0])
def test_a_status_whose_time_contradicts_its_packet_counts_anywhere_in_the_second_before(
    agreement: ClockAgreement, wrong_by_s: float
) -> None:
    """Which of the two times is right is not known; the wide interval holds the truth either way."""
    maker = SampleMaker(SPACES, agreement)
    polled(maker)
    packet_s = 101.0 + AHEAD_S
    sample = maker.sample(StatusMessage(position(packet_s + wrong_by_s + 1e-4), packet_s, 101.06))
    assert sample is not None
    assert (sample.at_lo_s, sample.at_hi_s) == pytest.approx((packet_s - 1.0, packet_s))


def test_a_streamed_status_without_any_time_is_none() -> None:
    """Nothing says when it was."""
    maker = SampleMaker(SPACES, ClockAgreement(0.01, 0.01))
    assert maker.sample(StatusMessage(position(None), None, 101.0)) is None
    assert maker.sample(StatusMessage(position(5000.0), 5000.0, 101.0)) is None, "no clock yet"


@pytest.mark.parametrize("zone_s", [3600.0, -3600.0, 7200.0, 20700.0, -34200.0])
def test_a_wrong_time_zone_is_put_right_by_the_pictures_clock(agreement: ClockAgreement, zone_s: float) -> None:
    """Firmware fills UTC with local time; zones are whole quarters of an hour, which no delay is."""
    maker = SampleMaker(SPACES, agreement)
    told = position(100.01 + AHEAD_S + zone_s + 1e-4)
    sample = maker.sample(Exchange(told, 100.0, 100.02))
    assert sample is not None
    assert sample.at_lo_s - 1e-6 <= 100.01 + AHEAD_S + 1e-4 <= sample.at_hi_s + 1e-6
    assert maker.zone_s[POLLED] == zone_s
    assert agreement.agreed()


def test_a_clock_that_is_off_by_something_else_is_left_as_it_is(agreement: ClockAgreement) -> None:
    """It was set, or is another clock: pictures and poses do not agree, and everything is grey."""
    maker = SampleMaker(SPACES, agreement)
    assert maker.sample(Exchange(position(100.01 + AHEAD_S + 40.0 + 1e-4), 100.0, 100.02)) is not None
    assert not agreement.agreed()


def test_a_stamp_from_another_century_is_no_time(agreement: ClockAgreement) -> None:
    """1979 and 1970 are what cameras say that do not know; the answer is then as old as it may be."""
    maker = SampleMaker(SPACES, agreement)
    sample = maker.sample(Exchange(position(100.01 + AHEAD_S - 47 * 365 * 86400.0), 100.0, 100.02))
    assert sample is not None
    offset_s = AHEAD_S - DELAY_S
    assert sample.at_lo_s == pytest.approx(100.0 + offset_s - 1.0)
    assert sample.at_hi_s == pytest.approx(100.02 + offset_s + MAX_VIDEO_DELAY_S)
    assert agreement.agreed()


def test_a_field_of_view_travels_with_its_sample(agreement: ClockAgreement) -> None:
    """It is there for whoever will check it against the plan's table; nothing does yet."""
    maker = SampleMaker(SPACES, agreement)
    told = Position(1.0, 1.0, SPHERICAL_URI, 0.5, None, 100.01 + AHEAD_S + 1e-4, 3, 31.2, 0.1)
    sample = maker.sample(Exchange(told, 100.0, 100.02))
    assert sample is not None
    assert (sample.hfov_deg, sample.hfov_step_deg) == (31.2, 0.1)
