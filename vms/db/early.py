"""Early erasure: what a request is about, what of it there still is, and the claim. Nothing here commits.

The claim contends with holds for the same rows as a sweep's does, in the same way (vms/db/erasing.py).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, insert, or_, select, update

from vms.db import erasing
from vms.db.asking import ERASURES, Asked
from vms.db.segments import Segment, from_row
from vms.db.tables import erasure, erasure_placement, erasure_segment, hold, hold_placement, hold_segment, segment
from vms.model import (
    ErasureGround,
    ErasureId,
    HoldState,
    PlacementId,
    Role,
    SegmentState,
    Span,
    UserId,
)

_LONGEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request to erase footage before its time."""

    id: ErasureId
    asked: Asked
    ground: ErasureGround
    span: Span
    placement_ids: tuple[PlacementId, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a span has for one placement, as numbers of segments.

    Args:
        erasable: go when it is approved.
        held: stay: a hold keeps them; `case_numbers` says whose.
        writing: stay: a recorder has them open.
        gone: erased already, or being erased, or never had a file.
    """

    erasable: tuple[int, ...]
    held: tuple[int, ...]
    writing: tuple[int, ...]
    gone: tuple[int, ...]
    case_numbers: tuple[str, ...]


def ask(
    conn: Connection,
    erasure_id: ErasureId,
    *,
    ground: ErasureGround,
    reason: str,
    span: Span,
    placement_ids: Collection[PlacementId],
    by: UserId,
    role: Role,
    at: datetime,
) -> Erasure:
    """Store a request.

    Raises:
        InvalidInput: the reason is too short.
    """
    values = {"ground": ground.value, "start_at": span.start_at, "end_at": span.end_at}
    ERASURES.ask(conn, erasure_id, reason=reason, by=by, role=role, at=at, **values)
    rows = [{"erasure_id": erasure_id, "placement_id": one} for one in sorted(set(placement_ids))]
    conn.execute(insert(erasure_placement), rows)
    return get(conn, erasure_id)


def get(conn: Connection, erasure_id: ErasureId) -> Erasure:
    """Return one request.

    Raises:
        NotFound: there is no such request.
    """
    asked = ERASURES.get(conn, erasure_id)
    row = conn.execute(select(erasure).where(erasure.c.id == erasure_id)).one()
    places = select(erasure_placement.c.placement_id).where(erasure_placement.c.erasure_id == erasure_id)
    found = sorted(PlacementId(one) for one in conn.execute(places).scalars())
    return Erasure(erasure_id, asked, ErasureGround(row.ground), Span(row.start_at, row.end_at), tuple(found))


def preview(conn: Connection, placement_id: PlacementId, span: Span, stale_before: datetime) -> Preview:
    """Return what there is in a span.

    Args:
        stale_before: what is open and began before that is not being written any more.
    """
    found: dict[str, list[int]] = {"erasable": [], "held": [], "writing": [], "gone": []}
    for row in conn.execute(_within(placement_id, span).add_columns(_awaited().label("is_awaited"))):
        match SegmentState(row.state):
            case SegmentState.SEALED | SegmentState.DAMAGED:
                found["held" if row.holds or row.is_awaited else "erasable"].append(row.number)
            case SegmentState.OPEN:
                stale = "held" if row.is_awaited else "erasable"
                found[stale if row.start_at < stale_before else "writing"].append(row.number)
            case _:
                found["gone"].append(row.number)
    return Preview(
        **{name: tuple(numbers) for name, numbers in found.items()},
        case_numbers=_case_numbers(conn, placement_id, found["held"]),
    )


def claim(
    conn: Connection, erasure_id: ErasureId, placement_id: PlacementId, numbers: Collection[int]
) -> list[Segment]:
    """Move unheld segments to EXPIRING, whatever their age, and remember for which request; return them by number.

    Raises:
        Conflict: nobody has approved the request.
    """
    awaited = select(segment.c.number).where(
        segment.c.placement_id == placement_id, segment.c.number.in_(list(numbers)), _awaited()
    )
    free = set(numbers) - set(conn.execute(awaited).scalars())
    taken = erasing.claim(conn, placement_id, sorted(free), None)
    if taken:
        rows = [{"placement_id": placement_id, "number": one.number, "erasure_id": erasure_id} for one in taken]
        conn.execute(insert(erasure_segment), rows)
    return taken


def give_up_open(conn: Connection, placement_id: PlacementId, span: Span, begun_before: datetime) -> list[int]:
    """Move what was never sealed from OPEN to DAMAGED, so that it can be erased; return the numbers."""
    statement = (
        update(segment)
        .where(
            _overlaps(placement_id, span),
            segment.c.state == SegmentState.OPEN.value,
            segment.c.start_at < begun_before,
        )
        .values(state=SegmentState.DAMAGED.value)
        .returning(segment.c.number)
    )
    return sorted(conn.execute(statement).scalars())


def list_erasable(conn: Connection, placement_id: PlacementId, span: Span) -> list[Segment]:
    """Return what there is to erase in a span now, by number."""
    erasable = (SegmentState.SEALED.value, SegmentState.DAMAGED.value)
    query = _within(placement_id, span).where(segment.c.state.in_(erasable), segment.c.holds == 0, ~_awaited())
    return [from_row(row) for row in conn.execute(query)]


def requests_of(conn: Connection, placement_id: PlacementId, numbers: Collection[int]) -> dict[int, ErasureId]:
    """Return for which request each of the segments was claimed, those that were."""
    query = select(erasure_segment.c.number, erasure_segment.c.erasure_id).where(
        erasure_segment.c.placement_id == placement_id, erasure_segment.c.number.in_(list(numbers))
    )
    return {row.number: ErasureId(row.erasure_id) for row in conn.execute(query)}


def is_unfinished(conn: Connection, erasure_id: ErasureId) -> bool:
    """Return whether something that was claimed for a request is not destroyed yet."""
    query = (
        select(segment.c.number)
        .join(
            erasure_segment,
            and_(
                erasure_segment.c.placement_id == segment.c.placement_id, erasure_segment.c.number == segment.c.number
            ),
        )
        .where(erasure_segment.c.erasure_id == erasure_id, segment.c.state != SegmentState.DESTROYED.value)
        .limit(1)
    )
    return conn.execute(query).first() is not None


def claimed_for(conn: Connection, erasure_id: ErasureId) -> dict[PlacementId, list[int]]:
    """Return the numbers that were claimed for a request."""
    query = (
        select(erasure_segment.c.placement_id, erasure_segment.c.number)
        .where(erasure_segment.c.erasure_id == erasure_id)
        .order_by(erasure_segment.c.placement_id, erasure_segment.c.number)
    )
    found: dict[PlacementId, list[int]] = {}
    for row in conn.execute(query):
        found.setdefault(PlacementId(row.placement_id), []).append(row.number)
    return found


def _overlaps(placement_id: PlacementId, span: Span) -> ColumnElement[bool]:
    return and_(
        segment.c.placement_id == placement_id,
        segment.c.start_at < span.end_at,
        or_(
            segment.c.end_at > span.start_at,
            # Without an end, nobody knows that it reaches into the span; none lasts for an hour (the database refuses it).
            and_(segment.c.end_at.is_(None), segment.c.start_at > span.start_at - _LONGEST),
        ),
    )


def _awaited() -> ColumnElement[bool]:
    """Whether a hold covers the segment and has not caught it yet: it is as good as held."""
    known = (
        select(hold_segment.c.hold_id)
        .where(
            hold_segment.c.hold_id == hold.c.id,
            hold_segment.c.placement_id == segment.c.placement_id,
            hold_segment.c.number == segment.c.number,
        )
        .exists()
    )
    return (
        select(hold.c.id)
        .join(hold_placement, hold_placement.c.hold_id == hold.c.id)
        .where(
            hold.c.state.in_((HoldState.PENDING.value, HoldState.ACTIVE.value)),
            hold_placement.c.placement_id == segment.c.placement_id,
            segment.c.start_at < hold.c.end_at,
            or_(segment.c.end_at.is_(None), segment.c.end_at > hold.c.start_at),
            ~known,
        )
        .correlate(segment)
        .exists()
    )


def _within(placement_id: PlacementId, span: Span) -> Select[Any]:
    return select(segment).where(_overlaps(placement_id, span)).order_by(segment.c.number)


def _case_numbers(conn: Connection, placement_id: PlacementId, numbers: Collection[int]) -> tuple[str, ...]:
    """Return the cases of the holds that keep segments."""
    query = (
        select(hold.c.case_number)
        .join(hold_segment, hold_segment.c.hold_id == hold.c.id)
        .where(
            hold_segment.c.placement_id == placement_id,
            hold_segment.c.number.in_(list(numbers)),
            hold.c.state.in_((HoldState.PENDING.value, HoldState.ACTIVE.value)),
        )
        .distinct()
        .order_by(hold.c.case_number)
    )
    return tuple(conn.execute(query).scalars())
