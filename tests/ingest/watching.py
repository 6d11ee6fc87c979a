"""A viewer: subscribes to a placement over the bus as the API does, in a thread, and keeps what it got."""

import asyncio
import io
import threading
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vms.bus.local import LocalBus
from vms.bus.messages import FrameMessage, InitMessage, LiveMessage
from vms.model import PlacementId

Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


def planes_of(frame: av.VideoFrame) -> Planes:
    """Copy the planes of a 4:2:0 frame."""
    found = []
    for plane in frame.planes:
        rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        found.append(rows[: plane.height, : plane.width].copy())
    return found[0], found[1], found[2]


def decoded(data: bytes) -> Iterator[tuple[float, Planes]]:
    """Every frame of a file, with its media time in seconds."""
    with av.open(io.BytesIO(data)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for frame in container.decode(video=0):
            yield float(frame.time or 0.0), planes_of(frame)


@dataclass
class View:
    """What a viewer got."""

    messages: list[LiveMessage] = field(default_factory=list)

    @property
    def frames(self) -> list[FrameMessage]:
        """The frames."""
        return [one for one in list(self.messages) if isinstance(one, FrameMessage)]

    def states(self) -> list[dict[str, Any]]:
        """The states, in order."""
        return [dict(one.state) for one in list(self.messages) if one.kind == "state"]

    def pictures(self) -> Iterator[tuple[int, Planes]]:
        """Decode everything; yield the capture instant in microseconds and the planes."""
        head: InitMessage | None = None
        run: list[FrameMessage] = []
        for message in [*self.messages, None]:
            if message is None or isinstance(message, InitMessage):
                if head is not None and run:
                    yield from _decoded_run(head, run)
                head, run = (message or head), []
            elif isinstance(message, FrameMessage):
                run.append(message)


def _decoded_run(head: InitMessage, run: list[FrameMessage]) -> Iterator[tuple[int, Planes]]:
    data = head.data + b"".join(one.data for one in run)
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        instants: dict[int, int] = {}
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert len(packets) == len(run)
        for packet, message in zip(packets, run, strict=True):
            assert packet.pts is not None
            instants[packet.pts] = message.captured_at_us
        for packet in [*packets, None]:
            for frame in stream.codec_context.decode(packet):
                yield instants[frame.pts or 0], planes_of(frame)


@contextmanager
def watching(run_dir: Path, placement_id: str) -> Iterator[View]:
    """Watch a placement during the block."""
    view, stop = View(), threading.Event()

    async def watch() -> None:
        async with aclosing(LocalBus(run_dir, reconnect_s=0.2).subscribe(PlacementId(placement_id))) as stream:
            async for message in stream:
                view.messages.append(message)

    async def watch_until_stopped() -> None:
        task = asyncio.create_task(watch())
        while not stop.is_set():  # noqa: ASYNC110 - set from another thread
            await asyncio.sleep(0.05)
        task.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(watch_until_stopped()))
    thread.start()
    try:
        yield view
    finally:
        stop.set()
        thread.join()
