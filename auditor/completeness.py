"""`completeness`: every recorded segment is erased, held, lost, or younger than 28 days; nothing early or late, no gap without a cause."""

from datetime import datetime, timedelta
from typing import Any

from auditor import entries
from auditor.books import DONE_WITHIN, LISTED_WITHIN, Books, Camera
from auditor.bundle import Bundle, listed
from auditor.entries import EPOCH, days, microseconds
from auditor.proved import proved
from auditor.ranges import Ranges
from auditor.report import Report
from auditor.terms import Terms


def completeness(bundle: Bundle, report: Report, terms: Terms) -> Books:
    """Judge the footage at an instant; say what was found in the report."""
    books = Books(bundle, report, terms)
    state = bundle.document("state.json", report)
    report.facts |= {"at": f"{terms.at:%Y-%m-%dT%H:%M:%SZ}", "longest": f"{terms.longest}"}
    report.columns = ("camera", "recorded", "erased", "lost", "held", "young", "oldest", "missing_s")
    for name in sorted(books.cameras):
        _judge(books, name, report)
    _judge_keys(books, report)
    placed = {str(one.get("id")): one for one in listed(state, "placements") if isinstance(one, dict)}
    for name in sorted(placed):
        _judge_coverage(bundle, books, name, placed[name])
    report.note("not-listed-yet", since=f"{terms.at - LISTED_WITHIN:%Y-%m-%dT%H:%MZ}")
    books.edge.judge(placed, report)
    proved(bundle, report, terms.at, terms.zone)
    if bundle.manifest.is_current and terms.at >= books.newest_at:
        _judge_state(books, state)
    else:
        report.note("state-of-later")
    return books


def _judge(books: Books, name: str, report: Report) -> None:
    """Judge what is left of a placement at the end."""
    camera, terms = books.cameras[name], books.terms
    held = books.held(name).shared(camera.live)
    rest = camera.live.without(held)
    oldest: datetime | None = None
    for hour in camera.hours.values():
        numbers = rest.within(hour.first, hour.last)
        if not numbers:
            continue
        oldest = hour.start_at if oldest is None else min(oldest, hour.start_at)
        if terms.at > books.due_at(camera, hour, numbers):
            report.find("too-old", camera=name, numbers=str(numbers), age=days(terms.at - hour.start_at))
    for intent, numbers in camera.announced:
        if terms.at - intent.at > DONE_WITHIN:
            report.find("intent-open", camera=name, seq=intent.seq, numbers=str(numbers))
    age = "-" if oldest is None else days(terms.at - oldest)
    report.rows.append(
        (name, camera.recorded, camera.destroyed.count(), camera.lost, held.count(), rest.count(), age, 0)
    )


def _judge_keys(books: Books, report: Report) -> None:
    for hour_at, is_destroyed in sorted(books.key_hours.items()):
        if not is_destroyed and books.terms.at > hour_at + books.terms.longest:
            report.find("key-not-destroyed", hour=f"{hour_at:%Y-%m-%dT%HZ}")


def _judge_coverage(bundle: Bundle, books: Books, name: str, placed: dict[str, Any]) -> None:
    """Uptime less recorded less gaps is nothing, in the period, from a placement's begin to its last list or end."""
    camera = books.cameras.get(name, Camera())
    from_at, to_at = entries.instant(bundle.manifest.start), entries.instant(bundle.manifest.end)
    begun_at, ended_at = entries.instant(placed.get("from")), entries.instant(placed.get("until"))
    made_at = entries.instant(bundle.manifest.made_at)
    if from_at is None or to_at is None or begun_at is None or made_at is None:
        books.report.find("line-unreadable", name="state.json", line=1)
        return
    first_us = microseconds(max(from_at, begun_at))
    # The list of the last hour is written after it, and entries about a gap after it began.
    last_us = microseconds(min(to_at, books.terms.at, made_at, ended_at or to_at) - LISTED_WITHIN)
    if last_us <= first_us:
        return
    missing = Ranges([(first_us, last_us)]).without(camera.footage).without(camera.gaps)
    if camera.open_gap_us is not None:
        missing.remove(camera.open_gap_us, last_us)
    hole_us = books.terms.hole // timedelta(microseconds=1)
    total_us = 0
    for first, last in missing:
        if last - first > hole_us:
            total_us += last - first
            books.report.find(
                "hole", camera=name, begin=_at(first), end=_at(last), seconds=round((last - first) / 1_000_000)
            )
    books.report.rows = [
        (*row[:-1], round(total_us / 1_000_000)) if row[0] == name else row for row in books.report.rows
    ]


def _judge_state(books: Books, state: dict[str, Any]) -> None:
    """Compare the log with what the system says it has: keys, rows and numbers."""
    report, terms = books.report, books.terms
    for text in listed(state, "hour_keys"):
        hour_at = entries.instant(text)
        if hour_at is None:
            report.find("line-unreadable", name="state.json", line=1)
        elif books.key_hours.get(hour_at) or terms.at > hour_at + terms.longest:
            report.find("key-alive", hour=f"{hour_at:%Y-%m-%dT%HZ}")
    hold_keys = set(map(str, listed(state, "hold_keys")))
    for hold_id, hold in sorted(books.holds.items()):
        keeps = any(hold.kept.values())
        if hold.released_at is None and keeps and hold_id not in hold_keys:
            report.find("hold-dropped", hold=hold_id, seq=hold.entry.seq)
        if hold.released_at is not None and hold_id in hold_keys and terms.at - hold.released_at > terms.release_grace:
            report.find("hold-key-alive", hold=hold_id)
    for name, camera in sorted(books.cameras.items()):
        unlogged = camera.rows_erased.without(camera.destroyed)
        if unlogged:
            report.find("erased-unlogged", camera=name, numbers=str(unlogged))
        keyed = camera.rows_keyed.shared(camera.destroyed)
        if keyed:
            report.find("key-left", camera=name, numbers=str(keyed))
    for one in listed(state, "placements"):
        if isinstance(one, dict) and type(last := one.get("last_number")) is int:
            known = books.cameras.get(str(one.get("id")), Camera()).next_number - 1
            if last < known:
                report.find("numbers-back", camera=str(one.get("id")), last=last, known=known)


def _at(since_us: int) -> str:
    return f"{EPOCH + timedelta(microseconds=since_us):%Y-%m-%dT%H:%M:%SZ}"
