"""The log gone through once, in order: what is recorded, erased, held and announced, with what is wrong on the way.

Keeps per placement the numbers that are recorded and not erased yet: as many as four weeks have.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from auditor import early, edge, entries
from auditor.bundle import Bundle, listed
from auditor.early import TwoPersons
from auditor.edge import EdgeTold
from auditor.entries import EPOCH, Entry, days, microseconds
from auditor.ranges import Ranges, ranges_in
from auditor.report import Report
from auditor.terms import Cuts, SetBacks, Terms
from auditor.tree import root_of

HOUR = timedelta(hours=1)
DONE_WITHIN = HOUR
LISTED_WITHIN = 2 * HOUR
"""How long after a segment's begin it may take until the list of its hour is in the log."""
_ACTS = frozenset(
    {
        "batch.recorded", "rec.gap", "destroy.intent", "destroy.done", "key.intent", "key.destroyed", "hold.place", "hold.catch",
        "hold.release", "retention.breach", "rec.damaged", "term.shorten", "term.restore",
    }
)  # fmt: skip
_CAUSES = frozenset(
    {
        "camera-unreachable", "camera-refused", "camera-stalled", "camera-restarted", "worker-stopped", "worker-crashed", "storage-full",
        "database-away", "fenced", "overload", "clock-step", "worker-stalled", "no-decision",
    }
)  # fmt: skip


@dataclass(slots=True)
class Hour:
    """The recorded segments of an hour of a placement; instants are of all of them together."""

    seq: int
    first: int
    last: int
    start_at: datetime
    end_at: datetime


@dataclass(slots=True)
class Camera:
    """What the log says of a placement, up to where it was read.

    Args:
        live: numbers that are recorded and neither erased nor lost.
        announced: intents without a confirmation, and their numbers.
        unlisted: intents for numbers that were not in the list of an hour yet.
        damaged: numbers whose file is known to be gone or broken.
        freed: when the last hold on numbers was released.
        cut: numbers that are older than their stamps say, and by how much, as the log tells it.
        footage, gaps: microseconds since 1970, as far as the bundle has the segments.
        rows_erased, rows_keyed: what the database says at the end.
    """

    hours: dict[int, Hour] = field(default_factory=dict)
    next_number: int = 1
    recorded: int = 0
    lost: int = 0
    destroyed: Ranges = field(default_factory=Ranges)
    live: Ranges = field(default_factory=Ranges)
    announced: list[tuple[Entry, Ranges]] = field(default_factory=list)
    unlisted: list[tuple[Entry, Ranges]] = field(default_factory=list)
    damaged: Ranges = field(default_factory=Ranges)
    freed: list[tuple[datetime, Ranges]] = field(default_factory=list)
    cut: Cuts = field(default_factory=Cuts)
    footage: Ranges = field(default_factory=Ranges)
    gaps: Ranges = field(default_factory=Ranges)
    open_gap_us: int | None = None
    rows_erased: Ranges = field(default_factory=Ranges)
    rows_keyed: Ranges = field(default_factory=Ranges)


@dataclass(slots=True)
class Hold:
    """A hold and what it keeps, by placement."""

    entry: Entry
    kept: dict[str, Ranges] = field(default_factory=dict)
    released_at: datetime | None = None


class Books:
    """The log, gone through once."""

    def __init__(self, bundle: Bundle, report: Report, terms: Terms) -> None:
        self.report = report
        self.terms = terms
        self.cameras: dict[str, Camera] = {}
        self.holds: dict[str, Hold] = {}
        self.key_hours: dict[datetime, bool] = {}
        self.edge = EdgeTold()
        self.two = TwoPersons()
        self.newest_at = EPOCH
        self._backs = SetBacks()
        self._segments = _segment_lines(bundle, report)
        self._next_line = next(self._segments, None)
        self._period = (
            entries.instant(bundle.manifest.start) or EPOCH,
            entries.instant(bundle.manifest.end) or EPOCH,
        )
        work = {
            "batch.recorded": self._recorded,
            "rec.gap": self._gap,
            "destroy.intent": self._announced,
            "destroy.done": self._destroyed,
            "key.destroyed": self._key_destroyed,
            "hold.place": self._placed,
            "hold.catch": self._caught,
            "hold.release": self._released,
            "retention.breach": self._breach,
            "term.shorten": self._shortened,
            "term.restore": self._shortened,
        }
        # By position at the end, by stamps before: what was stamped by a clock that was ahead is in the log all the same.
        ends_at = entries.instant(bundle.manifest.until)
        until = None if ends_at is None or terms.at >= ends_at else entries.stamp(terms.at)
        for entry in entries.read(bundle, report, _ACTS | edge.ACTS | early.ACTS, until, self._backs.take):
            self.newest_at = entry.at
            if entry.act in edge.ACTS:
                self.edge.take(entry)
            if entry.act in early.ACTS and entry.words["res"] == "ok":
                self.two.take(entry, report)
            if entry.act == "rec.damaged":
                self._damaged(entry)
            elif entry.act in work and entry.words["res"] == "ok":
                work[entry.act](entry)
        # Read a second time, instead of keeping four weeks of instants; its faults are told already.
        self.two.judge_segments(_segment_lines(bundle, Report("")), report)

    def camera(self, name: str) -> Camera:
        """Return what is known of a placement."""
        return self.cameras.setdefault(name, Camera())

    def held(self, name: str) -> Ranges:
        """Return the numbers that active holds keep."""
        found = Ranges()
        for hold in self.holds.values():
            if hold.released_at is None:
                for first, last in hold.kept.get(name, ()):
                    found.add(first, last)
        return found

    def _recorded(self, entry: Entry) -> None:
        name, start_at, end_at = entry.text("placement_id"), entry.instant("from"), entry.instant("to")
        hour_at = entry.instant("hour")
        first, last = entry.obj.get("from_number"), entry.obj.get("to_number")
        is_read = type(first) is int and type(last) is int and 1 <= first <= last
        if name is None or start_at is None or end_at is None or hour_at is None or not is_read:
            self.report.find("entry-words", seq=entry.seq, act=entry.act)
            return
        assert type(first) is int, "checked above"
        assert type(last) is int, "checked above"
        camera = self.camera(name)
        if first != camera.next_number:
            self.report.find("not-tiled", camera=name, seq=entry.seq, wanted=camera.next_number, found=first)
        camera.next_number = last + 1
        camera.recorded += last - first + 1
        camera.hours[first] = Hour(entry.seq, first, last, start_at, end_at)
        camera.live.add(first, last)
        lost = ranges_in(entry.obj.get("lost")).within(first, last)
        camera.lost += lost.count()
        for gone in (lost, camera.destroyed.within(first, last)):
            for low, high in gone:
                camera.live.remove(low, high)
        for intent, numbers in camera.unlisted:
            self._look_for_early(camera, name, intent, numbers.within(first, last))
        camera.unlisted = [pair for pair in camera.unlisted if any(high > last for _, high in pair[1])]
        self.key_hours.setdefault(hour_at, False)
        self._segments_of(entry, name, first, last)

    def _segments_of(self, entry: Entry, name: str, first: int, last: int) -> None:
        """Compare the segments that the database still has with the root in the entry, and note when there was footage."""
        while self._next_line is not None and self._seq_of(self._next_line) < entry.seq:
            self.report.find("segments-stray", seq=self._seq_of(self._next_line))
            self._next_line = next(self._segments, None)
        line = self._next_line
        if line is None or self._seq_of(line) != entry.seq:
            from_at, to_at = self._period
            # Outside of the period the bundle has no lists.
            if from_at <= entry.at < to_at and from_at <= (entry.instant("from") or from_at) < to_at:
                self.report.find("segments-none", camera=name, seq=entry.seq)
            return
        self._next_line = next(self._segments, None)
        leaves = [leaf for leaf in listed(line, "leaves") if isinstance(leaf, str)]
        words = [leaf.split("|") for leaf in leaves]
        numbers = [int(parts[0]) if parts[0].isdecimal() and len(parts[0]) < 16 else 0 for parts in words]
        is_root = bool(leaves) and root_of([leaf.encode("utf-8", "replace") for leaf in leaves]).hex() == entry.obj.get(
            "root"
        )
        if not is_root or line.get("placement_id") != name:
            missing = Ranges([(first, last)]).without(Ranges((number, number) for number in numbers))
            code = "segments-missing" if missing else "segments-changed"
            self.report.find(code, camera=name, seq=entry.seq, numbers=str(missing or Ranges([(first, last)])))
        camera = self.camera(name)
        states, keys = str(line.get("states", "")), str(line.get("keys", ""))
        for place, (number, parts) in enumerate(zip(numbers, words, strict=True)):
            start_at, end_at = (entries.instant(part) for part in (*parts[1:3], "", "")[:2])
            if start_at is not None and end_at is not None:
                camera.footage.add(microseconds(start_at), microseconds(end_at))
            elif start_at is not None:
                # Lost, or never sealed; the log has an entry about it. Nothing is known of its end.
                camera.gaps.add(microseconds(start_at), microseconds(start_at + HOUR))
            if states[place : place + 1] == "d":
                camera.rows_erased.add(number, number)
            if keys[place : place + 1] == "k":
                camera.rows_keyed.add(number, number)

    @staticmethod
    def _seq_of(line: dict[str, Any]) -> int:
        seq = line.get("seq")
        return seq if type(seq) is int else -1

    def _damaged(self, entry: Entry) -> None:
        name, number = entry.text("placement_id"), entry.obj.get("number")
        if name is not None and type(number) is int:
            self.camera(name).damaged.add(number, number)

    def _gap(self, entry: Entry) -> None:
        name, start_at, end_at = entry.text("placement_id"), entry.instant("from"), entry.instant("to")
        if name is None or start_at is None:
            self.report.find("entry-words", seq=entry.seq, act=entry.act)
            return
        cause = entry.text("cause")
        if cause not in _CAUSES:
            self.report.find("gap-cause", camera=name, seq=entry.seq, cause=str(cause))
            return
        camera = self.camera(name)
        if end_at is None:
            camera.open_gap_us = microseconds(start_at)
        else:
            camera.open_gap_us = None
            camera.gaps.add(microseconds(start_at), microseconds(end_at))

    def _announced(self, entry: Entry) -> None:
        name = entry.text("placement_id")
        if name is None:
            self.report.find("entry-words", seq=entry.seq, act=entry.act)
            return
        numbers = ranges_in(entry.obj.get("segments"))
        camera = self.camera(name)
        camera.announced.append((entry, numbers))
        in_hold = self.held(name).shared(numbers)
        if in_hold:
            self.report.find(
                "erased-in-hold", camera=name, seq=entry.seq, numbers=str(in_hold), hold=self._holding(name, in_hold)
            )
        self._look_for_early(camera, name, entry, numbers)
        if any(high >= camera.next_number for _, high in numbers):
            camera.unlisted.append((entry, Ranges(numbers)))

    def _look_for_early(self, camera: Camera, name: str, intent: Entry, numbers: Ranges) -> None:
        """Look for footage that was erased before its time, without a request and the approval of another person for just that."""
        for hour in self._hours(camera, numbers):
            footage = (hour.start_at, hour.end_at)
            for cut, part in camera.cut.of(numbers.within(hour.first, hour.last), before=intent.seq):
                self.two.judge(
                    self.report,
                    intent,
                    name=name,
                    numbers=part,
                    footage=footage,
                    kept=self.terms.kept - min(cut, self._backs.since(hour.start_at, intent.seq)),
                )

    def _holding(self, name: str, numbers: Ranges) -> str:
        return ", ".join(
            hold_id
            for hold_id, hold in self.holds.items()
            if hold.released_at is None and hold.kept.get(name, Ranges()).shared(numbers)
        )

    def _destroyed(self, entry: Entry) -> None:
        name = entry.text("placement_id")
        if name is None:
            self.report.find("entry-words", seq=entry.seq, act=entry.act)
            return
        camera = self.camera(name)
        numbers = ranges_in(entry.obj.get("segments"))
        again = camera.destroyed.shared(numbers)
        if again:
            self.report.find("erased-twice", camera=name, seq=entry.seq, numbers=str(again))
        self._confirm(camera, name, entry, numbers)
        for hour in self._hours(camera, numbers):
            part = numbers.within(hour.first, hour.last)
            due_at = self.due_at(camera, hour, part)
            if entry.at > due_at:
                late = days(entry.at - due_at)
                self.report.find("erased-late", camera=name, seq=entry.seq, numbers=str(part), late=late)
        for first, last in numbers:
            camera.live.remove(first, last)
            camera.destroyed.add(first, last)
        for hour in self._hours(camera, numbers):
            if not camera.live.within(hour.first, hour.last):
                del camera.hours[hour.first]

    def due_at(self, camera: Camera, hour: Hour, part: Ranges) -> datetime:
        """Return until when the oldest of some of an hour's segments may exist: longer, when a hold on the hour ended late."""
        due_at = hour.start_at + self.terms.longest
        # How far into the hour those of a shortened term begin is not known here.
        due_at = min([due_at, *(due_at + HOUR - cut for cut, _ in camera.cut.of(part) if cut)])
        for freed_at, numbers in camera.freed:
            if numbers.within(hour.first, hour.last):
                due_at = max(due_at, freed_at + self.terms.release_grace)
        return due_at

    def _confirm(self, camera: Camera, name: str, entry: Entry, numbers: Ranges) -> None:
        """Set a confirmation against the intents before it."""
        left = numbers
        for intent, announced in camera.announced:
            shared = announced.shared(left)
            if not shared:
                continue
            left = left.without(shared)
            for first, last in shared:
                announced.remove(first, last)
            if entry.at - intent.at > DONE_WITHIN:
                self.report.find(
                    "intent-late",
                    camera=name,
                    seq=intent.seq,
                    done=entry.seq,
                    hours=round((entry.at - intent.at) / HOUR),
                )
        camera.announced = [pair for pair in camera.announced if pair[1]]
        if left:
            self.report.find("not-announced", camera=name, seq=entry.seq, numbers=str(left))

    @staticmethod
    def _hours(camera: Camera, numbers: Ranges) -> list[Hour]:
        highest = max((last for _, last in numbers), default=0)
        # In the order of their numbers, and what was erased is not among them: the first few are looked at.
        near = takewhile(lambda hour: hour.first <= highest, camera.hours.values())
        return [hour for hour in near if numbers.within(hour.first, hour.last)]

    def _key_destroyed(self, entry: Entry) -> None:
        hour_at = entry.instant("hour")
        if hour_at is None:
            return  # a hold's key; `holds` looks at those
        self.key_hours[hour_at] = True
        if entry.at > hour_at + self.terms.longest:
            late = days(entry.at - hour_at - self.terms.longest)
            self.report.find("key-late", hour=f"{hour_at:%Y-%m-%dT%HZ}", seq=entry.seq, late=late)

    def _placed(self, entry: Entry) -> None:
        hold_id = entry.text("hold_id")
        if hold_id is None:
            self.report.find("entry-words", seq=entry.seq, act=entry.act)
            return
        self.holds.setdefault(hold_id, Hold(entry))
        self._keep(hold_id, entry)

    def _caught(self, entry: Entry) -> None:
        hold_id = entry.text("hold_id")
        if hold_id is None or hold_id not in self.holds:
            self.report.find("hold-unknown", hold=str(hold_id), seq=entry.seq)
            return
        self._keep(hold_id, entry)

    def _keep(self, hold_id: str, entry: Entry) -> None:
        found = entry.obj.get("segments")
        for name, pairs in found.items() if isinstance(found, dict) else ():
            kept = self.holds[hold_id].kept.setdefault(name, Ranges())
            for first, last in ranges_in(pairs):
                kept.add(first, last)

    def _released(self, entry: Entry) -> None:
        hold = self.holds.get(entry.text("hold_id") or "")
        if hold is None:
            self.report.find("hold-unknown", hold=str(entry.text("hold_id")), seq=entry.seq)
            return
        hold.released_at = entry.at
        for name, numbers in hold.kept.items():
            self.camera(name).freed.append((entry.at, numbers))

    def _shortened(self, entry: Entry) -> None:
        name = entry.text("placement_id")
        if name is None:
            self.report.find("entry-words", seq=entry.seq, act=entry.act)
        else:
            self.camera(name).cut.take(entry, name, self._backs, self.report)

    def _breach(self, entry: Entry) -> None:
        self.report.find("breach-told", seq=entry.seq, oldest=str(entry.text("oldest")))


def _segment_lines(bundle: Bundle, report: Report) -> Iterator[dict[str, Any]]:
    for packed in bundle.manifest.named("segments"):
        yield from bundle.documents(packed, report)
