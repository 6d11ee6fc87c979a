"""Decode finished pictures out of fragmented MP4; of this package only this module knows the codec library."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame

from vms.errors import IntegrityLost
from vms.footage.witness import FrameWitness, find_witness
from vms.selftest.judging import Look, Plane


@dataclass(frozen=True, slots=True)
class Shown:
    """A decoded picture.

    Args:
        at_s: its media time.
    """

    at_s: float
    look: Look


def pictures_of(data: bytes, most: int) -> Iterator[Shown]:
    """Yield the first pictures of a file that begins with a keyframe.

    Raises:
        IntegrityLost: it is no video, or a witness in it is broken.
    """
    try:
        with av.open(io.BytesIO(data)) as container:
            assert isinstance(container, InputContainer)
            yield from _decoded(container, most)
    except av.error.FFmpegError as error:
        raise IntegrityLost(f"a finished picture can't be decoded: {error}", code="selftest.decode") from error


def _decoded(container: InputContainer, most: int) -> Iterator[Shown]:
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1
    witnesses: dict[int, FrameWitness | None] = {}
    made = 0
    for packet in container.demux(stream):
        if packet.size and packet.pts is not None:
            witnesses[packet.pts] = find_witness(_units(bytes(packet)))
        for frame in packet.decode():
            assert isinstance(frame, VideoFrame)
            yield Shown(float(frame.time or 0.0), Look(_planes(frame), witnesses.pop(frame.pts or 0, None)))
            made += 1
            if made >= most:
                return


def _units(sample: bytes) -> list[bytes]:
    units, place = [], 0
    while place + 4 <= len(sample):
        length = int.from_bytes(sample[place : place + 4])
        units.append(sample[place + 4 : place + 4 + length])
        place += 4 + length
    return [unit for unit in units if unit]


def _planes(frame: VideoFrame) -> tuple[Plane, Plane, Plane]:
    found = []
    for plane in frame.planes[:3]:
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        found.append(lines[: plane.height, : plane.width].copy())
    return (found[0], found[1], found[2])
