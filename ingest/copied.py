"""The copied way of a camera that never sees a dwelling, by a plan that two persons approved: its own packets, untouched."""

from collections.abc import Callable
from datetime import datetime

from ingest.calibrating.view_keeper import ViewKeeper
from ingest.decoder import Picture, PictureDecoder
from ingest.gauge import Gauge
from ingest.output import Output
from ingest.source import CameraStream, SourcePacket
from vms.footage.nal import ParameterSets, find_parameter_sets, split_annex_b
from vms.footage.recorder import Packet

LONGEST_UNSEEN_S = 1.0
"""The watch over the view needs two key pictures to find a knock: farther apart, it could not within 2 s."""


class CopiedWay:
    """Hand on one session's H.264 packets. Made for one thread.

    Args:
        in_order: makes instants rise (the session's CaptureMap).
        view: watches the camera: its key pictures are decoded for it, and nothing is copied while it wants them grey.

    Attributes:
        possible: False once the stream has shown pictures in another order than they are shown in (B-frames), or has no key picture
            for the watch for longer than `LONGEST_UNSEEN_S`: such a stream is transcoded instead.
    """

    def __init__(
        self,
        stream: CameraStream,
        output: Output,
        gauge: Gauge,
        in_order: Callable[[datetime], datetime],
        view: ViewKeeper | None = None,
    ) -> None:
        self._stream = stream
        self._output = output
        self._gauge = gauge
        self._in_order = in_order
        self._view = view
        self._sets: ParameterSets | None = None
        self._size_px = (0, 0)
        self._last_ticks: int | None = None
        self._keyframe_s = 0.0
        self._waits_for_keyframe = True
        self.possible = stream.codec == "h264"

    def packet(self, packet: SourcePacket, captured_at: datetime) -> None:
        """Take the next packet."""
        if self._last_ticks is not None and packet.media_ticks < self._last_ticks and not packet.jumped:
            self.possible = False
            return
        self._last_ticks = packet.media_ticks
        if self._waits_for_keyframe and not packet.is_keyframe:
            return
        self._waits_for_keyframe = False
        if packet.is_keyframe:
            self._keyframe_s = packet.media_s
        elif self._view is not None and packet.media_s - self._keyframe_s > LONGEST_UNSEEN_S:
            self.possible = False
            return
        data = bytes(packet.packet)
        if packet.is_keyframe:
            data = self._with_sets(data, packet)
            if not self._may_copy(packet):
                return
        captured_at = self._in_order(captured_at)
        self._output.note(captured_at, None, 0.0, "none", "none")
        self._output.packet(Packet(data, captured_at, packet.is_keyframe, *self._size_px, "h264"))

    def lost(self) -> None:
        """Packets were dropped: go on at a keyframe."""
        self._waits_for_keyframe = True

    @property
    def is_held(self) -> bool:
        """Whether pictures must be grey, so that they can't be copied."""
        return self._view is not None and self._view.grey is not None

    def _may_copy(self, packet: SourcePacket) -> bool:
        """Let the watch look at a key picture; return whether it may be copied."""
        if self._view is not None and self._view.is_due() and not packet.lost:
            for picture in self._decoded(packet):
                if not picture.suspect:
                    self._view.offer(picture.frame)
        return not self.is_held

    def _with_sets(self, data: bytes, packet: SourcePacket) -> bytes:
        """Return a keyframe that carries its parameter sets, and note the size that they tell."""
        found = find_parameter_sets(split_annex_b(data), "h264")
        if found is None and self._stream.parameter_sets:
            data = self._stream.parameter_sets + data
            found = find_parameter_sets(split_annex_b(data), "h264")
        if found is not None and found != self._sets:
            self._sets = found
            self._size_px = self._size_of(packet)
            self._gauge.fact(width=self._size_px[0], height=self._size_px[1])
        return data

    def _size_of(self, packet: SourcePacket) -> tuple[int, int]:
        pictures = self._decoded(packet)
        return (pictures[0].frame.width_px, pictures[0].frame.height_px) if pictures else self._size_px

    def _decoded(self, packet: SourcePacket) -> list[Picture]:
        decoder = PictureDecoder("h264", self._stream.parameter_sets or None, lambda _ticks: 0.0)
        return decoder.decode(packet.packet) or decoder.flush()
