"""The camera's metadata track: an RTSP session of its own, in which no picture is asked for (docs/decisions/0033)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from ingest import failure
from ingest.address import CameraAddress
from ingest.metadata import DocumentJoiner, statuses
from ingest.position import Position
from ingest.rtsp.description import Track
from ingest.rtsp.rtp import SenderReport
from ingest.rtsp.session import Reported, RtspSession, open_session
from vms.clock import Clock

SILENCE_S = 120.0
"""A parked camera has nothing to tell; its sender reports alone keep the session alive."""


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """One PTZ status of the stream.

    Args:
        camera_s: instant of its packet by the camera's clock, seconds since 1970; None before the first sender report.
        received_s: monotonic.
    """

    position: Position
    camera_s: float | None
    received_s: float


class MetadataStream:
    """An open session. Iterate `messages()` in one thread; the iteration ends only by a failure.

    Attributes:
        garbled: documents that were not whole or could not be read.
    """

    def __init__(self, session: RtspSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._joiner = DocumentJoiner()
        self._unread = 0

    @property
    def garbled(self) -> int:
        """How many documents were lost or could not be read."""
        return self._unread + self._joiner.dropped

    def messages(self) -> Iterator[StatusMessage]:
        """Yield the statuses as they come.

        Raises:
            CameraFailure: the session ended or broke.
        """
        report: SenderReport | None = None
        for one in self._session.received(SILENCE_S, reports_count=True):
            if isinstance(one, Reported):
                report = one.report
                continue
            if one.broken:
                self._joiner.drop()
            document = self._joiner.add(one.packet.timestamp, one.packet.payload)
            if document is None:
                continue
            told = statuses(document)
            self._unread += told is None
            clock_hz, near_s = self._session.track.clock_hz, self._clock.now().timestamp()
            camera_s = None if report is None else report.camera_s(one.packet.timestamp, clock_hz, near_s)
            for position in told or []:
                yield StatusMessage(position, camera_s, one.packet.arrived_s)

    def close(self) -> None:
        """End the session; harmless when repeated."""
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def open_metadata(address: CameraAddress, clock: Clock) -> MetadataStream:
    """Connect and play the metadata track alone.

    Raises:
        CameraFailure: with its cause; also when the stream has no such track.
    """
    return MetadataStream(open_session(address, "application", _first, clock), clock)


def _first(tracks: list[Track]) -> Track:
    if not tracks:
        raise failure.unusable("it has no metadata track")
    return tracks[0]
