"""The monthly proofs of erasing that the system makes itself: one for each month, and each report is the one that the log names."""

import hashlib
from datetime import datetime, timedelta

from auditor import entries
from auditor.bundle import Bundle, listed, parse_object
from auditor.report import Report

MADE_WITHIN = timedelta(days=2)
"""After the end of its month."""


def proved(bundle: Bundle, report: Report, at: datetime) -> None:
    """Look for each month's proof up to an instant, and hold its report against the log."""
    found: dict[str, entries.Entry] = {}
    for entry in entries.read(bundle, report, {"retention.proved"}):
        month = entry.text("month")
        if month is None:
            report.find("entry-words", seq=entry.seq, act=entry.act)
            continue
        if month in found:
            report.find("proof-twice", month=month, seq=entry.seq)
        found[month] = entry
        if entry.text("outcome") != "in-order":
            report.find("proof-findings", month=month, seq=entry.seq, count=str(entry.obj.get("findings")))
    for month, end_at in _months(_first_at(bundle), at):
        if month not in found and end_at + MADE_WITHIN < at:
            report.find("proof-missing", month=month)
    packed = {one.name.removeprefix("proofs/").removesuffix(".json"): one for one in bundle.manifest.named("proofs")}
    for month in sorted(packed.keys() - found.keys()):
        report.find("proof-stray", month=month)
    for month in sorted(found):
        if month not in packed:
            report.note("proof-absent", month=month, seq=found[month].seq)
            continue
        data = bundle.checked(packed[month], report)
        if hashlib.sha256(data).hexdigest() != found[month].text("sha256"):
            report.find("proof-changed", month=month, seq=found[month].seq)
        elif len(listed(parse_object(data), "findings")) and found[month].text("outcome") == "in-order":
            report.find("proof-other", month=month, seq=found[month].seq)


def _first_at(bundle: Bundle) -> datetime | None:
    """Return the instant of the first entry, None when there is none that can be read."""
    for _, packed in bundle.manifest.entry_files():
        for block in bundle.blocks(packed.name):
            first = entries.parse(0, block.split(b"\n", 1)[0])
            return None if first is None else first.at
    return None


def _months(first_at: datetime | None, until: datetime) -> list[tuple[str, datetime]]:
    """Return the months from the first entry's on that are over, each with its end."""
    if first_at is None:
        return []
    found = []
    begin = first_at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while (end := (begin + timedelta(days=32)).replace(day=1)) <= until:
        found.append((f"{begin:%Y-%m}", end))
        begin = end
    return found
