"""Each fault does what it says and can be taken back."""

import contextlib
import math
import socket
import urllib.parse
from itertools import pairwise

import av
import pytest
from onvif import ONVIFCamera
from onvif.exceptions import ONVIFError

from sample_streams.truth import load_records
from tests.sample_streams.city import CityCamera, OrderRefusedError
from tests.sample_streams.viewing import opened, pictures, watch

pytestmark = pytest.mark.processes


def _numbers(camera: CityCamera, count: int) -> list[int]:
    return [picture.number for picture in watch(camera, count) if picture.number is not None]


def test_lost_packets_are_missing_and_counted(havensteeg: CityCamera) -> None:
    """The log of truth says which frames came through whole."""
    havensteeg.order(fault="loss", percent=30)
    before = havensteeg.state()["packets_dropped"]
    with opened(havensteeg.url()) as container:
        for _ in zip(pictures(container), range(10), strict=False):
            pass
    assert havensteeg.state()["packets_dropped"] > before
    records = load_records(havensteeg.truth_dir, havensteeg.camera_id)
    assert any(record.sent_packets < record.total_packets for record in records.values())


def test_exactly_one_frame_can_be_dropped(havensteeg: CityCamera) -> None:
    """The worst case for a mask is one lost reference picture that no decoder notices."""
    with opened(havensteeg.url()) as container:
        stream = pictures(container)
        for _ in range(4):
            next(stream)
        havensteeg.order(fault="drop_frame")
        numbers = [next(stream).number for _ in range(10)]
    records = load_records(havensteeg.truth_dir, havensteeg.camera_id)
    gone = [
        record.frame
        for record in records.values()
        if record.sent_packets == 0 and record.frame >= min(n for n in numbers if n)
    ]
    assert len(gone) == 1
    assert gone[0] not in numbers


def test_a_stall_keeps_the_connection_open_without_data(havensteeg: CityCamera) -> None:
    """The stall watchdog must see this, because nothing else will: frames stop, the connection stays."""
    with opened(havensteeg.url()) as container:
        stream = pictures(container)
        before = next(stream).number
        havensteeg.order(fault="stall", seconds=2.0)
        assert havensteeg.state()["viewers"] == 1
        after = [next(stream).number for _ in range(12)]
    steps = [b - a for a, b in zip([before, *after], after, strict=False) if a is not None and b is not None]
    assert max(steps) >= 15


def test_a_killed_connection_can_be_opened_again(havensteeg: CityCamera) -> None:
    """Reconnecting is the product's task; the camera must let it."""
    with opened(havensteeg.url()) as container:
        stream = pictures(container)
        next(stream)
        havensteeg.order(fault="kill")
        with contextlib.suppress(av.error.FFmpegError):
            assert len(list(stream)) < 50
    assert _numbers(havensteeg, 3)


def test_another_resolution_comes_in_the_running_stream(havensteeg: CityCamera) -> None:
    """With new parameter sets at a keyframe, a readable number, and the truth scaled along."""
    with opened(havensteeg.url()) as container:
        stream = pictures(container)
        assert next(stream).y.shape == (540, 960)
        havensteeg.order(fault="resolution", width=640, height=360)
        shapes = [(picture.y.shape, picture.number) for picture, _ in zip(stream, range(20), strict=False)]
    assert shapes[-1][0] == (360, 640)
    assert shapes[-1][1] is not None
    record = load_records(havensteeg.truth_dir, havensteeg.camera_id)[shapes[-1][1]]
    assert (record.width_px, record.height_px) == (640, 360)


def test_refused_connections_and_wrong_passwords(havensteeg: CityCamera) -> None:
    """Two ways in which a camera says no, with different errors."""
    havensteeg.order(fault="wrong_password")
    with pytest.raises(av.error.HTTPUnauthorizedError), opened(havensteeg.url()):
        pass
    havensteeg.order(fault="wrong_password", on=False)
    havensteeg.order(fault="refuse", seconds=3)
    with pytest.raises(ConnectionRefusedError), opened(havensteeg.url()):
        pass


def test_a_reboot_takes_everything_away_and_starts_a_new_clock(havensteeg: CityCamera) -> None:
    """Ports closed, then back at the same addresses with the boot counted."""
    before = havensteeg.state()
    havensteeg.order(fault="reboot", seconds=1.0, clock_error_s=3.0)
    where = urllib.parse.urlsplit(havensteeg.entry["rtsp_url"])
    with pytest.raises(ConnectionRefusedError), socket.create_connection((where.hostname, where.port), timeout=5):
        pass
    after = havensteeg.wait_until(lambda state: not state["is_away"] and state["boot"] == before["boot"] + 1)
    assert math.isclose(after["clock_offset_s"], before["clock_offset_s"] + 3.0)
    assert after["rtsp_url"] == before["rtsp_url"]
    assert _numbers(havensteeg, 3)


def test_a_clock_step_shows_in_the_sender_reports(havensteeg: CityCamera) -> None:
    """A camera whose clock is set anew must not move footage in time unnoticed."""
    havensteeg.order(fault="clock", offset_s=100.0)
    seen = [picture for picture in watch(havensteeg, 15) if picture.camera_utc_s is not None]
    records = load_records(havensteeg.truth_dir, havensteeg.camera_id)
    offsets = [picture.camera_utc_s - records[picture.number].true_utc_s for picture in seen]
    assert offsets
    assert all(abs(offset - 100.0) < 0.01 for offset in offsets)


def test_no_sender_reports_means_no_camera_time(havensteeg: CityCamera) -> None:
    """Some cameras never send any; then arrival time is all there is."""
    havensteeg.order(fault="no_reports")
    assert all(picture.camera_utc_s is None for picture in watch(havensteeg, 8))


def test_a_timestamp_jump_passes_into_the_stream(havensteeg: CityCamera) -> None:
    """Firmware that resets its RTP clock sends exactly this."""
    with opened(havensteeg.url()) as container:
        stamps: list[int] = []
        for packet in container.demux(video=0):
            if packet.pts is not None:
                stamps.append(packet.pts)
            if len(stamps) == 4:
                havensteeg.order(fault="timestamp_jump", seconds=3600)
            if len(stamps) == 14:
                break
    assert max(b - a for a, b in pairwise(stamps)) > 3500 * 90_000


def test_an_order_that_nobody_understands_is_refused(havensteeg: CityCamera) -> None:
    """A test that mistypes a fault must fail, not pass for want of one."""
    for order in ({"fault": "lightning"}, {"do": "dance"}, {"fault": "loss"}, {"percent": 3}):
        with pytest.raises(OrderRefusedError):
            havensteeg.order(**order)


def _status(camera: CityCamera) -> object:
    where = urllib.parse.urlsplit(camera.entry["onvif_url"])
    client = ONVIFCamera(
        where.hostname, where.port, camera.entry["username"], camera.entry["password"], adjust_time=True
    )
    return client.create_ptz_service().GetStatus({"ProfileToken": "main"})


def test_telemetry_can_be_cut_frozen_absent_or_nonsense(vredenmarkt: CityCamera) -> None:
    """Each of these must end in grey, so each must really happen."""
    vredenmarkt.order(fault="telemetry", mode="cut")
    with pytest.raises(ONVIFError):
        _status(vredenmarkt)
    vredenmarkt.order(fault="telemetry", mode="absent")
    assert _status(vredenmarkt).Position is None
    vredenmarkt.order(fault="telemetry", mode="frozen")
    vredenmarkt.order(do="pose", pan_deg=-120, tilt_deg=0, zoom=0)
    assert _status(vredenmarkt).Position.PanTilt.x == 20
    vredenmarkt.order(fault="telemetry", mode="none")
    assert _status(vredenmarkt).Position.PanTilt.x == -120


def test_a_ptz_camera_homes_after_a_reboot_without_telling_where_it_is(vredenmarkt: CityCamera) -> None:
    """While it homes the picture moves and no position is to be had: grey."""
    vredenmarkt.order(fault="reboot", seconds=0.5, homing_seconds=1.5)
    vredenmarkt.wait_until(lambda state: not state["is_away"] and state["homing"])
    assert _status(vredenmarkt).Position is None
    state = vredenmarkt.wait_until(lambda state: not state["homing"], within_s=30)
    assert abs(state["pose"][0] - 20) < 0.01
    assert _status(vredenmarkt).Position.PanTilt.x == 20


def test_the_onvif_service_can_go_away_and_come_back(vredenmarkt: CityCamera) -> None:
    """The picture goes on while nobody tells where the camera looks."""
    vredenmarkt.order(fault="onvif_away", seconds=1.5)
    where = urllib.parse.urlsplit(vredenmarkt.entry["onvif_url"])
    with pytest.raises(ConnectionRefusedError), socket.create_connection((where.hostname, where.port), timeout=5):
        pass
    assert _numbers(vredenmarkt, 3)
