"""Access units out of a track's packets: one compressed picture each, and whether a part of it may be missing.

A picture ends where the time stamp changes. That is known only when the next one begins, a picture later; the marker says it at once,
and is believed once it has been right three times. Cameras that mark other packets too are believed no more.

Source: RFC 3550 section 5.1, RFC 6184 section 5.1 (marker).
"""

from dataclasses import dataclass
from typing import Protocol

from ingest.rtsp.fragments import Unpacked
from ingest.rtsp.sequence import InOrder

_BELIEVED_AFTER = 3
_MOST_BYTES = 16 * 1024 * 1024
_MOST_NALS = 4096


class Unpacker(Protocol):
    """Takes a codec's payloads apart."""

    def unpack(self, payload: bytes) -> Unpacked:
        """Return the NAL units that a payload completes."""

    def break_off(self) -> bool:
        """Forget a fragment; return whether there was one."""

    def is_slice(self, nal: bytes) -> bool:
        """Whether a NAL unit is a part of a picture."""

    def begins_picture(self, nal: bytes) -> bool:
        """Whether a slice is the first of its picture."""

    def is_key(self, nal: bytes) -> bool:
        """Whether a NAL unit says that decoding can begin here."""


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One compressed picture.

    Args:
        nals: its NAL units, without start codes.
        timestamp: RTP's, 32 bits.
        arrived_s: of its last packet, monotonic.
        lost: a part of it, or a picture before it, may be missing.
        is_keyframe: decoding can begin here.
    """

    nals: tuple[bytes, ...]
    timestamp: int
    arrived_s: float
    lost: bool
    is_keyframe: bool


class AccessUnitJoiner:
    """Join one track's packets to pictures."""

    def __init__(self, unpacker: Unpacker) -> None:
        self._unpacker = unpacker
        self._nals: list[bytes] = []
        self._size_bytes = 0
        self._timestamp: int | None = None
        self._arrived_s = 0.0
        self._lost = False
        self._marks: list[bool] = []
        self._right = 0
        self._given: int | None = None

    def add(self, one: InOrder) -> list[AccessUnit]:
        """Take the next packet; return the pictures that it completes."""
        packet, out = one.packet, []
        if one.broken:
            self._lost = self._unpacker.break_off() or self._lost or bool(self._marks)
        if self._marks and packet.timestamp != self._timestamp:
            self._judge_marker()
            out += self._finished()
        if packet.timestamp == self._given:
            # The marker said that this picture was over. Its rest is no picture, and nothing may be made of it.
            self._right = -1
            self._lost = True
        self._given = None
        self._timestamp, self._arrived_s = packet.timestamp, packet.arrived_s
        self._marks.append(packet.marker)
        self._lost = self._lost or one.broken
        self._take(self._unpacker.unpack(packet.payload))
        if packet.marker and self._right >= _BELIEVED_AFTER:
            whole = self._finished()
            self._given = packet.timestamp if whole else None
            out += whole
        return out

    def _take(self, unpacked: Unpacked) -> None:
        self._lost = self._lost or unpacked.damaged
        self._nals.extend(unpacked.nals)
        self._size_bytes += sum(map(len, unpacked.nals))
        if self._size_bytes > _MOST_BYTES or len(self._nals) > _MOST_NALS:
            self._nals, self._size_bytes, self._lost = [], 0, True

    def _judge_marker(self) -> None:
        if self._right < 0:
            return
        right = self._marks[-1] and not any(self._marks[:-1])
        self._right = self._right + 1 if right else 0

    def _finished(self) -> list[AccessUnit]:
        """Return what has been collected; parameter sets alone wait for the picture behind them."""
        self._lost = self._unpacker.break_off() or self._lost
        self._marks = []
        slices = [nal for nal in self._nals if self._unpacker.is_slice(nal)]
        if self._timestamp is None or not slices:
            return []
        # No number tells of what came before the first packet of a session.
        self._lost = self._lost or not self._unpacker.begins_picture(slices[0])
        unit = AccessUnit(
            tuple(self._nals),
            self._timestamp,
            self._arrived_s,
            self._lost,
            any(map(self._unpacker.is_key, self._nals)),
        )
        self._nals, self._size_bytes, self._lost = [], 0, False
        return [unit]
