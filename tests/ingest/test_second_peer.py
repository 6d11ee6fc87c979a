"""Ingest against GStreamer's RTSP server, which nobody here wrote: nothing may work with our own simulator alone."""

import itertools

import pytest

from ingest.address import CameraAddress
from ingest.decoder import PictureDecoder
from ingest.failure import CameraFailure
from ingest.source import SourceLimits, open_stream
from tests.sample_streams.gst import running_gst_peer
from vms.clock import SystemClock

pytestmark = [pytest.mark.processes, pytest.mark.slow]

CLOCK = SystemClock()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_foreign_server_is_read_decoded_and_never_suspect(transport: str) -> None:
    """Digest authentication, its own way of cutting pictures into packets, its own sender reports."""
    with running_gst_peer() as peer:
        account = peer["username"], peer["password"]
        address = CameraAddress(peer["rtsp_url"], *account, transport=transport)
        with open_stream(address, CLOCK, SourceLimits()) as stream:
            decoder = PictureDecoder(stream.codec, stream.parameter_sets or None, float)
            packets = list(itertools.islice(stream.packets(), 120))
            pictures = [picture for packet in packets for picture in decoder.decode(packet.packet, lost=packet.lost)]
        assert not any(packet.lost or packet.jumped for packet in packets)
        assert any(packet.camera_s is not None for packet in packets)
        begun = next(number for number, picture in enumerate(pictures) if not picture.suspect)
        assert not any(picture.suspect for picture in pictures[begun:])
        assert len(pictures) - begun >= 30


def test_a_foreign_server_that_refuses_us_is_told_as_such() -> None:
    """The words of a refusal are each server's own."""
    with running_gst_peer() as peer:
        address = CameraAddress(peer["rtsp_url"], peer["username"], "wrong")
        with pytest.raises(CameraFailure) as refused:
            open_stream(address, CLOCK, SourceLimits())
    assert refused.value.code == "camera.wrong-password"
