"""Acts of retention that need two persons, as the log tells them: footage erased before its time, and a doubted clock declared right."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from auditor.entries import Entry, days
from auditor.report import Report

ACTS: Final = frozenset({"early.request", "early.approve", "clock.request", "clock.approve", "clock.confirm"})
_NAMES: Final = {"early": "early_id", "clock": "override_id"}


@dataclass(slots=True)
class TwoPersons:
    """What was asked for and approved so far: id -> entry of the request, of the first approval."""

    asked: dict[str, Entry] = field(default_factory=dict)
    approved: dict[str, Entry] = field(default_factory=dict)

    def take(self, entry: Entry, report: Report) -> None:
        """Note a request or an approval; look at a clock that was declared right."""
        kind, _, step = entry.act.partition(".")
        name = entry.text(_NAMES[kind])
        if step == "confirm":
            why = self.lacks(name)
            if why is not None:
                report.find("clock-alone", seq=entry.seq, request=str(name), why=why)
        elif name is None:
            report.find("entry-words", seq=entry.seq, act=entry.act)
        elif step == "request":
            self.asked.setdefault(name, entry)
        elif name in self.asked:
            # An approval without a request before it approves nothing.
            self.approved.setdefault(name, entry)

    def lacks(self, name: str | None) -> str | None:
        """Return what an act lacks of two persons: `request`, `approval`, `second-person`; None: nothing."""
        if name is None or name not in self.asked:
            return "request"
        if name not in self.approved:
            return "approval"
        asked, approved = self.asked[name], self.approved[name]
        persons = {entry.actor() for entry in (asked, approved) if entry.actor("kind") == "person"}
        return None if len(persons) == 2 else "second-person"

    def judge(
        self,
        report: Report,
        intent: Entry,
        *,
        name: str,
        numbers: str,
        footage: tuple[datetime, datetime],
        kept: timedelta,
    ) -> None:
        """Judge an intent to erase segments of an hour.

        Args:
            report: gets the findings.
            intent: the entry.
            name: of the camera.
            numbers: of the segments, as text.
            footage: begin and end of the hour's.
            kept: how long footage is kept at least when nobody asks for its early erasure.
        """
        request = intent.text("early_id")
        found: dict[str, str | int] = {"camera": name, "seq": intent.seq, "numbers": numbers}
        if request is None:
            age = intent.at - footage[0]
            if age < kept:
                report.find("erased-early", **found, age=days(age))
            return
        lacking = self.lacks(request)
        if lacking is not None:
            report.find("early-unapproved", **found, request=request, why=lacking)
        elif not self.covers(request, name, *footage):
            report.find("early-outside", **found, request=request)

    def covers(self, name: str, placement_id: str, start_at: datetime, end_at: datetime) -> bool:
        """Return whether footage lies in the cameras and the span that were asked for.

        Args:
            name: of the request.
            placement_id: the camera.
            start_at: begin of the footage of an hour of it.
            end_at: its end.
        """
        asked = self.asked[name]
        from_at, to_at = asked.instant("from"), asked.instant("to")
        if from_at is None or to_at is None or placement_id not in (asked.obj.get("placement_ids") or []):
            return False
        return start_at < to_at and from_at < end_at
