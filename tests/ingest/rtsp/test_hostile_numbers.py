"""Numbers that a hostile camera sends over RTSP: none of them ends the worker."""

import socket
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ingest.rtsp.datagrams import Datagrams
from ingest.rtsp.description import usable_tracks

LONG = "9" * 5000


@pytest.mark.parametrize(
    ("number", "clock"),
    [(LONG, "90000"), ("96", LONG), ("999", "90000"), ("128", "90000"), ("\N{ARABIC-INDIC DIGIT NINE}6", "90000")],
)
def test_a_format_that_no_packet_can_have_is_left_out(number: str, clock: str) -> None:
    """Python refuses to read numbers of more than 4,300 digits; packets have seven bits for their format (RFC 3550 section 5.1)."""
    assert usable_tracks(f"m=video 0 RTP/AVP {number}\na=rtpmap:{number} H264/{clock}", "video") == []
    assert usable_tracks(
        f"m=video 0 RTP/AVP {number} 97\na=rtpmap:{number} H264/{clock}\na=rtpmap:97 H264/90000", "video"
    )


@pytest.mark.parametrize("ports", [(70_000, 70_001), (99_999, 1), (5000, 65_536), (0, 0)])
def test_a_port_that_there_is_not_is_never_met(ports: tuple[int, int]) -> None:
    """Both sockets refuse it by an error that is none of the network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        connection = SimpleNamespace(family=any_socket.family, peer_host="127.0.0.1")
        datagrams = Datagrams.bound(cast("Any", connection))
        datagrams.meet(*ports)
        datagrams.report(b"\x80")
        datagrams.close()
