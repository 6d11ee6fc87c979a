"""The monthly proof that retention works (BIO 5.33.01): made by itself for every month, a report and an entry in the ledger.

What is shown is worked out anew from the ledger, not from the rows that the sweeps go by: the arithmetic of completeness, then a sample
of what was erased in the month, looked up where it was. The seed of the sample is the root of the newest checkpoint: whoever could
choose it would have to choose the whole ledger. Segment `i` of the sample is number `SHA-256(seed|i) mod population` of all that the
ledger says was erased within the month, in its order.
"""

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final

import structlog
from sqlalchemy import Connection, select

from retention import acts
from retention.books import ACTS, Books
from retention.due import HOUR, breaches
from retention.parts import RetentionParts
from vms import __version__
from vms.db import erasing, holds, inventory, placements, proofs, segments, sweeps
from vms.db.proofs import Proof, ProofResult
from vms.db.sweeps import SweepOutcome
from vms.db.tables import ledger_entry
from vms.errors import IntegrityLost, NotFound
from vms.footage.store import SegmentRef
from vms.ledger import canonical, notes, whole_check
from vms.ledger.acts import BY_WORD, Act
from vms.ledger.canonical import Json, instant
from vms.ledger.log import newest_note
from vms.ledger.notes import Checkpoint
from vms.ledger.whole_check import CheckedEntry
from vms.model import RETENTION_CEILING, HoldState, PlacementId, SegmentState, Span

_log = structlog.get_logger()
FORMAT: Final = "vms-retention-proof/1"
SAMPLE: Final = 50
_WORDS: Final = frozenset(act.value for act in ACTS)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The sample: from how many, by which checkpoint, and what."""

    checkpoint: Checkpoint
    population: int
    segments: list[tuple[str, int]]


def prove_months(parts: RetentionParts, now: datetime) -> str | None:
    """Make the proof of the oldest month that is over and has none; one a call, so that no sweep waits long.

    Args:
        parts: database, keys, files, ledger.
        now: the trusted instant: a proof never changes, so none is made by a doubted clock.

    Returns:
        The month, or None when none is due or no checkpoint was signed yet.

    Raises:
        VmsError: something can't be read; nothing was written.
    """
    with parts.db.read() as conn:
        month = _due(conn, now)
        note = newest_note(conn)
    if month is None or note is None:
        return None
    books, size = _read(parts, month)
    books.judge(now, parts.keys.hours())
    drawn = draw(books.erased, notes.parse(note), SAMPLE)
    for placement_id, number in drawn.segments:
        for code in _still_there(parts, PlacementId(placement_id), number, now):
            books.find(code, f"{placement_id} {number}")
    _store(parts, books, drawn, size, now)
    return name_of(month)


def _read(parts: RetentionParts, month: Span) -> tuple[Books, int]:
    """Read the whole ledger into the books, every entry of it compared with the tree, the checkpoints and its search copies."""
    books, size = Books(month), 0
    try:
        for entry in whole_check.entries(parts.db, parts.ledger.origin):
            size = entry.seq + 1
            _take(books, entry)
    except IntegrityLost as error:
        # What follows can't be told from what somebody made of it.
        _log.exception("retention.ledger-changed", code=error.code)
        books.find("ledger-changed", str(size))
    return books, size


def _take(books: Books, entry: CheckedEntry) -> None:
    document = entry.document
    try:
        if document["act"] in _WORDS and (document["res"] == "ok" or document["act"] == Act.HOLD_LATE.value):
            books.take(entry.at, BY_WORD[document["act"]], document["obj"])
    except (KeyError, TypeError, ValueError, AttributeError):
        # Another version wrote it, or somebody without knowledge of the form. That must be found, and must not stop the daemon.
        books.find("unreadable", str(entry.seq))


def draw(erased: Sequence[tuple[str, int, int]], checkpoint: Checkpoint, count: int) -> _Drawn:
    """Draw from ranges of erased segments, in the ledger's order; anybody with the ledger can draw the same."""
    ends = list(accumulate(last - first + 1 for _, first, last in erased))
    population = ends[-1] if ends else 0
    seed = checkpoint.root.hex()
    found: dict[tuple[str, int], None] = {}
    for turn in range(count if population else 0):
        at = int.from_bytes(hashlib.sha256(f"{seed}|{turn}".encode()).digest()) % population
        place = bisect_right(ends, at)
        name, _, last = erased[place]
        found[name, last - (ends[place] - 1 - at)] = None
    return _Drawn(checkpoint, population, list(found))


def name_of(month: Span) -> str:
    """Return a month's name, `2026-10`."""
    return f"{month.start_at:%Y-%m}"


def _due(conn: Connection, now: datetime) -> Span | None:
    first = conn.execute(select(ledger_entry.c.at).order_by(ledger_entry.c.seq).limit(1)).scalar_one_or_none()
    if first is None:
        return None
    known = proofs.months(conn)
    start_at = _month_of(first)
    while (end_at := _month_of(start_at + timedelta(days=32))) <= now:
        if f"{start_at:%Y-%m}" not in known:
            return Span(start_at, end_at)
        start_at = end_at
    return None


def _month_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _still_there(parts: RetentionParts, placement_id: PlacementId, number: int, now: datetime) -> list[str]:
    """Return what is left of a segment that the ledger says is erased: codes of findings."""
    try:
        with parts.db.read() as conn:
            row = segments.get(conn, placement_id, number)
            wrapped = bool(erasing.list_with_keys(conn, placement_id, [number]))
    except NotFound:
        return ["sample-no-row"]
    found = []
    if row.state is not SegmentState.DESTROYED:
        found.append("sample-row")
    if parts.store.has_any(SegmentRef(placement_id, row.start_at, row.epoch, number)):
        found.append("sample-file")
    # The hour's key lives until the last segment of the hour was due.
    if wrapped or (parts.keys.has_hour(row.hour_at) and now > row.hour_at + HOUR + RETENTION_CEILING):
        found.append("sample-key")
    return found


def _store(parts: RetentionParts, books: Books, drawn: _Drawn, size: int, now: datetime) -> None:
    key_hours = parts.keys.hours()
    with parts.db.read() as conn:
        oldest_at = inventory.oldest_unheld_at(conn)
        if oldest_at is not None and breaches(oldest_at, now):
            books.find("oldest", instant(oldest_at))
        words = _words(conn, books, drawn, size, now)
    words |= {
        "oldest_unheld_at": None if oldest_at is None else instant(oldest_at),
        "keys": {
            "hours": len(key_hours),
            "oldest_at": instant(min(key_hours)) if key_hours else None,
            "holds": len(parts.keys.holds()),
            "level": parts.keys.level().value,
        },
    }
    result = ProofResult.FINDINGS if books.findings else ProofResult.IN_ORDER
    words |= {
        "result": result.value,
        "findings": [{"code": one.code, "about": one.about} for one in books.findings],
        "finding_counts": [[code, count] for code, count in sorted(books.counts.items())],
    }
    report = canonical.encode(words)
    proof = Proof(name_of(books.month), now, result, hashlib.sha256(report).hexdigest(), report.decode())
    with parts.db.write() as conn:
        proofs.store(conn, proof)
        parts.ledger.append(conn, acts.retention_proved(proof, _sums(books, drawn)))
    if result is ProofResult.FINDINGS:
        _log.error("retention.proof-findings", month=proof.month, findings=dict(books.counts))
    else:
        _log.info("retention.proved", month=proof.month)


def _words(conn: Connection, books: Books, drawn: _Drawn, size: int, now: datetime) -> dict[str, Json]:
    names = {str(one.id): one.name for one in placements.list_all(conn)}
    known = holds.list_in(conn, {HoldState.PENDING, HoldState.ACTIVE})
    rows: list[Json] = []
    for name in sorted(books.shelves):
        shelf = books.shelves[name]
        held, young, oldest_at = books.standing(name)
        rows.append(
            {
                "placement_id": name,
                "name": names.get(name, name),
                "recorded": shelf.recorded,
                "erased": shelf.erased,
                "erased_in_month": shelf.erased_in_month,
                "lost": shelf.lost,
                "held": held,
                "young": young,
                "oldest_at": None if oldest_at is None else instant(oldest_at),
            }
        )
    return {
        "format": FORMAT,
        "month": name_of(books.month),
        "from": instant(books.month.start_at),
        "to": instant(books.month.end_at),
        "made_at": instant(now),
        "software": f"vms/{__version__}",
        "entries": size,
        "placements": rows,
        "sample": {
            "seed": drawn.checkpoint.root.hex(),
            "checkpoint": drawn.checkpoint.size,
            "population": drawn.population,
            "segments": [[name, number] for name, number in drawn.segments],
        },
        "sweeps": _sweeps(conn, books.month),
        "holds": {
            "active": sum(hold.state is HoldState.ACTIVE for hold in known),
            "pending": sum(hold.state is HoldState.PENDING for hold in known),
            "late": books.late_holds,
        },
    }


def _sweeps(conn: Connection, month: Span) -> dict[str, Json]:
    found = sweeps.list_finished(conn, month)
    doubts = Counter(doubt for one in found for doubt in one.doubts)
    return {
        "good": sum(one.outcome is SweepOutcome.GOOD for one in found),
        "stopped": sum(one.outcome is SweepOutcome.STOPPED for one in found),
        "doubts": [[doubt, count] for doubt, count in sorted(doubts.items())],
    }


def _sums(books: Books, drawn: _Drawn) -> Mapping[str, Any]:
    """Return the counts that stand in the ledger itself."""
    return {
        "findings": sum(books.counts.values()),
        "erased": sum(shelf.erased_in_month for shelf in books.shelves.values()),
        "sampled": len(drawn.segments),
        "checkpoint": drawn.checkpoint.size,
    }
