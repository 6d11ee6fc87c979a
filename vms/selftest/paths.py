"""Where finished pictures are to be had: recordings, the live stream, export packages. Each path yields pictures with their instants."""

import asyncio
import io
import random
import zipfile
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from vms.bus.local import LocalBus
from vms.bus.messages import FrameMessage, InitMessage, LiveMessage, StateMessage
from vms.db import exports
from vms.db.segments import Segment
from vms.evidence.export import Workshop, open_package
from vms.footage.chunked import ChunkedReader
from vms.footage.fmp4 import complete_boxes, fragments_of
from vms.footage.playback import ByteRange, FootageReader
from vms.model import ExportId, PlacementId
from vms.selftest.judging import Look
from vms.selftest.pictures import pictures_of

_READ_BYTES = 1 << 20
_BEGINNING_BYTES = 8 << 20
DEEPEST = 8
"""How many pictures after a keyframe are decoded at most: every path repeats its keyframe each second."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A finished picture.

    Args:
        captured_at: its instant; None where the path does not say.
    """

    captured_at: datetime | None
    look: Look


class Viewer(Protocol):
    """How the self-test watches: as anybody does."""

    def watch(self, placement_id: PlacementId, frames: int, within_s: float) -> list[LiveMessage]:
        """Return what a viewer gets at first: state, head, and up to so many frames."""


class BusViewer:
    """Subscribes to a placement on this machine's bus, like the API."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir

    def watch(self, placement_id: PlacementId, frames: int, within_s: float) -> list[LiveMessage]:
        """Return what a viewer gets at first; less when it does not come in time, nothing when the worker is away."""
        got: list[LiveMessage] = []

        async def collect() -> None:
            async with aclosing(LocalBus(self._run_dir).subscribe(placement_id)) as stream:
                async for message in stream:
                    got.append(message)
                    seen = sum(isinstance(one, FrameMessage) for one in got)
                    if seen >= frames or (
                        isinstance(message, StateMessage) and message.state.get("reason") == "worker-away"
                    ):
                        return

        async def in_time() -> None:
            try:
                async with asyncio.timeout(within_s):
                    await collect()
            except TimeoutError:
                return

        asyncio.run(in_time())
        return got


def recorded(reader: FootageReader, row: Segment, rng: random.Random) -> Seen | None:
    """Return a picture of a segment: a random keyframe and up to `DEEPEST` pictures on; None when it has no index."""
    if not row.fragments:
        return None
    offset, length, _ = rng.choice(row.fragments)
    with reader.open(row.placement_id, row.number) as segment:
        head = segment.read(ByteRange(0, row.fragments[0][0])) if row.fragments[0][0] else b""
        data = head + segment.read(ByteRange(offset, offset + length))
    shown = list(pictures_of(data, rng.randint(1, DEEPEST)))
    if not shown:
        return None
    return Seen(row.start_at + timedelta(seconds=shown[-1].at_s), shown[-1].look)


def live(messages: list[LiveMessage], rng: random.Random) -> Seen | None:
    """Return a picture of what a viewer got; None when there was none."""
    head = next((one for one in messages if isinstance(one, InitMessage)), None)
    frames = [one for one in messages if isinstance(one, FrameMessage)]
    while frames and not frames[0].is_keyframe:
        frames.pop(0)
    if head is None or not frames:
        return None
    wanted = rng.randint(1, len(frames))
    shown = list(pictures_of(head.data + b"".join(one.data for one in frames[:wanted]), wanted))
    return Seen(None, shown[-1].look) if shown else None


def exported(shop: Workshop, export_id: ExportId, rng: random.Random) -> Iterator[tuple[PlacementId, Seen]]:
    """Yield pictures of a finished package: of one recorded file, anywhere in it, and of the beginning of each playable one."""
    with shop.db.read() as conn:
        export = exports.get(conn, export_id)
    source, reader = open_package(shop, export)
    with source, zipfile.ZipFile(io.BufferedReader(_PlainText(reader), _READ_BYTES)) as package:
        inside = [(name, *name.split("/", 2)[1:]) for name in package.namelist() if name.endswith(".mp4")]
        originals = [(name, rest) for name, folder, rest in inside if folder == "original"]
        if originals:
            name, rest = rng.choice(originals)
            data = package.read(name)
            places = list(fragments_of(data))
            chosen = rng.choice([place for place in places if place.is_keyframe] or places[:1])
            head = data[: places[0].offset_bytes]
            yield from _first(PlacementId(rest.partition("/")[0]), head + data[chosen.offset_bytes :], rng)
        for name, rest in ((name, rest) for name, folder, rest in inside if folder == "view"):
            with package.open(name) as file:
                data = file.read(_BEGINNING_BYTES)
            yield from _first(PlacementId(rest.rsplit("_", 2)[0]), data[: complete_boxes(data)], rng)


def _first(placement_id: PlacementId, data: bytes, rng: random.Random) -> Iterator[tuple[PlacementId, Seen]]:
    shown = list(pictures_of(data, rng.randint(1, DEEPEST)))
    if shown:
        yield placement_id, Seen(None, shown[-1].look)


class _PlainText(io.RawIOBase):
    """A package's plain text as a file that can be sought in; nothing plain touches the disk."""

    def __init__(self, reader: ChunkedReader) -> None:
        self._reader = reader
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._reader.size_bytes}[whence]
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self._reader.read(self._place, min(len(view), max(0, self._reader.size_bytes - self._place)))
        view[: len(data)] = data
        self._place += len(data)
        return len(data)
