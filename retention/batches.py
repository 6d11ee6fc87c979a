"""One leaf per placement-hour of recorded footage: number range and a Merkle root over its segments.

The leaves of a placement tile its numbers from 1 without overlap, whatever happened in between: each begins where the last one in the
ledger ended. Writing them is therefore idempotent, and completeness is interval arithmetic.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from retention import acts
from retention.due import HOUR, ranges
from retention.parts import RetentionParts
from vms.db import inventory
from vms.db.segments import Segment
from vms.ledger.acts import Act
from vms.ledger.entries import Value
from vms.ledger.search import Filter, search
from vms.ledger.segments import LEAF_VERSION, list_root, segment_leaf
from vms.model import PlacementId, SegmentState, hour_of

GRACE = timedelta(minutes=5)
"""How long after an hour its last segment may take to be sealed before the hour counts as complete."""

_PAGE = 2000


def write_batches(parts: RetentionParts) -> int:
    """Write the leaves of every placement-hour that is complete and has none; return how many."""
    with parts.db.read() as conn:
        last = inventory.last_numbers(conn)
    return sum(_write_placement(parts, placement_id) for placement_id, number in last.items() if number)


def _write_placement(parts: RetentionParts, placement_id: PlacementId) -> int:
    written = 0
    while True:
        with parts.db.write() as conn:
            # Read within the writing transaction: what another daemon has written meanwhile is seen.
            found = search(conn, Filter(acts=(Act.BATCH_RECORDED,), placement_id=placement_id), limit=1)
            after = int(found[0].document["obj"]["to_number"]) if found else 0
            batch = next_batch(inventory.list_numbered(conn, placement_id, after, _PAGE), parts.clock.now())
            if not batch:
                return written
            parts.ledger.append(conn, acts.recorded(words_of(placement_id, batch)))
        written += 1


def next_batch(rows: Sequence[Segment], now: datetime) -> list[Segment]:
    """Return the first run of segments of one hour, if it is complete: none is open, and the hour is over.

    Args:
        rows: segments by number, beginning with the first that is in no batch.
        now: wall clock.
    """
    batch: list[Segment] = []
    for row in rows:
        if row.state is SegmentState.OPEN:
            return []
        if batch and row.hour_at != batch[0].hour_at:
            return batch
        batch.append(row)
    return batch if batch and now >= batch[0].hour_at + HOUR + GRACE else []


def words_of(placement_id: PlacementId, batch: Sequence[Segment]) -> dict[str, Value]:
    """Return what the leaf of a batch says."""
    ends = [row.end_at for row in batch if row.end_at is not None]
    lost = ranges(row.number for row in batch if row.state is SegmentState.LOST)
    return {
        "placement_id": placement_id,
        "hour": hour_of(batch[0].start_at),
        "from_number": batch[0].number,
        "to_number": batch[-1].number,
        "from": min(row.start_at for row in batch),
        "to": max(ends, default=batch[-1].start_at),
        "count": len(batch),
        "lost": [list(pair) for pair in lost],
        "leaf": LEAF_VERSION,
        "root": list_root([segment_leaf(row) for row in batch]).hex(),
        "blanking": _blanking(batch),
    }


def _blanking(batch: Sequence[Segment]) -> dict[str, Value]:
    """Return what the batch's blanking records say in sum; the records themselves are in the root by their digests."""
    records = [row.blanking for row in batch if row.blanking and "v" in row.blanking]
    reasons: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    telemetry: Counter[str] = Counter()
    for record in records:
        reasons.update(dict(record["grey_reasons"]))
        sources.update(dict(record["pose_sources"]))
        # Records from before this was told do not have it.
        telemetry.update(dict(record.get("telemetry", [])))
    return {
        "records": len(records),
        "plans": sorted({row.plan_version for row in batch}),
        "frames": sum(record["frames"] for record in records),
        "grey_frames": sum(record["grey_frames"] for record in records),
        "grey_reasons": [[reason, count] for reason, count in sorted(reasons.items())],
        "pose_sources": [[source, count] for source, count in sorted(sources.items())],
        "telemetry": [[source, count] for source, count in sorted(telemetry.items())],
        "largest_margin_millipx": max((record["largest_margin_millipx"] for record in records), default=0),
    }
