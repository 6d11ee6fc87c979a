"""Write encoded pictures to an ordinary MP4 file with their own time stamps."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from ingest.encoder import EncodedPicture

_USUAL_STEP_S = Fraction(1, 25)


class Mp4Output:
    """One video stream in one file; the file is complete after `close`.

    Args:
        path: where to write.
        time_base: unit of the pictures' time stamps.
    """

    def __init__(self, path: Path, time_base: Fraction) -> None:
        self.time_base = time_base
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

    def _start(self, picture: EncodedPicture) -> VideoStream:
        stream = self._container.add_mux_stream("h264", width=picture.width_px, height=picture.height_px)
        assert isinstance(stream, VideoStream)
        stream.time_base = self.time_base
        # The muxer takes the parameter sets out of the first picture.
        self._stream = stream
        return stream
