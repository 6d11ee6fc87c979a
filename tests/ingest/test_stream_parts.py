"""The small parts between camera and output: addresses, failures, media time, waiting, locks, queues, shedding, budget."""

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest

from ingest.address import CameraAddress
from ingest.backoff import HEALTHY_S, LONGEST_S, Backoff
from ingest.budget import COARSEST_QP, BitBudget
from ingest.failure import stalled
from ingest.gauge import GREY_TOLD_AFTER, Gauge
from ingest.inbox import MOST_PACKETS, Dropped, Ended, Inbox
from ingest.mediatime import MediaTimeline, StallWatch
from ingest.reader import CameraReader
from ingest.session_lock import SessionLock
from ingest.shedding import CALM_FOR_S, Shed, Shedder
from ingest.source import CameraStream, SourcePacket
from vms.clock import ManualClock
from vms.errors import Conflict, InvalidInput
from vms.model import CameraId

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_password_is_in_no_representation_of_an_address() -> None:
    """A log must not hold it."""
    address = CameraAddress("rtsp://10.0.0.5:554/a?b=1", "op er", "p@ss/#1")
    assert "p@ss" not in f"{address!r}{address}"


@pytest.mark.parametrize(
    "url",
    [
        "http://a/b",
        "rtsp:///x",
        "rtsp://u:p@h/x",
        "",
        "rtsp://h:99999/x",
        "rtsp://h:0/x",
        "rtsp://[::1/x",
        "rtsp://h/x\r\nX: y",
        "rtsp://h/x y",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """With what it should look like."""
    with pytest.raises(InvalidInput):
        CameraAddress(url, "u", "p")


@pytest.mark.parametrize("url", ["rtsps://10.0.0.5/x", "rtsp://[2001:db8::5]:8554/x", "rtsp://camera-5.lan/x"])
def test_addresses_of_every_kind_are_taken(url: str) -> None:
    """Encrypted, IPv6, by name."""
    assert CameraAddress(url, "u", "p").rtsp_url == url


@pytest.mark.parametrize(
    ("username", "password"),
    [("u" * 256, "p"), ("u", "p" * 256), ("u", "é" * 128), ("u:v", "p"), ("u\r\nX: y", "p"), ("u", "p\x00")],
)
def test_an_account_that_no_camera_can_have_is_refused_where_it_is_entered(username: str, password: str) -> None:
    """It was cut in silence, and told as a wrong password."""
    with pytest.raises(InvalidInput) as refused:
        CameraAddress("rtsp://h/x", username, password)
    assert refused.value.code == "camera.account"
    assert password not in str(refused.value) or len(password) == 1


def test_a_long_account_is_taken_whole() -> None:
    """127 bytes were the end of what the library before could hold."""
    assert CameraAddress("rtsp://h/x", "u" * 255, "p" * 255).password == "p" * 255


def test_pictures_of_an_encrypted_address_do_not_leave_it() -> None:
    """UDP beside TLS would be plain."""
    with pytest.raises(InvalidInput):
        CameraAddress("rtsps://h/x", "u", "p", transport="udp")


def test_media_time_goes_on_through_jumps_at_the_pace_of_arrival() -> None:
    """An hour ahead after a time correction, and back to zero after a reboot."""
    timeline, out = MediaTimeline(), []
    for number in range(300):
        jump_s = 3600.0 if 100 <= number < 200 else (-4.0 if number >= 200 else 0.0)
        out.append(timeline.place(7.0 + number * 0.04 + jump_s, 50.0 + number * 0.04))
    assert [jumped for _, jumped in out].count(True) == 2
    assert [media_s for media_s, _ in out] == pytest.approx([number * 0.04 for number in range(300)])


def test_b_frames_and_late_reading_are_no_jumps() -> None:
    """Decoding order goes back a little; a starved host reads two seconds in one go."""
    timeline = MediaTimeline()
    for pts_s, arrived_s in [(0.0, 0), (0.12, 0.04), (0.04, 0.08), (0.08, 0.12), (2.5, 2.6), (2.6, 2.6), (4.9, 2.61)]:
        media_s, jumped = timeline.place(pts_s, arrived_s)
        assert (media_s, jumped) == (pts_s, False)


def test_frozen_slow_and_silent_media_is_a_stall_and_a_late_start_is_not() -> None:
    """What counts is the age of the media, not that bytes come."""
    watch = StallWatch(5.0)
    assert not any(watch.stalled(0.04 * n, 100 + 0.04 * n) for n in range(100))
    assert not watch.stalled(4.0, 108.5)
    assert watch.stalled(4.0, 109.1)
    slow = StallWatch(5.0)
    assert any(slow.stalled(0.02 * n, 0.04 * n) for n in range(300))


@pytest.mark.parametrize("pace", [21 / 25, 1 - 100e-6, 1 - 500e-6, 1 + 500e-6])
def test_media_that_runs_slow_is_no_stall_however_long_it_lasts(pace: float) -> None:
    """A camera that stamps 25 pictures a second and sends 21, and a slow clock: both were cut for ever anew."""
    watch = StallWatch(10.0)
    hours = 48 if pace > 0.9 else 2
    assert not any(watch.stalled(pace * now_s, now_s) for now_s in range(hours * 3600))
    # And a frozen one ends as ever.
    end_s = hours * 3600
    assert any(watch.stalled(pace * end_s, end_s + wait_s) for wait_s in range(12))


def test_waits_grow_with_jitter_and_begin_anew_after_a_good_connection() -> None:
    """A hundred cameras behind one switch must not come back in one second."""
    backoff = Backoff(random.Random(1))
    waits = [backoff.wait_s(0.0) for _ in range(10)]
    assert 0.75 <= waits[0] <= 1.25
    assert max(waits) <= LONGEST_S * 1.25
    assert waits[4] > 4 * waits[0]
    assert backoff.wait_s(HEALTHY_S) <= 1.25


def test_a_camera_has_one_session_at_a_time(tmp_path: Path) -> None:
    """Two workers of one camera would both record it, and many cameras serve one client only."""
    lock = SessionLock(tmp_path, CameraId("c1"))
    with pytest.raises(Conflict, match="already served"):
        SessionLock(tmp_path, CameraId("c1"))
    SessionLock(tmp_path, CameraId("c2")).close()
    lock.close()
    SessionLock(tmp_path, CameraId("c1")).close()


def packet(*, key: bool) -> SourcePacket:
    """A packet without content."""
    return SourcePacket(cast("Any", None), 0, 0.0, None, reported=False, jumped=False, is_keyframe=key)


def test_an_inbox_that_is_full_drops_up_to_a_keyframe_and_says_so() -> None:
    """What follows a dropped picture lacks its reference: the decoder must know."""
    inbox = Inbox()
    for _ in range(MOST_PACKETS + 5):
        inbox.put(packet(key=False))
    inbox.put(Ended(stalled("x")))
    got = [inbox.get(0.0) for _ in range(MOST_PACKETS + 2)]
    assert isinstance(got[-2], Dropped)
    assert isinstance(got[-1], Ended)
    assert inbox.dropped_packets == 5
    inbox.put(packet(key=False))
    assert inbox.get(0.0) is None
    inbox.put(packet(key=True))
    inbox.put(packet(key=False))
    assert inbox.get(0.0) is not None
    assert inbox.get(0.0) is not None
    assert inbox.get(0.0) is None


def test_a_worker_that_is_behind_sheds_more_and_more_and_recovers_slowly() -> None:
    """First the rate, then all but keyframes, never the blanking; and no flutter."""
    shedder = Shedder()
    assert shedder.see(0.1, 0) is Shed.NOTHING
    assert shedder.see(0.9, 1) is Shed.HALF
    assert [shedder.wants_frame() for _ in range(4)] == [True, False, True, False]
    assert shedder.see(2.0, 2) is Shed.KEYFRAMES
    assert [shedder.wants_packet(is_keyframe=key) for key in (True, False, False, True)] == [True, False, False, True]
    shedder.wants_packet(is_keyframe=False)
    assert shedder.see(0.1, 3) is Shed.KEYFRAMES
    assert shedder.see(0.1, 3 + CALM_FOR_S) is Shed.HALF
    # A picture was left out: the next ones wait for a keyframe, or they would lack their reference.
    assert [shedder.wants_packet(is_keyframe=key) for key in (False, True, False)] == [False, True, True]
    assert shedder.see(0.1, 3 + 2 * CALM_FOR_S) is Shed.NOTHING


def test_a_worker_that_is_behind_has_no_time_for_anything_else() -> None:
    """The panorama takes pictures only while those who watch and record don't wait: before anything has to be left out."""
    shedder = Shedder()
    times = []
    for behind_s, now_s in ((0.1, 0), (0.5, 1), (0.1, 2), (0.9, 3), (0.1, 4), (0.1, 4 + CALM_FOR_S)):
        shedder.see(behind_s, now_s)
        times.append(shedder.has_time)
    assert times == [True, False, True, False, False, True]


def test_the_quantiser_follows_the_budget_at_keyframes_only() -> None:
    """A night of rain must not fill the disk, and a change within a group of pictures is visible."""
    budget, qps = BitBudget(24), []
    for number in range(250):
        key = number % 25 == 0
        before = budget.qp
        qps.append(budget.see(60_000, number * 0.04, is_keyframe=key, pixels=1920 * 1080))
        assert key or qps[-1] == before
    assert qps[-1] == COARSEST_QP or qps[-1] > 30
    for number in range(250, 900):
        budget.see(500, number * 0.04, is_keyframe=number % 25 == 0, pixels=1920 * 1080)
    assert budget.qp == 24


def test_the_gauge_tells_states_only_when_they_last() -> None:
    """One lost answer of the camera is no news; three grey frames are."""
    clock = ManualClock(NOW)
    gauge = Gauge(clock)
    assert gauge.state()["state"] == "starting"
    gauge.frame(None)
    clock.advance(timedelta(seconds=1))
    for _ in range(GREY_TOLD_AFTER - 1):
        gauge.frame("pose-late")
    assert gauge.state()["state"] == "live"
    gauge.frame("pose-late")
    assert gauge.state() | {"shedding": None} == {"state": "grey", "reason": "pose-late", "shedding": None}
    gauge.packet(1000)
    status = gauge.status()
    assert status["since_at"] == "2026-01-01T00:00:01Z"
    assert status["bitrate_bps"] == 1600
    gauge.offline("camera.stalled")
    assert gauge.state()["state"] == "offline"
    assert SimpleNamespace(**gauge.status()).reason == "camera.stalled"


class HangingUp:
    """A session in which the camera hangs up at once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def packets(self) -> Iterator[SourcePacket]:
        """Give nothing and fail."""
        raise stalled("a test")
        yield cast("SourcePacket", None)


def test_the_reader_counts_its_sessions_and_remembers_why_the_last_one_ended() -> None:
    """The technician's page says how often a camera was lost, and why."""
    clock, stop = ManualClock(NOW), threading.Event()
    opened = 0

    def connect() -> CameraStream:
        nonlocal opened
        opened += 1
        if opened == 3:
            stop.set()
        return cast("CameraStream", HangingUp())

    reader = CameraReader(connect, Inbox(), Backoff(random.Random(1)), clock, stop)
    reader.run()
    assert reader.sessions == 3
    assert reader.last_failure == "camera.stalled"
