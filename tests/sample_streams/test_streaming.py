"""The streams, as an independent client sees them."""

import os
import signal
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from sample_streams.scene.stage import DWELLING_V_ABOVE
from sample_streams.truth import dwelling_mask, load_records, load_truth
from tests.sample_streams.city import City, CityCamera, is_alive, running_city, stop
from tests.sample_streams.viewing import opened, pictures, watch

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("camera_id", ["wevergracht", "lindestraat", "vredenmarkt", "havensteeg"])
def test_every_camera_can_be_watched_over_tcp_and_udp(city: City, camera_id: str, transport: str) -> None:
    """H.264 and H.265, digest and basic: each picture names its frame, in order and without damage."""
    camera = city.camera(camera_id)
    seen = watch(camera, 8, transport)
    numbers = [picture.number for picture in seen]
    assert all(number is not None for number in numbers)
    assert numbers == sorted(set(numbers))
    assert not any(picture.is_corrupt for picture in seen)
    assert seen[0].y.shape == (camera.entry["height"], camera.entry["width"])


def test_a_wrong_password_is_refused(city: City) -> None:
    """By digest and by basic authentication alike."""
    for camera_id in ("wevergracht", "havensteeg"):
        with pytest.raises(av.error.HTTPUnauthorizedError), opened(city.camera(camera_id).url("wrong")):
            pass


def test_sender_reports_carry_the_cameras_own_clock(city: City) -> None:
    """The product takes capture instants from here: they must be the truth log's, offset included."""
    camera = city.camera("wevergracht")
    seen = [picture for picture in watch(camera, 40) if picture.camera_utc_s is not None and picture.number is not None]
    records = load_records(camera.truth_dir, camera.camera_id)
    assert len(seen) > 10
    for picture in seen:
        record = records[picture.number]
        assert abs(picture.camera_utc_s - record.camera_utc_s) < 0.005
        assert abs(record.camera_utc_s - record.true_utc_s - camera.entry["clock_offset_s"]) < 1e-3


def test_two_clients_watch_the_same_frames(city: City) -> None:
    """A camera serves several clients from one encoder."""
    camera = city.camera("wevergracht")
    with opened(camera.url()) as one, opened(camera.url(), "udp") as other:
        a = {picture.number for picture, _ in zip(pictures(one), range(20), strict=False)}
        b = {picture.number for picture, _ in zip(pictures(other), range(20), strict=False)}
    assert a & b


def test_audio_is_offered(city: City) -> None:
    """So that the product has something to drop."""
    with av.open(city.camera("wevergracht").url(), options={"rtsp_transport": "tcp"}) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]


def test_dwellings_in_truth_colours_lie_inside_the_mask_while_the_camera_pans(vredenmarkt: CityCamera) -> None:
    """The whole chain agrees: mechanics, exposure, renderer, encoder, timecode, truth log and truth mask."""
    vredenmarkt.order(do="truth_colours", on=True)
    vredenmarkt.order(do="autopilot", pattern="sweep", speed_deg_s=40)
    seen = watch(vredenmarkt, 14)
    vredenmarkt.order(do="autopilot", pattern="off")
    truth = load_truth(vredenmarkt.truth_dir, vredenmarkt.camera_id)
    records = load_records(vredenmarkt.truth_dir, vredenmarkt.camera_id)
    poses = set()
    for picture in seen[::3]:
        assert picture.number is not None
        record = records[picture.number]
        poses.add(record.middle)
        mask = dwelling_mask(truth, record).astype(np.uint8)
        painted = cv2.resize(picture.v, mask.shape[::-1], interpolation=cv2.INTER_NEAREST) > DWELLING_V_ABOVE
        assert mask.mean() > 0.02
        assert not np.any(painted & (cv2.dilate(mask, np.ones((11, 11), np.uint8)) == 0))
        missed = (cv2.erode(mask, np.ones((11, 11), np.uint8)) > 0) & ~painted
        assert missed.mean() < 0.02
    assert len(poses) > 2


def test_the_city_ends_without_leaving_a_process(tmp_path: Path) -> None:
    """By SIGTERM in order, and by SIGKILL because a camera without a supervisor ends itself."""
    for deadly in (signal.SIGTERM, signal.SIGKILL):
        with running_city(tmp_path / deadly.name, ("havensteeg",)) as city:
            children = _children(city.process.pid)
            assert children
            city.process.send_signal(deadly)
            status = stop(city.process)
            assert status == (0 if deadly is signal.SIGTERM else -signal.SIGKILL)
            deadline = 200
            while any(is_alive(child) for child in children) and deadline:
                deadline -= 1
                signal.sigtimedwait([], 0.05)
            assert not any(is_alive(child) for child in children)
    assert not (tmp_path / "SIGTERM" / "city.json").exists()


def test_an_unknown_camera_is_named_in_the_error(tmp_path: Path) -> None:
    """A typing error on the command line must say what there is."""
    with (
        pytest.raises(AssertionError, match="there is no camera nergens in this city"),
        running_city(tmp_path, ("nergens",)),
    ):
        pass


def _children(process_id: int) -> list[int]:
    return [
        int(one)
        for one in Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
        if os.kill(int(one), 0) is None
    ]
