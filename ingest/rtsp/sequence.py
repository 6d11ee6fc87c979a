"""RTP packets by their numbers: in order, each once, every gap noticed.

A packet that comes twice would be parsed twice and change a picture's bits without a word (issue: a repeated fragment). Here the second one
ends, before anything has looked into it.

Source: RFC 3550 appendix A.1.
"""

import zlib
from dataclasses import dataclass

from ingest.rtsp.rtp import RtpPacket

_NUMBERS = 1 << 16
_MOST_AHEAD = 3000
"""A number further ahead than this is no gap: the sender has begun anew."""
_MOST_BEHIND = 3000
_REMEMBERED = 4096
_STRANGERS = 16
"""So many packets of another source in a row, and none of the known one, say that the sender has begun anew."""


@dataclass(slots=True)
class RtpCounts:
    """What became of a track's packets.

    Args:
        received: handed on.
        duplicates: came again, the same to the byte.
        missed: never came, or too late to be used.
        contradicting: came again under the same number with other content.
        foreign: of another source or payload type, or no RTP at all.
    """

    received: int = 0
    duplicates: int = 0
    missed: int = 0
    contradicting: int = 0
    foreign: int = 0


@dataclass(frozen=True, slots=True)
class InOrder:
    """A packet in its place.

    Args:
        broken: something before it is missing or can't be trusted: what it belongs to may lack a part.
    """

    packet: RtpPacket
    broken: bool


class SequenceTracker:
    """Put one track's packets in order.

    Args:
        depth: how many packets may wait for one before them.
        wait_s: how long.
    """

    def __init__(self, depth: int, wait_s: float) -> None:
        self._depth = depth
        self._wait_s = wait_s
        self._ssrc: int | None = None
        self._strangers = (0, 0)
        self._expected = 0
        self._restart: int | None = None
        self._held: dict[int, RtpPacket] = {}
        self._seen: list[tuple[int, int] | None] = [None] * _REMEMBERED
        self._broken = False
        self.counts = RtpCounts()

    @property
    def waits(self) -> bool:
        """Whether packets wait for one before them."""
        return bool(self._held)

    def add(self, packet: RtpPacket) -> list[InOrder]:
        """Take a packet; return those that are due now."""
        if packet.ssrc != self._ssrc and not self._accepts(packet):
            self.counts.foreign += 1
            return []
        self._strangers = (0, 0)
        ahead = (packet.sequence - self._expected) % _NUMBERS
        if ahead == 0:
            out = [self._hand_on(packet)]
        elif ahead <= _MOST_AHEAD:
            out = []
            if packet.sequence not in self._held:
                self._held[packet.sequence] = packet
            else:
                self._compare(packet, _digest(self._held[packet.sequence]))
        elif ahead >= _NUMBERS - _MOST_BEHIND:
            out = []
            self._again(packet)
        elif packet.sequence == self._restart:
            return [*self.give_up(), self._begin(packet)]
        else:
            # One number out of all order is a stray; a second one that follows it is a sender that counts anew.
            self._restart = (packet.sequence + 1) % _NUMBERS
            self._broken = True
            self.counts.missed += 1
            return []
        self._restart = None
        return [*out, *self._due(packet.arrived_s)]

    def release(self, now_s: float) -> list[InOrder]:
        """Return what has waited too long."""
        return self._due(now_s)

    def give_up(self) -> list[InOrder]:
        """Hand on what waits, gaps or not."""
        out = []
        for number in sorted(self._held, key=lambda one: (one - self._expected) % _NUMBERS):
            self._broken = self._broken or number != self._expected
            self.counts.missed += (number - self._expected) % _NUMBERS
            out.append(self._hand_on(self._held.pop(number)))
        return out

    def reject(self) -> None:
        """Count a packet that could not be read, or that is of another kind."""
        self.counts.foreign += 1

    def _accepts(self, packet: RtpPacket) -> bool:
        """Take the first source for the track's; another one only when it has taken the first one's place."""
        if self._ssrc is not None:
            ssrc, count = self._strangers
            self._strangers = (packet.ssrc, count + 1 if packet.ssrc == ssrc else 1)
            if self._strangers[1] < _STRANGERS:
                return False
            self._broken = True
            self._held.clear()
            self._seen = [None] * _REMEMBERED
        self._ssrc = packet.ssrc
        self._expected = packet.sequence
        return True

    def _begin(self, packet: RtpPacket) -> InOrder:
        self._restart = None
        self._broken = True
        self._seen = [None] * _REMEMBERED
        self._expected = packet.sequence
        return self._hand_on(packet)

    def _hand_on(self, packet: RtpPacket) -> InOrder:
        self._seen[packet.sequence % _REMEMBERED] = (packet.sequence, _digest(packet))
        self._expected = (packet.sequence + 1) % _NUMBERS
        self.counts.received += 1
        broken, self._broken = self._broken, False
        return InOrder(packet, broken)

    def _again(self, packet: RtpPacket) -> None:
        """Drop a packet whose turn is over."""
        seen = self._seen[packet.sequence % _REMEMBERED]
        if seen is not None and seen[0] == packet.sequence:
            self._compare(packet, seen[1])
        else:
            # It has been counted as missed, or came before the first one: what follows may lack it.
            self._broken = True

    def _compare(self, packet: RtpPacket, digest: int) -> None:
        if _digest(packet) == digest:
            self.counts.duplicates += 1
        else:
            # Nobody can tell which of the two is the camera's.
            self.counts.contradicting += 1
            self._broken = True

    def _due(self, now_s: float) -> list[InOrder]:
        out = self._run()
        while self._held:
            first = min(self._held, key=lambda number: (number - self._expected) % _NUMBERS)
            oldest_s = min(packet.arrived_s for packet in self._held.values())
            if len(self._held) <= self._depth and now_s - oldest_s < self._wait_s:
                break
            self.counts.missed += (first - self._expected) % _NUMBERS
            self._expected = first
            self._broken = True
            out += self._run()
        return out

    def _run(self) -> list[InOrder]:
        out = []
        while self._held and (packet := self._held.pop(self._expected, None)) is not None:
            out.append(self._hand_on(packet))
        return out


def _digest(packet: RtpPacket) -> int:
    return zlib.crc32(packet.payload, packet.timestamp ^ packet.marker)
