"""What stands for recorded segments in the ledger, and the proof that a segment, with its blanking record, is one of them.

Per placement-hour there is one entry, `batch.recorded`, with the Merkle root over its segments' leaves. A leaf holds the digest of the
file and the digest of the blanking record (plan, model, pose sources, margin, grey spans): neither can be changed afterwards unnoticed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from vms.db import inventory
from vms.db.segments import Segment
from vms.errors import IntegrityLost, InvalidInput
from vms.ledger import canonical
from vms.ledger.acts import Act
from vms.ledger.canonical import instant
from vms.ledger.merkle import leaf_hash, node_hash, root_from_inclusion
from vms.ledger.search import Filter, StoredEntry, search

LEAF_VERSION = 2
"""1, without this number in the entry, had no blanking record in the leaf."""

_SOON = timedelta(hours=3)
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class SegmentProof:
    """The way from a segment's leaf to an entry of the ledger.

    Args:
        leaf: what stands for the segment.
        index, count: its place among the leaves of its entry.
        path: the audit path (RFC 6962 section 2.1.1) to the entry's root.
        entry: the entry `batch.recorded`.
    """

    leaf: bytes
    index: int
    count: int
    path: tuple[bytes, ...]
    entry: StoredEntry


def record_sha256(record: Mapping[str, Any] | None) -> str:
    """Return the digest of a blanking record; empty for none, and for one of before records were canonical."""
    if not record or "v" not in record:
        return ""
    try:
        return hashlib.sha256(canonical.encode(dict(record))).hexdigest()
    except InvalidInput:
        return ""


def segment_leaf(row: Segment, version: int = LEAF_VERSION) -> bytes:
    """Return what stands for a segment in the root, parts separated by `|`.

    Number, start, end, length and digest of its file, and since version 2 the digest of its blanking record.
    """
    end = "" if row.end_at is None else instant(row.end_at)
    parts = [str(row.number), instant(row.start_at), end, str(row.size_bytes or 0), row.sha256 or ""]
    if version >= LEAF_VERSION:
        parts.append(record_sha256(row.blanking))
    return "|".join(parts).encode("ascii")


def list_root(leaves: Sequence[bytes]) -> bytes:
    """Return the RFC 6962 Merkle tree hash of at least one leaf."""
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    left = _left(len(leaves))
    return node_hash(list_root(leaves[:left]), list_root(leaves[left:]))


def list_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the RFC 6962 audit path of a leaf."""
    if len(leaves) == 1:
        return []
    left = _left(len(leaves))
    if index < left:
        return [*list_path(leaves[:left], index), list_root(leaves[left:])]
    return [*list_path(leaves[left:], index - left), list_root(leaves[:left])]


def prove(conn: Connection, row: Segment) -> SegmentProof | None:
    """Return the proof of a segment, None while its hour has no entry yet.

    Raises:
        IntegrityLost: file, times or blanking record of a segment of that hour are not those that were written down.
    """
    entry = _entry_of(conn, row)
    if entry is None:
        return None
    words = entry.document["obj"]
    first, last = int(words["from_number"]), int(words["to_number"])
    rows = inventory.list_numbered(conn, row.placement_id, first - 1, last - first + 1)
    version = int(words.get("leaf", 1))
    leaves = [segment_leaf(one, version) for one in rows]
    own = segment_leaf(row, version)
    index = row.number - first
    if len(leaves) != int(words["count"]) or leaves[index] != own or list_root(leaves).hex() != words["root"]:
        raise IntegrityLost(
            f"segments {first} to {last} of {row.placement_id} are not those that ledger entry {entry.seq} has:"
            " a file, a time or a blanking record was changed",
            code="ledger.segment",
        )
    return SegmentProof(own, index, len(leaves), tuple(list_path(leaves, index)), entry)


def check(row: Segment, proof: SegmentProof) -> None:
    """Check a proof against a row, without a database.

    Raises:
        IntegrityLost: the row is not what was written down.
    """
    words = proof.entry.document["obj"]
    own = segment_leaf(row, int(words.get("leaf", 1)))
    try:
        root = root_from_inclusion(proof.index, proof.count, leaf_hash(own), proof.path)
    except ValueError as error:
        raise IntegrityLost("the proof does not fit the segment", code="ledger.segment") from error
    numbers = int(words["from_number"]) + proof.index == row.number and proof.count == int(words["count"])
    if root.hex() != words["root"] or not numbers or words["placement_id"] != row.placement_id:
        raise IntegrityLost(
            f"segment {row.number} of {row.placement_id} is not what ledger entry {proof.entry.seq} has",
            code="ledger.segment",
        )


def _entry_of(conn: Connection, row: Segment) -> StoredEntry | None:
    """Return the entry that has the segment: usually written soon after its hour, later when nobody could."""
    wanted = Filter(acts=(Act.BATCH_RECORDED,), placement_id=row.placement_id, from_at=row.start_at)
    spans = (row.start_at + _SOON, None)
    for until_at in spans:
        before_seq: int | None = None
        while True:
            page = search(conn, replace(wanted, until_at=until_at, before_seq=before_seq), limit=_PAGE)
            for entry in page:
                words = entry.document["obj"]
                if int(words["from_number"]) <= row.number <= int(words["to_number"]):
                    return entry
            if len(page) < _PAGE:
                break
            before_seq = page[-1].seq
    return None


def _left(count: int) -> int:
    return 1 << (count - 1).bit_length() - 1
