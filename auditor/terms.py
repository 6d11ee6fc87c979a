"""What was promised about the age of footage, and what is older than its stamps say."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from auditor.entries import Entry
from auditor.ranges import Ranges, ranges_in

_MOST_S = 100 * 366 * 86_400


@dataclass(frozen=True, slots=True)
class Terms:
    """What was promised.

    Args:
        at: the instant that is judged.
        longest: how old footage may become without a hold.
        kept: how long it is kept at least, when nobody asks for its early erasure.
        release_grace: how long footage may live on after its last hold was released, if it is past its time.
        hole: how much may be missing between two segments.
    """

    at: datetime
    longest: timedelta
    kept: timedelta
    release_grace: timedelta
    hole: timedelta


class Cuts:
    """Segments of a placement that were stamped by a clock which was ahead, and by how much, as the log tells it."""

    def __init__(self) -> None:
        self._told: list[tuple[timedelta, Ranges]] = []

    def take(self, entry: Entry) -> bool:
        """Note what an entry says; return whether it can be read."""
        by_s = entry.obj.get("by_s")
        if type(by_s) is not int or not 0 < by_s <= _MOST_S:
            return False
        self._told.append((timedelta(seconds=by_s), ranges_in(entry.obj.get("segments"))))
        return True

    def of(self, numbers: Ranges) -> list[tuple[timedelta, Ranges]]:
        """Return the numbers by how much older they are than their stamps say, all in all."""
        found = [(timedelta(0), numbers)]
        for by, those in self._told:
            parts = [
                pair for cut, part in found for pair in ((cut, part.without(those)), (cut + by, part.shared(those)))
            ]
            found = [pair for pair in parts if pair[1]]
        return found
