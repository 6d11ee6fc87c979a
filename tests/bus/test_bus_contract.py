"""What every bus must do; a later implementation joins `PAIRS` and must pass the same tests."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from vms.bus.channel import PlacementChannel
from vms.bus.commands import Command, PtzContinuous, PtzStop, StatusQuery
from vms.bus.local import LocalBus
from vms.bus.messages import FrameMessage, InitMessage, LiveMessage, StateMessage
from vms.bus.protocol import Admit, Bus, Channel
from vms.errors import Conflict, Unavailable
from vms.model import PlacementId

PLACE = PlacementId("p1")
Pair = tuple[Callable[[], Any], Bus]


@contextmanager
def local_pair(folder: Path) -> Iterator[Pair]:
    """The bus over Unix sockets: a maker of started channels and the API's side."""
    made: list[PlacementChannel] = []

    def channel() -> Channel:
        made.append(PlacementChannel(folder, PLACE).start())
        return made[-1]

    yield channel, LocalBus(folder, reconnect_s=0.02, request_within_s=2.0)
    for one in made:
        one.close()


PAIRS = {"local": local_pair}


@pytest.fixture(params=sorted(PAIRS))
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """Every implementation in turn."""
    with PAIRS[request.param](tmp_path / "run") as made:
        yield made


def frame(number: int, *, key: bool = False, epoch: int = 1, size: int = 10) -> FrameMessage:
    """A frame whose instant is its number."""
    return FrameMessage(epoch, number, key, b"x" * size)


INIT = InitMessage(1, "avc3.64001f", 320, 240, b"head")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; the test's own timeout is the deadline."""
    while not condition():  # noqa: ASYNC110 - the condition belongs to a thread that knows no asyncio
        await asyncio.sleep(0.005)


async def take(stream: AsyncGenerator[LiveMessage, None], count: int) -> list[LiveMessage]:
    """The next messages."""
    return [await anext(stream) for _ in range(count)]


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Run with a deadline, so that a bus that delivers nothing fails instead of hanging."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await work()

    asyncio.run(bounded())


def test_a_late_viewer_starts_at_the_last_keyframe(pair: Pair) -> None:
    """A viewer that had to wait for the next keyframe would look at nothing for up to a second."""
    make, bus = pair
    channel = make()
    channel.on_join(lambda admit: admit([INIT, frame(1, key=True), frame(2)]))

    async def work() -> None:
        async with aclosing(bus.subscribe(PLACE)) as stream:
            first = await take(stream, 3)
            channel.publish(frame(3))
            assert [*first, await anext(stream)] == [INIT, frame(1, key=True), frame(2), frame(3)]

    run(work)


def test_frames_published_while_somebody_joins_come_once_and_in_order(pair: Pair) -> None:
    """A frame twice, or one missing, breaks the decoder's references."""
    make, bus = pair
    channel = make()
    lock, sent, stop = threading.Lock(), [frame(0, key=True)], threading.Event()

    def greet(admit: Admit) -> None:
        with lock:
            admit([INIT, *sent])

    def feed() -> None:
        while not stop.wait(0.001):
            with lock:
                sent.append(frame(len(sent)))
                channel.publish(sent[-1])

    channel.on_join(greet)
    feeder = threading.Thread(target=feed)
    feeder.start()

    async def work() -> None:
        for _ in range(20):
            async with aclosing(bus.subscribe(PLACE)) as stream:
                await anext(stream)
                got = await take(stream, len(sent) + 5)
                assert [m.captured_at_us for m in got if isinstance(m, FrameMessage)] == list(range(len(got)))

    try:
        run(work)
    finally:
        stop.set()
        feeder.join()


def test_a_slow_viewer_skips_to_a_keyframe_and_holds_up_nobody(pair: Pair) -> None:
    """One sleeping browser must cost neither memory nor the others' pictures."""
    make, bus = pair
    channel = make()

    async def work() -> None:
        async with aclosing(bus.subscribe(PLACE)) as slow, aclosing(bus.subscribe(PLACE)) as quick:
            waiting = [asyncio.create_task(anext(slow)), asyncio.create_task(anext(quick))]
            await until(lambda: channel.viewers == 2)
            channel.publish(frame(0, key=True))
            await asyncio.gather(*waiting)
            for number in range(1, 101):
                channel.publish(frame(number, key=number % 10 == 0, size=400_000))
                assert (await anext(quick)).captured_at_us == number  # type: ignore[union-attr]  # only frames are sent
            got = [0]
            last = frame(1000, key=True)
            # The slow one wakes up: what it still gets is decodable, and it is live again at a keyframe.
            reading = asyncio.create_task(anext(slow))
            number = 101
            while got[-1] < 101:
                message = await reading
                assert isinstance(message, FrameMessage)
                assert message.captured_at_us == got[-1] + 1 or message.is_keyframe
                got.append(message.captured_at_us)
                reading = asyncio.create_task(anext(slow))
                channel.publish(frame(number, key=True))
                number += 1
            reading.cancel()
            assert len(got) < 80
            assert last.is_keyframe

    run(work)


def test_nobody_watching_is_known_to_the_worker(pair: Pair) -> None:
    """The worker makes no fragments for nobody."""
    make, bus = pair
    channel = make()

    async def work() -> None:
        assert not channel.watched
        async with aclosing(bus.subscribe(PLACE)) as stream:
            reading = asyncio.create_task(anext(stream))
            await until(lambda: channel.watched)
            channel.publish(INIT)
            assert await reading == INIT
        await until(lambda: not channel.watched)

    run(work)


def test_a_subscriber_outlives_the_worker_and_drops_a_stale_epoch(pair: Pair) -> None:
    """A viewer should see pictures again after a crash without doing anything, and never those of a fenced worker."""
    make, bus = pair

    async def work() -> None:
        async with aclosing(bus.subscribe(PLACE)) as stream:
            assert await anext(stream) == StateMessage({"state": "offline", "reason": "worker-away"})
            first = make()
            first.on_join(lambda admit: admit([frame(7, key=True, epoch=2)]))
            assert await anext(stream) == frame(7, key=True, epoch=2)
            first.close()
            assert isinstance(await anext(stream), StateMessage)
            second = make()
            second.on_join(lambda admit: admit([frame(8, key=True, epoch=1), frame(9, key=True, epoch=3)]))
            assert await anext(stream) == frame(9, key=True, epoch=3)

    run(work)


def test_a_command_reaches_the_worker_and_its_reply_comes_back(pair: Pair) -> None:
    """The camera moves, and the page learns what came of it."""
    make, bus = pair
    got: list[Command] = []

    def obey(command: Command) -> dict[str, Any]:
        got.append(command)
        return {"obeyed": command.KIND}

    make().on_command(obey)

    async def work() -> None:
        assert await bus.request(PLACE, PtzContinuous(0.5, -1.0, 0.0)) == {"obeyed": "ptz.continuous"}
        assert got == [PtzContinuous(0.5, -1.0, 0.0)]

    run(work)


def test_an_error_of_the_worker_keeps_its_class_code_and_details(pair: Pair) -> None:
    """The page finds the text in the reader's language by the code, and the API the status by the class."""
    make, bus = pair

    def obey(command: Command) -> dict[str, Any]:
        raise Conflict(f"{command.KIND} is not for now", code="ptz.busy", until="noon")

    make().on_command(obey)

    async def work() -> None:
        with pytest.raises(Conflict, match="is not for now") as raised:
            await bus.request(PLACE, PtzStop())
        assert (raised.value.code, raised.value.details) == ("ptz.busy", {"until": "noon"})

    run(work)


def test_a_command_to_nobody_is_unavailable(pair: Pair) -> None:
    """A click on an offline camera gets an answer, not a spinner."""
    _, bus = pair

    async def work() -> None:
        with pytest.raises(Unavailable, match="no worker"):
            await bus.request(PLACE, StatusQuery())

    run(work)


def test_a_worker_that_never_answers_is_unavailable_in_time(pair: Pair) -> None:
    """A camera that hangs must not hang the page."""
    make, bus = pair
    release = threading.Event()

    def obey(command: Command) -> dict[str, Any]:
        release.wait(15)
        return {}

    make().on_command(obey)

    async def work() -> None:
        with pytest.raises(Unavailable, match="in time"):
            await bus.request(PLACE, PtzStop())
        release.set()

    run(work)
