"""Join recorded segments into playable files without touching a picture.

A stretch is a run of segments that follow each other without a gap and share the head of the file; it becomes one MP4. Only three
numbers of each fragment change: its sequence number, its decode time, and the media time of its wall-clock box. The coded pictures stay
bit for bit what was recorded.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from vms.errors import IntegrityLost
from vms.footage.fmp4 import TIMESCALE, FragmentPlace, fragments_of, init_bytes_of
from vms.model import Span

LONGEST_SEAM: Final = timedelta(seconds=1)
"""Between two segments of one stretch: the last picture of the first may stand for up to this long."""

_SECOND: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Piece:
    """One segment as the joiner sees it.

    Args:
        number: in the placement's sequence.
        start_at: instant of its first frame; tick 0 of its decode times.
        end_at: instant of its end.
        head: `ftyp` and `moov`.
    """

    number: int
    start_at: datetime
    end_at: datetime
    head: bytes


def stretches(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Return the pieces in runs that can be one file.

    Args:
        pieces: in order of time.
    """
    runs: list[list[Piece]] = []
    for piece in pieces:
        last = runs[-1][-1] if runs else None
        if last is not None and piece.start_at - last.end_at <= LONGEST_SEAM and piece.head == last.head:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def ticks(span: timedelta) -> int:
    """Return a length of time in ticks, rounded to the nearest."""
    return round(span / _SECOND * TIMESCALE)


def head_of(plain: bytes) -> bytes:
    """Return `ftyp` and `moov` of a segment.

    Raises:
        IntegrityLost: the segment does not begin with them.
    """
    length = init_bytes_of(plain)
    if not length:
        raise IntegrityLost("a segment has no complete head", code="footage.no-head")
    return plain[:length]


def wanted_fragments(plain: bytes, start_at: datetime, span: Span) -> list[FragmentPlace]:
    """Return the fragments that show the span, from the keyframe at or before its start.

    Args:
        plain: the whole segment.
        start_at: instant of tick 0.
        span: what is wanted.
    """
    from_tick, until_tick = ticks(span.start_at - start_at), ticks(span.end_at - start_at)
    places = list(fragments_of(plain))
    begin = 0
    for index, place in enumerate(places):
        if place.is_keyframe and place.start <= from_tick:
            begin = index
    return [place for place in places[begin:] if place.start < until_tick]


class Joiner:
    """Renumbers fragments for one output file.

    Args:
        zero_at: instant that becomes tick 0 of the file.
    """

    def __init__(self, zero_at: datetime) -> None:
        self.zero_at = zero_at
        self._sequence = 0
        self._end = 0

    @property
    def end_at(self) -> datetime:
        """Instant at which the file ends so far."""
        return self.zero_at + timedelta(seconds=self._end / TIMESCALE)

    def join(self, plain: bytes, start_at: datetime, places: Sequence[FragmentPlace]) -> Iterator[bytes]:
        """Yield the fragments of one segment with their new numbers and times.

        Args:
            plain: the whole segment.
            start_at: instant of the segment's tick 0.
            places: which fragments.
        """
        shift = ticks(start_at - self.zero_at)
        for place in places:
            # The length of a segment's last picture is an estimate: a decode time may repeat, but must never run backwards.
            start = max(place.start + shift, self._end)
            self._sequence += 1
            self._end = start + place.duration
            yield renumbered(plain[place.offset_bytes : place.offset_bytes + place.length_bytes], self._sequence, start)


def renumbered(fragment: bytes, sequence: int, start: int) -> bytes:
    """Return a fragment of ours (vms.footage.fmp4) with another sequence number and decode time.

    Raises:
        IntegrityLost: it is no such fragment.
    """
    changed = bytearray(fragment)
    offset = 0
    if fragment[4:8] == b"prft":
        (offset,) = struct.unpack_from(">I", fragment, 0)
        struct.pack_into(">Q", changed, 24, start)  # prft version 1: media_time behind track and NTP time
    places = {8: b"mfhd", 24: b"traf", 32: b"tfhd", 48: b"tfdt"}
    if fragment[offset + 4 : offset + 8] != b"moof" or any(
        fragment[offset + place + 4 : offset + place + 8] != kind for place, kind in places.items()
    ):
        raise IntegrityLost("a fragment does not have the form that the recorder writes", code="footage.form")
    struct.pack_into(">I", changed, offset + 20, sequence)
    struct.pack_into(">Q", changed, offset + 60, start)
    return bytes(changed)
