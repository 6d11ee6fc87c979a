"""Terms of footage that was stamped by a clock which was ahead: it is older than it says, so its 28 days end earlier (decision 0330).

The first clock of a boot is trusted although it may be ahead. When it is put right, the clock since boot tells by how much what was
recorded until then is older than its stamps say. A term that is shortened by as much ends when it would have ended without the correction:
nothing becomes due by it, whoever was wrong about the clock, and when.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import Connection

from retention import acts
from retention.due import ranges
from retention.parts import RetentionParts
from vms.clock import Reckoning
from vms.db import footage_clocks, panoramas, rechecks
from vms.db.footage_clocks import FootageClock
from vms.model import PlacementId


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Segments whose terms end by so much earlier than they say."""

    first: int
    last: int | None
    by: timedelta


def put_right(parts: RetentionParts, at: datetime, trusted: Reckoning, tolerance: timedelta) -> int:
    """Shorten the terms that a clock made too long; return of how many segments.

    Args:
        parts: see there.
        at: the instant that the guard has judged.
        trusted: how that reckons.
        tolerance: what clocks may differ by.
    """
    with parts.db.read() as conn:
        found = footage_clocks.list_ahead(conn, trusted, tolerance)
    return sum(_put_right(parts, one, at, trusted, tolerance) for one in found)


def _put_right(
    parts: RetentionParts, stamped: FootageClock, at: datetime, trusted: Reckoning, tolerance: timedelta
) -> int:
    ahead = timedelta(microseconds=stamped.reckoned.ahead_us - trusted.ahead_us)
    # What was shortened before and is within the tolerance stays: a clock wanders by less.
    is_more = not stamped.cut_to or ahead - stamped.cut > tolerance
    cut = ahead if is_more else stamped.cut
    stretches = [_Stretch(max(stamped.from_number, stamped.cut_to + 1), stamped.to_number, cut)]
    if stamped.cut_to and is_more:
        stretches.append(_Stretch(stamped.from_number, stamped.cut_to, cut - stamped.cut))
    changed = 0
    with parts.db.write() as conn:
        cut_to = stamped.cut_to
        for one in stretches:
            numbers = footage_clocks.shorten(conn, stamped.placement_id, one.first, one.last, by=one.by, now=at)
            if numbers:
                cut_to = max(cut_to, numbers[-1])
                by_s = ceil(one.by.total_seconds())
                parts.ledger.append(conn, acts.terms_shortened(stamped.placement_id, ranges(numbers), by_s))
                changed += len(numbers)
        if changed:
            footage_clocks.note_cut(conn, stamped, cut, cut_to)
            _drop_derived(parts, conn, stamped.placement_id)
    return changed


def _drop_derived(parts: RetentionParts, conn: Connection, placement_id: PlacementId) -> None:
    """Erase what was made of footage whose age is not known: it grows again."""
    if panoramas.drop(conn, placement_id):
        parts.ledger.append(conn, acts.panorama_erased(placement_id))
    if rechecks.LANDMARKS.drop(conn, placement_id):
        parts.ledger.append(conn, acts.landmarks_erased(placement_id))
