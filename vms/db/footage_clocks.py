"""By which clock footage was stamped, and terms that are too long because it was ahead. Nothing here commits.

One row a placement, boot and step of the clock: segments from its number on, to the next row's, were stamped so.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, func, insert, select, update

from vms.clock import Reckoning
from vms.db.tables import footage_clock, segment
from vms.model import PlacementId, SegmentState

_SAME_US = 1_000_000
"""So far may the reckoning wander within a row: readings are not taken at one instant, and clocks are disciplined."""
_MICROSECOND = timedelta(microseconds=1)
_TERM_RUNS = (SegmentState.OPEN.value, SegmentState.SEALED.value, SegmentState.DAMAGED.value)


@dataclass(frozen=True, slots=True)
class FootageClock:
    """How some segments of a placement were stamped.

    Args:
        from_number, to_number: which segments; `to_number` is None for the placement's newest.
        reckoned: how they were stamped.
        cut: by how much the terms of those up to `cut_to` were shortened since.
        cut_to: 0: of none.
    """

    placement_id: PlacementId
    from_number: int
    to_number: int | None
    reckoned: Reckoning
    cut: timedelta
    cut_to: int


def note(conn: Connection, placement_id: PlacementId, number: int, reckoned: Reckoning) -> None:
    """Store how a new segment is stamped, if not as the one before it."""
    newest = conn.execute(
        select(footage_clock.c.boot_id, footage_clock.c.ahead_us)
        .where(footage_clock.c.placement_id == placement_id)
        .order_by(footage_clock.c.from_number.desc())
        .limit(1)
    ).one_or_none()
    if newest is None or newest.boot_id != reckoned.boot_id or abs(newest.ahead_us - reckoned.ahead_us) > _SAME_US:
        conn.execute(
            insert(footage_clock).values(
                placement_id=placement_id, from_number=number, boot_id=reckoned.boot_id, ahead_us=reckoned.ahead_us
            )
        )


def list_ahead(conn: Connection, of: Reckoning, tolerance: timedelta) -> list[FootageClock]:
    """Return what was stamped in the same boot by a clock that was further ahead than the tolerance."""
    row, later = footage_clock.c, footage_clock.alias("later")
    until = (
        select(func.min(later.c.from_number))
        .where(later.c.placement_id == row.placement_id, later.c.from_number > row.from_number)
        .scalar_subquery()
    )
    query = (
        select(footage_clock, until.label("until_number"))
        .where(row.boot_id == of.boot_id, row.ahead_us > of.ahead_us + tolerance // _MICROSECOND)
        .order_by(row.placement_id, row.from_number)
    )
    return [
        FootageClock(
            PlacementId(found.placement_id),
            found.from_number,
            None if found.until_number is None else found.until_number - 1,
            Reckoning(found.boot_id, found.ahead_us),
            found.cut_us * _MICROSECOND,
            found.cut_to,
        )
        for found in conn.execute(query)
    ]


def shorten(
    conn: Connection, placement_id: PlacementId, first: int, last: int | None, *, by: timedelta, now: datetime
) -> list[int]:
    """Let segments be due earlier.

    Args:
        first, last: their numbers; `last` None: all from `first` on.
        by: how much earlier.
        now: trusted instant; what is due by then keeps its term.

    Returns:
        The numbers of those that are due earlier now.
    """
    query = select(segment.c.number, segment.c.start_at, segment.c.due_at).where(
        segment.c.placement_id == placement_id,
        segment.c.number >= first,
        segment.c.state.in_(_TERM_RUNS),
        segment.c.due_at > now,
    )
    if last is not None:
        query = query.where(segment.c.number <= last)
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
    """Store how far terms were shortened, so that it is done once."""
    conn.execute(
        update(footage_clock)
        .where(footage_clock.c.placement_id == of.placement_id, footage_clock.c.from_number == of.from_number)
        .values(cut_us=cut // _MICROSECOND, cut_to=cut_to)
    )


def longest_cut(conn: Connection, placement_id: PlacementId, numbers: Collection[int]) -> timedelta:
    """Return by how much the term of any of these segments was shortened at most."""
    query = select(func.max(footage_clock.c.cut_us)).where(
        footage_clock.c.placement_id == placement_id,
        footage_clock.c.from_number <= max(numbers),
        footage_clock.c.cut_to >= min(numbers),
    )
    return (conn.execute(query).scalar_one() or 0) * _MICROSECOND
