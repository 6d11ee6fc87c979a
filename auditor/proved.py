"""The monthly proofs of erasing that the system makes itself: one a month, each report the one that the log names, each signed."""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from auditor import entries
from auditor.bundle import Bundle, listed, parse_object
from auditor.proof_signatures import SIGN, judge_signatures
from auditor.report import Report

MADE_WITHIN = timedelta(days=2)
"""After the end of its month."""

_MONTH = re.compile(r"20[0-9]{2}-(?:0[1-9]|1[0-2])")


def proved(bundle: Bundle, report: Report, at: datetime, zone: ZoneInfo) -> None:
    """Look for each month's proof up to an instant, and hold its report against the log; what was proved later is not judged."""
    found: dict[str, entries.Entry] = {}
    signatures: list[entries.Entry] = []
    later: set[str] = set()
    for entry in entries.read(bundle, report, {"retention.proved", SIGN}):
        month = entry.text("month")
        end_at = _end_of(month)
        if month is None or end_at is None:
            report.find("entry-words", seq=entry.seq, act=entry.act)
        elif entry.act == SIGN:
            signatures += [entry] if entry.at <= at else []
        elif entry.at > at:
            later.add(month)
        else:
            _take(found, entry, month, end_at, report)
    for month, end_at in _months(entries.first_at(bundle), at):
        is_proved = month in found and found[month].at >= end_at
        if not is_proved and end_at + MADE_WITHIN < at:
            report.find("proof-missing", month=month)
    packed = {one.name.removeprefix("proofs/").removesuffix(".json"): one for one in bundle.manifest.named("proofs")}
    for month in sorted(packed.keys() - found.keys() - later):
        report.find("proof-stray", month=month)
    for month in sorted(found):
        if month in packed:
            _hold_against(found[month], month, bundle.checked(packed[month], report), report)
        else:
            # A bundle that has the entry has the report: both were stored together, for good.
            report.find("proof-absent", month=month, seq=found[month].seq)
    ends = {month: end_at for month in found if (end_at := _end_of(month)) is not None}
    judge_signatures(found, signatures, ends, report, at=at, zone=zone)


def _take(found: dict[str, entries.Entry], entry: entries.Entry, month: str, end_at: datetime, report: Report) -> None:
    """Note the entry about a month's proof, and what is wrong with it by itself."""
    if month in found:
        report.find("proof-twice", month=month, seq=entry.seq)
    found[month] = entry
    if entry.at < end_at:
        report.find("proof-early", month=month, seq=entry.seq)
    if entry.text("outcome") != "in-order":
        report.find("proof-findings", month=month, seq=entry.seq, count=str(entry.obj.get("findings")))


def _hold_against(entry: entries.Entry, month: str, data: bytes, report: Report) -> None:
    """Hold a report against the entry that names it."""
    words, outcome = parse_object(data) or {}, entry.text("outcome")
    if hashlib.sha256(data).hexdigest() != entry.text("sha256"):
        report.find("proof-changed", month=month, seq=entry.seq)
    elif words.get("month") != month or words.get("result") != outcome:
        said = f"{words.get('month')} {words.get('result')}"[:40]
        report.find("proof-differs", month=month, seq=entry.seq, said=said, outcome=str(outcome))
    elif listed(words, "findings") and outcome == "in-order":
        report.find("proof-other", month=month, seq=entry.seq)


def _end_of(month: str | None) -> datetime | None:
    """Return when a month, `2026-10`, is over; None when it is none."""
    if month is None or not _MONTH.fullmatch(month):
        return None
    begin = datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)
    return _next(begin)


def _next(begin: datetime) -> datetime:
    return (begin + timedelta(days=32)).replace(day=1)


def _months(first_at: datetime | None, until: datetime) -> list[tuple[str, datetime]]:
    """Return the months from the first entry's on that are over, each with its end."""
    if first_at is None:
        return []
    found = []
    begin = first_at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while (end := _next(begin)) <= until:
        found.append((f"{begin:%Y-%m}", end))
        begin = end
    return found
