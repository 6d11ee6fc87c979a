"""The proofs of a package's segments: from each one's leaf to its hour's entry, and from that entry to the checkpoint in the manifest."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection

from vms.db.segments import Segment
from vms.errors import IntegrityLost
from vms.ledger.log import Ledger
from vms.ledger.search import StoredEntry
from vms.ledger.segments import prove
from vms.model import PlacementId

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Proofs:
    """What the manifest says of segments and the ledger.

    Args:
        segments: per segment its leaf, its place and its path; `state` says why there is none.
        batches: the entries that the paths lead to, each with its own path to the checkpoint.
    """

    segments: Mapping[tuple[PlacementId, int], dict[str, Any]]
    batches: tuple[dict[str, Any], ...]


def proofs_of(conn: Connection, ledger: Ledger, rows: Iterable[Segment], size: int) -> Proofs:
    """Return the proofs of segments in the ledger of the first `size` entries.

    A segment of an hour that has no entry yet is `pending`; one that is not what was written down is `changed`: it is handed over all the
    same, and the receiver learns of it.
    """
    segments: dict[tuple[PlacementId, int], dict[str, Any]] = {}
    entries: dict[int, StoredEntry] = {}
    for row in rows:
        key = (row.placement_id, row.number)
        try:
            proof = prove(conn, row)
        except IntegrityLost as error:
            log.exception("a segment is not what the ledger has", placement=row.placement_id, number=row.number)
            segments[key] = {"state": "changed", "why": error.code}
            continue
        if proof is None or proof.entry.seq >= size:
            segments[key] = {"state": "pending"}
            continue
        entries[proof.entry.seq] = proof.entry
        segments[key] = {
            "state": "proven",
            "leaf": proof.leaf.decode("ascii"),
            "index": proof.index,
            "count": proof.count,
            "path": [node.hex() for node in proof.path],
            "entry": proof.entry.seq,
        }
    batches = tuple(
        {
            "seq": seq,
            "body": entry.body.decode(),
            "path": [node.hex() for node in ledger.inclusion_proof(conn, seq, size)],
        }
        for seq, entry in sorted(entries.items())
    )
    return Proofs(segments, batches)
