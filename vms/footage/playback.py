"""Reads recorded segments back as plain fragmented MP4, whole or in ranges. Nothing plain touches the disk."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Connection

from vms.db import erasing, holds, segments
from vms.db.engine import Database
from vms.db.segments import READABLE, Segment
from vms.errors import IntegrityLost, InvalidInput, NotFound
from vms.footage.chunked import ChunkedReader
from vms.footage.keys import KeyService
from vms.footage.store import FileSource, FootageStore, SegmentRef
from vms.ledger.findings import is_segment_withheld
from vms.model import HoldId, PlacementId, Span, hour_of


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes of a plain file, the end not included."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise InvalidInput("a range of bytes must not be empty or negative", code="playback.range")


class PlainSegment:
    """An open segment. A context manager; reading stays possible while another process erases the file, until closed.

    Args:
        row: the segment's row.
        source: its open file.
        reader: the plain text of it.
    """

    def __init__(self, row: Segment, source: FileSource, reader: ChunkedReader) -> None:
        self.row = row
        self._source = source
        self._reader = reader

    @property
    def size_bytes(self) -> int:
        """Length of the plain file."""
        return self._reader.size_bytes

    @property
    def codec(self) -> str:
        """The name that browsers want, e.g. `avc3.64001f`; empty if the segment was repaired."""
        video: dict[str, Any] = (self.row.blanking or {}).get("video") or {}
        return str(video.get("codec", ""))

    @property
    def init_bytes(self) -> int:
        """Length of `ftyp` and `moov` at the front."""
        return self.row.fragments[0][0] if self.row.fragments else 0

    def read(self, span: ByteRange | None = None) -> bytes:
        """Return bytes of the plain file; all without a range; fewer at the end.

        Raises:
            IntegrityLost: the file is not what was sealed.
        """
        if span is None:
            return self._reader.read(0, self.size_bytes)
        return self._reader.read(span.start, span.end - span.start)

    def playable_from(self, instant: datetime) -> ByteRange:
        """Return the bytes from the last keyframe before the instant on; they follow the init bytes."""
        offset_ms = (instant - self.row.start_at).total_seconds() * 1000
        starts = [offset for offset, _, at_ms in self.row.fragments if at_ms <= offset_ms] or [self.init_bytes]
        return ByteRange(starts[-1], self.size_bytes)

    def verify(self) -> None:
        """Compare the file with the digest in its row.

        Raises:
            IntegrityLost: they differ.
        """
        if self._source.size_bytes() != self.row.size_bytes or self._source.sha256() != self.row.sha256:
            raise IntegrityLost(
                f"segment {self.row.number} of {self.row.placement_id} is not the file that was sealed",
                code="footage.changed",
            )

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FootageReader:
    """Opens segments by placement and number, with the hour's key or a hold's."""

    def __init__(self, db: Database, keys: KeyService, store: FootageStore) -> None:
        self._db = db
        self._keys = keys
        self._store = store

    def list(self, placement_id: PlacementId, span: Span) -> list[Segment]:
        """Return the readable segments that share an instant with the span, oldest first."""
        with self._db.read() as conn:
            return segments.covering(conn, placement_id, span)

    def open(self, placement_id: PlacementId, number: int, hold_id: HoldId | None = None) -> PlainSegment:
        """Open a segment.

        Args:
            placement_id: whose footage.
            number: the segment's.
            hold_id: read by this hold's key: the only way once the hour's key is destroyed. None: by any key there is.

        Raises:
            NotFound: no such segment, not sealed yet, erased, withheld by the self-test, or its key is gone.
            IntegrityLost: the file is not this segment's.
        """
        with self._db.read() as conn:
            row = segments.get(conn, placement_id, number)
            wraps = _hold_wraps(conn, row, hold_id)
            if is_segment_withheld(conn, placement_id, number):
                raise NotFound(
                    f"segment {number} of {placement_id} is withheld: the self-test found in it what must not be seen",
                    code="footage.withheld",
                )
        if row.state not in READABLE:
            raise NotFound(
                f"segment {number} of {placement_id} is {row.state.value}", code=f"footage.{row.state.value}"
            )
        key = self._plain_key(row, wraps, hold_id)
        ref = SegmentRef(row.placement_id, row.start_at, row.epoch, row.number)
        source = self._store.open_source(ref)
        try:
            return PlainSegment(row, source, ChunkedReader(source, key, ref.context))
        except BaseException:
            source.close()
            raise

    def segment_bytes(
        self,
        placement_id: PlacementId,
        number: int,
        hold_id: HoldId | None = None,
        byte_range: tuple[int, int] | None = None,
    ) -> bytes:
        """Return bytes of a segment's plain file.

        Args:
            placement_id: whose footage.
            number: the segment's.
            hold_id: see `open`.
            byte_range: start and end (not included); None: all.

        Raises:
            NotFound, IntegrityLost: see `open`.
        """
        with self.open(placement_id, number, hold_id) as segment:
            return segment.read(None if byte_range is None else ByteRange(*byte_range))

    def _plain_key(self, row: Segment, wraps: dict[HoldId, bytes], hold_id: HoldId | None) -> bytes:
        if hold_id is None and row.wrapped_key is not None:
            try:
                return self._keys.unwrap(hour_of(row.start_at), row.wrapped_key)
            except NotFound:
                if not wraps:
                    raise
        if wraps:
            holder, wrapped = next(iter(wraps.items()))
            return self._keys.unwrap_for_hold(holder, wrapped)
        raise NotFound(f"there is no key for segment {row.number} of {row.placement_id}", code="footage.key-gone")


def _hold_wraps(conn: Connection, row: Segment, hold_id: HoldId | None) -> dict[HoldId, bytes]:
    """Return the segment's key as the named hold has it, or as each hold has it."""
    if hold_id is not None:
        wrapped = holds.wrapped_key(conn, hold_id, row.placement_id, row.number)
        return {} if wrapped is None else {hold_id: wrapped}
    return erasing.hold_wraps(conn, row.placement_id, row.number)
