"""The audit bundle: what somebody who trusts nobody needs to check the ledger and the erasing, as one ZIP (docs/audit.md).

    entries/<first>.jsonl       the leaves as they are in the tree, one a line, 65,536 a file, from entry 0
    copies/<first>.jsonl        of the columns that searches go by, per 256 entries a digest, and the rows where they do not fit the entries
    texts/<first>.jsonl         text and salt behind the commitments in those entries; of the period only, unless erased
    checkpoints.jsonl           every signed note up to the end, with all its signature lines
    tsr/<size>.tsr              the newest RFC 3161 time stamp over the checkpoint of that size, raw (DER)
    segments/<number>.jsonl     per placement-hour of the period the leaves under its root, and how the database knows the segments
    proofs/<month>.json         the reports of the monthly proofs of erasing that those entries name by their digests
    state.json                  placements, hours and holds that have a key now; what the system says of itself, not proof
    log.vkey                    the ledger's public key; compare it with the one on paper
    manifest.json               what this is, and the SHA-256 of every other file

Entries always begin at 0, whatever the period: roots can be calculated from them alone, and completeness begins at segment 1. The ledger
grows at its end only, so nothing is locked while a bundle is made, and memory holds one file at a time.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from sqlalchemy import Connection, func, select

from vms import __version__
from vms.clock import Clock
from vms.db import holds, inventory, placements, proofs
from vms.db.engine import Database
from vms.db.tables import ledger_checkpoint, ledger_entry, ledger_text
from vms.errors import IntegrityLost, NotFound
from vms.evidence import search_copies
from vms.evidence.package import PackageWriter
from vms.footage.keys import KeyService
from vms.ledger import canonical, cosignatures, stamps, tiles
from vms.ledger.acts import Act
from vms.ledger.canonical import Json, instant
from vms.ledger.log import Ledger
from vms.ledger.notes import Signer
from vms.ledger.segments import segment_leaf
from vms.model import PlacementId, SegmentState, Span

log = structlog.get_logger(__name__)

FORMAT: Final = "vms-audit-bundle/1"
ENTRIES_PER_FILE: Final = 1 << 16
"""A power of two, so that each file but the last is a whole subtree."""

_PAGE: Final = 4096
_BATCHES_PER_FILE: Final = 256
_TEXTS_AT_ONCE: Final = 500
_COMMITMENT: Final = re.compile(rb'"c:([0-9a-f]{64})"')
_BATCH: Final = b'{"act":"' + Act.BATCH_RECORDED.encode() + b'"'
_PROVED: Final = b'{"act":"' + Act.RETENTION_PROVED.encode() + b'"'
_MONTH: Final = re.compile(rb'"month":"(\d{4}-\d\d)"')
_LETTERS: Final = {
    SegmentState.OPEN: "o",
    SegmentState.SEALED: "s",
    SegmentState.EXPIRING: "x",
    SegmentState.DESTROYED: "d",
    SegmentState.LOST: "l",
    SegmentState.DAMAGED: "m",
}


@dataclass(frozen=True, slots=True)
class BundleSource:
    """What bundles are made from."""

    db: Database
    ledger: Ledger
    keys: KeyService
    clock: Clock
    signer: Signer


@dataclass(frozen=True, slots=True)
class _Batch:
    seq: int
    placement_id: PlacementId
    first: int
    last: int
    version: int


@dataclass(slots=True)
class _Found:
    """What the period's entries refer to: hours of footage, and commitments and search copies of the file that is written now."""

    batches: list[_Batch] = field(default_factory=list)
    commitments: dict[bytes, None] = field(default_factory=dict)
    months: dict[bytes, None] = field(default_factory=dict)
    copies: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Drain:
    """Where the package's bytes wait until somebody sends them on."""

    waiting: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes) -> None:
        self.waiting += data

    def take(self) -> bytes:
        taken = bytes(self.waiting)
        self.waiting.clear()
        return taken


def sign_present(conn: Connection, source: BundleSource) -> None:
    """Sign the present ledger, so that a bundle of it ends with a checkpoint.

    One that does not fit its checkpoints is not signed, and is in the bundle as it is: finding that is what a bundle is for.
    """
    try:
        source.ledger.checkpoint(conn, source.signer)
    except IntegrityLost:
        log.exception("the ledger can't be signed; the bundle shows why")


def end_of(conn: Connection, period: Span) -> int:
    """Return how many entries a bundle has: up to the first checkpoint that has all of the period."""
    newest = conn.execute(select(func.max(ledger_entry.c.seq)).where(ledger_entry.c.at < period.end_at)).scalar_one()
    wanted = 0 if newest is None else int(newest) + 1
    query = select(func.min(ledger_checkpoint.c.size)).where(ledger_checkpoint.c.size >= max(wanted, 1))
    size = conn.execute(query).scalar_one()
    return tiles.size(conn) if size is None else int(size)


def bundle_pieces(source: BundleSource, period: Span, size: int) -> Iterator[bytes]:
    """Yield the bundle's bytes, a few megabytes at a time.

    Args:
        period: of which texts and segments are given.
        size: how many entries, as `end_of` says.
    """
    drain = _Drain()
    made_at = source.clock.now()
    writer = PackageWriter(drain, "audit", made_at)
    found = _Found()
    for first in range(0, size, ENTRIES_PER_FILE):
        run = range(first, min(first + ENTRIES_PER_FILE, size))
        writer.add(f"entries/{first:012}.jsonl", _entry_lines(source.db, period, run, found), compressed=True)
        writer.add(f"copies/{first:012}.jsonl", found.copies, compressed=True)
        found.copies.clear()
        if found.commitments:
            writer.add(f"texts/{first:012}.jsonl", _text_lines(source.db, list(found.commitments)), compressed=True)
            found.commitments.clear()
        yield drain.take()
    writer.add("checkpoints.jsonl", _checkpoint_lines(source.db, size), compressed=True)
    with source.db.read() as conn:
        stamped = dict(stamps.genuine(conn, size))
    for number, response in stamped.items():
        writer.add(f"tsr/{number}.tsr", [response])
    yield drain.take()
    for begin in range(0, len(found.batches), _BATCHES_PER_FILE):
        chosen = found.batches[begin : begin + _BATCHES_PER_FILE]
        writer.add(
            f"segments/{begin // _BATCHES_PER_FILE:06}.jsonl", _segment_lines(source.db, chosen), compressed=True
        )
        yield drain.take()
    for name, report in _proofs(source.db, found):
        writer.add(f"proofs/{name}.json", [report], compressed=True)
        yield drain.take()
    writer.add("state.json", [_line(_state(source))], compressed=True)
    writer.add("log.vkey", [source.signer.verifier.text.encode() + b"\n"])
    manifest: dict[str, Json] = {
        "format": FORMAT,
        "software": f"vms/{__version__}",
        "origin": source.ledger.origin,
        "made_at": instant(made_at),
        "from": instant(period.start_at),
        "to": instant(period.end_at),
        "size": size,
        "entries_per_file": ENTRIES_PER_FILE,
        "files": [{"name": one.name, "size_bytes": one.size_bytes, "sha256": one.sha256} for one in writer.files],
    }
    writer.add("manifest.json", [_line(manifest)])
    writer.finish()
    yield drain.take()


def _line(value: Json) -> bytes:
    return canonical.encode(value) + b"\n"


def _entry_lines(db: Database, period: Span, run: range, found: _Found) -> Iterator[bytes]:
    """Yield leaves; note their search copies, the hours of the period, and the commitments made in it."""
    for start in range(run.start, run.stop, _PAGE):
        numbers = range(start, min(start + _PAGE, run.stop))
        query = select(ledger_entry).where(ledger_entry.c.seq >= numbers.start, ledger_entry.c.seq < numbers.stop)
        with db.read() as conn:
            rows = conn.execute(query.order_by(ledger_entry.c.seq)).all()
            found.copies += search_copies.slice_lines(conn, rows, numbers)
        for row in rows:
            body = bytes(row.body)
            if period.start_at <= row.at < period.end_at:
                found.commitments.update(dict.fromkeys(_COMMITMENT.findall(body)))
            if body.startswith(_PROVED):
                found.months.update(dict.fromkeys(_MONTH.findall(body)))
            if body.startswith(_BATCH):
                batch = _batch_in(period, row.seq, body)
                if batch is not None:
                    found.batches.append(batch)
        yield b"".join(bytes(row.body) + b"\n" for row in rows)


def _batch_in(period: Span, seq: int, body: bytes) -> _Batch | None:
    """Return the hour that an entry is about, if some of it lies in the period."""
    try:
        words = json.loads(body)["obj"]
        if words["to"] < instant(period.start_at) or words["from"] >= instant(period.end_at):
            return None
        placement_id = PlacementId(words["placement_id"])
        return _Batch(seq, placement_id, int(words["from_number"]), int(words["to_number"]), int(words.get("leaf", 1)))
    except (ValueError, KeyError, TypeError):
        # Somebody changed the entry. It is in the bundle as it is; it leads to no segments.
        return None


def _text_lines(db: Database, commitments: Sequence[bytes]) -> Iterator[bytes]:
    for begin in range(0, len(commitments), _TEXTS_AT_ONCE):
        wanted = [one.decode("ascii") for one in commitments[begin : begin + _TEXTS_AT_ONCE]]
        with db.read() as conn:
            rows = conn.execute(select(ledger_text).where(ledger_text.c.commitment.in_(wanted))).all()
        for row in rows:
            yield _line({"commitment": row.commitment, "salt": bytes(row.salt).hex(), "text": row.text})


def _checkpoint_lines(db: Database, size: int) -> Iterator[bytes]:
    after = -1
    while True:
        query = select(ledger_checkpoint).where(ledger_checkpoint.c.size > after, ledger_checkpoint.c.size <= size)
        with db.read() as conn:
            rows = conn.execute(query.order_by(ledger_checkpoint.c.size).limit(_PAGE)).all()
            signed_too = cosignatures.lines_under(conn, [row.size for row in rows])
        if not rows:
            return
        for row in rows:
            yield _line({"size": row.size, "at": instant(row.at), "note": row.note + signed_too.get(row.size, "")})
        after = rows[-1].size


def _segment_lines(db: Database, batches: Sequence[_Batch]) -> Iterator[bytes]:
    for batch in batches:
        with db.read() as conn:
            count = batch.last - batch.first + 1
            rows = inventory.list_numbered(conn, batch.placement_id, batch.first - 1, count)
        # A row that is gone leaves its number out: then these are others than the entry has.
        rows = [row for row in rows if row.number <= batch.last]
        yield _line(
            {
                "seq": batch.seq,
                "placement_id": batch.placement_id,
                "leaves": [segment_leaf(row, batch.version).decode("ascii") for row in rows],
                "states": "".join(_LETTERS[row.state] for row in rows),
                "keys": "".join("k" if row.wrapped_key is not None else "-" for row in rows),
            }
        )


def _proofs(db: Database, found: _Found) -> Iterator[tuple[str, bytes]]:
    for month in sorted(found.months):
        name = month.decode("ascii")
        try:
            with db.read() as conn:
                report = proofs.get(conn, name).report
        except NotFound:
            # Somebody deleted it. The entry is in the bundle as it is; the tool says that its report is missing.
            log.warning("the report of a monthly proof is missing", month=name)
            continue
        yield name, report.encode()


def _state(source: BundleSource) -> dict[str, Json]:
    with source.db.read() as conn:
        placed = placements.list_all(conn)
        last = inventory.last_numbers(conn)
        known_holds = holds.list_in(conn)
    with_key: list[Json] = [str(hold.id) for hold in known_holds if source.keys.has_hold(hold.id)]
    return {
        "assurance_level": str(source.keys.level()),
        "hour_keys": [instant(hour_at) for hour_at in sorted(source.keys.hours())],
        "hold_keys": with_key,
        "placements": [
            {
                "id": one.id,
                "name": one.name,
                "from": instant(one.from_at),
                "until": None if one.until_at is None else instant(one.until_at),
                "last_number": last.get(one.id, 0),
            }
            for one in placed
        ],
    }
