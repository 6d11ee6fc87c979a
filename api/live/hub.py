"""Fan out: one subscription to the bus per placement, however many watch; nobody waits for a slow viewer.

A feed keeps the head of the stream and the frames since the last keyframe, so that a late viewer has a picture at once. A viewer that
does not keep up loses what is queued and goes on at the next keyframe; what is queued for it is bounded in frames and bytes.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog

from vms.bus.messages import FrameMessage, InitMessage, LiveMessage, StateMessage, to_browser
from vms.bus.protocol import Bus
from vms.errors import Unavailable, VmsError
from vms.model import PlacementId

QUEUE_FRAMES: Final = 50
QUEUE_BYTES: Final = 8 * 1024 * 1024
GROUP_FRAMES: Final = 250
GROUP_BYTES: Final = 16 * 1024 * 1024
"""A group of pictures larger than this is not kept for late viewers: they wait for the next keyframe."""
RETRY_S: Final = 1.0
KIND_NOTICE: Final = 5
"""First byte of what the API itself tells viewers; 1 to 3 come from the worker (`vms/bus/messages.py`), 4 is the commissioning view's."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Item:
    """A message as the browser gets it, made once for all viewers."""

    data: bytes
    is_frame: bool
    is_keyframe: bool = False


def notice_item(document: dict[str, Any]) -> Item:
    """Return something that viewers are told besides the picture: who has the camera, that it is being calibrated."""
    return Item(bytes([KIND_NOTICE]) + json.dumps(document).encode(), is_frame=False)


class Viewer:
    """What waits to be sent to one browser."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._frames = 0
        self._bytes = 0
        self._needs_keyframe = False
        self._ready = asyncio.Event()
        self._failure: Exception | None = None
        self.skipped_frames = 0

    def greet(self, items: list[Item]) -> None:
        """Queue what a late viewer starts with; it does not count towards the bound."""
        self._items.extend(items)
        self._needs_keyframe = not any(item.is_frame for item in items)
        if items:
            self._ready.set()

    def offer(self, item: Item) -> None:
        """Queue a message; drop to the next keyframe when the queue is full."""
        if item.is_frame and self._skips(item):
            self.skipped_frames += 1
            return
        self._items.append(item)
        self._frames += item.is_frame
        self._bytes += len(item.data)
        self._ready.set()

    @property
    def waiting_bytes(self) -> int:
        """How much waits to be sent, not counting what a late viewer starts with."""
        return self._bytes

    def fail(self, error: Exception) -> None:
        """Let the next `take` raise: the feed has ended."""
        self._failure = error
        self._ready.set()

    async def take(self) -> list[bytes]:
        """Wait for messages and return all that are queued.

        Raises:
            Unavailable: the feed has ended.
        """
        await self._ready.wait()
        if self._failure is not None:
            raise Unavailable("the live feed ended", code="live.ended") from self._failure
        taken = [item.data for item in self._items]
        self._items.clear()
        self._frames = self._bytes = 0
        self._ready.clear()
        return taken

    def _skips(self, frame: Item) -> bool:
        if self._frames >= QUEUE_FRAMES or self._bytes + len(frame.data) > QUEUE_BYTES:
            kept = [item for item in self._items if not item.is_frame]
            self.skipped_frames += self._frames
            self._items = deque(kept)
            self._frames, self._bytes = 0, sum(len(item.data) for item in kept)
            self._needs_keyframe = True
        if self._needs_keyframe and not frame.is_keyframe:
            return True
        self._needs_keyframe = False
        return False


class _Feed:
    """One placement's stream and its viewers."""

    def __init__(self, placement_id: PlacementId) -> None:
        self.placement_id = placement_id
        self.viewers: set[Viewer] = set()
        self.task: asyncio.Task[None] | None = None
        self._state: Item | None = None
        self._head: Item | None = None
        self._group: list[Item] = []
        self._group_bytes = 0

    def greet(self, viewer: Viewer) -> None:
        """Give a new viewer what it needs to show a picture at once."""
        viewer.greet([item for item in (self._state, self._head, *self._group) if item is not None])
        self.viewers.add(viewer)

    def pass_on(self, message: LiveMessage) -> None:
        """Remember what late viewers need, and offer the message to all; its bytes are made once."""
        data = to_browser(message)
        match message:
            case InitMessage():
                item = Item(data, is_frame=False)
                self._head = item
                self._forget_group()
            case FrameMessage():
                item = Item(data, is_frame=True, is_keyframe=message.is_keyframe)
                self._remember(item)
            case StateMessage():
                item = Item(data, is_frame=False)
                self._state = item
                if message.state.get("state") == "offline":
                    self._forget_group()  # an old picture must not pass for a live one
        for viewer in self.viewers:
            viewer.offer(item)

    def _remember(self, item: Item) -> None:
        if item.is_keyframe:
            self._forget_group()
        elif not self._group:
            return
        self._group.append(item)
        self._group_bytes += len(item.data)
        if self._group_bytes > GROUP_BYTES or len(self._group) > GROUP_FRAMES:
            self._forget_group()

    def _forget_group(self) -> None:
        self._group.clear()
        self._group_bytes = 0


class LiveHub:
    """All feeds of this process. Lives on one event loop."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._feeds: dict[PlacementId, _Feed] = {}

    @asynccontextmanager
    async def watch(self, placement_id: PlacementId) -> AsyncIterator[Viewer]:
        """Let somebody watch; the subscription ends with the last viewer."""
        feed = self._feeds.get(placement_id)
        if feed is None:
            feed = self._feeds[placement_id] = _Feed(placement_id)
            feed.task = asyncio.create_task(self._run(feed), name=f"feed {placement_id}")
        viewer = Viewer()
        feed.greet(viewer)
        try:
            yield viewer
        finally:
            feed.viewers.discard(viewer)
            if not feed.viewers:
                await self._end(feed)

    async def close(self) -> None:
        """End all feeds."""
        for feed in list(self._feeds.values()):
            await self._end(feed)

    @property
    def feeds(self) -> int:
        """How many placements are subscribed to."""
        return len(self._feeds)

    def viewers(self, placement_id: PlacementId) -> int:
        """Return how many watch a placement through this process."""
        feed = self._feeds.get(placement_id)
        return len(feed.viewers) if feed else 0

    def tell(self, placement_id: PlacementId, document: dict[str, Any]) -> None:
        """Tell everybody who watches a placement now."""
        feed = self._feeds.get(placement_id)
        for viewer in feed.viewers if feed is not None else ():
            viewer.offer(notice_item(document))

    async def _end(self, feed: _Feed) -> None:
        if self._feeds.get(feed.placement_id) is feed:
            del self._feeds[feed.placement_id]
        if feed.task is not None and not feed.task.done():
            feed.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await feed.task

    async def _run(self, feed: _Feed) -> None:
        try:
            while True:
                try:
                    # Closed explicitly, so that a cancelled feed unsubscribes at once and not when it is collected.
                    async with contextlib.aclosing(_generator(self._bus.subscribe(feed.placement_id))) as messages:
                        async for message in messages:
                            feed.pass_on(message)
                except (VmsError, OSError) as error:
                    log.warning("live feed broke off", placement=feed.placement_id, problem=str(error))
                feed.pass_on(StateMessage({"state": "offline", "reason": "worker-away"}))
                await asyncio.sleep(RETRY_S)
        except Exception as error:
            # The supervisor of this feed: viewers must learn that it ended, whatever the reason, or they'd wait for ever.
            for viewer in feed.viewers:
                viewer.fail(error)
            self._feeds.pop(feed.placement_id, None)
            log.exception("live feed failed", placement=feed.placement_id)


async def _generator(messages: AsyncIterator[LiveMessage]) -> AsyncGenerator[LiveMessage]:
    """Close the inner iterator with the outer one."""
    try:
        async for message in messages:
            yield message
    finally:
        close = getattr(messages, "aclose", None)
        if close is not None:
            await close()
