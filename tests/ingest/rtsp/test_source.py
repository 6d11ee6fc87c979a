"""Pictures from the wire, decoded: packets that come twice, go missing or change places, and clocks of another era."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ingest.address import CameraAddress
from ingest.decoder import PictureDecoder
from ingest.failure import CameraFailure
from ingest.source import CameraStream, SourceLimits, SourcePacket, open_stream
from sample_streams.wire.nal import Codec
from sample_streams.wire.rtp import sender_report
from tests.ingest.rtsp.loopback_camera import SSRC, TICKS_PER_PICTURE, Clip, LoopbackCamera, encoded
from vms.clock import ManualClock, SystemClock

CLOCK = SystemClock()
LIMITS = SourceLimits(silence_s=10.0)


@pytest.fixture(scope="module")
def clip() -> Clip:
    """Pictures of many packets each, CABAC."""
    return encoded()


def seen(clip: Clip, packets: Sequence[bytes], clock: Any = CLOCK) -> tuple[list[SourcePacket], CameraStream]:
    """Return what the product makes of packets."""
    camera = LoopbackCamera(clip.sdp, [(0, one) for one in packets], hangs_up=True)
    with camera.running(), open_stream(CameraAddress(camera.url, "vms", "x"), clock, LIMITS) as stream:
        found: list[SourcePacket] = []
        with pytest.raises(CameraFailure, match="closed the connection"):
            found.extend(stream.packets())
        return found, stream


def whole_pictures(clip: Clip, packets: Sequence[SourcePacket]) -> dict[int, NDArray[np.uint8]]:
    """Decode; return the luma of the pictures that nothing speaks against, by media time."""
    name = {Codec.H264: "h264", Codec.H265: "hevc"}[clip.codec]
    decoder = PictureDecoder(name, None, float)
    out = []
    for one in packets:
        out += decoder.decode(one.packet, lost=one.lost)
    out += decoder.flush()
    return {one.frame.pts or 0: one.frame.planes[0].copy() for one in out if not one.suspect}


@pytest.mark.parametrize("codec", list(Codec))
def test_every_packet_twice_is_every_picture_once_and_whole(codec: Codec) -> None:
    """Mirrored ports and redundant rings double everything: nothing of it may be grey, or another picture."""
    clip = encoded(codec, count=14)
    packets = clip.packets()
    once, _ = seen(clip, packets)
    twice, stream = seen(clip, [one for one in packets for _ in range(2)])
    assert len(once) >= 13
    assert [(one.media_ticks, bytes(one.packet), one.lost) for one in twice] == [
        (one.media_ticks, bytes(one.packet), False) for one in once
    ]
    assert (stream.counts.received, stream.counts.duplicates) == (len(packets), len(packets))
    clean = whole_pictures(clip, once)
    assert len(clean) >= 13
    assert whole_pictures(clip, twice).keys() == clean.keys()


def test_a_repeated_fragment_changes_no_bit_of_any_picture(clip: Clip) -> None:
    """One fragment twice used to be parsed twice: the picture decoded without complaint, from other bits."""
    packets = clip.packets()
    clean = whole_pictures(clip, seen(clip, packets)[0])
    repeated = sorted({*range(0, len(packets), 7), 1, 2, len(packets) - 1})
    stuttering = [one for number, one in enumerate(packets) for _ in range(2 if number in repeated else 1)]
    found, stream = seen(clip, stuttering)
    pictures = whole_pictures(clip, found)
    assert stream.counts.duplicates == len(repeated)
    assert pictures.keys() == clean.keys()
    assert all((pictures[ticks] == clean[ticks]).all() for ticks in clean)


def test_a_number_that_comes_again_with_other_content_is_never_passed_over(clip: Clip) -> None:
    """Nobody can tell which of the two is the camera's: grey, until a whole group of pictures has come."""
    packets = clip.packets()
    middle = next(n for n, one in enumerate(packets) if n > len(packets) / 2 and not one[1] & 0x80)
    forged = packets[middle][:-4] + bytes(byte ^ 0xFF for byte in packets[middle][-4:])
    found, stream = seen(clip, [*packets[: middle + 1], forged, *packets[middle + 1 :]])
    assert stream.counts.contradicting == 1
    assert [one.lost for one in found].count(True) >= 1


@pytest.mark.parametrize("slices", [1, 4])
def test_a_missing_packet_is_noticed_wherever_it_was(slices: int) -> None:
    """Whatever is lost, and also at a picture's first and last packet: no picture that is called whole differs."""
    clip = encoded(count=13, slices=slices)
    packets = clip.packets()
    clean = whole_pictures(clip, seen(clip, packets)[0])
    for gone in range(1, len(packets) - 1, max(1, len(packets) // 12)):
        found, stream = seen(clip, packets[:gone] + packets[gone + 1 :])
        assert stream.counts.missed == 1
        assert any(one.lost for one in found)
        for ticks, luma in whole_pictures(clip, found).items():
            assert (luma == clean[ticks]).all()


def test_packets_that_change_places_are_put_in_order(clip: Clip) -> None:
    """Reordering is no loss."""
    packets = clip.packets()
    swapped = [one for number in range(1, len(packets), 2) for one in reversed(packets[number : number + 2])]
    found, stream = seen(clip, [packets[0], *swapped])
    once, _ = seen(clip, packets)
    assert [bytes(one.packet) for one in found] == [bytes(one.packet) for one in once]
    assert not any(one.lost for one in found)
    assert (stream.counts.missed, stream.counts.duplicates) == (0, 0)


def test_a_first_picture_whose_beginning_never_came_is_not_called_whole() -> None:
    """No number tells of what came before the first packet: its first slice does."""
    clip = encoded(count=6, slices=4)
    found, _ = seen(clip, clip.packets()[3:])
    assert found[0].lost
    assert whole_pictures(clip, found) == {}


@pytest.mark.parametrize("year", [2026, 2036, 2040, 2104])
def test_a_sender_report_is_read_in_the_era_of_its_arrival(clip: Clip, year: int) -> None:
    """NTP's 32 bits of seconds go round on 7 February 2036: pictures were stamped 1904 from then on."""
    now = datetime(year, 3, 1, 12, tzinfo=UTC)
    seconds = int(now.timestamp()) + 2_208_988_800
    ntp = (seconds & 0xFFFFFFFF, 1 << 31)
    packets = clip.packets()
    first_timestamp = int.from_bytes(packets[0][4:8], "big")
    report = sender_report(ssrc=SSRC, ntp=ntp, timestamp=first_timestamp, packets=0, octets=0)
    camera = LoopbackCamera(clip.sdp, [(1, report), *((0, one) for one in packets)])
    clock = _Then(now)
    with camera.running(), open_stream(CameraAddress(camera.url, "vms", "x"), clock, LIMITS) as stream:
        found = list(itertools.islice(stream.packets(), 10))
    assert found[0].reported
    for number, one in enumerate(found):
        # Time stamps go round within: they count on.
        assert one.media_ticks == number * TICKS_PER_PICTURE
        assert one.camera_s is not None
        assert one.camera_s - now.timestamp() == pytest.approx(0.5 + number / 25, abs=1e-5)


class _Then(SystemClock):
    """The machine's clocks, in another year."""

    def __init__(self, now: datetime) -> None:
        self._manual = ManualClock(now)

    def now(self) -> datetime:
        """Return that year."""
        return self._manual.now()
