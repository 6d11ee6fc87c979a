"""Capture instants: on our clock, from the camera's where it tells it, never backwards."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clockmap import CaptureMap
from ingest.sliding import SlidingLeast

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
FRAME_S = 0.04


class Camera:
    """A camera whose pictures arrive with a delay and some jitter."""

    def __init__(self, ahead_s: float, *, delay_s: float = 0.08, jitter_s: float = 0.05, reports_from: int = 0) -> None:
        self.map = CaptureMap()
        self.ahead_s, self.delay_s, self.jitter_s, self.reports_from = ahead_s, delay_s, jitter_s, reports_from
        self.rng = random.Random(1)
        self.host_error_s = 0.0
        self.errors_s: list[float] = []
        self.instants: list[datetime] = []

    def shoot(self, number: int) -> None:
        """Take a picture, and note how wrong its instant is."""
        taken_at = NOW + timedelta(seconds=number * FRAME_S)
        delay_s = self.delay_s + self.rng.uniform(0, self.jitter_s)
        camera_s = taken_at.timestamp() + self.ahead_s if number >= self.reports_from else None
        arrived_at = taken_at + timedelta(seconds=delay_s)
        arrived_s = (arrived_at - NOW).total_seconds() + 500
        told_at = arrived_at + timedelta(seconds=self.host_error_s)
        at = self.map.in_order(self.map.captured_at(number * FRAME_S, camera_s, arrived_s, told_at))
        self.instants.append(at)
        self.errors_s.append((at - taken_at).total_seconds())


def test_a_camera_that_keeps_our_time_is_believed() -> None:
    """Its own time stamps are exact; arrival is late by the network."""
    camera = Camera(0.0)
    for number in range(200):
        camera.shoot(number)
    assert max(abs(error) for error in camera.errors_s) < 1e-3
    assert camera.map.synchronised


def test_a_camera_with_a_wrong_clock_is_put_on_ours() -> None:
    """37.5 s ahead is what the demo city has; a year is what a camera has that lost its battery."""
    for ahead_s in (37.5, -3.0e7, 3600.0):
        camera = Camera(ahead_s)
        for number in range(200):
            camera.shoot(number)
        assert all(0 <= error < 0.14 for error in camera.errors_s)
        assert not camera.map.synchronised


def test_before_the_first_report_arrival_counts_and_nothing_jumps_when_it_comes() -> None:
    """GStreamer's server sends its first report after many frames."""
    camera = Camera(12.0, reports_from=60)
    for number in range(300):
        camera.shoot(number)
    steps = [(b - a).total_seconds() for a, b in zip(camera.instants, camera.instants[1:], strict=False)]
    assert min(steps) > 0
    assert max(steps) < 0.2
    assert abs(camera.errors_s[-1]) < 0.2


def test_our_clock_set_back_never_sets_instants_back() -> None:
    """A recording in which time runs backwards can't be sought in, nor sworn to."""
    camera = Camera(37.5, jitter_s=0.0)
    for number in range(500):
        camera.host_error_s = -2.0 if number > 100 else 0.0
        camera.shoot(number)
    steps = [(b - a).total_seconds() for a, b in zip(camera.instants, camera.instants[1:], strict=False)]
    assert min(steps) > 0.5 * FRAME_S
    assert camera.errors_s[-1] < camera.errors_s[150]


def test_our_clock_set_forward_is_followed_at_once() -> None:
    """After the machine has got the right time, footage carries it."""
    camera = Camera(37.5, jitter_s=0.0)
    for number in range(300):
        camera.host_error_s = 60.0 if number > 100 else 0.0
        camera.shoot(number)
    assert 59.9 < camera.errors_s[-1] < 60.2


@pytest.mark.parametrize("ahead_s", [37.5, 0.0, -3.0e7])
def test_our_clock_far_ahead_and_back_is_said_and_instants_are_right_at_once(ahead_s: float) -> None:
    """An hour's error slewed away by a tenth would label ten hours of footage wrongly, and nobody would know."""
    camera = Camera(ahead_s, jitter_s=0.0)
    told = []
    for number in range(300):
        camera.host_error_s = 3600.0 if 100 <= number < 200 else 0.0
        camera.shoot(number)
        told.append(camera.map.take_step_s())
        if (told[-1] or 0) < 0:
            camera.map.begin_anew()
    steps = {number: step_s for number, step_s in enumerate(told) if step_s is not None}
    assert steps == {100: pytest.approx(3600, abs=0.5), 200: pytest.approx(-3600, abs=0.5)}
    assert abs(camera.errors_s[201]) < 0.2
    assert abs(camera.errors_s[-1]) < 0.2


def test_a_session_that_begins_after_our_clock_came_back_says_so_too() -> None:
    """The clock may be set while the camera is away."""
    later = CaptureMap(NOW + timedelta(hours=1))
    later.captured_at(0.0, None, 1.0, NOW)
    assert later.take_step_s() == pytest.approx(-3600)
    later.begin_anew()
    assert later.in_order(NOW) == NOW


def test_a_new_session_goes_on_after_the_old_ones_last_instant() -> None:
    """A reconnected camera must not write over what it has recorded."""
    later = CaptureMap(NOW + timedelta(seconds=5))
    at = later.in_order(later.captured_at(0.0, None, 1.0, NOW))
    assert at > NOW + timedelta(seconds=5)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-5, 5)), min_size=1, max_size=60))
def test_the_least_of_a_window_is_the_least_of_a_window(values: list[tuple[float, float]]) -> None:
    """The quick structure against the obvious one."""
    values.sort(key=lambda pair: pair[0])
    least = SlidingLeast(10.0)
    for index, (at_s, value) in enumerate(values):
        expected = min(v for t, v in values[: index + 1] if t >= at_s - 10.0)
        assert least.add(at_s, value) == expected
