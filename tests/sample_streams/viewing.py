"""Watch a camera as an independent client does: PyAV's RTSP demuxer and decoder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from sample_streams.device.encoder import plane_view
from sample_streams.timecode import read_code
from tests.sample_streams.city import CityCamera

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Seen:
    """One decoded picture: its planes, the frame number in it, and the camera's UTC where the stream told it."""

    y: Plane
    u: Plane
    v: Plane
    number: int | None
    camera_utc_s: float | None
    is_corrupt: bool


@contextmanager
def opened(url: str, transport: str = "tcp", timeout_s: float = 10.0) -> Iterator[InputContainer]:
    """Open a stream, video only."""
    options = {
        "rtsp_transport": transport,
        "probesize": "32",
        "timeout": str(int(timeout_s * 1e6)),
        "allowed_media_types": "video",
    }
    with av.open(url, options=options) as container:
        yield container


def pictures(container: InputContainer) -> Iterator[Seen]:
    """Decode picture after picture until the stream ends."""
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1
    times: dict[int, float] = {}
    for packet in container.demux(stream):
        if packet.size == 0:
            return
        if packet.pts is not None and packet.has_sidedata("prft"):
            times[packet.pts] = int.from_bytes(bytes(packet.get_sidedata("prft"))[:8], "little") / 1e6
        for frame in packet.decode():
            y, u, v = (plane_view(plane).copy() for plane in frame.planes)
            utc = times.get(frame.pts) if frame.pts is not None else None
            yield Seen(y, u, v, read_code(y), utc, frame.is_corrupt)


def watch(camera: CityCamera, count: int, transport: str = "tcp") -> list[Seen]:
    """Return the first pictures of a camera."""
    seen: list[Seen] = []
    with opened(camera.url(), transport) as container:
        for picture in pictures(container):
            seen.append(picture)
            if len(seen) == count:
                break
    return seen
