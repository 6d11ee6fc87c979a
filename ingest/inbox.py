"""What reaches the thread that makes pictures: one bounded queue, so that nothing needs a lock behind it."""

import threading
from collections import deque
from dataclasses import dataclass

from ingest.failure import CameraFailure
from ingest.metadata_source import StatusMessage
from ingest.plan_watch import ActivePlan
from ingest.samples import Exchange
from ingest.source import CameraStream, SourcePacket

MOST_PACKETS = 250
"""Ten seconds at 25 frames a second; a worker that is this far behind drops to the next keyframe."""
MOST_POSES = 400


@dataclass(frozen=True, slots=True)
class Opened:
    """A session with the camera began."""

    stream: CameraStream


@dataclass(frozen=True, slots=True)
class Ended:
    """The session ended, or none came about."""

    failure: CameraFailure


@dataclass(frozen=True, slots=True)
class PlanChanged:
    """Another plan is approved (or none is any more)."""

    plan: ActivePlan


@dataclass(frozen=True, slots=True)
class Dropped:
    """Packets were dropped here: what follows lacks its references."""


Item = Opened | Ended | PlanChanged | Dropped | SourcePacket | Exchange | StatusMessage


class Inbox:
    """A queue that never blocks its writers and never grows without bound."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._packets = 0
        self._poses = 0
        self._waits_for_keyframe = False
        self._changed = threading.Condition()
        self.dropped_packets = 0

    def put(self, item: Item) -> None:
        """Add an item; too many packets are dropped up to the next keyframe, too many poses singly."""
        with self._changed:
            if isinstance(item, SourcePacket):
                if not self._admits(item):
                    return
                self._packets += 1
            elif isinstance(item, Exchange | StatusMessage):
                if self._poses >= MOST_POSES:
                    return
                self._poses += 1
            elif isinstance(item, Opened):
                self._waits_for_keyframe = False
            self._items.append(item)
            self._changed.notify()

    def get(self, timeout_s: float) -> Item | None:
        """Return the oldest item, waiting for one at most so long."""
        with self._changed:
            if not self._items:
                self._changed.wait(timeout_s)
            if not self._items:
                return None
            item = self._items.popleft()
            self._packets -= isinstance(item, SourcePacket)
            self._poses -= isinstance(item, Exchange | StatusMessage)
            return item

    def _admits(self, packet: SourcePacket) -> bool:
        if self._packets >= MOST_PACKETS and not self._waits_for_keyframe:
            self._waits_for_keyframe = True
            self._items.append(Dropped())
        if self._waits_for_keyframe:
            if not packet.is_keyframe or self._packets >= MOST_PACKETS:
                self.dropped_packets += 1
                return False
            self._waits_for_keyframe = False
        return True
