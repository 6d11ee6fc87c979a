"""Read RTP packets and RTCP sender reports.

Source: RFC 3550 sections 5.1 (RTP), 6.4.1 (sender report), 4 (NTP time stamps); RFC 5761 section 4 (telling the two apart).
"""

import struct
from dataclasses import dataclass

_HEADER_BYTES = 12
_VERSION = 2
_SENDER_REPORT = 200
_RTCP_TYPES = range(192, 224)
NTP_ERA_S = 1 << 32
_NTP_TO_UNIX_S = 2_208_988_800
_WRAP = 1 << 32


@dataclass(frozen=True, slots=True)
class RtpPacket:
    """One RTP packet.

    Args:
        timestamp: 32 bits, as sent.
        arrived_s: monotonic.
    """

    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int
    marker: bool
    payload: bytes
    arrived_s: float


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What ties the RTP clock to the camera's.

    Args:
        ntp: the 64 bits of the NTP time stamp.
        timestamp: the RTP time stamp of the same instant.
    """

    ntp: int
    timestamp: int

    def camera_s(self, timestamp: int, clock_hz: int, near_s: float) -> float:
        """Return the instant of an RTP time stamp by the camera's clock, seconds since 1970.

        Args:
            timestamp: 32 bits, within half their range of the report's.
            clock_hz: of the track.
            near_s: seconds since 1970 by our own clock; chooses the NTP era.
        """
        return unfolded_s(self.ntp, near_s) + signed_32(timestamp - self.timestamp) / clock_hz


def unfolded_s(ntp: int, near_s: float) -> float:
    """Return the instant of an NTP time stamp in seconds since 1970, in the era that brings it closest to `near_s`.

    NTP counts 2**32 seconds and begins anew on 7 February 2036.
    """
    seconds = ntp / (1 << 32) - _NTP_TO_UNIX_S
    return seconds + round((near_s - seconds) / NTP_ERA_S) * NTP_ERA_S


def signed_32(difference: int) -> int:
    """Return the difference of two 32-bit counters as the shorter way round."""
    difference &= _WRAP - 1
    return difference - _WRAP if difference >= _WRAP // 2 else difference


def is_rtcp(data: bytes) -> bool:
    """Whether a packet is RTCP; some cameras send it on the channel of RTP."""
    return len(data) > 1 and data[1] in _RTCP_TYPES


def parse_rtp(data: bytes, arrived_s: float) -> RtpPacket | None:
    """Return the packet, None when it is none."""
    if len(data) < _HEADER_BYTES or data[0] >> 6 != _VERSION:
        return None
    flags, kind, sequence, timestamp, ssrc = struct.unpack_from(">BBHII", data)
    start = _HEADER_BYTES + 4 * (flags & 0x0F)
    if flags & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data)
    if flags & 0x20:
        end -= data[-1]
    if start > end:
        return None
    return RtpPacket(sequence, timestamp, ssrc, kind & 0x7F, bool(kind & 0x80), data[start:end], arrived_s)


def parse_sender_report(data: bytes) -> SenderReport | None:
    """Return the sender report of a compound packet; None when it has none, or one of a sender without a clock (NTP 0)."""
    while len(data) >= 4 and data[0] >> 6 == _VERSION:
        size_bytes = 4 * (int.from_bytes(data[2:4], "big") + 1)
        if data[1] == _SENDER_REPORT and size_bytes <= len(data) and size_bytes >= 28:
            ntp, timestamp = struct.unpack_from(">QI", data, 8)
            return SenderReport(ntp, timestamp) if ntp else None
        data = data[size_bytes:]
    return None


def receiver_report(ssrc: int) -> bytes:
    """Return an empty receiver report with a canonical name: a sign of life."""
    name = b"vms"
    chunk = struct.pack(">IBB", ssrc, 1, len(name)) + name
    chunk += b"\x00" * (4 - len(chunk) % 4)
    return struct.pack(">BBHI", 0x80, 201, 1, ssrc) + struct.pack(">BBH", 0x81, 202, len(chunk) // 4) + chunk
