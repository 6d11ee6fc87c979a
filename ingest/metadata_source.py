"""The camera's metadata track through PyAV: an RTSP session of its own, in which no picture is asked for.

Of its own, because a second track in the pictures' session would make FFmpeg count their time stamps by sender reports, wait for both
tracks at the start, and put a status behind a large keyframe (docs/decisions/0033).
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import av
import av.error
from av.container import InputContainer

from ingest import failure
from ingest.address import CameraAddress
from ingest.metadata import DocumentJoiner, statuses
from ingest.position import Position
from ingest.source import camera_clock, translated
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

    def __init__(self, container: InputContainer, clock: Clock) -> None:
        self._container = container
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
        packets: Iterator[Any] = iter(self._container.demux(self._container.streams.data[0]))
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                raise failure.connection_lost() from None
            except (av.error.TimeoutError, av.error.ExitError):
                raise failure.stalled("no metadata and no report came") from None
            except (av.error.FFmpegError, OSError) as error:
                raise translated(error) from None
            if packet.size == 0:
                raise failure.connection_lost()
            received_s = self._clock.monotonic_s()
            document = self._joiner.add(packet.pts, bytes(packet))
            if document is None:
                continue
            told = statuses(document)
            self._unread += told is None
            for position in told or []:
                yield StatusMessage(position, camera_clock(packet), received_s)

    def close(self) -> None:
        """End the session; harmless when repeated."""
        with contextlib.suppress(av.error.FFmpegError):
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def open_metadata(address: CameraAddress, clock: Clock) -> MetadataStream:
    """Connect and play the metadata track alone.

    Raises:
        CameraFailure: with its cause; also when the stream has no such track.
    """
    options = {
        "rtsp_transport": address.transport,
        "probesize": "32",
        "timeout": str(int(SILENCE_S / 2 * 1e6)),
        "allowed_media_types": "data",
        "max_delay": "100000",
    }
    try:
        container = av.open(address.url_with_credentials(), options=options)
    except (av.error.FFmpegError, OSError) as error:
        # Not "from error": PyAV puts the address with its password into its message.
        raise translated(error) from None
    if not container.streams.data:
        container.close()
        raise failure.unusable("it has no metadata track")
    return MetadataStream(container, clock)
