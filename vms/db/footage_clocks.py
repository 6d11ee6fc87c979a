"""By which clock footage was stamped, and terms that are too long because it was ahead. Nothing here commits.

One row a placement, boot, step of the clock and term: segments from its number on, to the next row's, were stamped so.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from vms.clock import Reckoning
from vms.db.tables import footage_clock, segment
from vms.model import PlacementId, SegmentState

_SAME_US = 1_000_000
"""So far may the reckoning wander within a row: readings are not taken at one instant, and clocks are disciplined."""
_SAME_TERM = timedelta(minutes=1)
_UNKNOWN = Reckoning("", 0)
_MICROSECOND = timedelta(microseconds=1)
_TERM_RUNS = (SegmentState.OPEN.value, SegmentState.SEALED.value, SegmentState.DAMAGED.value)


@dataclass(frozen=True, slots=True)
class FootageClock:
    """How some segments of a placement were stamped.

    Args:
        from_number, to_number: which segments, among those that there are.
        reckoned: how they were stamped.
        term: how long they were to be kept, when they were recorded.
        cut: by how much the terms of those up to `cut_to` are shortened.
        cut_to: 0: of none.
    """

    placement_id: PlacementId
    from_number: int
    to_number: int
    reckoned: Reckoning
    term: timedelta
    cut: timedelta
    cut_to: int


def note(conn: Connection, placement_id: PlacementId, number: int, reckoned: Reckoning | None, term: timedelta) -> None:
    """Store how a new segment is stamped (None: unknown) and how long it is kept, if not as the one before it."""
    newest = conn.execute(
        select(footage_clock.c.boot_id, footage_clock.c.ahead_us, footage_clock.c.term_us)
        .where(footage_clock.c.placement_id == placement_id)
        .order_by(footage_clock.c.from_number.desc())
        .limit(1)
    ).one_or_none()
    if newest is None and reckoned is None:
        return
    found = reckoned or _UNKNOWN
    is_same = (
        newest is not None
        and newest.boot_id == found.boot_id
        and abs(newest.ahead_us - found.ahead_us) <= _SAME_US
        and abs(newest.term_us * _MICROSECOND - term) <= _SAME_TERM
    )
    if not is_same:
        conn.execute(
            insert(footage_clock).values(
                placement_id=placement_id,
                from_number=number,
                boot_id=found.boot_id,
                ahead_us=found.ahead_us,
                term_us=term // _MICROSECOND,
            )
        )


def list_concerned(conn: Connection, trusted: Reckoning, tolerance: timedelta) -> list[PlacementId]:
    """Return whose footage of the same boot was stamped by a clock further ahead than the tolerance, or has shortened terms."""
    row = footage_clock.c
    is_ahead = row.ahead_us > trusted.ahead_us + tolerance // _MICROSECOND
    query = select(row.placement_id).where(row.boot_id == trusted.boot_id, or_(is_ahead, row.cut_us > 0)).distinct()
    return sorted(PlacementId(found) for found in conn.execute(query).scalars())


def list_of(conn: Connection, placement_id: PlacementId, boot_id: str, last_number: int) -> list[FootageClock]:
    """Return how a placement's footage of a boot was stamped, up to a number."""
    query = select(footage_clock).where(footage_clock.c.placement_id == placement_id)
    rows = conn.execute(query.order_by(footage_clock.c.from_number)).all()
    ends = [row.from_number - 1 for row in rows[1:]] + [last_number]
    return [
        FootageClock(
            placement_id,
            row.from_number,
            end,
            Reckoning(row.boot_id, row.ahead_us),
            row.term_us * _MICROSECOND,
            row.cut_us * _MICROSECOND,
            row.cut_to,
        )
        for row, end in zip(rows, ends, strict=True)
        if row.boot_id == boot_id and row.from_number <= end
    ]


def shorten(conn: Connection, placement_id: PlacementId, first: int, last: int, by: timedelta) -> list[int]:
    """Let segments be due earlier, or (`by` below 0) as much later again; return the numbers of those that can still be erased."""
    query = select(segment.c.number, segment.c.start_at, segment.c.due_at).where(
        segment.c.placement_id == placement_id,
        segment.c.number.between(first, last),
        segment.c.state.in_(_TERM_RUNS),
    )
    changed = [
        # Later than its start, as the database demands of every segment.
        {"at_number": row.number, "term": max(row.due_at - by, row.start_at + _MICROSECOND)}
        for row in conn.execute(query.order_by(segment.c.number).with_for_update())
    ]
    if changed:
        statement = update(segment).where(
            segment.c.placement_id == placement_id, segment.c.number == bindparam("at_number")
        )
        conn.execute(statement.values(due_at=bindparam("term")), changed)
    return [int(one["at_number"]) for one in changed]


def note_cut(conn: Connection, of: FootageClock, cut: timedelta, cut_to: int) -> None:
    """Store by how much terms are shortened now, and up to which segment."""
    conn.execute(
        update(footage_clock)
        .where(footage_clock.c.placement_id == of.placement_id, footage_clock.c.from_number == of.from_number)
        .values(cut_us=cut // _MICROSECOND, cut_to=cut_to)
    )


def cuts_of(conn: Connection, placement_id: PlacementId, numbers: Collection[int]) -> dict[int, timedelta]:
    """Return by how much the terms of those segments are shortened whose terms are."""
    row = footage_clock.c
    query = (
        select(row.from_number, row.cut_to, row.cut_us)
        .where(
            row.placement_id == placement_id,
            row.from_number <= max(numbers),
            row.cut_to >= min(numbers),
            row.cut_us > 0,
        )
        .order_by(row.from_number)
    )
    return {
        number: found.cut_us * _MICROSECOND
        for found in conn.execute(query)
        for number in numbers
        if found.from_number <= number <= found.cut_to
    }
