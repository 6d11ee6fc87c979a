"""Acts of retention that need two persons, as the log tells them: footage erased before its time, and a doubted clock declared right."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from auditor.bundle import listed
from auditor.entries import Entry, days, instant
from auditor.ranges import Ranges
from auditor.report import Report

_ENDS: Final = frozenset({"refuse", "expire", "done", "confirm"})
"""Steps after which nothing can be done by a request: an early erasure is done once, a clock declared right once."""

ACTS: Final = frozenset(
    {
        "early.request", "early.approve", "early.refuse", "early.expire", "early.done", "clock.request", "clock.approve", "clock.refuse",
        "clock.expire", "clock.confirm",
    }
)  # fmt: skip
_NAMES: Final = {"early": "early_id", "clock": "override_id"}
_LAPSES_AFTER: Final = {"early": timedelta(hours=24), "clock": timedelta(minutes=30)}
"""How long a request waits for its approval, and an approval of a clock for being carried out."""

_WRITTEN_WITHIN: Final = timedelta(minutes=1)
"""An entry's stamp is a little later than the instant at which the system judged: it waits for the database."""

_SAME_WORDS: Final = ("from", "to", "placement_ids")


_MOST_DIGITS: Final = 15
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Partly:
    """Segments erased early, of an hour that lies in the span of the request partly only.

    Args:
        seq: of the intent.
        name: of the camera.
        span: that was asked for.
        listed, outside: those whose instants are known, those of them that lie outside of the span.
    """

    seq: int
    request: str
    name: str
    numbers: Ranges
    span: tuple[datetime, datetime]
    listed: Ranges = field(default_factory=Ranges)
    outside: Ranges = field(default_factory=Ranges)


@dataclass(slots=True)
class TwoPersons:
    """What was asked for, approved and over so far: id -> entry of the request, of the first approval, of the first end."""

    asked: dict[str, Entry] = field(default_factory=dict)
    approved: dict[str, Entry] = field(default_factory=dict)
    ended: dict[str, Entry] = field(default_factory=dict)
    partly: list[Partly] = field(default_factory=list)

    def take(self, entry: Entry, report: Report) -> None:
        """Note a request, an approval or an end; look at a clock that was declared right."""
        kind, _, step = entry.act.partition(".")
        name = entry.text(_NAMES[kind])
        if step == "confirm":
            why = self.lacks(name, entry)
            if why is not None:
                report.find("clock-alone", seq=entry.seq, request=str(name), why=why)
        elif name is None:
            report.find("entry-words", seq=entry.seq, act=entry.act)
        if name is None:
            return
        if step == "request":
            self.asked.setdefault(name, entry)
        elif step in _ENDS:
            self.ended.setdefault(name, entry)
        elif name in self.asked:
            # An approval without a request before it approves nothing.
            self.approved.setdefault(name, entry)

    def lacks(self, name: str | None, act: Entry) -> str | None:
        """Return what an act lacks of two persons' word before it; None: nothing.

        Args:
            name: of the request.
            act: may be older than the newest entry taken: only what is before it counts.

        Returns:
            `request`, `approval`, `open-request` (refused, lapsed or used up before), `second-person`, `same-words` (another span or
            other cameras were approved), `approval-in-time`, or `confirmed-in-time`.
        """
        asked = _before(self.asked, name, act)
        if asked is None:
            return "request"
        ended, approved = _before(self.ended, name, act), _before(self.approved, name, act)
        if ended is not None:
            return "open-request"
        if approved is None:
            return "approval"
        if len({entry.actor() for entry in (asked, approved) if entry.actor("kind") == "person"}) != 2:
            return "second-person"
        is_clock = asked.act == "clock.request"
        if not is_clock and any(asked.obj.get(word) != approved.obj.get(word) for word in _SAME_WORDS):
            return "same-words"
        longest = _LAPSES_AFTER["clock" if is_clock else "early"]
        if not _is_within(asked, approved, longest):
            return "approval-in-time"
        return "confirmed-in-time" if is_clock and not _is_within(approved, act, longest) else None

    def judge(
        self,
        report: Report,
        intent: Entry,
        *,
        name: str,
        numbers: Ranges,
        footage: tuple[datetime, datetime],
        kept: timedelta,
    ) -> None:
        """Judge an intent to erase segments of an hour; what lies in the span partly only, `judge_segments` judges.

        Args:
            report: gets the findings.
            intent: the entry.
            name: of the camera.
            numbers: of the segments.
            footage: begin and end of the hour's.
            kept: how long footage is kept at least when nobody asks for its early erasure.
        """
        request = intent.text("early_id")
        found: dict[str, str | int] = {"camera": name, "seq": intent.seq, "numbers": str(numbers)}
        if request is None:
            age = intent.at - footage[0]
            if age < kept:
                report.find("erased-early", **found, age=days(age))
            return
        lacking = self.lacks(request, intent)
        if lacking is not None:
            report.find("early-unapproved", **found, request=request, why=lacking)
            return
        span = self._span(request, name)
        if span is None or not _overlaps(footage, span):
            report.find("early-outside", **found, request=request)
        elif footage[0] < span[0] or span[1] < footage[1]:
            self.partly.append(Partly(intent.seq, request, name, numbers, span))

    def _span(self, request: str, name: str) -> tuple[datetime, datetime] | None:
        """Return the span of a request that is about a camera, None when it is not."""
        asked = self.asked[request]
        from_at, to_at = asked.instant("from"), asked.instant("to")
        if from_at is None or to_at is None or name not in listed(asked.obj, "placement_ids"):
            return None
        return from_at, to_at

    def judge_segments(self, lines: Iterable[dict[str, Any]], report: Report) -> None:
        """Judge segment by segment what was erased early of hours that lie in the span partly only.

        Args:
            lines: the lists of segments that the bundle has; the roots in the log have been compared with them.
            report: gets the findings, and a note about segments that are in no list.
        """
        waiting: dict[str, list[Partly]] = {}
        for one in self.partly:
            waiting.setdefault(one.name, []).append(one)
        for line in lines if waiting else ():
            of_camera = waiting.get(str(line.get("placement_id")), [])
            for leaf in listed(line, "leaves") if of_camera else ():
                number, footage = _footage_in(leaf)
                for one in of_camera:
                    if footage is not None and number in one.numbers:
                        one.listed.add(number, number)
                        if not _overlaps(footage, one.span):
                            one.outside.add(number, number)
        for one in self.partly:
            found: dict[str, str | int] = {"camera": one.name, "seq": one.seq, "request": one.request}
            if one.outside:
                report.find("early-outside", **found, numbers=str(one.outside))
            unlisted = one.numbers.without(one.listed)
            if unlisted:
                report.note("early-by-hour", **found, numbers=str(unlisted))


def _overlaps(footage: tuple[datetime, datetime], span: tuple[datetime, datetime]) -> bool:
    return footage[0] < span[1] and span[0] < footage[1]


def _footage_in(leaf: object) -> tuple[int, tuple[datetime, datetime] | None]:
    """Return number, begin and end of a segment, the latest end there is where none is known; None for what is no leaf."""
    parts = leaf.split("|") if isinstance(leaf, str) else []
    if len(parts) < 3 or not parts[0].isdecimal() or len(parts[0]) > _MOST_DIGITS:
        return 0, None
    start_at = instant(parts[1])
    # What was never sealed has no end: the system takes it along whenever it began before the span's end.
    return int(parts[0]), None if start_at is None else (start_at, instant(parts[2]) or _NEVER)


def _before(known: dict[str, Entry], name: str | None, act: Entry) -> Entry | None:
    found = None if name is None else known.get(name)
    return found if found is not None and found.seq < act.seq else None


def _is_within(earlier: Entry, later: Entry, longest: timedelta) -> bool:
    return -_WRITTEN_WITHIN <= later.at - earlier.at < longest + _WRITTEN_WITHIN
