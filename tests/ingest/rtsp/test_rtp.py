"""RTP and RTCP as bytes: what is read, what is none, and NTP's eras."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rtsp.rtp import (
    NTP_ERA_S,
    is_rtcp,
    parse_rtp,
    parse_sender_report,
    receiver_report,
    signed_32,
    unfolded_s,
)

NTP_TO_UNIX_S = 2_208_988_800


@given(st.floats(0, 40 * NTP_ERA_S / 10), st.floats(-(2**31) + 2, 2**31 - 2))
def test_an_instant_is_found_within_half_an_era_of_ours(near_s: float, off_s: float) -> None:
    """68 years either way: also a camera whose clock is years off."""
    true_s = near_s + off_s
    ntp = int((true_s + NTP_TO_UNIX_S) * 2**32) % 2**64
    assert unfolded_s(ntp, near_s) == pytest.approx(true_s, abs=1e-4)


def test_a_camera_that_never_set_its_clock_is_in_1970() -> None:
    """As far from 2026 as from 2106, nearly: the nearer one counts."""
    assert unfolded_s(NTP_TO_UNIX_S << 32, 1_780_000_000.0) == 0.0


@given(st.binary(max_size=80))
def test_any_bytes_are_a_packet_or_none(data: bytes) -> None:
    """Nothing raises, and a payload is never longer than what came."""
    packet = parse_rtp(data, 0.0)
    assert packet is None or len(packet.payload) <= len(data) - 12
    parse_sender_report(data)
    is_rtcp(data)


def test_header_extension_sources_and_padding_are_no_payload() -> None:
    """ONVIF cameras send extensions with every picture of a recording."""
    head = struct.pack(">BBHII", 0xB1, 0xE0, 7, 8, 9)
    packet = parse_rtp(head + b"CSRC" + b"\xab\xac\x00\x01" + b"exte" + b"payload" + b"\x00\x00\x03", 1.0)
    assert packet is not None
    assert (packet.payload, packet.marker, packet.payload_type) == (b"payload", True, 96)
    assert parse_rtp(head + b"CSRC" + b"\xab\xac\x00\xff", 1.0) is None


def test_a_report_is_found_in_a_compound_packet_and_a_sender_without_a_clock_has_none() -> None:
    """RFC 3550: NTP 0 says that there is no clock."""
    body = struct.pack(">IQIII", 5, 77 << 32, 99, 0, 0)
    sender = struct.pack(">BBH", 0x80, 200, 6) + body
    found = parse_sender_report(receiver_report(3) + sender)
    assert found is not None
    assert (found.ntp, found.timestamp) == (77 << 32, 99)
    assert parse_sender_report(sender.replace(struct.pack(">Q", 77 << 32), bytes(8))) is None
    assert parse_sender_report(sender[:20]) is None


def test_differences_of_time_stamps_go_the_shorter_way() -> None:
    """They go round after 13 hours."""
    assert signed_32(5 - (2**32 - 5)) == 10
    assert signed_32((2**32 - 5) - 5) == -10
