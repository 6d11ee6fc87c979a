"""Packets, passwords and tokens, without a socket."""

import base64
import hashlib
import random
import struct
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sample_streams.onvif.security import TokenChecker
from sample_streams.onvif.soap import SoapFaultError
from sample_streams.wire.auth import REALM, Account, Authenticator, AuthMode
from sample_streams.wire.impairment import Impairment
from sample_streams.wire.nal import Codec
from sample_streams.wire.rtp import H265_AP, H265_FU, Payload, packetise

ACCOUNT = Account("operator", "s3cret")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def _h264_units(payloads: list[Payload]) -> list[bytes]:
    """Undo RFC 6184 packetisation, written from the standard's side of the receiver."""
    units: list[bytes] = []
    for payload in payloads:
        data, kind = payload.data, payload.data[0] & 0x1F
        if kind == 24:
            at = 1
            while at < len(data):
                (size,) = struct.unpack_from(">H", data, at)
                units.append(data[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == 28:
            if data[1] & 0x80:
                units.append(bytes([(data[0] & 0x60) | (data[1] & 0x1F)]))
            units[-1] += data[2:]
        else:
            units.append(data)
    return units


def _h265_units(payloads: list[Payload]) -> list[bytes]:
    """Undo RFC 7798 packetisation."""
    units: list[bytes] = []
    for payload in payloads:
        data, kind = payload.data, (payload.data[0] >> 1) & 0x3F
        if kind == H265_AP:
            at = 2
            while at < len(data):
                (size,) = struct.unpack_from(">H", data, at)
                units.append(data[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == H265_FU:
            if data[2] & 0x80:
                units.append(bytes([(data[0] & 0x81) | ((data[2] & 0x3F) << 1), data[1]]))
            units[-1] += data[3:]
        else:
            units.append(data)
    return units


@given(
    bodies=st.lists(st.tuples(st.integers(1, 12), st.binary(min_size=2, max_size=5000)), min_size=1, max_size=8),
    codec=st.sampled_from(list(Codec)),
)
def test_what_was_packetised_comes_back_whole(bodies: list[tuple[int, bytes]], codec: Codec) -> None:
    """A byte lost in fragmentation is a corrupt picture, and a grey second in the product."""
    if codec is Codec.H264:
        units = [bytes([0x60 | kind]) + body for kind, body in bodies]
    else:
        units = [bytes([kind << 1, 1]) + body for kind, body in bodies]
    payloads = packetise(codec, units, 1400)
    assert (_h264_units if codec is Codec.H264 else _h265_units)(payloads) == units
    assert all(len(payload.data) <= 1400 for payload in payloads)
    assert [payload.marker for payload in payloads] == [False] * (len(payloads) - 1) + [True]


def test_a_dropped_packet_leaves_a_gap_in_the_numbers() -> None:
    """The product finds loss by sequence numbers: a loss that renumbers would be invisible."""
    impairment = Impairment(random.Random(1), drop_next_packets=2)
    payloads = [Payload(bytes([i]), marker=False) for i in range(5)]
    assert [one.place for one in impairment.apply(payloads)] == [2, 3, 4]
    assert [one.place for one in impairment.apply(payloads)] == [0, 1, 2, 3, 4]
    assert impairment.dropped == 2


def test_loss_takes_about_the_share_that_was_asked_for() -> None:
    """Tests of the product quote this figure."""
    impairment = Impairment(random.Random(1), loss_rate=0.1)
    payloads = [Payload(b"x", marker=False)] * 5000
    assert 4400 < len(impairment.apply(payloads)) < 4600


def test_duplicates_and_reordering_change_order_and_count_only() -> None:
    """Neither is loss: every packet still arrives."""
    impairment = Impairment(random.Random(1), duplicate_rate=0.3, reorder_rate=0.3)
    payloads = [Payload(bytes([i]), marker=False) for i in range(100)]
    places = [one.place for one in impairment.apply(payloads)]
    assert set(places) == set(range(100))
    assert len(places) > 100
    assert places != sorted(places)


def test_exactly_so_many_packets_come_twice_and_each_beside_itself() -> None:
    """One repeated fragment is the smallest thing that may change a picture."""
    impairment = Impairment(random.Random(1), repeat_next_packets=2)
    payloads = [Payload(bytes([i]), marker=False) for i in range(5)]
    assert [one.place for one in impairment.apply(payloads)] == [0, 0, 1, 1, 2, 3, 4]
    assert [one.place for one in impairment.apply(payloads)] == [0, 1, 2, 3, 4]


def _digest(authenticator: Authenticator, password: str, method: str = "DESCRIBE") -> str:
    nonce = authenticator.challenge().split('nonce="')[1].rstrip('"')
    md5 = lambda text: hashlib.md5(text.encode()).hexdigest()  # noqa: E731, S324  RFC 2069 in one line
    secret = md5(f"operator:{REALM}:{password}")
    response = md5(f"{secret}:{nonce}:{md5(f'{method}:rtsp://x/')}")
    return f'Digest username="operator", realm="{REALM}", nonce="{nonce}", uri="rtsp://x/", response="{response}"'


def test_digest_lets_the_right_password_in_and_no_other() -> None:
    """A simulator that waves everybody through would hide a product that sends no password."""
    authenticator = Authenticator(ACCOUNT, AuthMode.DIGEST)
    assert authenticator.accepts(_digest(authenticator, "s3cret"), "DESCRIBE")
    assert not authenticator.accepts(_digest(authenticator, "wrong"), "DESCRIBE")
    assert not authenticator.accepts(_digest(authenticator, "s3cret"), "SETUP")
    assert not authenticator.accepts(None, "DESCRIBE")
    basic = "Basic " + base64.b64encode(b"operator:s3cret").decode()
    assert not authenticator.accepts(basic, "DESCRIBE")
    assert Authenticator(ACCOUNT, AuthMode.BASIC).accepts(basic, "DESCRIBE")
    assert not Authenticator(ACCOUNT, AuthMode.REFUSE).accepts(_digest(authenticator, "s3cret"), "DESCRIBE")


def _header(password: str, created_at: datetime, nonce: bytes = b"0123456789abcdef") -> ET.Element:
    created = created_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()  # noqa: S324
    return ET.fromstring(  # noqa: S314  our own text
        f"<Header><Security><UsernameToken><Username>operator</Username><Password Type='x#PasswordDigest'>{digest}"
        f"</Password><Nonce>{base64.b64encode(nonce).decode()}</Nonce><Created>{created}</Created>"
        "</UsernameToken></Security></Header>"
    )


def test_a_fresh_token_passes_once() -> None:
    """The second use of a nonce is a replay, which a real camera refuses too."""
    checker = TokenChecker(ACCOUNT, lambda: NOW)
    checker.check(_header("s3cret", NOW))
    with pytest.raises(SoapFaultError, match="used before"):
        checker.check(_header("s3cret", NOW))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_token_of_another_time_is_refused(minutes: int) -> None:
    """A product that ignores the camera's clock fails here as it would in the field."""
    checker = TokenChecker(ACCOUNT, lambda: NOW)
    with pytest.raises(SoapFaultError, match="clock"):
        checker.check(_header("s3cret", NOW + timedelta(minutes=minutes)))


def test_a_wrong_password_or_none_is_refused() -> None:
    """The digest is really checked."""
    checker = TokenChecker(ACCOUNT, lambda: NOW)
    for header in (_header("wrong", NOW), None, ET.Element("Header")):
        with pytest.raises(SoapFaultError):
            checker.check(header)
