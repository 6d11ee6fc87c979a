"""What is due, claimed, held and destroyed: the statements where erasing and holding meet.

Claim and hold contend for one row: both change `state` or `holds` of the segment and look at the other in the same statement, so
exactly one wins. On PostgreSQL the rows are locked first and looked at again in a second statement; on SQLite the write transaction
itself keeps others out. Nothing here commits.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, func, insert, or_, select, true, update

from vms.db.segments import Segment, from_row
from vms.db.tables import hold, hold_placement, hold_segment, hour_key, segment
from vms.model import HoldId, HoldOutcome, HoldState, HourKeyState, PlacementId, SegmentState

_ERASABLE = (SegmentState.SEALED.value, SegmentState.DAMAGED.value)
_ENDED = (SegmentState.DESTROYED.value, SegmentState.LOST.value)


@dataclass(frozen=True, slots=True)
class DueRow:
    """A segment that nobody holds and that is due."""

    placement_id: PlacementId
    number: int
    start_at: datetime
    end_at: datetime | None
    due_at: datetime
    hour_at: datetime


def list_due(conn: Connection, now: datetime, limit: int) -> list[DueRow]:
    """Return the unheld segments that are due, those due longest first."""
    columns = (
        segment.c.placement_id,
        segment.c.number,
        segment.c.start_at,
        segment.c.end_at,
        segment.c.due_at,
        segment.c.hour_at,
    )
    query = (
        select(*columns)
        .where(segment.c.state.in_(_ERASABLE), segment.c.due_at <= now, segment.c.holds == 0)
        .order_by(segment.c.due_at, segment.c.placement_id, segment.c.number)
        .limit(limit)
    )
    return [DueRow(*row) for row in conn.execute(query)]


def claim(conn: Connection, placement_id: PlacementId, numbers: Collection[int], now: datetime | None) -> list[Segment]:
    """Move segments to EXPIRING, those that are unheld now and still due; return them by number.

    Args:
        now: trusted wall clock; None: whether due or not, for an early erasure that two persons decided (vms/db/early.py).
    """
    wanted = and_(
        segment.c.placement_id == placement_id,
        segment.c.number.in_(list(numbers)),
        segment.c.state.in_(_ERASABLE),
        segment.c.holds == 0,
        true() if now is None else segment.c.due_at <= now,
    )
    locked = conn.execute(
        select(segment.c.number).where(wanted).order_by(segment.c.number).with_for_update(skip_locked=True)
    )
    free = [row.number for row in locked]
    statement = (
        update(segment)
        .where(wanted, segment.c.number.in_(free))
        .values(state=SegmentState.EXPIRING.value)
        .returning(segment)
    )
    return sorted((from_row(row) for row in conn.execute(statement)), key=lambda item: item.number)


def give_up_open(conn: Connection, now: datetime, begun_before: datetime) -> list[tuple[PlacementId, int]]:
    """Move segments that are due but were never sealed from OPEN to DAMAGED, so that they are held and erased like any other.

    Args:
        now: trusted wall clock.
        begun_before: one that began later may still be written (where the retention is set to minutes).

    Returns:
        Placement and number of each.
    """
    statement = (
        update(segment)
        .where(segment.c.state == SegmentState.OPEN.value, segment.c.due_at <= now, segment.c.start_at < begun_before)
        .values(state=SegmentState.DAMAGED.value)
        .returning(segment.c.placement_id, segment.c.number)
    )
    return sorted((PlacementId(row.placement_id), row.number) for row in conn.execute(statement))


def list_expiring(conn: Connection) -> list[Segment]:
    """Return claimed segments that are not destroyed yet."""
    query = (
        select(segment)
        .where(segment.c.state == SegmentState.EXPIRING.value)
        .order_by(segment.c.placement_id, segment.c.number)
    )
    return [from_row(row) for row in conn.execute(query)]


def wipe_keys(conn: Connection, placement_id: PlacementId, numbers: Collection[int]) -> None:
    """Forget every wrapped key of claimed segments, the holds' too."""
    claimed = and_(
        segment.c.placement_id == placement_id,
        segment.c.number.in_(list(numbers)),
        segment.c.state == SegmentState.EXPIRING.value,
    )
    conn.execute(update(segment).where(claimed).values(wrapped_key=None))
    conn.execute(
        update(hold_segment)
        .where(
            hold_segment.c.placement_id == placement_id,
            hold_segment.c.number.in_(select(segment.c.number).where(claimed)),
        )
        .values(wrapped_key=None)
    )


def list_with_keys(conn: Connection, placement_id: PlacementId, numbers: Collection[int]) -> list[int]:
    """Return those of the segments of which a wrapped key is left anywhere: the check before they count as destroyed."""
    own = select(segment.c.number).where(
        segment.c.placement_id == placement_id,
        segment.c.number.in_(list(numbers)),
        segment.c.wrapped_key.is_not(None),
    )
    held = select(hold_segment.c.number).where(
        hold_segment.c.placement_id == placement_id,
        hold_segment.c.number.in_(list(numbers)),
        hold_segment.c.wrapped_key.is_not(None),
    )
    return sorted(set(conn.execute(own).scalars()) | set(conn.execute(held).scalars()))


def mark_destroyed(conn: Connection, placement_id: PlacementId, numbers: Collection[int], at: datetime) -> list[int]:
    """EXPIRING -> DESTROYED; return the numbers that were EXPIRING until now."""
    statement = (
        update(segment)
        .where(
            segment.c.placement_id == placement_id,
            segment.c.number.in_(list(numbers)),
            segment.c.state == SegmentState.EXPIRING.value,
        )
        .values(state=SegmentState.DESTROYED.value, destroyed_at=at)
        .returning(segment.c.number)
    )
    return sorted(conn.execute(statement).scalars())


def add_hold(conn: Connection, hold_id: HoldId, placement_id: PlacementId, number: int, wrapped_key: bytes) -> bool:
    """Let a hold keep a segment; return False, and change nothing, if it has been claimed for erasing."""
    statement = (
        update(segment)
        .where(segment.c.placement_id == placement_id, segment.c.number == number, segment.c.state.in_(_ERASABLE))
        .values(holds=segment.c.holds + 1)
    )
    if conn.execute(statement).rowcount == 0:
        return False
    values = {"placement_id": placement_id, "number": number, "outcome": HoldOutcome.ACCEPTED.value}
    conn.execute(insert(hold_segment).values(hold_id=hold_id, wrapped_key=wrapped_key, **values))
    return True


def note_too_late(conn: Connection, hold_id: HoldId, placement_id: PlacementId, number: int) -> None:
    """Record that a hold came too late for a segment."""
    values = {"placement_id": placement_id, "number": number, "outcome": HoldOutcome.TOO_LATE.value}
    conn.execute(insert(hold_segment).values(hold_id=hold_id, **values))


def list_uncaught(
    conn: Connection, hold_id: HoldId, states: Collection[SegmentState], *, limit: int | None = None, lock: bool = False
) -> list[Segment]:
    """Return the segments within a hold's span and placements of which the hold does not know yet, by number.

    Args:
        hold_id: the hold.
        states: only segments in these.
        limit: at most so many.
        lock: lock them until the end of the transaction.
    """
    known = (
        select(hold_segment.c.number)
        .where(
            hold_segment.c.hold_id == hold_id,
            hold_segment.c.placement_id == segment.c.placement_id,
            hold_segment.c.number == segment.c.number,
        )
        .exists()
    )
    query = (
        select(segment)
        .join(hold_placement, hold_placement.c.placement_id == segment.c.placement_id)
        .join(hold, hold.c.id == hold_placement.c.hold_id)
        .where(
            hold.c.id == hold_id,
            segment.c.start_at < hold.c.end_at,
            or_(segment.c.end_at.is_(None), segment.c.end_at > hold.c.start_at),
            segment.c.state.in_([state.value for state in states]),
            ~known,
        )
        .order_by(segment.c.placement_id, segment.c.number)
        .limit(limit)
    )
    if lock:
        query = query.with_for_update(of=segment)
    return [from_row(row) for row in conn.execute(query)]


def drop_hold(conn: Connection, hold_id: HoldId) -> int:
    """Let go of every segment that a hold keeps; its wrapped keys stay until the hold's key dies. Return how many.

    The caller has moved the hold to RELEASING in the same transaction, so this happens once.
    """
    kept = list(conn.execute(_kept_by(hold_id).order_by(hold_segment.c.placement_id, hold_segment.c.number)))
    for placement_id in sorted({row.placement_id for row in kept}):
        numbers = [row.number for row in kept if row.placement_id == placement_id]
        conn.execute(
            update(segment)
            .where(segment.c.placement_id == placement_id, segment.c.number.in_(numbers))
            .values(holds=segment.c.holds - 1)
        )
    return len(kept)


def hold_key_needed(conn: Connection, hold_id: HoldId) -> bool:
    """Return whether a released hold's key is still the only one that opens some segment which is not destroyed yet.

    Such a segment's hour key is not LIVE and no active hold keeps it: it waits for the sweep, which erases it with an
    intent in the ledger. Destroying the hold's key first would make it unreadable without one.
    """
    other = (
        select(hold_segment.c.hold_id)
        .join(hold, hold.c.id == hold_segment.c.hold_id)
        .where(
            hold.c.id != hold_id,
            hold.c.state == HoldState.ACTIVE.value,
            hold_segment.c.placement_id == segment.c.placement_id,
            hold_segment.c.number == segment.c.number,
            hold_segment.c.wrapped_key.is_not(None),
        )
        .exists()
    )
    opened_by_hour = and_(hour_key.c.state == HourKeyState.LIVE.value, segment.c.wrapped_key.is_not(None))
    query = (
        select(segment.c.number)
        .join(
            hold_segment,
            and_(hold_segment.c.placement_id == segment.c.placement_id, hold_segment.c.number == segment.c.number),
        )
        .join(hour_key, hour_key.c.hour_at == segment.c.hour_at)
        .where(
            hold_segment.c.hold_id == hold_id,
            hold_segment.c.wrapped_key.is_not(None),
            segment.c.state.not_in(_ENDED),
            ~opened_by_hour,
            ~other,
        )
        .limit(1)
    )
    return conn.execute(query).first() is not None


def wipe_hold_keys(conn: Connection, hold_id: HoldId) -> None:
    """Forget every key that a hold has wrapped."""
    conn.execute(update(hold_segment).where(hold_segment.c.hold_id == hold_id).values(wrapped_key=None))


def hold_wraps(conn: Connection, placement_id: PlacementId, number: int) -> dict[HoldId, bytes]:
    """Return the segment's key as each hold has wrapped it."""
    query = select(hold_segment.c.hold_id, hold_segment.c.wrapped_key).where(
        hold_segment.c.placement_id == placement_id,
        hold_segment.c.number == number,
        hold_segment.c.wrapped_key.is_not(None),
    )
    return {HoldId(row.hold_id): bytes(row.wrapped_key) for row in conn.execute(query)}


def list_hours_to_end(conn: Connection, hour_before: datetime) -> list[datetime]:
    """Return the hours up to an instant whose key lives and that nothing blocks (see `end_hour`), oldest first."""
    query = (
        select(hour_key.c.hour_at)
        .where(
            hour_key.c.state == HourKeyState.LIVE.value, hour_key.c.hour_at <= hour_before, ~_blocks(hour_key.c.hour_at)
        )
        .order_by(hour_key.c.hour_at)
    )
    return list(conn.execute(query).scalars())


def end_hour(conn: Connection, hour_at: datetime) -> bool:
    """Move an hour's key LIVE -> DYING; False, and no change, if a segment still needs it.

    It is needed by every segment of the hour that is being written, erased, or kept without a hold. A held segment has
    its key under the hold's. From now on no segment can be opened under the hour.
    """
    row = conn.execute(select(hour_key.c.state).where(hour_key.c.hour_at == hour_at).with_for_update()).one_or_none()
    # A new statement: on PostgreSQL the look under the lock sees what was committed while we waited for it.
    if row is None or row.state != HourKeyState.LIVE.value:
        return False
    blocked = select(func.count()).select_from(segment).where(_needs_hour(), segment.c.hour_at == hour_at)
    if conn.execute(blocked).scalar_one():
        return False
    conn.execute(update(hour_key).where(hour_key.c.hour_at == hour_at).values(state=HourKeyState.DYING.value))
    return True


def mark_hour_destroyed(conn: Connection, hour_at: datetime, at: datetime) -> bool:
    """DYING -> DESTROYED; return whether it was DYING until now."""
    statement = (
        update(hour_key)
        .where(hour_key.c.hour_at == hour_at, hour_key.c.state == HourKeyState.DYING.value)
        .values(state=HourKeyState.DESTROYED.value, destroyed_at=at)
    )
    return conn.execute(statement).rowcount == 1


def claimed_between(conn: Connection, due_after: datetime, due_until: datetime) -> list[DueRow]:
    """Return the segments of a stretch of due instants that are claimed or destroyed already: what the brake counts."""
    query = select(
        segment.c.placement_id,
        segment.c.number,
        segment.c.start_at,
        segment.c.end_at,
        segment.c.due_at,
        segment.c.hour_at,
    ).where(
        segment.c.state.in_((SegmentState.EXPIRING.value, SegmentState.DESTROYED.value)),
        segment.c.due_at > due_after,
        segment.c.due_at <= due_until,
    )
    return [DueRow(*row) for row in conn.execute(query)]


def _kept_by(hold_id: HoldId) -> Select[tuple[str, int]]:
    return select(hold_segment.c.placement_id, hold_segment.c.number).where(
        hold_segment.c.hold_id == hold_id, hold_segment.c.outcome == HoldOutcome.ACCEPTED.value
    )


def _needs_hour() -> ColumnElement[bool]:
    waiting = segment.c.state.in_((SegmentState.OPEN.value, SegmentState.EXPIRING.value))
    return or_(waiting, and_(segment.c.state.in_(_ERASABLE), segment.c.holds == 0))


def _blocks(hour_at: ColumnElement[datetime]) -> ColumnElement[bool]:
    return select(segment.c.number).where(_needs_hour(), segment.c.hour_at == hour_at).exists()
