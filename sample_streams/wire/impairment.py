"""What a bad network does to the packets of an access unit: loss, duplicates, another order."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from sample_streams.wire.rtp import Payload


@dataclass(frozen=True, slots=True)
class Numbered:
    """A payload and its place in the sequence; a gap in the places is a lost packet."""

    place: int
    payload: Payload


@dataclass(slots=True)
class Impairment:
    """Settings of the bad network, and what it did so far."""

    rng: random.Random
    loss_rate: float = 0.0
    duplicate_rate: float = 0.0
    reorder_rate: float = 0.0
    drop_next_packets: int = 0
    drop_next_frames: int = 0
    repeat_next_packets: int = 0
    dropped: int = field(default=0)

    def apply(self, payloads: Sequence[Payload]) -> list[Numbered]:
        """Return the packets of one access unit that get through, in the order in which they arrive."""
        if self.drop_next_frames > 0:
            self.drop_next_frames -= 1
            self.dropped += len(payloads)
            return []
        packets = [Numbered(place, payload) for place, payload in enumerate(payloads) if self._survives()]
        if self.duplicate_rate or self.repeat_next_packets:
            packets = [one for one in packets for _ in range(2 if self._comes_twice() else 1)]
        if self.reorder_rate:
            for i in range(len(packets) - 1):
                if self.rng.random() < self.reorder_rate:
                    packets[i], packets[i + 1] = packets[i + 1], packets[i]
        return packets

    def _survives(self) -> bool:
        if self.drop_next_packets > 0:
            self.drop_next_packets -= 1
            self.dropped += 1
            return False
        if self.loss_rate and self.rng.random() < self.loss_rate:
            self.dropped += 1
            return False
        return True

    def _comes_twice(self) -> bool:
        if self.repeat_next_packets > 0:
            self.repeat_next_packets -= 1
            return True
        return self.rng.random() < self.duplicate_rate
