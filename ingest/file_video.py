"""A video file's packets with the instants at which their pictures are shown."""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.error
import structlog
from av.container import InputContainer
from av.video.stream import VideoStream

from ingest.decoder import Packet, Picture, PictureDecoder
from ingest.file_stamps import PacketTimes, Stamp, display_stamps, order_contradicts
from vms.errors import InvalidInput

log = structlog.get_logger(__name__)

_USUAL_FPS = Fraction(25)
_COUNTING_ONLY = "avi"
"""A container without presentation times: what the library makes of its numbers is its own guess."""


_STILLS = frozenset({"mjpeg", "png", "bmp", "gif", "webp"})
"""Codecs of cover pictures and previews: a track of these is taken where there is no other."""


@dataclass(frozen=True, slots=True)
class _Survey:
    """What decoding a file once has shown.

    Args:
        shown: numbers of the packets in the order in which their pictures come out.
        damaged_from: the first packet of a picture that may lack something; the number of packets if there is none.
        fps: the rate that the stream states.
    """

    shown: list[int]
    damaged_from: int
    fps: float | None


class FileVideo:
    """An open file's first video track that moves.

    Args:
        source: any container and codec that FFmpeg reads.
        stack: closes the file.

    Raises:
        InvalidInput: it can't be read, or holds no video.
    """

    def __init__(self, source: Path, stack: ExitStack) -> None:
        self._container = stack.enter_context(_opened(source))
        self.stream = _video_of(self._container, source)
        if len(self._container.streams.video) > 1:
            log.warning(
                "the file holds several video tracks: one is blanked",
                track=self.stream.index,
                codecs=[one.codec_context.name for one in self._container.streams.video],
            )
        self.time_base = self.stream.time_base or Fraction(1, 90_000)
        self._stamps = _stamps(source, self.stream, self.time_base)
        self._unsure = {stamp.ticks for stamp in self._stamps or () if not stamp.is_sure}

    @property
    def fps(self) -> float | None:
        """The rate that the container states, or that follows from its times."""
        return float(self.stream.average_rate) if self.stream.average_rate else None

    def packets(self) -> Iterator[Packet]:
        """Yield the packets in decoding order, each with the time at which it is shown."""
        for number, packet in enumerate(_packets(self._container, self.stream)):
            if self._stamps is not None and number < len(self._stamps):
                packet.pts = self._stamps[number].ticks
            yield packet

    def instant_of(self, ticks: int) -> float:
        """Return a time stamp in seconds; not a number where it is a guess."""
        return float("nan") if ticks in self._unsure else float(ticks * self.time_base)


def _opened(source: Path) -> InputContainer:
    if not source.is_file():
        raise InvalidInput(f"{source} is not there; name a video file.", code="blank.source")
    try:
        return av.open(str(source), options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, OSError) as error:
        raise InvalidInput(f"{source} cannot be read as video: {error}.", code="blank.source") from error


def _video_of(container: InputContainer, source: Path) -> VideoStream:
    """Return the first video track that moves: a cover picture is one as well, to the library."""
    tracks = container.streams.video
    if not tracks:
        raise InvalidInput(f"{source} holds no video stream.", code="blank.source")
    return next((one for one in tracks if one.codec_context.name not in _STILLS), tracks[0])


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    demuxer = container.demux(stream)
    while True:
        try:
            packet = next(demuxer)
        except StopIteration:
            return
        except av.error.FFmpegError:
            return  # a damaged end of the file: what was read so far is blanked, the rest is not there
        if packet.size:
            yield packet


def _stamps(source: Path, stream: VideoStream, time_base: Fraction) -> list[Stamp] | None:
    """Return when each packet is shown; None where the container tells it in a way that can be true."""
    with _opened(source) as container:
        times = [PacketTimes(p.pts, p.dts, p.is_keyframe) for p in _packets(container, _video_of(container, source))]
        counts_only = container.format.name == _COUNTING_ONLY
    told = [one.pts for one in times if one.pts is not None]
    reorders = any(b <= a for a, b in itertools.pairwise(told))
    # Presentation times that only rise although the stream reorders its pictures are decoding times under another name.
    if len(told) == len(times) and not counts_only and (reorders or not stream.codec_context.has_b_frames):
        return None
    survey = _surveyed(source)
    if not counts_only and not order_contradicts(times, survey.shown):
        return None
    fps = Fraction(survey.fps).limit_denominator(1001) if survey.fps else stream.average_rate or _USUAL_FPS
    step = round(1 / fps / time_base) or 1
    return display_stamps(times, survey.shown, step, counts_until=survey.damaged_from if survey.fps else 0)


def _surveyed(source: Path) -> _Survey:
    """Decode a file once without keeping anything of its pictures."""
    with _opened(source) as container:
        stream = _video_of(container, source)
        decoder = PictureDecoder(stream.codec_context, stream.codec_context.extradata, float)
        shown: list[int] = []
        damaged: list[int] = []
        count = 0
        for packet in _packets(container, stream):
            count += 1
            _note(decoder.decode(packet), shown, damaged)
        _note(decoder.flush(), shown, damaged)
    return _Survey(shown, min(damaged, default=count), decoder.stated_fps)


def _note(pictures: list[Picture], shown: list[int], damaged: list[int]) -> None:
    numbers = [(picture.sequence, picture.suspect) for picture in pictures if picture.sequence is not None]
    shown += [number for number, _ in numbers]
    damaged += [number for number, is_suspect in numbers if is_suspect]
