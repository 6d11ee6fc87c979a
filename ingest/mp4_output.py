"""Write encoded pictures to an ordinary MP4 file with their own time stamps."""

import struct
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from ingest.encoder import EncodedPicture

_USUAL_STEP_S = Fraction(1, 25)
_MATRIX_AT = {0: 40, 1: 52}
"""Where the matrix lies in a track header of each version (ISO/IEC 14496-12, 8.3.2)."""


class Mp4Output:
    """One video stream in one file; the file is complete after `close`.

    Args:
        path: where to write.
        time_base: unit of the pictures' time stamps.
    """

    def __init__(self, path: Path, time_base: Fraction) -> None:
        self.time_base = time_base
        self._path = path
        self._orientation: tuple[int, ...] | None = None
        self._container: OutputContainer = av.open(
            str(path), "w", format="mp4", options={"movflags": "+faststart", "avoid_negative_ts": "disabled"}
        )
        self._stream: VideoStream | None = None
        self._last_pts: int | None = None
        self._duration = max(1, round(_USUAL_STEP_S / time_base))
        self._is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, picture: EncodedPicture) -> None:
        """Append a picture; one that is not later than the one before it is moved to one tick after that."""
        stream = self._stream or self._start(picture)
        pts = picture.pts if self._last_pts is None else max(picture.pts, self._last_pts + 1)
        # The muxer needs a duration for the last picture only, and cannot know which one that is.
        if self._last_pts is not None:
            self._duration = pts - self._last_pts
        self._last_pts = pts
        packet = av.Packet(picture.data)
        packet.stream = stream
        packet.time_base = self.time_base
        packet.pts = packet.dts = pts
        packet.duration = self._duration
        packet.is_keyframe = picture.is_keyframe
        self._container.mux(packet)

    def close(self) -> None:
        """Complete the file."""
        if self._is_open:
            self._is_open = False
            self._container.close()
            if self._orientation is not None:
                _turn(self._path, self._orientation)

    def _start(self, picture: EncodedPicture) -> VideoStream:
        stream = self._container.add_mux_stream("h264", width=picture.width_px, height=picture.height_px)
        assert isinstance(stream, VideoStream)
        stream.time_base = self.time_base
        self._orientation = picture.orientation
        # The muxer takes the parameter sets out of the first picture.
        self._stream = stream
        return stream


def _turn(path: Path, matrix: tuple[int, ...]) -> None:
    """Write a display matrix into the header of a file's only track: the library sets it for streams that it encodes itself only."""
    with path.open("r+b") as file:
        place = _find_box(file, (b"moov", b"trak", b"tkhd"))
        file.seek(place)
        version = file.read(1)[0]
        file.seek(place + _MATRIX_AT[version])
        file.write(struct.pack(">9i", *matrix))


def _find_box(file: BinaryIO, names: tuple[bytes, ...]) -> int:
    """Return where the content of a box begins, given the names of the boxes around it and its own."""
    place = 0
    for name in names:
        while True:
            file.seek(place)
            size, found = struct.unpack(">I4s", file.read(8))
            head = 8
            if size == 1:
                size, head = struct.unpack(">Q", file.read(8))[0], 16
            if found == name:
                place += head
                break
            place += size
    return place
