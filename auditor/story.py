"""`story`: the life of one moment of one camera: recorded, viewed, held, exported, erased, its key destroyed; each with its entry."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from auditor import entries
from auditor.books import LISTED_WITHIN
from auditor.bundle import Bundle
from auditor.entries import Entry
from auditor.ranges import Ranges, ranges_in
from auditor.report import Report

_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class Moment:
    """What is known of it so far.

    Args:
        numbers: the segments that it may be in: one, where the bundle has the list of its hour.
        live: open live views: view -> entry.
    """

    placement_id: str
    at: datetime
    hour_at: datetime
    numbers: Ranges = field(default_factory=Ranges)
    live: dict[str, Entry] = field(default_factory=dict)
    hold_ids: set[str] = field(default_factory=set)
    export_ids: set[str] = field(default_factory=set)


def story(bundle: Bundle, report: Report, placement_id: str, at: datetime) -> None:
    """Tell the life of a moment."""
    moment = Moment(placement_id, at, at.replace(minute=0, second=0, microsecond=0))
    leaves = _leaves(bundle, report, placement_id)
    report.facts |= {"placement": placement_id, "at": entries.stamp(at)}
    report.columns = ("seq", "at", "act", "who", "what")
    told: set[str] = set()
    # Known beforehand where the bundle has the lists: what is erased early may be so before the list of its hour.
    for listed in leaves.values():
        _find(moment, listed)
    for entry in entries.read(bundle, report):
        what = _concerns(moment, entry, leaves)
        if what is not None:
            told.add(entry.act)
            report.rows.append((entry.seq, entry.stamp, entry.act, entry.actor(), what))
    if moment.numbers:
        report.facts["segments"] = str(moment.numbers)
    elif "rec.gap" not in told and bundle.manifest.until < entries.stamp(moment.hour_at + LISTED_WITHIN):
        # The list of an hour is written when the hour is over.
        report.doubt("moment-not-listed", hour=f"{moment.hour_at:%Y-%m-%dT%HZ}")
    elif "rec.gap" not in told:
        report.find("moment-unknown", placement=placement_id, at=f"{at:%Y-%m-%dT%H:%M:%SZ}")
    if "destroy.done" in told and "key.destroyed" not in told:
        report.note("moment-key-lives", hour=f"{moment.hour_at:%Y-%m-%dT%HZ}")


def _concerns(moment: Moment, entry: Entry, leaves: dict[int, list[list[str]]]) -> str | None:
    """Return what an entry has to do with the moment, None for nothing."""
    is_here = entry.text("placement_id") == moment.placement_id
    from_at, to_at = entry.instant("from"), entry.instant("to")
    is_within = from_at is not None and from_at <= moment.at and (to_at is None or moment.at < to_at)
    match entry.act:
        case "batch.recorded" if is_here and is_within:
            return _recorded(moment, entry, leaves.get(entry.seq, []))
        case "rec.gap" | "playback.open" if is_here and is_within:
            return entry.text("cause") or _purpose(entry)
        case "live.open" if is_here and entry.at <= moment.at:
            moment.live[str(entry.text("view"))] = entry
        case "live.close" if is_here:
            opened = moment.live.pop(str(entry.text("view")), None)
            if opened is not None and entry.at > moment.at:
                return f"#{opened.seq} {_purpose(opened)}"
        case "destroy.intent" | "destroy.done" if is_here and ranges_in(entry.obj.get("segments")).shared(
            moment.numbers
        ):
            shared = str(ranges_in(entry.obj.get("segments")).shared(moment.numbers))
            request = entry.text("early_id")
            return (
                shared
                if request is None
                else f"{shared} {request} {entry.text('requested_by')} {entry.text('approved_by')}"
            )
        case "term.shorten" | "term.restore" if is_here:
            older = ranges_in(entry.obj.get("segments")).shared(moment.numbers)
            return f"{older} {entry.obj.get('by_s')} s" if older else None
        case act if (
            act.startswith("early.") and is_within and moment.placement_id in (entry.obj.get("placement_ids") or [])
        ):
            return f"{entry.text('early_id')} {entry.text('ground')}"
        case "key.intent" | "key.destroyed" if entry.instant("hour") == moment.hour_at:
            return f"{moment.hour_at:%Y-%m-%dT%HZ}"
        case "hold.place" | "hold.catch" | "hold.late":
            return _hold(moment, entry)
        case "hold.release" | "key.intent" | "key.destroyed" if entry.text("hold_id") in moment.hold_ids:
            return entry.text("hold_id")
        case act if act.startswith("export.") and entry.text("hold_id") in moment.hold_ids:
            moment.export_ids.add(str(entry.text("export_id")))
            return f"{entry.text('hold_id')} {entry.text('export_id')}"
        case act if (
            act.startswith(("rec.", "integrity.", "selftest.")) and is_here and entry.obj.get("number") is not None
        ):
            number = entry.obj["number"]
            return str(number) if type(number) is int and number in moment.numbers else None
    return None


def _find(moment: Moment, leaves: list[list[str]]) -> str | None:
    """Find the segment that has the moment, note its number, and return its leaf."""
    for parts in leaves:
        start_at, end_at = entries.instant(parts[1]), entries.instant(parts[2])
        if start_at is not None and start_at <= moment.at < (end_at or start_at + _HOUR) and parts[0].isdecimal():
            moment.numbers.add(int(parts[0]), int(parts[0]))
            return "|".join(parts)
    return None


def _recorded(moment: Moment, entry: Entry, leaves: list[list[str]]) -> str:
    """Find the segment, by the bundle's list or else by the hour's range."""
    leaf = _find(moment, leaves)
    if leaf is not None:
        return leaf
    first, last = entry.obj.get("from_number"), entry.obj.get("to_number")
    if type(first) is int and type(last) is int:
        moment.numbers.add(first, last)
    return f"{first}-{last}"


def _hold(moment: Moment, entry: Entry) -> str | None:
    segments = entry.obj.get("segments")
    kept = ranges_in(segments.get(moment.placement_id) if isinstance(segments, dict) else None)
    # A hold may come before the list of its hour: then its span has to do.
    is_spanned = moment.placement_id in (entry.obj.get("placement_ids") or []) and not moment.numbers
    from_at, to_at = entry.instant("from"), entry.instant("to")
    is_spanned = is_spanned and from_at is not None and to_at is not None and from_at <= moment.at < to_at
    if not kept.shared(moment.numbers) and not is_spanned:
        return None
    if entry.act != "hold.late":
        moment.hold_ids.add(str(entry.text("hold_id")))
    return f"{entry.text('hold_id')} {_purpose(entry)}".strip()


def _purpose(entry: Entry) -> str:
    purpose = entry.words["purpose"]
    words = purpose if isinstance(purpose, dict) else {}
    return " ".join(str(words[name]) for name in ("code", "case") if words.get(name))


def _leaves(bundle: Bundle, report: Report, placement_id: str) -> dict[int, list[list[str]]]:
    """Return the segments of a placement as far as the bundle has them: entry -> parts of each leaf."""
    found: dict[int, list[list[str]]] = {}
    for packed in bundle.manifest.named("segments"):
        for line in bundle.documents(packed, report):
            if line.get("placement_id") == placement_id and type(seq := line.get("seq")) is int:
                texts = [leaf.split("|") for leaf in line.get("leaves") or [] if isinstance(leaf, str)]
                found[seq] = [parts for parts in texts if len(parts) >= 5]
    return found
