"""Compares disk, rows and keys: after a start, and once a day.

    file, row destroyed or lost        erased again: somebody put it back
    file, no row (or another's)        erased once it would be due, else reported; no row means that nobody can watch it
    row, no file or another length     DAMAGED, with a ledger entry; held and erased like any other
    row, no key that opens it          DAMAGED
    key of a destroyed hour            destroyed again; that of an hour without row, when it would be due
    key of a hold that is over         destroyed
    export package without live hold   erased

A strange file (no name of ours) is reported and left alone. Nothing is erased while the clock is doubted: the caller sees to it.
Each erasure is in the ledger before it happens. `reconcile` looks at everything, once a day; `erase_overdue` looks at what has no row
and is due, often enough that such a file does not outlive its term by the day between two reconciliations.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from retention import acts
from retention.due import hour_key_due_at
from retention.exports import erase_package_files
from retention.parts import RetentionParts
from vms.db import erasing, exports, holds, hour_keys, inventory, segments
from vms.db.segments import Segment
from vms.errors import NotFound
from vms.footage.store import SegmentRef, StoredFile
from vms.model import ExportId, HoldState, HourKeyState, PlacementId, SegmentState, Span

_log = structlog.get_logger()
_DAY = timedelta(days=1)
_LIVING_HOLDS = frozenset({HoldState.PENDING, HoldState.ACTIVE, HoldState.RELEASING})
_KEEPS_FILE = frozenset({SegmentState.OPEN, SegmentState.SEALED, SegmentState.DAMAGED, SegmentState.EXPIRING})


@dataclass(slots=True)
class Findings:
    """What did not fit.

    Args:
        erased_files: names of files that were erased again, or were due without a row.
        waiting_files: names of files without a row that are not due yet.
        strange_files: paths that are none of ours.
        damaged: segments that lost their file or key.
        ended_keys: keys that should not have been there any more.
    """

    erased_files: list[str] = field(default_factory=list)
    waiting_files: list[str] = field(default_factory=list)
    strange_files: list[str] = field(default_factory=list)
    damaged: list[tuple[PlacementId, int]] = field(default_factory=list)
    ended_keys: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether everything fits; footage that waits for its row is no finding."""
        return not (self.erased_files or self.strange_files or self.damaged or self.ended_keys)


def reconcile(parts: RetentionParts, keep_for: timedelta, at: datetime) -> Findings:
    """Compare everything, and put right what can be.

    Args:
        parts: see there.
        keep_for: after this a file without a row is due.
        at: the trusted instant by which that is judged.
    """
    findings = Findings()
    hours = parts.keys.hours()
    with parts.db.read() as conn:
        placement_ids = set(inventory.last_numbers(conn))
    for placement_id in sorted(placement_ids | set(parts.store.placements())):
        for day in parts.store.days(placement_id):
            _compare_files(parts, placement_id, day, at - keep_for, findings)
        with parts.db.read() as conn:
            days = inventory.list_days(conn, placement_id)
        for day in days:
            _compare_rows(parts, placement_id, day, hours, findings)
    findings.strange_files += [str(path) for path in parts.store.strange_files()]
    _compare_keys(parts, keep_for, at, findings)
    _compare_exports(parts, findings)
    _tell(findings)
    return findings


def erase_overdue(parts: RetentionParts, keep_for: timedelta, at: datetime) -> Findings:
    """Erase the files without a row, and the keys of hours without one, that are due.

    Only days that have begun to be due are looked at: besides one day's, only held files are left in them.

    Args:
        parts: see there.
        keep_for: after this a file without a row is due.
        at: the trusted instant by which that is judged.
    """
    findings = Findings()
    for placement_id in parts.store.placements():
        for day in parts.store.days(placement_id):
            if day + keep_for <= at:
                _compare_files(parts, placement_id, day, at - keep_for, findings)
    _compare_keys(parts, keep_for, at, findings)
    _tell(findings)
    return findings


def _tell(findings: Findings) -> None:
    if not findings.is_clean:
        _log.warning(
            "retention.reconciled",
            erased=findings.erased_files,
            strange=findings.strange_files,
            damaged=findings.damaged,
            keys=findings.ended_keys,
        )


def _compare_files(
    parts: RetentionParts, placement_id: PlacementId, day: datetime, due_before: datetime, findings: Findings
) -> None:
    for stored in parts.store.files_of_day(placement_id, day):
        why = _reason_to_erase(parts, stored, due_before, findings)
        if why is not None:
            with parts.db.write() as conn:
                parts.ledger.append(conn, acts.orphan_erased(placement_id, stored.path.name, why))
            parts.store.erase_path(stored.path)
            findings.erased_files.append(stored.path.name)


def _reason_to_erase(parts: RetentionParts, stored: StoredFile, due_before: datetime, findings: Findings) -> str | None:
    row = _row_of(parts, stored.ref)
    if row is not None and row.state in _KEEPS_FILE:
        return None
    if row is not None:
        return f"segment-{row.state.value}"
    if stored.ref.start_at <= due_before:
        return "no-row"
    findings.waiting_files.append(stored.path.name)
    return None


def _row_of(parts: RetentionParts, ref: SegmentRef) -> Segment | None:
    """Return the row that a file belongs to: by number, or, before it has one, by epoch and start."""
    with parts.db.read() as conn:
        if ref.number is None:
            moment = Span(ref.start_at, ref.start_at + timedelta(microseconds=1))
            rows = segments.covering(conn, ref.placement_id, moment, list(SegmentState))
        else:
            try:
                rows = [segments.get(conn, ref.placement_id, ref.number)]
            except NotFound:
                return None
    same = [row for row in rows if (row.epoch, row.start_at) == (ref.epoch, ref.start_at)]
    return same[0] if same else None


def _compare_rows(
    parts: RetentionParts,
    placement_id: PlacementId,
    day: datetime,
    hours: frozenset[datetime],
    findings: Findings,
) -> None:
    with parts.db.read() as conn:
        rows = inventory.list_begun(conn, placement_id, Span(day, day + _DAY), (SegmentState.SEALED,))
    for row in rows:
        why = _damage(parts, row, hours)
        if why is None:
            continue
        with parts.db.write() as conn:
            if segments.mark_damaged(conn, row.placement_id, row.number):
                parts.ledger.append(conn, acts.damaged(row.placement_id, row.number, why))
                findings.damaged.append((row.placement_id, row.number))


def _damage(parts: RetentionParts, row: Segment, hours: frozenset[datetime]) -> str | None:
    ref = SegmentRef(row.placement_id, row.start_at, row.epoch, row.number)
    try:
        with parts.store.open_source(ref) as source:
            size_bytes = source.size_bytes()
    except NotFound:
        return _still_sealed(parts, row, "file-missing")
    if size_bytes != row.size_bytes:
        return "file-length"
    if row.wrapped_key is not None and row.hour_at in hours:
        return None
    with parts.db.read() as conn:
        wraps = erasing.hold_wraps(conn, row.placement_id, row.number)
    return None if any(parts.keys.has_hold(hold_id) for hold_id in wraps) else _still_sealed(parts, row, "key-missing")


def _still_sealed(parts: RetentionParts, row: Segment, why: str) -> str | None:
    """Look again: a sweep may have taken the segment between our two looks."""
    with parts.db.read() as conn:
        now = segments.get(conn, row.placement_id, row.number)
    return why if now.state is SegmentState.SEALED else None


def _compare_keys(parts: RetentionParts, keep_for: timedelta, at: datetime, findings: Findings) -> None:
    # The keyring before the database: a hold's row is there before its key, so that a key seen here has its row there. The other way
    # round, the key of a hold that is placed in between would look like nobody's, and what it keeps would be lost with it.
    hours, hold_ids = parts.keys.hours(), parts.keys.holds()
    with parts.db.read() as conn:
        known = {state: {item.hour_at for item in hour_keys.list_in(conn, state)} for state in HourKeyState}
        living = {hold.id for hold in holds.list_in(conn, _LIVING_HOLDS)}
    # A key whose hour has no row was made for footage that never got one.
    accounted_for = known[HourKeyState.LIVE] | known[HourKeyState.DYING]
    late = {hour_at for hour_at in hours if hour_key_due_at(hour_at, keep_for) <= at}
    for hour_at in sorted((hours & known[HourKeyState.DESTROYED]) | (late - accounted_for)):
        with parts.db.write() as conn:
            parts.ledger.append(conn, acts.hour_key_intended(hour_at))
        parts.keys.destroy_hour(hour_at)
        level = parts.keys.hour_level(hour_at)
        with parts.db.write() as conn:
            parts.ledger.append(conn, acts.hour_key_destroyed(hour_at, level))
        findings.ended_keys.append(f"hour {hour_at.isoformat()}")
    for hold_id in sorted(hold_ids - living):
        with parts.db.write() as conn:
            parts.ledger.append(conn, acts.hold_key_intended(hold_id))
        parts.keys.destroy_hold(hold_id)
        level = parts.keys.hold_level(hold_id)
        with parts.db.write() as conn:
            parts.ledger.append(conn, acts.hold_key_destroyed(hold_id, level))
        findings.ended_keys.append(f"hold {hold_id}")


def _compare_exports(parts: RetentionParts, findings: Findings) -> None:
    # The folder before the database, as with the keys: a package's row is there before its file.
    names = parts.store.export_names()
    with parts.db.read() as conn:
        living = {hold.id for hold in holds.list_in(conn, _LIVING_HOLDS)}
        kept = {item.id for item in exports.list_in(conn) if item.hold_id in living and item.erased_at is None}
    for name in names:
        if ExportId(name) not in kept:
            with parts.db.write() as conn:
                parts.ledger.append(conn, acts.stray_export_erased(ExportId(name)))
            erase_package_files(parts, ExportId(name))
            findings.erased_files.append(f"exports/{name}")
