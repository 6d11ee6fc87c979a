"""What footage there is: numbers given out, ends, days, and the oldest that nobody holds. Only reads."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from vms.db.segments import Segment, from_row
from vms.db.tables import ALIVE, placement, segment
from vms.model import PlacementId, SegmentState, Span


def oldest_unheld_at(conn: Connection) -> datetime | None:
    """Return the start of the oldest footage that exists without a hold: the metric that must stay under 28 days."""
    states = (SegmentState.OPEN, SegmentState.SEALED, SegmentState.EXPIRING, SegmentState.DAMAGED)
    query = select(func.min(segment.c.start_at)).where(
        segment.c.state.in_([state.value for state in states]), segment.c.holds == 0
    )
    found: datetime | None = conn.execute(query).scalar_one()
    return found


@dataclass(frozen=True, slots=True)
class Oldest:
    """Where the footage of a placement begins: what nobody holds, and what a hold keeps."""

    unheld_at: datetime | None
    held_at: datetime | None


def oldest_of_each(conn: Connection) -> dict[PlacementId, Oldest]:
    """Return where the footage of each placement that has any begins, ended placements included."""
    found: dict[PlacementId, Oldest] = {}
    for known_id in conn.execute(select(placement.c.id).order_by(placement.c.id)).scalars():
        own = select(func.min(segment.c.start_at)).where(segment.c.placement_id == known_id, ALIVE)
        # One look into the index for what nobody holds; what is held is little.
        oldest = Oldest(
            conn.execute(own.where(segment.c.holds == 0)).scalar_one(),
            conn.execute(own.where(segment.c.holds > 0)).scalar_one(),
        )
        if oldest != Oldest(None, None):
            found[PlacementId(known_id)] = oldest
    return found


def last_end_at(conn: Connection, placement_id: PlacementId) -> datetime | None:
    """Return where what was recorded last of a placement ends, or None."""
    return _end(conn, placement_id, segment.c.number)


def last_ends(conn: Connection) -> dict[PlacementId, datetime]:
    """Return where what was recorded last of each placement ends: what recorders say that it is now."""
    return _ends(conn, segment.c.number)


def newest_ends(conn: Connection) -> dict[PlacementId, datetime]:
    """Return where the footage of each placement ends, by its stamps: later than what was recorded last, if a clock was ahead."""
    return _ends(conn, segment.c.start_at)


def _ends(conn: Connection, order: ColumnElement[Any]) -> dict[PlacementId, datetime]:
    ids = [
        PlacementId(known_id) for known_id in conn.execute(select(placement.c.id).order_by(placement.c.id)).scalars()
    ]
    ends = ((known_id, _end(conn, known_id, order)) for known_id in ids)
    return {known_id: end_at for known_id, end_at in ends if end_at is not None}


def _end(conn: Connection, placement_id: PlacementId, order: ColumnElement[Any]) -> datetime | None:
    # One look into an index for each placement; a maximum over all rows would read them all.
    last = (
        select(segment.c.end_at)
        .where(segment.c.placement_id == placement_id, segment.c.end_at.is_not(None))
        .order_by(order.desc())
        .limit(1)
    )
    found: datetime | None = conn.execute(last).scalar_one_or_none()
    return found


def list_numbered(conn: Connection, placement_id: PlacementId, after_number: int, limit: int) -> Sequence[Segment]:
    """Return a placement's segments by number, after one."""
    query = (
        select(segment)
        .where(segment.c.placement_id == placement_id, segment.c.number > after_number)
        .order_by(segment.c.number)
        .limit(limit)
    )
    return [from_row(row) for row in conn.execute(query)]


def last_numbers(conn: Connection) -> dict[PlacementId, int]:
    """Return the last number that each placement has given out."""
    query = select(placement.c.id, placement.c.last_number).order_by(placement.c.id)
    return {PlacementId(row.id): row.last_number for row in conn.execute(query)}


def list_begun(
    conn: Connection, placement_id: PlacementId, span: Span, states: Collection[SegmentState]
) -> list[Segment]:
    """Return a placement's segments that begin within a span, by number."""
    query = select(segment).where(
        segment.c.placement_id == placement_id,
        segment.c.start_at >= span.start_at,
        segment.c.start_at < span.end_at,
        segment.c.state.in_([state.value for state in states]),
    )
    return [from_row(row) for row in conn.execute(query.order_by(segment.c.number))]


def list_days(conn: Connection, placement_id: PlacementId) -> list[datetime]:
    """Return the UTC days on which sealed footage of a placement begins."""
    query = (
        select(segment.c.hour_at)
        .where(segment.c.placement_id == placement_id, segment.c.state == SegmentState.SEALED.value)
        .distinct()
    )
    return sorted({hour_at.replace(hour=0) for hour_at in conn.execute(query).scalars()})
