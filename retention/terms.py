"""Terms of footage that was stamped by a clock which was ahead: it is older than it says, so its 28 days end earlier (decision 0330).

The first clock of a boot is trusted although it may be ahead, by at most 96 hours. When it is put right, the clock since boot tells by how
much what was recorded until then is older than its stamps say. A term that is shortened by as much ends when it would have ended without
the correction. Terms follow the trusted time forth and back: if the correction was the mistake, they are as long as before when that is
found out.
"""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil, floor

from sqlalchemy import Connection

from retention import acts
from retention.due import HOUR, ranges
from retention.parts import RetentionParts
from vms.clock import Reckoning
from vms.db import footage_clocks, panoramas, placements, rechecks
from vms.db.footage_clocks import FootageClock
from vms.ledger.entries import Entry
from vms.model import PlacementId


@dataclass(frozen=True, slots=True)
class Trust:
    """The trusted time, and what is known about it.

    Args:
        reckoned: how it is reckoned now.
        tolerance: what clocks may differ by.
    """

    reckoned: Reckoning
    tolerance: timedelta

    def cut_of(self, stamped: FootageClock) -> timedelta:
        """Return by how much terms are to be shortened: never by all of their length, so that they can be made as long again."""
        ahead = timedelta(microseconds=stamped.reckoned.ahead_us - self.reckoned.ahead_us)
        wanted = max(timedelta(0), min(ahead, stamped.term - min(HOUR, stamped.term / 2)))
        if abs(wanted - stamped.cut) <= self.tolerance:
            return stamped.cut
        return wanted if wanted > self.tolerance else timedelta(0)


def put_right(parts: RetentionParts, trust: Trust) -> None:
    """Have the terms of this boot's footage end by the trusted time, as far as its stamps are ahead of that."""
    with parts.db.read() as conn:
        concerned = [
            one
            for one in footage_clocks.list_concerned(conn, trust.reckoned, trust.tolerance)
            if any(_is_due_for_change(row, trust) for row in _rows(conn, one, trust, placements.last_number(conn, one)))
        ]
    for placement_id in concerned:
        _put_right(parts, placement_id, trust)


def _put_right(parts: RetentionParts, placement_id: PlacementId, trust: Trust) -> None:
    entries: list[Entry] = []
    with parts.db.write() as conn:
        # Locked, so that no segment gets a row meanwhile; read anew, since another process may have done it.
        last_number = placements.lock(conn, [placement_id])[placement_id]
        for stamped in _rows(conn, placement_id, trust, last_number):
            cut = trust.cut_of(stamped)
            new = max(stamped.from_number, stamped.cut_to + 1)
            for first, last, by in (
                (stamped.from_number, stamped.cut_to, cut - stamped.cut),
                (new, stamped.to_number, cut),
            ):
                numbers = footage_clocks.shorten(conn, placement_id, first, last, by) if by and first <= last else []
                if numbers:
                    entries.append(_entry(placement_id, ranges(numbers), by))
            if _is_due_for_change(stamped, trust):
                footage_clocks.note_cut(conn, stamped, cut, stamped.to_number)
        if entries:
            # Of footage whose age was not known: it grows again.
            if panoramas.drop(conn, placement_id):
                entries.append(acts.panorama_erased(placement_id))
            if rechecks.LANDMARKS.drop(conn, placement_id):
                entries.append(acts.landmarks_erased(placement_id))
        # Last: whoever holds the ledger waits for no row.
        for entry in entries:
            parts.ledger.append(conn, entry)


def _rows(conn: Connection, placement_id: PlacementId, trust: Trust, last_number: int) -> list[FootageClock]:
    return footage_clocks.list_of(conn, placement_id, trust.reckoned.boot_id, last_number)


def _is_due_for_change(stamped: FootageClock, trust: Trust) -> bool:
    cut = trust.cut_of(stamped)
    return cut != stamped.cut or bool(cut and stamped.cut_to < stamped.to_number)


def _entry(placement_id: PlacementId, numbers: list[list[int]], by: timedelta) -> Entry:
    # Rounded so that what is left of several entries is never less than the term was shortened by.
    seconds = by.total_seconds()
    if seconds > 0:
        return acts.terms_shortened(placement_id, numbers, ceil(seconds))
    return acts.terms_restored(placement_id, numbers, floor(-seconds))
