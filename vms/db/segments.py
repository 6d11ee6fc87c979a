"""Segments: one row per file of about a minute, numbered gap-free per placement; with its grey spans, and the gaps between.

A recorder proves with its epoch that it still counts; every write of a recorder is refused (Fenced) once another has taken over.
What is due, claimed, held and destroyed stands in vms/db/erasing.py, what there is in vms/db/inventory.py.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update

from vms.clock import Reckoning
from vms.db import designations, footage_clocks, hour_keys, placements
from vms.db.tables import LONGEST_STORED, gap, grey_span, placement, segment
from vms.errors import Conflict, Denied, NotFound
from vms.model import GapCause, PlacementId, SegmentMode, SegmentState, Span, hour_of

OUTSIDE_LAW = "law.outside"
"""The code of what is refused as no decision allows it."""

READABLE = frozenset({SegmentState.SEALED, SegmentState.DAMAGED})
"""States in which there may be something to play."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as the database knows it.

    Args:
        epoch: under which it was opened (part of the file's name).
        end_at: None while open.
        hour_at: the clock hour of `start_at`, whose key wraps `wrapped_key`.
        wrapped_key: None once wiped, or lost.
        fragments: `(offset_bytes, length_bytes, offset_ms)` of each fragment in the plain file that starts with a keyframe.
        holds: how many holds keep it.
    """

    placement_id: PlacementId
    number: int
    epoch: int
    state: SegmentState
    mode: SegmentMode
    start_at: datetime
    end_at: datetime | None
    due_at: datetime
    hour_at: datetime
    wrapped_key: bytes | None
    size_bytes: int | None
    sha256: str | None
    plan_version: int
    blanking: Mapping[str, Any] | None
    fragments: tuple[tuple[int, int, int], ...]
    holds: int
    destroyed_at: datetime | None


@dataclass(frozen=True, slots=True)
class GreySpan:
    """A stretch of a segment in which the whole picture is grey, and why."""

    start_at: datetime
    end_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which nothing was recorded, and why; `end_at` is None while it lasts."""

    start_at: datetime
    end_at: datetime | None
    cause: GapCause


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the timeline shows of a segment."""

    start_at: datetime
    end_at: datetime | None
    number: int
    state: SegmentState
    mode: SegmentMode
    held: bool


def from_row(row: Row[Any]) -> Segment:
    """Return the value of a row of `segment`."""
    return Segment(
        placement_id=PlacementId(row.placement_id),
        number=row.number,
        epoch=row.epoch,
        state=SegmentState(row.state),
        mode=SegmentMode(row.mode),
        start_at=row.start_at,
        end_at=row.end_at,
        due_at=row.due_at,
        hour_at=row.hour_at,
        wrapped_key=row.wrapped_key,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        plan_version=row.plan_version,
        blanking=row.blanking,
        fragments=tuple((offset, length, at_ms) for offset, length, at_ms in row.fragments or ()),
        holds=row.holds,
        destroyed_at=row.destroyed_at,
    )


def open_segment(
    conn: Connection,
    placement_id: PlacementId,
    epoch: int,
    *,
    start_at: datetime,
    due_at: datetime,
    mode: SegmentMode,
    plan_version: int,
    wrapped_key: bytes,
    reckoned: Reckoning | None = None,
) -> int:
    """Give out the placement's next number and open a segment under it.

    Args:
        due_at: when it must be erased; the database refuses more than 28 days after `start_at`.
        wrapped_key: the segment's key, wrapped by the key of the hour of `start_at`.
        reckoned: by which clock it is stamped; None: unknown, as of what was recorded before this was stored.

    Returns:
        The number.

    Raises:
        Fenced: another recorder has taken over.
        Denied: no decision of the mayor allowed recording there at `start_at`.
        Conflict: the hour's key is dying or destroyed: nothing may be written under it any more.
    """
    is_allowed = designations.in_force(placement.c.id, start_at)
    statement = (
        update(placement)
        .where(placement.c.id == placement_id, placement.c.epoch == epoch, is_allowed)
        .values(last_number=placement.c.last_number + 1)
        .returning(placement.c.last_number)
    )
    number = conn.execute(statement).scalar_one_or_none()
    if number is None:
        placements.check_fence(conn, placement_id, epoch)
        raise Denied(
            f"placement {placement_id} may not record at {start_at.isoformat()}: it is under no designation in force then",
            code=OUTSIDE_LAW,
        )
    hour_keys.require_live(conn, hour_of(start_at))
    conn.execute(
        insert(segment).values(
            placement_id=placement_id,
            number=number,
            epoch=epoch,
            state=SegmentState.OPEN.value,
            mode=mode.value,
            start_at=start_at,
            due_at=due_at,
            hour_at=hour_of(start_at),
            wrapped_key=wrapped_key,
            plan_version=plan_version,
        )
    )
    footage_clocks.note(conn, placement_id, number, reckoned, due_at - start_at)
    return int(number)


def seal_segment(
    conn: Connection,
    placement_id: PlacementId,
    number: int,
    epoch: int,
    *,
    end_at: datetime,
    size_bytes: int,
    sha256: str,
    blanking: Mapping[str, Any],
    fragments: Sequence[Sequence[int]],
    grey_spans: Sequence[GreySpan],
    wrapped_key: bytes | None = None,
) -> None:
    """Record that the segment's file is whole and durable.

    Args:
        epoch: the caller's; a repairer seals what an older epoch opened, and the row keeps the epoch it was opened under.
        wrapped_key: a new key, when the file was rewritten under one; None keeps the one it was opened with.

    Raises:
        Fenced: another recorder has taken over.
        Conflict: the segment is not open.
    """
    placements.check_fence(conn, placement_id, epoch)
    values: dict[str, object] = {
        "state": SegmentState.SEALED.value,
        "end_at": end_at,
        "size_bytes": size_bytes,
        "sha256": sha256,
        "blanking": dict(blanking),
        "fragments": [list(fragment) for fragment in fragments],
    }
    if wrapped_key is not None:
        values["wrapped_key"] = wrapped_key
    _change_open(conn, placement_id, number, values)
    for span in grey_spans:
        conn.execute(
            insert(grey_span).values(
                placement_id=placement_id, number=number, start_at=span.start_at, end_at=span.end_at, reason=span.reason
            )
        )


def mark_lost(conn: Connection, placement_id: PlacementId, number: int, epoch: int) -> None:
    """Declare that an open segment never got a file.

    Args:
        epoch: the caller's.

    Raises:
        Fenced: another recorder has taken over.
        Conflict: the segment is not open.
    """
    placements.check_fence(conn, placement_id, epoch)
    _change_open(conn, placement_id, number, {"state": SegmentState.LOST.value, "wrapped_key": None})


def mark_damaged(conn: Connection, placement_id: PlacementId, number: int) -> bool:
    """Declare that a sealed segment's file is gone or corrupt; it is still held and erased like any other.

    Returns:
        Whether it was sealed until now.
    """
    statement = (
        update(segment)
        .where(_is(placement_id, number), segment.c.state == SegmentState.SEALED.value)
        .values(state=SegmentState.DAMAGED.value)
    )
    return conn.execute(statement).rowcount == 1


def get(conn: Connection, placement_id: PlacementId, number: int) -> Segment:
    """Return one segment.

    Raises:
        NotFound: there is no such segment.
    """
    row = conn.execute(select(segment).where(_is(placement_id, number))).one_or_none()
    if row is None:
        raise NotFound(f"placement {placement_id} has no segment {number}", code="segment.unknown")
    return from_row(row)


def list_open(conn: Connection, placement_id: PlacementId | None = None) -> list[Segment]:
    """Return the open segments, of one placement or of all, oldest number first."""
    query = select(segment).where(segment.c.state == SegmentState.OPEN.value)
    if placement_id is not None:
        query = query.where(segment.c.placement_id == placement_id)
    return [from_row(row) for row in conn.execute(query.order_by(segment.c.placement_id, segment.c.number))]


def covering(
    conn: Connection,
    placement_id: PlacementId,
    span: Span,
    states: Collection[SegmentState] = READABLE,
    *,
    lock: bool = False,
) -> list[Segment]:
    """Return the segments that share an instant with the span, oldest first.

    Args:
        lock: lock the rows until the end of the transaction, so that no claim or hold changes them meanwhile.
    """
    query = (
        select(segment)
        .where(_overlaps(placement_id, span), segment.c.state.in_([state.value for state in states]))
        .order_by(segment.c.start_at, segment.c.number)
    )
    if lock:
        query = query.with_for_update()
    return [from_row(row) for row in conn.execute(query)]


def coverage(conn: Connection, placement_id: PlacementId, span: Span) -> list[Coverage]:
    """Return what the timeline shows: every segment that shares an instant with the span, in whatever state, oldest first."""
    columns = (segment.c.start_at, segment.c.end_at, segment.c.number, segment.c.state, segment.c.mode, segment.c.holds)
    query = select(*columns).where(_overlaps(placement_id, span)).order_by(segment.c.start_at, segment.c.number)
    return [
        Coverage(
            row.start_at, row.end_at, row.number, SegmentState(row.state), SegmentMode(row.mode), held=row.holds > 0
        )
        for row in conn.execute(query)
    ]


def list_grey_spans(conn: Connection, placement_id: PlacementId, span: Span) -> list[GreySpan]:
    """Return the grey spans within the span's segments, oldest first."""
    query = (
        select(grey_span.c.start_at, grey_span.c.end_at, grey_span.c.reason)
        .join(segment, and_(segment.c.placement_id == grey_span.c.placement_id, segment.c.number == grey_span.c.number))
        .where(_overlaps(placement_id, span), grey_span.c.start_at < span.end_at, grey_span.c.end_at > span.start_at)
        .order_by(grey_span.c.start_at)
    )
    return [GreySpan(row.start_at, row.end_at, row.reason) for row in conn.execute(query)]


def open_gap(conn: Connection, placement_id: PlacementId, start_at: datetime, cause: GapCause) -> bool:
    """Record that from here on nothing is recorded. A gap that lasts already keeps its start and its first cause.

    Returns:
        Whether a gap was opened.
    """
    lasting = conn.execute(select(gap.c.start_at).where(_lasting_gap(placement_id))).first()
    if lasting is not None:
        return False
    conn.execute(insert(gap).values(placement_id=placement_id, start_at=start_at, cause=cause.value))
    return True


def close_gap(conn: Connection, placement_id: PlacementId, end_at: datetime) -> Gap | None:
    """Record that recording has begun again.

    Returns:
        The gap with its end; None when none lasted, or when nothing was missed (then it is forgotten).
    """
    row = conn.execute(select(gap).where(_lasting_gap(placement_id))).first()
    if row is None:
        return None
    if end_at <= row.start_at:
        conn.execute(delete(gap).where(_lasting_gap(placement_id)))
        return None
    conn.execute(update(gap).where(_lasting_gap(placement_id)).values(end_at=end_at))
    return Gap(row.start_at, end_at, GapCause(row.cause))


def list_gaps(conn: Connection, placement_id: PlacementId, span: Span) -> list[Gap]:
    """Return the gaps that share an instant with the span, oldest first."""
    query = (
        select(gap)
        .where(
            gap.c.placement_id == placement_id,
            gap.c.start_at < span.end_at,
            or_(gap.c.end_at.is_(None), gap.c.end_at > span.start_at),
        )
        .order_by(gap.c.start_at)
    )
    return [Gap(row.start_at, row.end_at, GapCause(row.cause)) for row in conn.execute(query)]


def _is(placement_id: PlacementId, number: int) -> ColumnElement[bool]:
    return and_(segment.c.placement_id == placement_id, segment.c.number == number)


def _overlaps(placement_id: PlacementId, span: Span) -> ColumnElement[bool]:
    # The lower bound on start_at lets the index end the search; no stored segment is longer (a CHECK sees to it).
    return and_(
        segment.c.placement_id == placement_id,
        segment.c.start_at < span.end_at,
        segment.c.start_at > span.start_at - LONGEST_STORED,
        or_(segment.c.end_at.is_(None), segment.c.end_at > span.start_at),
    )


def _lasting_gap(placement_id: PlacementId) -> ColumnElement[bool]:
    return and_(gap.c.placement_id == placement_id, gap.c.end_at.is_(None))


def _change_open(conn: Connection, placement_id: PlacementId, number: int, values: Mapping[str, object]) -> None:
    statement = (
        update(segment).where(_is(placement_id, number), segment.c.state == SegmentState.OPEN.value).values(**values)
    )
    if conn.execute(statement).rowcount == 0:
        raise Conflict(f"segment {number} of {placement_id} is not open", code="segment.not-open")
