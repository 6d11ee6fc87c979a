"""`access`: who watched what, for what, from where; and a sample that nobody could foresee, to ask the viewers about."""

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any

from auditor import entries
from auditor.bundle import Bundle
from auditor.entries import Entry
from auditor.report import CannotVerifyError, Report
from auditor.sample import Sample

OPENS = frozenset(
    {"live.open", "playback.open", "commissioning.request", "commissioning.open", "panorama.view", "export.request"}
)
HANDS_OVER = frozenset({"export.request", "export.approve", "export.download"})
_CLOSES = {"live.open": "live.close", "playback.open": "playback.close"}
_ENDS = frozenset({"auth.sign-out", "auth.expired", "auth.revoked"})
_ACTS = OPENS | HANDS_OVER | _ENDS | {"auth.sign-in"} | set(_CLOSES.values())


@dataclass(slots=True)
class Session:
    """A sign-in."""

    person: str
    origin: dict[str, Any]
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """When somebody was on duty."""

    person: str
    start_at: datetime
    end_at: datetime


def access(
    bundle: Bundle, report: Report, *, sample: Sample, roster: list[Duty] | None, origins: frozenset[str] | None
) -> None:
    """Check the period's views and hand-overs, and draw the sample.

    Args:
        roster: duties; a view outside of them is a finding. None: not checked.
        origins: network addresses and workstations of the viewing room. None: not checked.
    """
    start, end = bundle.manifest.start, bundle.manifest.end
    texts = _texts(bundle, report)
    sessions: dict[str, Session] = {}
    views: list[Entry] = []
    opened: dict[str, Entry] = {}
    for entry in entries.read(bundle, report, _ACTS):
        session = str(entry.obj.get("session") or entry.actor("sess"))
        if entry.act == "auth.sign-in" and entry.words["res"] == "ok":
            sessions[session] = Session(entry.actor(), entry.words["origin"])
        elif entry.act in _ENDS:
            _end(entry, sessions, str(entry.obj.get("session")))
        elif entry.act in _CLOSES.values():
            opened.pop(str(entry.obj.get("view")), None)
        if entry.act not in OPENS | HANDS_OVER or not start <= entry.stamp < end or entry.words["res"] != "ok":
            continue
        if entry.actor("kind") != "person":
            continue
        views.append(entry)
        if entry.act in _CLOSES:
            opened[str(entry.obj.get("view"))] = entry
        _purpose(entry, report)
        _session(entry, sessions, report)
        _place_and_time(entry, report, roster, origins)
    report.facts |= {"views": len(views), "still_open": len(opened), "seed": sample.seed}
    report.columns = ("seq", "at", "act", "who", "role", "what", "purpose")
    for entry in sorted(sample.drawn(views, lambda one: str(one.seq)), key=lambda one: one.seq):
        report.rows.append(_row(entry, texts))


def roster_in(text: str) -> list[Duty]:
    """Return the duties of a CSV file: person, from, to (ISO 8601 with a zone).

    Raises:
        CannotVerifyError: a line is no duty.
    """
    found = []
    for line in csv.reader(StringIO(text)):
        if not line or line[0].startswith("#"):
            continue
        try:
            person, start, end = (part.strip() for part in line)
            duty = Duty(person, datetime.fromisoformat(start), datetime.fromisoformat(end))
        except ValueError as error:
            raise CannotVerifyError("roster-unreadable", line=",".join(line)[:80]) from error
        if duty.start_at.tzinfo is None or duty.end_at.tzinfo is None:
            raise CannotVerifyError("roster-unreadable", line=",".join(line)[:80])
        found.append(duty)
    return found


def _end(entry: Entry, sessions: Mapping[str, Session], name: str) -> None:
    """End the session that an entry names, or all of the person that it names."""
    for session_id, session in sessions.items():
        if session.ended_at is None and (
            session_id == name or ("session" not in entry.obj and session.person == entry.obj.get("user"))
        ):
            session.ended_at = entry.at


def _purpose(entry: Entry, report: Report) -> None:
    purpose = entry.words["purpose"]
    if entry.act in OPENS and not (isinstance(purpose, dict) and purpose.get("code")):
        report.find("view-no-purpose", seq=entry.seq, who=entry.actor(), act=entry.act)
    elif isinstance(purpose, dict) and purpose.get("code") == "case" and not purpose.get("case"):
        report.find("view-no-case", seq=entry.seq, who=entry.actor(), act=entry.act)
    if entry.act in HANDS_OVER and not entry.words["recipient"]:
        report.find("no-recipient", seq=entry.seq, who=entry.actor(), act=entry.act)


def _session(entry: Entry, sessions: Mapping[str, Session], report: Report) -> None:
    session = sessions.get(entry.actor("sess"))
    if session is None or session.person != entry.actor():
        report.find("view-no-session", seq=entry.seq, who=entry.actor(), act=entry.act)
    elif session.ended_at is not None and session.ended_at < entry.at:
        report.find("view-after-session", seq=entry.seq, who=entry.actor(), act=entry.act)
    elif _from(session.origin) != _from(entry.words["origin"]):
        origin = _from(entry.words["origin"])
        report.find("view-elsewhere", seq=entry.seq, who=entry.actor(), origin=origin, signed_in=_from(session.origin))


def _place_and_time(entry: Entry, report: Report, roster: list[Duty] | None, origins: frozenset[str] | None) -> None:
    if roster is not None and not any(
        duty.person == entry.actor() and duty.start_at <= entry.at < duty.end_at for duty in roster
    ):
        report.find("view-off-duty", seq=entry.seq, who=entry.actor(), at=entry.stamp)
    origin = entry.words["origin"]
    if origins is not None and not {str(origin.get("ip")), str(origin.get("ws"))} & origins:
        report.find("view-foreign", seq=entry.seq, who=entry.actor(), origin=_from(origin))


def _from(origin: object) -> str:
    words = origin if isinstance(origin, dict) else {}
    return f"{words.get('ws') or '-'} {words.get('ip') or '-'}"


def _row(entry: Entry, texts: Mapping[str, str]) -> tuple[str | int, ...]:
    purpose = entry.words["purpose"] if isinstance(entry.words["purpose"], dict) else {}
    said = [str(purpose.get(name)) for name in ("code", "case") if purpose.get(name)]
    commitment = str(purpose.get("text") or "")
    if commitment:
        said.append(texts.get(commitment.removeprefix("c:"), commitment[:14]))
    what = [
        str(entry.obj[name]) for name in ("placement_id", "from", "to", "hold_id", "export_id") if entry.obj.get(name)
    ]
    return entry.seq, entry.stamp, entry.act, entry.actor(), entry.actor("role"), " ".join(what), " ".join(said)


def _texts(bundle: Bundle, report: Report) -> dict[str, str]:
    """Return the texts by their commitment; one that does not fit it is a finding."""
    found: dict[str, str] = {}
    for packed in bundle.manifest.named("texts"):
        for words in bundle.documents(packed, report):
            commitment, salt, text = words.get("commitment"), words.get("salt"), words.get("text")
            if not (isinstance(commitment, str) and isinstance(salt, str) and isinstance(text, str)):
                report.find("line-unreadable", name=packed.name, line=0)
                continue
            try:
                digest = hashlib.sha256(bytes.fromhex(salt) + text.encode("utf-8", "surrogatepass")).hexdigest()
            except ValueError:
                digest = ""
            if digest != commitment:
                report.find("text-swapped", commitment=commitment[:16])
            else:
                found[commitment] = text
    return found
