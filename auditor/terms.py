"""What was promised about the age of footage, and what is older than its stamps say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from auditor.entries import Entry, instant
from auditor.ranges import Ranges, ranges_in
from auditor.report import Report

_MOST_S = 100 * 366 * 86_400
_IS_SET_BACK = timedelta(minutes=1)
"""Processes that write at the same time may stamp in another order than they are written; that is no set-back."""
_STAMPS_APART = timedelta(hours=2)
"""So far apart may the entries be between which the clock was set back: the stamps go back by less then, or not at all."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What was promised.

    Args:
        at: the instant that is judged.
        longest: how old footage may become without a hold.
        kept: how long it is kept at least, when nobody asks for its early erasure.
        release_grace: how long footage may live on after its last hold was released, if it is past its time.
        hole: how much may be missing between two segments.
        zone: the city's, in which proofs are due.
    """

    at: datetime
    longest: timedelta
    kept: timedelta
    release_grace: timedelta
    hole: timedelta
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class SetBack:
    """The log's own stamps went back: the machine's clock was ahead by as much, whoever put it right.

    Args:
        seq: of the first entry after it.
        high_at: the last stamp before it; what was recorded later than that by its stamps was recorded after it.
    """

    seq: int
    high_at: datetime
    by: timedelta


class SetBacks:
    """All such steps so far."""

    def __init__(self) -> None:
        self._last = ""
        self._found: list[SetBack] = []

    def take(self, seq: int, stamp: str) -> None:
        """Note the next entry's stamp, whatever its act."""
        # Stamps sort as texts; instants are read only where they went back.
        if stamp < self._last:
            before, after = instant(self._last), instant(stamp)
            if before is not None and after is not None and before - after >= _IS_SET_BACK:
                self._found.append(SetBack(seq, before, before - after))
        self._last = stamp

    def since(self, footage_at: datetime | None = None, before: int | None = None) -> timedelta:
        """Return by how much footage of an instant may be older than its stamps say.

        Args:
            footage_at: by its stamps; None: of whatever instant.
            before: an entry; what came later does not count.
        """
        found = (
            one.by
            for one in self._found
            if (before is None or one.seq <= before) and (footage_at is None or footage_at <= one.high_at)
        )
        return sum(found, _STAMPS_APART)


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
        if max(cut for cut, _ in self.of(numbers)) + by > backs.since():
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
