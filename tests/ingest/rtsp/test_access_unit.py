"""Payloads to NAL units to pictures: what is cut comes back to the byte, and what is missing is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.rtsp.access_unit import AccessUnit, AccessUnitJoiner
from ingest.rtsp.h264 import H264Unpacker
from ingest.rtsp.h265 import H265Unpacker
from ingest.rtsp.rtp import RtpPacket
from ingest.rtsp.sequence import InOrder
from sample_streams.wire.nal import Codec
from sample_streams.wire.rtp import packetise

SPS, PPS, SEI = b"\x67sps", b"\x68pps", b"\x06\x05\x01x\x80"
IDR, SECOND, P = b"\x65\x88first", b"\x65\x08second", b"\x41\x9aslice"


def joined(packets: list[tuple[int, bytes, bool]], broken: tuple[int, ...] = ()) -> list[AccessUnit]:
    """Return the pictures of (timestamp, payload, marker)."""
    joiner, out = AccessUnitJoiner(H264Unpacker()), []
    for number, (timestamp, payload, marker) in enumerate(packets):
        one = RtpPacket(number, timestamp, 1, 96, marker, payload, float(number))
        out += joiner.add(InOrder(one, number in broken))
    return out


@given(
    st.sampled_from(list(Codec)),
    st.lists(st.binary(min_size=1, max_size=4000), min_size=1, max_size=8),
    st.integers(40, 1400),
)
def test_what_a_camera_cuts_comes_back_to_the_byte(codec: Codec, bodies: list[bytes], room: int) -> None:
    """Single units, aggregates and fragments, of both codecs."""
    header = b"\x41" if codec is Codec.H264 else b"\x02\x01"
    units = [header + body for body in bodies]
    unpacker = H264Unpacker() if codec is Codec.H264 else H265Unpacker()
    unpacked = [unpacker.unpack(one.data) for one in packetise(codec, units, room)]
    assert [nal for one in unpacked for nal in one.nals] == units
    assert not any(one.damaged for one in unpacked)


@pytest.mark.parametrize("codec", list(Codec))
@given(data=st.binary(max_size=60))
def test_any_bytes_are_unpacked_or_called_damaged(codec: Codec, data: bytes) -> None:
    """A hostile camera crashes nothing."""
    unpacker = H264Unpacker() if codec is Codec.H264 else H265Unpacker()
    for one in (data, data[1:], data):
        unpacked = unpacker.unpack(one)
        assert all(unpacked.nals)
        assert unpacked.nals or unpacked.damaged or unpacker.break_off()


def test_a_fragment_whose_beginning_is_missing_is_damaged() -> None:
    """And one that never ends, when the next unit comes."""
    start, middle, end = (one.data for one in packetise(Codec.H264, [b"\x41" + bytes(range(200))], 80)[:3])
    assert H264Unpacker().unpack(middle).damaged
    unpacker = H264Unpacker()
    assert not unpacker.unpack(start).damaged
    assert unpacker.unpack(P).damaged
    assert unpacker.unpack(end).damaged


def test_a_picture_ends_with_its_marker_once_that_has_been_right() -> None:
    """Three pictures wait for the one behind them; then none does: that was a picture's time of delay."""
    packets = [(n, P, True) for n in range(8)]
    assert [(one.timestamp, one.arrived_s) for one in joined(packets)] == [(n, float(n)) for n in range(8)]
    assert len(joined(packets[:3])) == 2
    assert len(joined(packets[:4])) == 4


def test_cameras_that_mark_everything_are_read_by_their_time_stamps() -> None:
    """Each slice and each parameter set marked: a picture must not fall apart."""
    group = [(0, SPS, True), (0, PPS, True), (0, IDR, True), (0, SECOND, True)]
    again = [(timestamp + 9, payload, marker) for timestamp, payload, marker in group]
    units = joined([*group, *((n, P, True) for n in range(1, 9)), *again, (20, P, True), (21, P, True), (22, P, True)])
    key = [one for one in units if one.is_keyframe]
    assert key[0].nals == (SPS, PPS, IDR, SECOND)
    assert not key[0].lost
    # The marker had been right eight times: the second group falls apart once, and says so, in each part.
    assert [one.nals for one in key[1:]] == [(SPS, PPS, IDR), (SECOND,)]
    assert key[2].lost
    assert [one.lost for one in units[-2:]] == [False, False]


def test_parameter_sets_of_their_own_time_stamp_go_with_the_picture_behind_them() -> None:
    """A packet without a picture is none."""
    units = joined([(0, SPS, True), (1, PPS, False), (2, IDR, True), (3, P, True), (4, P, True)])
    assert units[0].nals == (SPS, PPS, IDR)
    assert units[0].timestamp == 2


def test_a_gap_makes_the_pictures_on_both_sides_lost() -> None:
    """The one that was not over, and the one that the packet behind the gap belongs to."""
    packets = [(n, P, False) for n in range(6)]
    assert [one.lost for one in joined(packets, (3,))] == [False, False, True, True, False]


def test_a_picture_that_begins_in_its_middle_is_lost() -> None:
    """Whatever the numbers say: its first slice is not there."""
    assert [one.lost for one in joined([(0, SECOND, False), (1, IDR, False), (2, P, False)])] == [True, False]


def test_a_recovery_point_is_a_place_to_begin() -> None:
    """Cameras with intra refresh send no IDR; the decoder has its own opinion of what is clean."""
    point = b"\x06\x01\x01\x00\x06\x01\xc0\x80"
    assert [
        one.is_keyframe
        for one in joined([(0, point, False), (0, P, False), (1, SEI, False), (1, P, False), (2, P, False)])
    ] == [
        True,
        False,
    ]
