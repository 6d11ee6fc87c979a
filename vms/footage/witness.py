"""What each masked picture carries of its own blanking: an SEI message in the coded picture, so that it goes wherever the picture goes.

It says by which plan the picture was blanked, why it is wholly grey, or what the camera said of its position around it: enough for the
self-test to work out anew where the dwellings are, on every path (recording, live, export), without asking the blanking. No picture
content is in it.

Format (big-endian): version 1, source, plan version, first 8 bytes of the plan's SHA-256, reason (length, ASCII), number of sayings, each:
offset and half width in microseconds, pan and tilt in 1/10,000 degree, zoom in millionths.
Source: ITU-T H.264 (08/2021) clauses 7.3.2.3.1 and D.1.7 (user_data_unregistered), 7.4.1 (emulation prevention).
"""

import re
import struct
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from vms.errors import IntegrityLost
from vms.footage.nal import split_annex_b

IDENTITY = uuid.UUID("6b0d5b1e-58a7-4c0e-9d0b-3a8f1f6c7e21").bytes
SOURCES = ("none", "fixed", "interpolated", "extrapolated", "static", "anchored")
DIGEST_BYTES = 8

_VERSION = 1
_HEAD = struct.Struct(">BBI8sB")
_SAYING = struct.Struct(">iiiii")
_SEI, _UNREGISTERED = 6, 5
_SLICES = frozenset({1, 2, 3, 4, 5})
_START = b"\x00\x00\x00\x01"
_ESCAPED = re.compile(rb"\x00\x00(?=[\x00-\x03])")
_LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class PoseSaying:
    """What the camera said of its position; `offset_s` from the picture's instant on, give or take `half_s`."""

    offset_s: float
    half_s: float
    pan_deg: float
    tilt_deg: float
    zoom: float


@dataclass(frozen=True, slots=True)
class FrameWitness:
    """How a picture was blanked.

    Args:
        plan_version: of the approved plan; 0: there was none.
        plan_digest: the first 8 bytes of the plan's SHA-256.
        source: where its pose came from.
        reason: why it is wholly grey; empty when it is not.
        sayings: samples before and after it, at most one each.
    """

    plan_version: int
    plan_digest: bytes
    source: str
    reason: str
    sayings: tuple[PoseSaying, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the message's payload."""
        reason = self.reason.encode("ascii")
        source = SOURCES.index(self.source) if self.source in SOURCES else 0
        digest = self.plan_digest[:DIGEST_BYTES].ljust(DIGEST_BYTES, b"\x00")
        parts = [
            _HEAD.pack(_VERSION, source, self.plan_version, digest, len(reason)),
            reason,
            bytes([len(self.sayings)]),
        ]
        parts += [
            _SAYING.pack(
                _whole(one.offset_s * 1e6),
                _whole(one.half_s * 1e6),
                _whole(one.pan_deg * 1e4),
                _whole(one.tilt_deg * 1e4),
                _whole(one.zoom * 1e6),
            )
            for one in self.sayings
        ]
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> "FrameWitness":
        """Read a payload.

        Raises:
            IntegrityLost: it is cut, or of another version.
        """
        try:
            version, source, plan_version, digest, length = _HEAD.unpack_from(data)
            place = _HEAD.size + length
            reason, count = data[_HEAD.size : place].decode("ascii"), data[place]
            rows = [_SAYING.unpack_from(data, place + 1 + index * _SAYING.size) for index in range(count)]
            name = SOURCES[source]
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise IntegrityLost("a picture's blanking witness can't be read", code="footage.witness") from error
        if version != _VERSION:
            raise IntegrityLost(f"a picture's blanking witness is of version {version}", code="footage.witness")
        sayings = tuple(PoseSaying(a / 1e6, b / 1e6, c / 1e4, d / 1e4, e / 1e6) for a, b, c, d, e in rows)
        return cls(plan_version, digest, name, reason, sayings)


def with_witness(picture: bytes, witness: FrameWitness) -> bytes:
    """Return an H.264 access unit (start codes) with the witness before its first slice."""
    units = split_annex_b(picture)
    place = next((index for index, unit in enumerate(units) if unit[0] & 0x1F in _SLICES), len(units))
    units.insert(place, _sei(IDENTITY + witness.to_bytes()))
    return b"".join(_START + unit for unit in units)


def find_witness(units: Sequence[bytes]) -> FrameWitness | None:
    """Return the witness among an access unit's NAL units.

    Raises:
        IntegrityLost: there is one that can't be read.
    """
    for unit in units:
        if unit[0] & 0x1F != _SEI:
            continue
        payload = unit[1:].replace(b"\x00\x00\x03", b"\x00\x00")
        place = payload.find(IDENTITY)
        if place > 0:
            return FrameWitness.from_bytes(payload[place + len(IDENTITY) :])
    return None


def _sei(payload: bytes) -> bytes:
    size, rest = divmod(len(payload), 255)
    body = bytes([_UNREGISTERED]) + b"\xff" * size + bytes([rest]) + payload + b"\x80"
    return bytes([_SEI]) + _ESCAPED.sub(b"\x00\x00\x03", body)


def _whole(number: float) -> int:
    return max(-_LARGEST, min(_LARGEST, round(number)))
