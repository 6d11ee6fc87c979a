"""RTP packets: cutting access units into payloads, packet headers, and RTCP sender reports.

Source: RFC 3550 (RTP and RTCP), RFC 6184 (H.264), RFC 7798 (H.265).
"""

import struct
from dataclasses import dataclass

from sample_streams.wire.nal import Codec, nal_type

MAX_PAYLOAD_BYTES = 1400
VIDEO_PAYLOAD_TYPE = 96
PCMU_PAYLOAD_TYPE = 0
STAP_A = 24
FU_A = 28
H265_AP = 48
H265_FU = 49


@dataclass(frozen=True, slots=True)
class Payload:
    """What one RTP packet carries; ``marker`` ends an access unit."""

    data: bytes
    marker: bool


def packetise(codec: Codec, units: list[bytes], max_bytes: int = MAX_PAYLOAD_BYTES) -> list[Payload]:
    """Cut the NAL units of one access unit into RTP payloads.

    Small units that follow each other share an aggregation packet; large ones are fragmented.
    """
    payloads: list[bytes] = []
    small: list[bytes] = []
    for unit in units:
        if len(unit) + 2 <= max_bytes // 2:
            if sum(len(one) + 2 for one in small) + len(unit) + 4 > max_bytes:
                payloads.append(_aggregate(codec, small))
                small = []
            small.append(unit)
            continue
        if small:
            payloads.append(_aggregate(codec, small))
            small = []
        payloads.extend([unit] if len(unit) <= max_bytes else _fragment(codec, unit, max_bytes))
    if small:
        payloads.append(_aggregate(codec, small))
    return [Payload(data, marker=i == len(payloads) - 1) for i, data in enumerate(payloads)]


def _aggregate(codec: Codec, units: list[bytes]) -> bytes:
    if len(units) == 1:
        return units[0]
    body = b"".join(struct.pack(">H", len(unit)) + unit for unit in units)
    if codec is Codec.H264:
        importance = max(unit[0] & 0x60 for unit in units)
        return bytes([importance | STAP_A]) + body
    return bytes([H265_AP << 1, 1]) + body


def _fragment(codec: Codec, unit: bytes, max_bytes: int) -> list[bytes]:
    kind = nal_type(codec, unit)
    if codec is Codec.H264:
        prefix, skip = bytes([(unit[0] & 0x60) | FU_A]), 1
    else:
        prefix, skip = bytes([(unit[0] & 0x81) | (H265_FU << 1), unit[1]]), 2
    room = max_bytes - len(prefix) - 1
    pieces = [unit[i : i + room] for i in range(skip, len(unit), room)]
    last = len(pieces) - 1
    return [
        prefix + bytes([(0x80 if i == 0 else 0) | (0x40 if i == last else 0) | kind]) + piece
        for i, piece in enumerate(pieces)
    ]


def rtp_header(payload_type: int, *, marker: bool, sequence: int, timestamp: int, ssrc: int) -> bytes:
    """Return the twelve bytes of an RTP header without contributing sources."""
    return struct.pack(
        ">BBHII", 0x80, (0x80 if marker else 0) | payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
    )


def sender_report(*, ssrc: int, ntp: tuple[int, int], timestamp: int, packets: int, octets: int) -> bytes:
    """Return a compound RTCP packet: a sender report without report blocks, and the canonical name."""
    report = struct.pack(
        ">BBHIIIIII", 0x80, 200, 6, ssrc, ntp[0], ntp[1], timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )
    name = b"camera"
    chunk = struct.pack(">IBB", ssrc, 1, len(name)) + name
    chunk += b"\x00" * (4 - len(chunk) % 4)
    return report + struct.pack(">BBH", 0x81, 202, len(chunk) // 4) + chunk
