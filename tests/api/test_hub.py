"""The fan-out by itself: slow viewers, large groups of pictures, broken feeds."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.live import hub
from api.live.hub import LiveHub, Viewer
from vms.bus.commands import Command
from vms.bus.messages import FrameMessage, InitMessage, LiveMessage, StateMessage
from vms.errors import IntegrityLost, Unavailable
from vms.model import PlacementId

PLACE = PlacementId("p1")


class FakeBus:
    """A bus whose messages the test puts in by hand."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[LiveMessage | Exception] = asyncio.Queue()
        self.subscriptions = 0
        self.open = 0

    async def subscribe(self, placement_id: PlacementId) -> AsyncIterator[LiveMessage]:
        """Yield what is put in."""
        del placement_id
        self.subscriptions += 1
        self.open += 1
        try:
            while True:
                message = await self.messages.get()
                if isinstance(message, Exception):
                    raise message
                yield message
        finally:
            self.open -= 1

    async def request(self, placement_id: PlacementId, command: Command) -> dict[str, Any]:
        """Refuse: nobody asks here."""
        raise Unavailable(f"{placement_id} {command}")


def frame(number: int, *, key: bool = False, size: int = 10) -> FrameMessage:
    """A frame whose instant is its number."""
    return FrameMessage(1, number, key, b"x" * size)


def numbers(taken: list[bytes]) -> list[int]:
    """Return the instants of the frames among messages."""
    return [int.from_bytes(data[2:10], "big") for data in taken if data[0] == 2]


async def passed_on(bus: FakeBus, *messages: LiveMessage | Exception) -> None:
    """Put messages in and let the feed take them all."""
    for message in messages:
        bus.messages.put_nowait(message)
    while not bus.messages.empty():  # noqa: ASYNC110 - a queue has no event for being empty
        await asyncio.sleep(0)
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_slow_viewer_skips_to_the_next_keyframe_and_holds_up_nobody() -> None:
    """What waits for one browser is bounded, and what it gets after the hole can be decoded."""

    async def scene() -> None:
        bus = FakeBus()
        live = LiveHub(bus)
        async with live.watch(PLACE) as slow, live.watch(PLACE) as quick:
            await passed_on(bus, InitMessage(1, "avc3.64001f", 1, 1, b"head"), frame(0, key=True))
            got = numbers(await quick.take())
            for number in range(1, 120):
                await passed_on(bus, frame(number, key=number % 25 == 0))
                got += numbers(await quick.take())
            assert got == list(range(120))
            late = await slow.take()
            assert late[0][0] == 1  # the head is never dropped
            seen = numbers(late)
            assert len(seen) <= hub.QUEUE_FRAMES
            assert seen[0] % 25 == 0
            assert seen[-1] == 119
            assert slow.skipped_frames + len(seen) == 120

    asyncio.run(scene())


def test_what_waits_is_bounded_in_bytes_too() -> None:
    """Few large frames fill memory as well as many small ones."""
    viewer = Viewer()
    large = hub.QUEUE_BYTES // 3
    for number in range(10):
        viewer.offer(hub.Item(bytes(large), is_frame=True, is_keyframe=number in {0, 9}))
    assert viewer.waiting_bytes <= hub.QUEUE_BYTES
    assert viewer.skipped_frames == 9


def test_a_viewer_that_comes_before_the_first_keyframe_waits_for_it() -> None:
    """Frames that depend on others it has not got would show garbage."""

    async def scene() -> None:
        bus = FakeBus()
        live = LiveHub(bus)
        async with live.watch(PLACE) as viewer:
            await passed_on(bus, frame(1), frame(2), frame(3, key=True), frame(4))
            assert numbers(await viewer.take()) == [3, 4]

    asyncio.run(scene())


def test_a_group_of_pictures_without_end_is_not_kept() -> None:
    """A camera that never sends a keyframe again must not fill memory."""

    async def scene() -> None:
        bus = FakeBus()
        live = LiveHub(bus)
        async with live.watch(PLACE):
            await passed_on(bus, frame(0, key=True), *[frame(number) for number in range(1, hub.GROUP_FRAMES + 5)])
            async with live.watch(PLACE) as late:
                await passed_on(bus, frame(1000), frame(1001, key=True))
                assert numbers(await late.take()) == [1001]

    asyncio.run(scene())


def test_an_old_picture_never_passes_for_a_live_one() -> None:
    """Who comes while the camera is away sees that, not the last picture."""

    async def scene() -> None:
        bus = FakeBus()
        live = LiveHub(bus)
        async with live.watch(PLACE):
            await passed_on(bus, frame(1, key=True), StateMessage({"state": "offline"}))
            async with live.watch(PLACE) as late:
                taken = await late.take()
                assert [data[0] for data in taken] == [3]

    asyncio.run(scene())


def test_the_subscription_lasts_as_long_as_somebody_watches() -> None:
    """Cameras that nobody watches cost nothing here."""

    async def scene() -> None:
        bus = FakeBus()
        live = LiveHub(bus)
        async with live.watch(PLACE), live.watch(PLACE):
            await asyncio.sleep(0)
            assert (bus.subscriptions, bus.open) == (1, 1)
        assert (bus.subscriptions, bus.open) == (1, 0)
        async with live.watch(PLACE):
            await asyncio.sleep(0)
            assert bus.subscriptions == 2
        assert bus.open == 0

    asyncio.run(scene())


def test_a_broken_message_is_survived_and_shown_as_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed subscribes again by itself."""

    async def scene() -> None:
        bus = FakeBus()
        live = LiveHub(bus)
        async with live.watch(PLACE) as viewer:
            await passed_on(bus, IntegrityLost("broken"))
            assert [data[0] for data in await viewer.take()] == [3]
            await passed_on(bus, frame(1, key=True))
            assert numbers(await viewer.take()) == [1]
            assert bus.subscriptions == 2

    monkeypatch.setattr(hub, "RETRY_S", 0)
    asyncio.run(scene())


def test_viewers_learn_of_a_feed_that_ended_for_good() -> None:
    """A bug in the feed must not leave people before a picture that stands still."""

    async def scene() -> None:
        bus = FakeBus()
        live = LiveHub(bus)
        async with live.watch(PLACE) as viewer:
            await passed_on(bus, RuntimeError("bug"))
            with pytest.raises(Unavailable):
                await viewer.take()
            assert live.feeds == 0

    asyncio.run(scene())
