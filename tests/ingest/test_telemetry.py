"""Answers become samples: intervals on the camera's clock that surely hold the instant of the pose."""

import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Self, cast

import pytest

from ingest.agreement import MAX_VIDEO_DELAY_S, ClockAgreement
from ingest.camera_desk import CameraDesk
from ingest.gauge import Gauge
from ingest.metadata_source import MetadataStream, StatusMessage
from ingest.position import Position
from ingest.ptz_space import SPHERICAL_URI, PositionSpace, PtzSpaces, Range
from ingest.samples import Exchange, SampleMaker
from ingest.telemetry import HIGHEST_RATE_HZ, LOWEST_RATE_HZ, MOST_FAILURES, PollPace, TelemetryPoll
from ingest.telemetry_link import KEEP_ALIVE_S, TelemetryLink
from vms.clock import ManualClock, SystemClock
from vms.errors import InvalidInput, Unavailable, VmsError

SPACES = PtzSpaces(PositionSpace(SPHERICAL_URI, Range(-180, 180), Range(-90, 90)), (), Range(0, 1))
AHEAD_S = 2.0e6


def position(utc_s: float | None, digits: int = 3, pan: float | None = 10.0) -> Position:
    """An answer."""
    return Position(pan, -4.0, SPHERICAL_URI, 0.25, moving=False, utc_s=utc_s, utc_digits=digits)


@pytest.mark.parametrize(("digits", "widest_s"), [(3, 0.05), (1, 0.2), (0, 1.1)])
def test_the_interval_holds_the_true_instant_and_gets_narrow(digits: int, widest_s: float) -> None:
    """Nobody tells whether a camera cuts or rounds its seconds: half of the two resolutions stays open, the rest is pinned down."""
    rng = random.Random(5)
    maker, now_s = SampleMaker(SPACES, ClockAgreement(0.0, 0.0)), 100.0
    widths = []
    for _ in range(200):
        now_s += rng.uniform(0.04, 0.07)
        sent_s, taken_s, received_s = now_s, now_s + rng.uniform(0.001, 0.02), now_s + 0.021
        step = 10.0**-digits
        stamped_s = (taken_s + AHEAD_S) // step * step
        sample = maker.sample(Exchange(position(stamped_s, digits), sent_s, received_s))
        assert sample is not None
        assert sample.at_lo_s - 1e-6 <= taken_s + AHEAD_S <= sample.at_hi_s + 1e-6
        widths.append(sample.at_hi_s - sample.at_lo_s)
    assert max(widths[-50:]) <= widest_s


def test_stamps_that_are_always_whole_seconds_are_not_taken_for_exact() -> None:
    """A camera that prints ".000" every time has no milliseconds."""
    sample = SampleMaker(SPACES, ClockAgreement(0.0, 0.0)).sample(Exchange(position(5000.0, 3), 100.0, 100.02))
    assert sample is not None
    assert sample.at_hi_s - sample.at_lo_s > 0.9


def test_an_answer_without_a_time_is_as_old_as_it_may_be() -> None:
    """It was taken somewhere in the second before it came, and the pictures' clock is too small by their delay."""
    agreement = ClockAgreement(0.0, 0.0)
    maker = SampleMaker(SPACES, agreement)
    exchange = Exchange(position(None), 100.0, 100.02)
    assert maker.sample(exchange) is None
    agreement.see_picture(0.0, 99.9 + AHEAD_S, 100.0)
    sample = maker.sample(exchange)
    assert sample is not None
    assert sample.at_lo_s == pytest.approx(99.9 + AHEAD_S - 1.0)
    assert sample.at_hi_s == pytest.approx(99.92 + AHEAD_S + MAX_VIDEO_DELAY_S)


def test_an_answer_without_a_position_is_a_sample_without_a_pose() -> None:
    """The stage greys what lies between its neighbours."""
    sample = SampleMaker(SPACES, ClockAgreement(0.0, 0.0)).sample(Exchange(position(5000.5, pan=None), 100.0, 100.02))
    assert sample is not None
    assert sample.pan_deg is None


class FakeCamera:
    """Answers after a while, or not."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.takes_s, self.answers = clock, 0.01, True

    def ask(self) -> Position | None:
        """Answer."""
        self.clock.sleep(self.takes_s)
        return position(1.5) if self.answers else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        """Nothing to close."""


@pytest.mark.parametrize(("takes_s", "low_hz", "high_hz"), [(0.005, 18, 20.5), (0.2, 3.5, 4.5)])
def test_a_camera_is_asked_as_often_as_it_sustains(takes_s: float, low_hz: float, high_hz: float) -> None:
    """Small computers in small housings fall over when asked more."""
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    camera, got = FakeCamera(clock), []
    camera.takes_s = takes_s
    poll = TelemetryPoll(camera, got.append, clock, threading.Event())
    for _ in range(60):
        clock.sleep(poll.step())
    assert low_hz <= poll.rate_hz <= high_hz
    assert poll.rate_hz <= HIGHEST_RATE_HZ + 0.5
    assert len(got) == 60


def test_a_camera_that_does_not_answer_is_asked_less_and_less_and_then_linked_anew() -> None:
    """A camera that reboots must not be hammered, and may come back with other profiles."""
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    camera = FakeCamera(clock)
    poll = TelemetryPoll(camera, lambda _: None, clock, threading.Event())
    poll.step()
    camera.answers = False
    pauses = [poll.step() for _ in range(8)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 2.0
    poll.run()
    assert poll._failures == MOST_FAILURES


def test_a_camera_that_gets_slow_is_asked_less_and_then_more_again() -> None:
    """It encodes and turns with the same small processor."""
    pace, now_s = PollPace(), 0.0

    def run(takes_s: float, count: int) -> float:
        nonlocal now_s
        for _ in range(count):
            now_s += takes_s + pace.pause_s(takes_s, now_s, None)
        return pace.highest_hz

    assert run(0.01, 50) == pytest.approx(HIGHEST_RATE_HZ)
    assert run(0.2, 6) < HIGHEST_RATE_HZ / 3
    assert run(0.2, 60) == pytest.approx(LOWEST_RATE_HZ)
    assert run(0.01, 200) == pytest.approx(HIGHEST_RATE_HZ)


@pytest.mark.parametrize(("stream_silent_s", "expected_hz"), [(None, HIGHEST_RATE_HZ), (0.05, 5.0), (600.0, 10.0)])
def test_a_stream_that_speaks_spares_questions_but_never_all(stream_silent_s: float | None, expected_hz: float) -> None:
    """Silence says neither that the camera stands still nor that it is there: the heartbeat goes on."""
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    camera = FakeCamera(clock)
    poll = TelemetryPoll(camera, lambda _: None, clock, threading.Event(), lambda: stream_silent_s)
    for _ in range(60):
        clock.sleep(poll.step())
    assert poll.rate_hz == pytest.approx(expected_hz, rel=0.05)
    assert poll.round_trip_ms == pytest.approx(10.0)


class FailingDesk:
    """A camera's services that fail in one way after the other; each failure may be an error or a camera that gives no position."""

    def __init__(
        self, stop: threading.Event, tell: Callable[[], object], failures: list[VmsError | FakeCamera]
    ) -> None:
        self._stop = stop
        self._tell = tell
        self._failures = failures

    def telemetry(self) -> tuple[FakeCamera, PtzSpaces, bool]:
        """Fail in the next way; after the last one end."""
        self._tell()
        failure = self._failures.pop(0)
        if not self._failures:
            self._stop.set()
        if isinstance(failure, VmsError):
            raise failure
        return failure, SPACES, False

    def forget(self) -> None:
        """Nothing to forget."""


def test_why_there_is_no_position_is_told_until_there_is_one() -> None:
    """What came is told where it is known; a camera that can be linked to and then answers nothing is no camera that works."""
    clock, stop = ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), threading.Event()
    page = Unavailable("no ONVIF service (...); correct the address", code="camera.onvif", came='HTTP 200, "Login"')
    fault = Unavailable("the camera refuses: no", code="camera.onvif-fault", reason="no")
    silent = FakeCamera(clock)
    silent.answers = False
    seen: list[tuple[str | None, str | None, str | None]] = []

    def tell() -> None:
        facts = link.facts()
        seen.append(tuple(facts[f"telemetry_problem{end}"] for end in ("", "_said", "_since_at")))  # type: ignore[arg-type]  # three

    failures: list[VmsError | FakeCamera] = [
        page,
        fault,
        InvalidInput("no zoom", code="ptz.zoom-unknown"),
        silent,
        page,
    ]
    link = TelemetryLink(
        cast("CameraDesk", FailingDesk(stop, tell, failures)),
        ClockAgreement(0.0, 0.0),
        lambda _told: None,
        Gauge(clock),
        clock,
        listen=lambda: cast("MetadataStream", SilentStream()),
    )
    link.run(stop)
    began = "2026-01-01T00:00:00+00:00"
    assert seen == [
        (None, None, None),
        ("camera.onvif", 'HTTP 200, "Login"', began),
        ("camera.onvif-fault", "no", began),
        ("ptz.zoom-unknown", "no zoom", began),
        ("camera.position-unanswered", "", began),
    ]
    link._take(Exchange(position(None), 0.0, 0.0))
    tell()
    assert seen[-1] == (None, None, None)


class SilentStream:
    """The metadata session of a parked camera: open, and without a word until it is ended."""

    garbled = 0

    def __init__(self) -> None:
        self.ended = threading.Event()

    def messages(self) -> Iterator[StatusMessage]:
        """Wait for the end."""
        self.ended.wait(20)
        return iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        """Nothing to close."""


def test_a_silent_metadata_session_is_kept_by_asking_for_a_status() -> None:
    """FFmpeg keeps a session alive only when a packet has come: a parked camera's would end every minute."""
    clock, stop = ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), threading.Event()
    asked: list[float] = []
    stream = SilentStream()
    link = TelemetryLink(
        cast("CameraDesk", None),
        ClockAgreement(0.0, 0.0),
        lambda _told: None,
        Gauge(clock),
        clock,
        listen=lambda: cast("MetadataStream", stream),
        ask_for_status=lambda: asked.append(clock.monotonic_s()),
    )

    def answered() -> None:
        now_s = clock.monotonic_s()
        link._take(Exchange(position(None), now_s, now_s))

    answered()
    assert asked == [], "no session, nothing to keep"
    link._offers_stream = True
    listener = threading.Thread(target=link.listen, args=(stop,))
    listener.start()
    give_up_s = SystemClock().monotonic_s() + 20
    while not link._stream.is_open:
        assert SystemClock().monotonic_s() < give_up_s
        SystemClock().sleep(0.01)
    began_s = clock.monotonic_s()
    for _ in range(600):
        clock.sleep(0.1)
        answered()
    stop.set()
    stream.ended.set()
    listener.join(20)
    gaps_s = [later - earlier for earlier, later in pairwise([began_s, *asked])]
    assert len(gaps_s) >= 4
    assert max(gaps_s) <= KEEP_ALIVE_S + 0.2
    assert min(gaps_s) >= KEEP_ALIVE_S - 0.2
