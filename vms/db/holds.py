"""Holds: police decisions that a span of some placements is kept. The counters and wrapped keys they act through: vms/db/erasing.py."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from vms.db.tables import export, hold, hold_placement, hold_segment, segment
from vms.errors import Conflict, NotFound
from vms.model import HoldId, HoldOutcome, HoldState, PlacementId, SegmentState, Span, UserId

KEEPING = frozenset({HoldState.PENDING, HoldState.ACTIVE})
"""States in which a hold keeps footage, or is about to."""


@dataclass(frozen=True, slots=True)
class NewHold:
    """What is needed to ask for a hold.

    Args:
        request_id: made by the client; a repeated request after a lost reply finds the hold it made.
        review_on: when somebody must decide again whether it is still needed.
    """

    id: HoldId
    request_id: str
    case_number: str
    ground: str
    reason: str
    span: Span
    placement_ids: tuple[PlacementId, ...]
    review_on: datetime
    requested_by: UserId
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as the database knows it; `outcome` is None until it is active."""

    id: HoldId
    request_id: str
    state: HoldState
    case_number: str
    ground: str
    reason: str
    span: Span
    placement_ids: tuple[PlacementId, ...]
    review_on: datetime
    requested_by: UserId
    requested_at: datetime
    outcome: HoldOutcome | None
    released_by: UserId | None
    released_at: datetime | None
    release_reason: str | None


@dataclass(frozen=True, slots=True)
class HoldSegment:
    """What a hold could do for one segment.

    Args:
        wrapped_key: the segment's key wrapped by the hold's key; None when it was too late, or the wrap was wiped.
        segment_state: of the segment now.
    """

    hold_id: HoldId
    placement_id: PlacementId
    number: int
    outcome: HoldOutcome
    wrapped_key: bytes | None
    segment_state: SegmentState


def add(conn: Connection, new: NewHold) -> None:
    """Store a hold as PENDING, with its placements.

    Raises:
        Conflict: `id` or `request_id` is taken (when the statement runs).
    """
    conn.execute(
        insert(hold).values(
            id=new.id,
            request_id=new.request_id,
            state=HoldState.PENDING.value,
            case_number=new.case_number,
            ground=new.ground,
            reason=new.reason,
            start_at=new.span.start_at,
            end_at=new.span.end_at,
            review_on=new.review_on,
            requested_by=new.requested_by,
            requested_at=new.requested_at,
        )
    )
    for placement_id in sorted(set(new.placement_ids)):
        conn.execute(insert(hold_placement).values(hold_id=new.id, placement_id=placement_id))


def activate(conn: Connection, hold_id: HoldId, outcome: HoldOutcome) -> None:
    """PENDING -> ACTIVE, with what it achieved.

    Raises:
        Conflict: it is not pending.
    """
    _move(conn, hold_id, HoldState.PENDING, HoldState.ACTIVE, outcome=outcome.value)


def abort(conn: Connection, hold_id: HoldId) -> None:
    """PENDING -> ABORTED.

    Raises:
        Conflict: it is not pending.
    """
    _move(conn, hold_id, HoldState.PENDING, HoldState.ABORTED)


def begin_release(
    conn: Connection, hold_id: HoldId, *, released_by: UserId | None, released_at: datetime, reason: str
) -> None:
    """ACTIVE -> RELEASING. Exactly one caller gets through, so the counters are lowered once.

    Raises:
        Conflict: it is not active.
    """
    _move(
        conn,
        hold_id,
        HoldState.ACTIVE,
        HoldState.RELEASING,
        released_by=released_by,
        released_at=released_at,
        release_reason=reason,
    )


def finish_release(conn: Connection, hold_id: HoldId) -> None:
    """RELEASING -> RELEASED, once its key is destroyed.

    Raises:
        Conflict: it is not being released.
    """
    _move(conn, hold_id, HoldState.RELEASING, HoldState.RELEASED)


def get(conn: Connection, hold_id: HoldId, *, lock: bool = False) -> Hold:
    """Return one hold.

    Args:
        lock: lock its row until the end of the transaction.

    Raises:
        NotFound: there is no such hold.
    """
    query = select(hold).where(hold.c.id == hold_id)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"there is no hold {hold_id}", code="hold.unknown")
    return _from_rows(conn, [row])[0]


def by_request(conn: Connection, request_id: str) -> Hold | None:
    """Return the hold that a client's request made, or None."""
    row = conn.execute(select(hold).where(hold.c.request_id == request_id)).one_or_none()
    return None if row is None else _from_rows(conn, [row])[0]


def list_in(conn: Connection, states: Collection[HoldState] = frozenset(HoldState)) -> list[Hold]:
    """Return the holds in some states, newest request first."""
    query = select(hold).where(hold.c.state.in_([state.value for state in states]))
    return _from_rows(conn, list(conn.execute(query.order_by(hold.c.requested_at.desc(), hold.c.id))))


def numbers_in_cases(conn: Connection) -> dict[HoldId, int]:
    """Return which hold of its case each one is, counted from 1 in the order of asking: what people tell two of them apart by."""
    numbers: dict[HoldId, int] = {}
    counted: dict[str, int] = {}
    query = select(hold.c.id, hold.c.case_number).order_by(hold.c.requested_at, hold.c.id)
    for row in conn.execute(query):
        counted[row.case_number] = counted.get(row.case_number, 0) + 1
        numbers[HoldId(row.id)] = counted[row.case_number]
    return numbers


def subjects_of_case(conn: Connection, case_number: str) -> list[str]:
    """Return by what the ledger's entries about a case can be found: its number, and the ids of its holds and their exports."""
    query = select(hold.c.id, export.c.id.label("export_id")).outerjoin(export, export.c.hold_id == hold.c.id)
    rows = conn.execute(query.where(hold.c.case_number == case_number)).all()
    found = {row.id for row in rows} | {row.export_id for row in rows if row.export_id is not None}
    return [case_number, *sorted(found)]


def overlapping(
    conn: Connection, placement_id: PlacementId, span: Span, states: Collection[HoldState] = KEEPING
) -> list[Hold]:
    """Return the holds on a placement that share an instant with the span, oldest span first."""
    query = (
        select(hold)
        .join(hold_placement, hold_placement.c.hold_id == hold.c.id)
        .where(
            hold_placement.c.placement_id == placement_id,
            hold.c.state.in_([state.value for state in states]),
            hold.c.start_at < span.end_at,
            hold.c.end_at > span.start_at,
        )
        .order_by(hold.c.start_at, hold.c.id)
    )
    return _from_rows(conn, list(conn.execute(query)))


def list_segments(conn: Connection, hold_id: HoldId) -> list[HoldSegment]:
    """Return what the hold could do for each segment, by placement and number."""
    query = (
        select(hold_segment, segment.c.state)
        .join(
            segment,
            and_(segment.c.placement_id == hold_segment.c.placement_id, segment.c.number == hold_segment.c.number),
        )
        .where(hold_segment.c.hold_id == hold_id)
        .order_by(hold_segment.c.placement_id, hold_segment.c.number)
    )
    return [
        HoldSegment(
            hold_id=HoldId(row.hold_id),
            placement_id=PlacementId(row.placement_id),
            number=row.number,
            outcome=HoldOutcome(row.outcome),
            wrapped_key=row.wrapped_key,
            segment_state=SegmentState(row.state),
        )
        for row in conn.execute(query)
    ]


def count_outcomes(conn: Connection, hold_id: HoldId) -> dict[HoldOutcome, int]:
    """Return how many segments the hold keeps and for how many it came too late."""
    query = (
        select(hold_segment.c.outcome, func.count())
        .where(hold_segment.c.hold_id == hold_id)
        .group_by(hold_segment.c.outcome)
    )
    return {HoldOutcome(outcome): count for outcome, count in conn.execute(query)}


def wrapped_key(conn: Connection, hold_id: HoldId, placement_id: PlacementId, number: int) -> bytes | None:
    """Return the segment's key wrapped by the hold's key, or None when this hold does not keep it."""
    query = select(hold_segment.c.wrapped_key).where(
        hold_segment.c.hold_id == hold_id,
        hold_segment.c.placement_id == placement_id,
        hold_segment.c.number == number,
    )
    return conn.execute(query).scalar_one_or_none()


def _move(conn: Connection, hold_id: HoldId, before: HoldState, after: HoldState, **values: object) -> None:
    statement = (
        update(hold).where(hold.c.id == hold_id, hold.c.state == before.value).values(state=after.value, **values)
    )
    if conn.execute(statement).rowcount == 0:
        raise Conflict(f"hold {hold_id} is not {before.value}", code="hold.moved-on")


def _from_rows(conn: Connection, rows: list[Row[Any]]) -> list[Hold]:
    placements: dict[str, list[PlacementId]] = {row.id: [] for row in rows}
    query = select(hold_placement).where(hold_placement.c.hold_id.in_(list(placements)))
    for row in conn.execute(query.order_by(hold_placement.c.placement_id)):
        placements[row.hold_id].append(PlacementId(row.placement_id))
    return [_value(row, tuple(placements[row.id])) for row in rows]


def _value(row: Row[Any], placement_ids: tuple[PlacementId, ...]) -> Hold:
    return Hold(
        id=HoldId(row.id),
        request_id=row.request_id,
        state=HoldState(row.state),
        case_number=row.case_number,
        ground=row.ground,
        reason=row.reason,
        span=Span(row.start_at, row.end_at),
        placement_ids=placement_ids,
        review_on=row.review_on,
        requested_by=UserId(row.requested_by),
        requested_at=row.requested_at,
        outcome=None if row.outcome is None else HoldOutcome(row.outcome),
        released_by=None if row.released_by is None else UserId(row.released_by),
        released_at=row.released_at,
        release_reason=row.release_reason,
    )
