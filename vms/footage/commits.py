"""The recorder's work for the database, as jobs that may be begun again (see `outbox`)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vms.db import segments
from vms.db.engine import Database
from vms.db.segments import GreySpan
from vms.footage import acts
from vms.footage.blanking_record import Grey
from vms.footage.keys import KeyService
from vms.footage.notes import SegmentNote
from vms.footage.segment_file import IndexEntry
from vms.footage.store import FootageStore, PartWriter, SegmentRef
from vms.ledger.log import Ledger
from vms.model import GapCause, PlacementId, SegmentMode, SegmentState


@dataclass(frozen=True, slots=True)
class Recording:
    """Whose footage, under which epoch, and where to."""

    placement_id: PlacementId
    epoch: int
    db: Database
    keys: KeyService
    store: FootageStore
    ledger: Ledger


@dataclass(slots=True)
class UnsealedSegment:
    """A segment between its first byte and its seal; `number` is None until it has a row."""

    recording: Recording
    ref: SegmentRef
    note: SegmentNote
    writer: PartWriter
    number: int | None = None


@dataclass(frozen=True, slots=True)
class OpenRow:
    """Give the segment its number."""

    segment: UnsealedSegment

    def run(self) -> None:
        """Find the row of an earlier attempt, or make it."""
        recording, ref, note = self.segment.recording, self.segment.ref, self.segment.note
        with recording.db.write() as conn:
            # A commit whose answer was lost has made the row already: a second one would be a number without footage.
            made = [
                row.number
                for row in segments.list_open(conn, recording.placement_id)
                if row.epoch == ref.epoch and row.start_at == ref.start_at
            ]
            number = (
                made[0]
                if made
                else segments.open_segment(
                    conn,
                    recording.placement_id,
                    recording.epoch,
                    start_at=ref.start_at,
                    due_at=note.due_at,
                    mode=note.mode,
                    plan_version=note.plan_version,
                    wrapped_key=note.wrapped_key,
                    reckoned=note.reckoned,
                )
            )
        self.segment.number = number


@dataclass(frozen=True, slots=True)
class SealRow:
    """Make the finished file durable, give it its last name, then record it."""

    segment: UnsealedSegment
    end_at: datetime
    blanking: dict[str, Any]
    index: list[IndexEntry]
    greys: list[Grey]

    def run(self) -> None:
        """Do all steps that are not done."""
        segment, recording = self.segment, self.segment.recording
        assert segment.number is not None, "the row is made before it is sealed"
        segment.writer.close_durably()
        ref = SegmentRef(recording.placement_id, segment.ref.start_at, segment.ref.epoch, segment.number)
        recording.store.write_note(ref, segment.note.completed(self.blanking, self.greys).to_bytes())
        recording.store.promote(ref, "part")
        chunks = segment.writer.chunks
        with recording.db.write() as conn:
            if segments.get(conn, recording.placement_id, segment.number).state is not SegmentState.SEALED:
                segments.seal_segment(
                    conn,
                    recording.placement_id,
                    segment.number,
                    recording.epoch,
                    end_at=self.end_at,
                    size_bytes=chunks.cipher_bytes,
                    sha256=chunks.sha256,
                    blanking=self.blanking,
                    fragments=[(entry.offset_bytes, entry.length_bytes, entry.offset_ms) for entry in self.index],
                    grey_spans=[GreySpan(grey.span.start_at, grey.span.end_at, grey.reason) for grey in self.greys],
                )
        recording.store.erase_note(ref)


@dataclass(frozen=True, slots=True)
class Start:
    """Tell the ledger that recording begins."""

    recording: Recording
    mode: SegmentMode
    plan_version: int

    def run(self) -> None:
        """Write the entry."""
        recording = self.recording
        with recording.db.write() as conn:
            entry = acts.recording_started(recording.placement_id, recording.epoch, self.mode, self.plan_version)
            recording.ledger.append(conn, entry)


@dataclass(frozen=True, slots=True)
class Stop:
    """Tell the ledger that recording ends."""

    recording: Recording
    cause: GapCause

    def run(self) -> None:
        """Write the entry."""
        recording = self.recording
        with recording.db.write() as conn:
            recording.ledger.append(conn, acts.recording_stopped(recording.placement_id, recording.epoch, self.cause))


@dataclass(frozen=True, slots=True)
class DoubtClock:
    """Tell the ledger that this machine's clock was set while recording."""

    recording: Recording
    step_s: int

    def run(self) -> None:
        """Write the entry."""
        recording = self.recording
        with recording.db.write() as conn:
            recording.ledger.append(conn, acts.clock_doubted(recording.placement_id, self.step_s))


@dataclass(frozen=True, slots=True)
class OpenGap:
    """Record that nothing is recorded from here on."""

    recording: Recording
    start_at: datetime
    cause: GapCause

    def run(self) -> None:
        """Write row and entry; a gap that lasts already keeps its start and cause."""
        recording = self.recording
        with recording.db.write() as conn:
            if segments.open_gap(conn, recording.placement_id, self.start_at, self.cause):
                recording.ledger.append(conn, acts.gap(recording.placement_id, self.start_at, None, self.cause))


@dataclass(frozen=True, slots=True)
class CloseGap:
    """Record that recording has begun again."""

    recording: Recording
    end_at: datetime

    def run(self) -> None:
        """Write row and entry, if a gap lasted."""
        recording = self.recording
        with recording.db.write() as conn:
            closed = segments.close_gap(conn, recording.placement_id, self.end_at)
            if closed is not None:
                recording.ledger.append(
                    conn, acts.gap(recording.placement_id, closed.start_at, closed.end_at, closed.cause)
                )
