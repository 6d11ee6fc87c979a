"""What was promised about the age of footage, and what is older than its stamps say."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from auditor.entries import Entry
from auditor.ranges import Ranges, ranges_in
from auditor.report import Report

_MOST_S = 100 * 366 * 86_400
_IS_SET_BACK = timedelta(minutes=1)
"""Processes that write at the same time may stamp in another order than they are written; that is no set-back."""
_STAMPS_APART = timedelta(hours=2)
"""So far apart may the entries be between which the clock was set back: the stamps go back by less then."""


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


class SetBacks:
    """By how much the log's own stamps went back so far: the machine's clock was ahead by as much, whoever put it right."""

    def __init__(self) -> None:
        self._last_at: datetime | None = None
        self.together = timedelta(0)

    def take(self, at: datetime) -> None:
        """Note the next entry's stamp."""
        back = timedelta(0) if self._last_at is None else self._last_at - at
        self._last_at = at
        if back >= _IS_SET_BACK:
            self.together += back


class Cuts:
    """Segments of a placement that were stamped by a clock which was ahead, and by how much, as the log tells it."""

    def __init__(self) -> None:
        self._told: list[tuple[int, timedelta, Ranges]] = []

    def take(self, entry: Entry, name: str, backs: SetBacks, report: Report) -> None:
        """Note what an entry says, if the log bears it out: a clock was set back so far before it."""
        by_s, numbers = entry.obj.get("by_s"), ranges_in(entry.obj.get("segments"))
        if type(by_s) is not int or not 0 <= by_s <= _MOST_S or not numbers:
            report.find("entry-words", seq=entry.seq, act=entry.act)
            return
        is_more = entry.act == "term.shorten"
        by = timedelta(seconds=by_s if is_more else -by_s)
        if max(cut for cut, _ in self.of(numbers)) + by > backs.together + _STAMPS_APART:
            report.find("term-unfounded", camera=name, seq=entry.seq, numbers=str(numbers), seconds=by_s)
            return
        self._told.append((entry.seq, by, numbers))
        if is_more:
            report.note("term-shortened", camera=name, seq=entry.seq, numbers=str(numbers), seconds=by_s)
        else:
            report.note("term-restored", camera=name, seq=entry.seq, numbers=str(numbers), seconds=by_s)

    def of(self, numbers: Ranges, before: int | None = None) -> list[tuple[timedelta, Ranges]]:
        """Return the numbers by how much older they are than their stamps say, all in all.

        Args:
            before: an entry; what the log told later does not count.
        """
        found = [(timedelta(0), numbers)]
        for _, by, those in self._told if before is None else [one for one in self._told if one[0] < before]:
            parts = [
                pair
                for cut, part in found
                for pair in ((cut, part.without(those)), (max(cut + by, timedelta(0)), part.shared(those)))
            ]
            found = [pair for pair in parts if pair[1]]
        return found
