"""After a crash: finish what dead recorders of a placement left, before its next recorder begins.

    row, whole file          sealed as it is
    row, cut file            complete fragments are written to a new file (fresh salt: no nonce is used twice), then sealed
    row, nothing readable    LOST, with a ledger entry
    file and note, no row    gets its number now (the database was away when it was recorded), if a decision allowed recording it
    file, no row, no note    reported; retention's reconciliation decides

Every step may be interrupted; the next start goes on. The old file goes last.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from vms.clock import Clock
from vms.db import inventory, placements, segments
from vms.db.engine import Database
from vms.db.segments import GreySpan, Segment
from vms.errors import IntegrityLost, InvalidInput, NotFound, StorageFull
from vms.footage import acts
from vms.footage.chunked import ChunkedReader
from vms.footage.commits import Recording, UnsealedSegment
from vms.footage.fmp4 import FragmentPlace, complete_boxes, fragments_of
from vms.footage.keys import KeyService
from vms.footage.notes import SegmentNote
from vms.footage.segment_file import IndexEntry, after_ticks
from vms.footage.store import FileKind, FileSource, FootageStore, SegmentRef, StoredFile
from vms.law.permit import permit
from vms.ledger.log import Ledger
from vms.model import GapCause, PlacementId, SegmentState, Span, hour_of

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What the repair of a placement found.

    Args:
        sealed: numbers that have their footage, whole or up to the crash.
        lost: numbers that never got readable footage.
        orphans: names of files without row that could not be given one.
    """

    sealed: tuple[int, ...]
    lost: tuple[int, ...]
    orphans: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Salvage:
    """Readable footage: plain bytes that end with a complete fragment."""

    plain: bytes
    is_whole: bool
    places: tuple[FragmentPlace, ...]
    note: SegmentNote | None = None

    def end_at(self, start_at: datetime) -> datetime:
        last = self.places[-1]
        return after_ticks(start_at, last.start + last.duration)

    def index(self) -> list[IndexEntry]:
        keys = [place for position, place in enumerate(self.places) if place.is_keyframe or not position]
        ends = [place.offset_bytes for place in keys[1:]] + [len(self.plain)]
        return [
            IndexEntry(place.offset_bytes, end - place.offset_bytes, place.start // 90)
            for place, end in zip(keys, ends, strict=True)
        ]


def repair_open_segments(
    *,
    db: Database,
    keys: KeyService,
    store: FootageStore,
    ledger: Ledger,
    clock: Clock,
    placement_id: PlacementId,
    epoch: int,
    crash: GapCause = GapCause.WORKER_CRASHED,
) -> RepairReport:
    """Finish what recorders of older epochs left open.

    Args:
        epoch: the caller's, from `placements.take_over`: older recorders are fenced by it.
        crash: why the last recorder ended, if it did not end in order.

    Raises:
        Fenced: yet another recorder has taken over.
        StorageFull: no room to write a repaired file; nothing is lost, repair again later.
    """
    recording = Recording(placement_id, epoch, db, keys, store, ledger)
    _clean(recording)
    with db.read() as conn:
        rows = [row for row in segments.list_open(conn, placement_id) if row.epoch < epoch]
    sealed: list[int] = []
    lost: list[int] = []
    for row in rows:
        (sealed if repair_row(recording, row) else lost).append(row.number)
    adopted, orphans = _adopt_files(recording)
    _note_crash(recording, clock, crash)
    report = RepairReport(tuple(sealed + adopted), tuple(lost), tuple(orphans))
    if rows or adopted or orphans:
        _log.info("footage.repaired", placement_id=placement_id, **_words(report))
    return report


@dataclass(frozen=True, slots=True)
class Mend:
    """A recorder's job: save what is readable of its own file that could not be finished (no space left)."""

    segment: UnsealedSegment
    again: list[UnsealedSegment]

    def run(self) -> None:
        """Repair the row; without room the segment is put back, so that other work does not wait for it."""
        segment = self.segment
        assert segment.number is not None, "the row is made before it is mended"
        with segment.recording.db.read() as conn:
            row = segments.get(conn, segment.ref.placement_id, segment.number)
        if row.state is SegmentState.OPEN:
            try:
                repair_row(segment.recording, row)
            except StorageFull:
                self.again.append(segment)


def _words(report: RepairReport) -> dict[str, Any]:
    return {"sealed": list(report.sealed), "lost": list(report.lost), "orphans": list(report.orphans)}


@dataclass(frozen=True, slots=True)
class CipherFacts:
    """Length and digest of a file as it lies on disk."""

    size_bytes: int
    sha256: str


def repair_row(recording: Recording, row: Segment) -> bool:
    """Seal an open segment with what is readable of it, or declare it lost; return whether it was sealed."""
    ref = SegmentRef(row.placement_id, row.start_at, row.epoch, row.number)
    salvage = _salvage(recording, ref, row.wrapped_key)
    if salvage is None:
        with recording.db.write() as conn:
            segments.mark_lost(conn, row.placement_id, row.number, recording.epoch)
            recording.ledger.append(conn, acts.lost(row.placement_id, row.number, row.start_at))
        recording.store.erase(ref)
        return False
    assert row.wrapped_key is not None, "salvage needs the key"
    if not recording.store.exists(ref):
        key = recording.keys.unwrap(hour_of(row.start_at), row.wrapped_key)
        cipher = _rewrite(recording.store, ref, key, salvage)
        recording.store.promote(ref, "mend")
    else:
        with recording.store.open_source(ref) as source:
            cipher = CipherFacts(source.size_bytes(), source.sha256())
    with recording.db.write() as conn:
        _seal(recording, conn, ref, salvage, cipher)
    recording.store.erase_leftovers(ref)
    return True


def _seal(
    recording: Recording,
    conn: Connection,
    ref: SegmentRef,
    salvage: _Salvage,
    cipher: CipherFacts,
) -> None:
    assert ref.number is not None, "only numbered segments are sealed"
    # A note of the finished file is worth something only with the whole file.
    note = salvage.note if salvage.is_whole else None
    blanking = note.blanking if note and note.blanking else {"repaired": True}
    greys = note.greys if note else ()
    segments.seal_segment(
        conn,
        ref.placement_id,
        ref.number,
        recording.epoch,
        end_at=salvage.end_at(ref.start_at),
        size_bytes=cipher.size_bytes,
        sha256=cipher.sha256,
        blanking=blanking,
        fragments=[(entry.offset_bytes, entry.length_bytes, entry.offset_ms) for entry in salvage.index()],
        grey_spans=[GreySpan(grey.span.start_at, grey.span.end_at, grey.reason) for grey in greys],
    )
    end_at = salvage.end_at(ref.start_at)
    entry = acts.repaired(ref.placement_id, ref.number, ref.start_at, end_at, is_whole=salvage.is_whole)
    recording.ledger.append(conn, entry)


def _salvage(recording: Recording, ref: SegmentRef, wrapped_key: bytes | None) -> _Salvage | None:
    """Return what is readable of the segment's file; None: nothing."""
    if wrapped_key is None:
        return None
    try:
        key = recording.keys.unwrap(hour_of(ref.start_at), wrapped_key)
    except (NotFound, IntegrityLost):
        return None
    kinds: tuple[FileKind, ...] = ("vseg", "part") if ref.number is not None else ("part",)
    for path in (recording.store.path(ref, kind) for kind in kinds):
        if path.exists():
            with FileSource(path) as source:
                salvage = _read(source, key, ref.context)
            if salvage is not None:
                return replace(salvage, note=_note_of(recording.store, ref))
    return None


def _read(source: FileSource, key: bytes, context: bytes) -> _Salvage | None:
    try:
        reader = ChunkedReader(source, key, context)
        is_whole, plain = True, reader.read(0, reader.size_bytes)
    except IntegrityLost:
        try:
            is_whole, plain = False, ChunkedReader(source, key, context, unfinished=True).read_all_readable()
        except IntegrityLost:
            return None
    try:
        places = tuple(fragments_of(plain))
    except InvalidInput:
        return None
    return _Salvage(plain if is_whole else plain[: complete_boxes(plain)], is_whole, places) if places else None


def _rewrite(store: FootageStore, ref: SegmentRef, key: bytes, salvage: _Salvage) -> CipherFacts:
    writer = store.create(ref, key, kind="mend")
    try:
        writer.write(salvage.plain)
        writer.chunks.finish()
        writer.close_durably()
    except BaseException:
        writer.discard()
        raise
    return CipherFacts(writer.chunks.cipher_bytes, writer.chunks.sha256)


def _note_of(store: FootageStore, ref: SegmentRef) -> SegmentNote | None:
    data = store.read_note(ref)
    if data is None:
        return None
    try:
        return SegmentNote.from_bytes(data)
    except IntegrityLost:
        return None


def _adopt_files(recording: Recording) -> tuple[list[int], list[str]]:
    """Give files of older epochs that have no row their number; return the numbers, and the names of hopeless files."""
    adopted, orphans = [], []
    with recording.db.read() as conn:
        law = placements.law(conn, recording.placement_id)
    for found in _rowless(recording):
        # What no decision allowed gets no row: nobody can ever watch it, and retention erases it.
        is_lawful = permit(law, found.ref.start_at).may_record
        note = _note_of(recording.store, found.ref) if is_lawful else None
        salvage = _salvage(recording, found.ref, note.wrapped_key) if note else None
        if note is None or salvage is None:
            orphans.append(found.path.name)
            continue
        adopted.append(_adopt(recording, found, note, salvage))
    return adopted, orphans


def _clean(recording: Recording) -> None:
    """Remove what a crash left half-done and nobody needs: repaired and noted halves, notes whose file was never begun."""
    store, placement_id = recording.store, recording.placement_id
    useless = [*store.files(placement_id, "mend"), *store.files(placement_id, "note.part")]
    useless += [
        found
        for found in store.files(placement_id, "note")
        if not store.exists(found.ref, "part") and _row_of(recording, found.ref) is None
    ]
    for found in useless:
        if found.ref.epoch < recording.epoch:
            store.erase_path(found.path)


def _rowless(recording: Recording) -> Iterator[StoredFile]:
    """Yield the files of older epochs that have no row; what a crashed repair left of others is removed."""
    for found in list(recording.store.files(recording.placement_id, "part")):
        if found.ref.epoch >= recording.epoch:
            continue
        row = _row_of(recording, found.ref)
        if row is None:
            yield found
        elif row.state is not SegmentState.DAMAGED:  # a damaged one may have nothing else; it goes with its row
            recording.store.erase_leftovers(found.ref)


def _row_of(recording: Recording, ref: SegmentRef) -> Segment | None:
    """Return the file's row: of its own epoch, or of a repairer's, known by the same key."""
    note = _note_of(recording.store, ref)
    moment = Span(ref.start_at, ref.start_at + timedelta(microseconds=1))
    with recording.db.read() as conn:
        rows = segments.covering(conn, ref.placement_id, moment, list(SegmentState))
    same = (
        row
        for row in rows
        if row.start_at == ref.start_at and (row.epoch == ref.epoch or (note and row.wrapped_key == note.wrapped_key))
    )
    return next(same, None)


def _adopt(recording: Recording, found: StoredFile, note: SegmentNote, salvage: _Salvage) -> int:
    """Write the footage under our epoch, then make its row, sealed, in one transaction."""
    ref = replace(found.ref, epoch=recording.epoch)
    key = recording.keys.unwrap(hour_of(ref.start_at), note.wrapped_key)
    cipher = _rewrite(recording.store, ref, key, salvage)
    with recording.db.write() as conn:
        number = segments.open_segment(
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
        ref = replace(ref, number=number)
        # Renamed before the commit: a row without its file would be worse than a file without its row, which retention erases.
        recording.store.promote(ref, "mend")
        _seal(recording, conn, ref, salvage, cipher)
    recording.store.erase_leftovers(found.ref)
    return number


def _note_crash(recording: Recording, clock: Clock, cause: GapCause) -> None:
    """Open the gap that began when the last recorder died, unless a gap lasts already."""
    now = clock.now()
    with recording.db.write() as conn:
        last_end_at = inventory.last_end_at(conn, recording.placement_id)
        if last_end_at is None or last_end_at >= now - timedelta(seconds=1):
            return
        # Whoever had to stop there may not have been able to say so: the database was away.
        if not permit(placements.law(conn, recording.placement_id), last_end_at).may_record:
            cause = GapCause.NO_DECISION
        if segments.open_gap(conn, recording.placement_id, last_end_at, cause):
            recording.ledger.append(conn, acts.gap(recording.placement_id, last_end_at, None, cause))
