"""The arithmetic of completeness over the ledger: every number that was recorded is erased, lost, held, or young. Pure.

The auditor's tool has arithmetic of its own (`auditor/books.py`) and shares nothing with this. Here an hour of a placement is a bit
mask of the segments that live, so that years of a thousand cameras fit into memory and a range costs a few operations.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from retention.due import HOUR
from vms.ledger.acts import Act
from vms.model import RETENTION_CEILING, Span

DONE_WITHIN: Final = HOUR
"""How long an erasing may take from its announcement on."""
RELEASE_GRACE: Final = timedelta(hours=2)
"""How long footage past its time may live on after its last hold was released."""
MOST_IN_A_RANGE: Final = 1_000_000
LISTED: Final = 200
"""Findings of one kind that are listed; all are counted."""
ACTS: Final = (
    Act.BATCH_RECORDED,
    Act.DESTROY_INTENT,
    Act.DESTROY_DONE,
    Act.TERM_SHORTEN,
    Act.TERM_RESTORE,
    Act.KEY_DESTROYED,
    Act.HOLD_PLACE,
    Act.HOLD_CATCH,
    Act.HOLD_RELEASE,
    Act.HOLD_LATE,
    Act.RETENTION_BREACH,
)
"""The acts that the arithmetic goes by."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not in order.

    Args:
        code: a word of `api/proof_texts.py`.
        about: placement and numbers, or an hour.
    """

    code: str
    about: str


@dataclass(slots=True)
class _Hour:
    first: int
    last: int
    start_at: datetime
    live: int
    announced: int = 0
    announced_at: datetime | None = None

    def bits(self, first: int, last: int) -> int:
        low, high = max(first, self.first), min(last, self.last)
        return ((1 << (high - low + 1)) - 1) << (low - self.first) if low <= high else 0


@dataclass(slots=True)
class Shelf:
    """The footage of a placement, by the ledger.

    Args:
        unlisted: numbers erased before the list of their hour was written, after a long absence.
        early: numbers announced before the list of their hour was written, and when.
        freed: when the last hold on ranges was released.
        cut: ranges that are older than their stamps say, and by how much.
    """

    next_number: int = 1
    recorded: int = 0
    erased: int = 0
    lost: int = 0
    erased_in_month: int = 0
    hours: list[_Hour] = field(default_factory=list)
    unlisted: set[int] = field(default_factory=set)
    early: dict[int, datetime] = field(default_factory=dict)
    freed: list[tuple[datetime, list[tuple[int, int]]]] = field(default_factory=list)
    cut: list[tuple[timedelta, list[tuple[int, int]]]] = field(default_factory=list)

    def within(self, first: int, last: int) -> Iterator[_Hour]:
        """Yield the hours that have some of a range."""
        for place in range(bisect_left(self.hours, first, key=lambda hour: hour.last), len(self.hours)):
            if self.hours[place].first > last:
                return
            yield self.hours[place]

    def due_at(self, hour: _Hour, bits: int) -> datetime:
        """Return until when some footage of an hour may exist: longer when a hold on the hour ended late."""
        freed = [at + RELEASE_GRACE for at, pairs in self.freed if any(hour.bits(*pair) for pair in pairs)]
        due_at = hour.start_at + RETENTION_CEILING
        # How far into the hour those of a shortened term begin is not known here.
        cut = self._longest_cut(hour, bits)
        return max([min(due_at, due_at + HOUR - cut) if cut else due_at, *freed])

    def _longest_cut(self, hour: _Hour, bits: int) -> timedelta:
        longest = timedelta(0)
        for number in range(hour.first, hour.first + bits.bit_length()) if self.cut else ():
            bit = hour.bits(number, number)
            if bits & bit:
                together = timedelta(0)
                for by, pairs in self.cut:
                    if any(hour.bits(*pair) & bit for pair in pairs):
                        together = max(timedelta(0), together + by)
                longest = max(longest, together)
        return longest


@dataclass(slots=True)
class _Hold:
    kept: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    is_active: bool = True


class Books:
    """The ledger gone through once, in order; what happened within the month is judged, and how it stands at the end.

    Args:
        month: findings about acts outside of it belong to another proof.
    """

    def __init__(self, month: Span) -> None:
        self.month = month
        self.shelves: dict[str, Shelf] = {}
        self.findings: list[Finding] = []
        self.counts: Counter[str] = Counter()
        self.late_holds = 0
        self.erased: list[tuple[str, int, int]] = []
        """Ranges that were erased within the month, in the ledger's order: what samples are drawn from."""
        self._holds: dict[str, _Hold] = {}
        self._ended_hours: dict[datetime, bool] = {}

    def take(self, at: datetime, act: Act, obj: Mapping[str, Any]) -> None:
        """Take an entry in, in the ledger's order.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: it does not have the words of its act.
        """
        if act is Act.BATCH_RECORDED:
            self._recorded(at, obj)
        elif act is Act.DESTROY_INTENT:
            self._announced(at, obj)
        elif act is Act.DESTROY_DONE:
            self._erased(at, obj)
        elif act is Act.KEY_DESTROYED and "hour" in obj:
            self._ended_hours[_instant(obj["hour"])] = True
        elif act in {Act.HOLD_PLACE, Act.HOLD_CATCH}:
            hold = self._holds.setdefault(obj["hold_id"], _Hold())
            for placement_id, pairs in obj["segments"].items():
                hold.kept.setdefault(placement_id, []).extend(_pairs(pairs))
        elif act in {Act.TERM_SHORTEN, Act.TERM_RESTORE}:
            by_s, pairs = obj["by_s"], _pairs(obj["segments"])
            if type(by_s) is not int or by_s < 0:
                raise ValueError(f"{by_s!r} are no seconds")
            by = timedelta(seconds=by_s if act is Act.TERM_SHORTEN else -by_s)
            self.shelves.setdefault(obj["placement_id"], Shelf()).cut.append((by, pairs))
        elif act is Act.HOLD_RELEASE:
            self._released(at, obj)
        elif act is Act.HOLD_LATE:
            self.late_holds += self.month.start_at <= at < self.month.end_at
        elif act is Act.RETENTION_BREACH:
            self._find_in_month(at, "breach", str(obj["oldest"]))

    def judge(self, now: datetime, key_hours: frozenset[datetime]) -> None:
        """Judge how it stands: what is too old, announced and never done, and which keys should be gone."""
        for name, shelf in sorted(self.shelves.items()):
            for hour in shelf.hours:
                free = hour.live & ~self._held(name, hour)
                if free and now > shelf.due_at(hour, free):
                    self.find("too-old", f"{name} {_numbers(hour, free)}")
                if hour.announced and hour.announced_at is not None and now - hour.announced_at > DONE_WITHIN:
                    self.find("not-done", f"{name} {_numbers(hour, hour.announced)}")
        for hour_at in sorted(key_hours):
            if self._ended_hours.get(hour_at) or now > hour_at + HOUR + RETENTION_CEILING:
                self.find("key-alive", f"{hour_at:%Y-%m-%dT%HZ}")
        for hour_at, is_ended in sorted(self._ended_hours.items()):
            if not is_ended and now > hour_at + HOUR + RETENTION_CEILING:
                self.find("key-not-destroyed", f"{hour_at:%Y-%m-%dT%HZ}")

    def standing(self, name: str) -> tuple[int, int, datetime | None]:
        """Return how many segments of a placement are held and how many are young, and when the oldest of those begins."""
        held = young = 0
        oldest_at: datetime | None = None
        for hour in self.shelves[name].hours:
            kept = hour.live & self._held(name, hour)
            held += kept.bit_count()
            young += (hour.live & ~kept).bit_count()
            if hour.live & ~kept:
                oldest_at = hour.start_at if oldest_at is None else min(oldest_at, hour.start_at)
        return held, young, oldest_at

    def find(self, code: str, about: str) -> None:
        """Note a finding."""
        self.counts[code] += 1
        if self.counts[code] <= LISTED:
            self.findings.append(Finding(code, about))

    def _find_in_month(self, at: datetime, code: str, about: str) -> None:
        if self.month.start_at <= at < self.month.end_at:
            self.find(code, about)

    def _recorded(self, at: datetime, obj: Mapping[str, Any]) -> None:
        name, first, last = obj["placement_id"], obj["from_number"], obj["to_number"]
        _pairs([(first, last)])
        shelf = self.shelves.setdefault(name, Shelf())
        if first != shelf.next_number:
            self._find_in_month(at, "numbers", f"{name} {first}-{last}")
        shelf.next_number = last + 1
        shelf.recorded += last - first + 1
        hour = _Hour(first, last, _instant(obj["from"]), live=0)
        hour.live = hour.bits(first, last)
        for low, high in _pairs(obj["lost"]):
            hour.live &= ~hour.bits(low, high)
        shelf.lost += last - first + 1 - hour.live.bit_count()
        for number in sorted(number for number in shelf.early if first <= number <= last):
            hour.announced |= hour.bits(number, number)
            hour.announced_at = shelf.early.pop(number)
        for number in sorted(number for number in shelf.unlisted if first <= number <= last):
            hour.live &= ~hour.bits(number, number)
            hour.announced &= ~hour.bits(number, number)
            shelf.unlisted.discard(number)
        if hour.live:
            shelf.hours.append(hour)
        self._ended_hours.setdefault(_instant(obj["hour"]), False)

    def _announced(self, at: datetime, obj: Mapping[str, Any]) -> None:
        name = obj["placement_id"]
        shelf = self.shelves.setdefault(name, Shelf())
        for first, last in _pairs(obj["segments"]):
            for hour in shelf.within(first, last):
                bits = hour.bits(first, last)
                held = bits & self._held(name, hour)
                if held:
                    self._find_in_month(at, "in-hold", f"{name} {_numbers(hour, held)}")
                hour.announced |= bits
                hour.announced_at = at
            shelf.early.update(dict.fromkeys(range(max(first, shelf.next_number), last + 1), at))

    def _erased(self, at: datetime, obj: Mapping[str, Any]) -> None:
        name = obj["placement_id"]
        shelf = self.shelves.setdefault(name, Shelf())
        for first, last in _pairs(obj["segments"]):
            count = last - first + 1
            shelf.erased += count
            if self.month.start_at <= at < self.month.end_at:
                shelf.erased_in_month += count
                self.erased.append((name, first, last))
            seen = sum(self._erase(at, name, shelf, hour, (first, last)) for hour in list(shelf.within(first, last)))
            ahead = range(max(first, shelf.next_number), last + 1)
            if any(shelf.early.pop(number, None) is None for number in ahead):
                self._find_in_month(at, "not-announced", f"{name} {first}-{last}")
            shelf.unlisted.update(ahead)
            if seen + len(ahead) < count:
                self._find_in_month(at, "twice", f"{name} {first}-{last}")

    def _erase(self, at: datetime, name: str, shelf: Shelf, hour: _Hour, pair: tuple[int, int]) -> int:
        bits = hour.bits(*pair)
        if bits & ~hour.live:
            self._find_in_month(at, "twice", f"{name} {_numbers(hour, bits & ~hour.live)}")
        if bits & ~hour.announced:
            self._find_in_month(at, "not-announced", f"{name} {_numbers(hour, bits & ~hour.announced)}")
        elif hour.announced_at is not None and at - hour.announced_at > DONE_WITHIN:
            self._find_in_month(at, "slow", f"{name} {_numbers(hour, bits)}")
        if at > shelf.due_at(hour, bits):
            self._find_in_month(at, "late", f"{name} {_numbers(hour, bits)}")
        hour.live &= ~bits
        hour.announced &= ~bits
        if not hour.live:
            shelf.hours.remove(hour)
        return bits.bit_count()

    def _released(self, at: datetime, obj: Mapping[str, Any]) -> None:
        hold = self._holds.get(obj["hold_id"])
        if hold is None or not hold.is_active:
            return
        hold.is_active = False
        for name, pairs in hold.kept.items():
            self.shelves.setdefault(name, Shelf()).freed.append((at, pairs))

    def _held(self, name: str, hour: _Hour) -> int:
        found = 0
        for hold in self._holds.values():
            if hold.is_active:
                for pair in hold.kept.get(name, ()):
                    found |= hour.bits(*pair)
        return found


def _pairs(value: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return the ranges of an entry; what nobody can have recorded in an hour was written by somebody else."""
    found = [(first, last) for first, last in value]
    for first, last in found:
        if not 0 < first <= last < first + MOST_IN_A_RANGE:
            raise ValueError(f"{first}-{last} is no range of segments")
    return found


def _numbers(hour: _Hour, bits: int) -> str:
    """Return the numbers of a mask, as from-to."""
    first = hour.first + (bits & -bits).bit_length() - 1
    last = hour.first + bits.bit_length() - 1
    return f"{first}" if first == last else f"{first}-{last}"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
