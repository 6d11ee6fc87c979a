"""One segment being written: samples become fragments, fragments become cipher text on disk.

What a crash can cost. Fragments are at most 0.4 s long, or one picture. Cipher text reaches the disk in chunks of 16 KiB, so the end
of a fragment may wait in memory for the next one. At few bits a second that would be long: then a `free` box, which players skip,
fills the chunk, and the fragment is on disk. The bound is `LOSS_LIMIT`: no picture older than that, counted from the newest one, is
only in memory.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vms.footage.chunked import CHUNK_BYTES
from vms.footage.fmp4 import FREE_BOX_LEAST_BYTES, TIMESCALE, Sample, fragment, free_box, init_segment
from vms.footage.nal import ParameterSets
from vms.footage.store import PartWriter

FRAGMENT_LENGTH_TICKS = TIMESCALE * 4 // 10
LOSS_LIMIT_TICKS = TIMESCALE
_USUAL_DURATION_TICKS = TIMESCALE // 25
_MICROSECOND = timedelta(microseconds=1)


def ticks_between(start_at: datetime, at: datetime) -> int:
    """Return the time from one instant to another in ticks; exact enough never to drift."""
    return (at - start_at) // _MICROSECOND * 9 // 100


def after_ticks(start_at: datetime, ticks: int) -> datetime:
    """Return the instant so many ticks later, rounded down to whole microseconds."""
    return start_at + timedelta(microseconds=ticks * 100 // 9)


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A stretch that begins with a keyframe, up to the next one.

    Args:
        offset_bytes: in the plain file.
        length_bytes: up to the next keyframe's fragment.
        offset_ms: time from the segment's start.
    """

    offset_bytes: int
    length_bytes: int
    offset_ms: int


class SegmentFile:
    """Writes the pictures of one segment in order.

    Args:
        writer: the encrypted file.
        start_at: instant of the first picture.
        width: of the first picture, in pixels.
        height: of the first picture, in pixels.
        sets: parameter sets of the first picture.
    """

    def __init__(self, writer: PartWriter, start_at: datetime, width: int, height: int, sets: ParameterSets) -> None:
        self.writer = writer
        self.start_at = start_at
        self._pending: list[Sample] = []
        self._pending_ticks = 0
        self._last_at = start_at
        self._sequence = 0
        self._index: list[tuple[int, int]] = []
        # First picture that is not on disk as a whole fragment: (its tick, where its fragment ends).
        self._waiting: list[tuple[int, int]] = []
        self.writer.write(init_segment(width, height, sets))

    @property
    def last_at(self) -> datetime:
        """Instant of the newest picture."""
        return self._last_at

    def add(self, data: bytes, captured_at: datetime, *, is_keyframe: bool) -> None:
        """Take the next picture.

        Args:
            data: length-prefixed NAL units.
            captured_at: later than the picture before.
            is_keyframe: begins a new fragment and an index entry.
        """
        tick = ticks_between(self.start_at, captured_at)
        self._end_last(tick)
        if self._pending and (is_keyframe or self._pending_ticks + self._last_duration() > FRAGMENT_LENGTH_TICKS):
            self._write_fragment()
        self._pending.append(Sample(data, tick, 0, is_keyframe))
        self._last_at = captured_at

    def finish(self, end_at: datetime | None) -> datetime:
        """Write what is left; the writer is then to be finished.

        Args:
            end_at: instant of the picture that follows without a gap; None: the last one lasts as long as the one before.

        Returns:
            The segment's end.
        """
        if end_at is None:
            end_at = after_ticks(self.start_at, self._pending[-1].dts + self._last_duration())
        self._end_last(ticks_between(self.start_at, end_at))
        self._write_fragment()
        return end_at

    def index(self) -> list[IndexEntry]:
        """Return the keyframe index of what has been written so far."""
        ends = [offset for offset, _ in self._index[1:]] + [self.writer.chunks.plain_bytes]
        return [
            IndexEntry(offset, end - offset, tick * 1000 // TIMESCALE)
            for (offset, tick), end in zip(self._index, ends, strict=True)
        ]

    def _end_last(self, tick: int) -> None:
        if self._pending:
            last = self._pending[-1]
            duration = max(1, tick - last.dts)
            self._pending[-1] = Sample(last.data, last.dts, duration, last.is_keyframe)
            self._pending_ticks += duration

    def _last_duration(self) -> int:
        known = [sample.duration for sample in self._pending if sample.duration]
        return known[-1] if known else _USUAL_DURATION_TICKS

    def _write_fragment(self) -> None:
        first, last = self._pending[0], self._pending[-1]
        if first.is_keyframe or not self._index:
            self._index.append((self.writer.chunks.plain_bytes, first.dts))
        self._sequence += 1
        self.writer.write(fragment(self._sequence, self._pending))
        self._pending, self._pending_ticks = [], 0
        self._bound_loss(first.dts, last.dts + last.duration, last.duration)

    def _bound_loss(self, start: int, end: int, frame_ticks: int) -> None:
        """Fill the chunk if, by the time the next fragment is written, too much would be in memory only."""
        chunks = self.writer.chunks
        on_disk = chunks.plain_bytes - chunks.waiting_bytes
        self._waiting = [item for item in [*self._waiting, (start, chunks.plain_bytes)] if item[1] > on_disk]
        until_next = max(FRAGMENT_LENGTH_TICKS, frame_ticks)
        if self._waiting and end + until_next - self._waiting[0][0] > LOSS_LIMIT_TICKS:
            missing = CHUNK_BYTES - chunks.waiting_bytes
            self.writer.write(free_box(missing if missing >= FREE_BOX_LEAST_BYTES else missing + CHUNK_BYTES))
            self._waiting = []
