"""`holds`: every hold with its case, who asked, how old, when it must be looked at again; and that nobody decides on an own export."""

from dataclasses import dataclass, field
from datetime import datetime

from auditor import entries
from auditor.bundle import Bundle
from auditor.entries import Entry
from auditor.report import Report

_ACTS = frozenset(
    {
        "hold.place",
        "hold.release",
        "export.request",
        "export.approve",
        "export.download",
        "key.destroyed",
        "export.erased",
    }
)


@dataclass(slots=True)
class Held:
    """A hold's life."""

    placed: Entry
    released: Entry | None = None
    is_key_destroyed: bool = False
    exports: list[str] = field(default_factory=list)


def holds(bundle: Bundle, report: Report, at: datetime) -> None:
    """List the holds as they stand at an instant."""
    found: dict[str, Held] = {}
    requests: dict[str, Entry] = {}
    approved: set[str] = set()
    for entry in entries.read(bundle, report, _ACTS, entries.stamp(at)):
        hold_id, export_id = entry.text("hold_id") or "", entry.text("export_id") or ""
        if entry.words["res"] != "ok":
            continue
        if entry.act == "hold.place":
            found.setdefault(hold_id, Held(entry))
        elif entry.act == "hold.release" and hold_id in found:
            found[hold_id].released = entry
        elif entry.act == "key.destroyed" and hold_id in found:
            found[hold_id].is_key_destroyed = True
        elif entry.act == "export.request":
            requests[export_id] = entry
            _request(entry, found, hold_id, report)
        elif entry.act == "export.approve":
            approved.add(export_id)
            if export_id in requests and requests[export_id].actor() == entry.actor():
                report.find("export-alone", export=export_id, seq=entry.seq, who=entry.actor())
        elif entry.act == "export.download" and export_id not in approved:
            report.find("export-unapproved", export=export_id, seq=entry.seq)
    report.facts |= {"at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "holds": len(found)}
    report.columns = ("hold", "case", "who", "placed", "review", "age", "released", "exports")
    for hold_id, held in sorted(found.items(), key=lambda pair: pair[1].placed.seq):
        _judge(hold_id, held, report, at)


def _request(entry: Entry, found: dict[str, Held], hold_id: str, report: Report) -> None:
    held = found.get(hold_id)
    if held is None or held.released is not None:
        report.find("export-no-hold", export=str(entry.text("export_id")), seq=entry.seq, hold=hold_id)
    else:
        held.exports.append(str(entry.text("export_id")))


def _judge(hold_id: str, held: Held, report: Report, at: datetime) -> None:
    entry = held.placed
    purpose = entry.words["purpose"]
    case = purpose.get("case") if isinstance(purpose, dict) else None
    review_at = entry.instant("review_on")
    if not case:
        report.find("hold-no-case", hold=hold_id, seq=entry.seq)
    if review_at is None or (held.released is None and review_at < at):
        report.find("hold-review", hold=hold_id, review=str(entry.text("review_on"))[:10])
    report.rows.append(
        (
            hold_id,
            str(case or "-"),
            str(entry.text("requested_by") or entry.actor()),
            entry.stamp[:16],
            str(entry.text("review_on") or "-")[:10],
            f"{((held.released.at if held.released else at) - entry.at).total_seconds() / 86400:.1f}",
            held.released.stamp[:16] if held.released else "-",
            " ".join(held.exports) or "-",
        )
    )
